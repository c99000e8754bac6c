"""What is shown of a mentorship, and to whom. A side never sees the other side's words or answers."""

from dataclasses import asdict
from typing import Any

from services.followup.domain.mentorship import CheckIn, HelpRequest, Mentorship, View
from services.followup.domain.survey import Survey
from shared.events.check_ins import CheckInStatus
from shared.events.participants import Role
from shared.events.wire import rfc3339


def for_side(mentorship: Mentorship, side: Role) -> dict[str, Any]:
    """A participant's own view: the dates, what she was asked, and what she said herself."""
    return {
        **_frame(mentorship),
        "side": side.value,
        "check_ins": [
            {**_dates(check_in), "your_answer": _answer(check_in.view(side))}
            for check_in in mentorship.check_ins
            if check_in.status is not CheckInStatus.SCHEDULED and _was_asked(check_in, side)
        ],
        "agreement": _agreement(mentorship, words=True),
        "your_survey": asdict(said) if (said := mentorship.survey(side)) else None,
        "your_help_requests": [
            {**_help(request), "text": request.text}
            for request in mentorship.help_requests
            if request.asked_by is side
        ],
    }


def for_coordinator(mentorship: Mentorship) -> dict[str, Any]:
    """States and dates of both sides, no answers. Words only where they were said to her: help."""
    return {
        **summary(mentorship),
        "check_ins": [_for_coordinator(check_in) for check_in in mentorship.check_ins],
        "agreement": _agreement(mentorship, words=False),
        "ratings": {
            side.value: _points(said) for side in Role if (said := mentorship.survey(side))
        },
        "help_requests": [
            {
                **_help(request),
                "text": request.text,
                "asked_by": request.asked_by.value,
                "deputy_at": rfc3339(request.deputy_at),
                "handled_by": request.handled_by,
            }
            for request in mentorship.help_requests
        ],
    }


def summary(mentorship: Mentorship) -> dict[str, Any]:
    """One line of a coordinator's list."""
    open_one, next_one = mentorship.open_check_in, mentorship.next_check_in
    return {
        **_frame(mentorship),
        "mentee_id": mentorship.mentee_id,
        "mentor_id": mentorship.mentor_id,
        "open_check_in": _for_coordinator(open_one) if open_one else None,
        "next_check_in": {"number": next_one.number, "due_at": rfc3339(next_one.due_at)}
        if next_one
        else None,
        "open_help_requests": [r.help_id for r in mentorship.help_requests if r.is_open],
    }


def _agreement(mentorship: Mentorship, *, words: bool) -> dict[str, Any] | None:
    agreement = mentorship.agreement
    if agreement is None:
        return None
    terms = agreement.terms
    return {
        "edition": agreement.edition,
        "affirmed_by": [side.value for side in agreement.affirmed_by],
        "every_weeks": terms.every_weeks,
        "until": rfc3339(terms.until),
        "meeting_at": rfc3339(terms.meeting_at) if terms.meeting_at else None,
        "language": terms.language,
        **({"goals": terms.goals} if words else {}),
    }


def _points(said: Survey) -> dict[str, Any]:
    return {name: value for name, value in asdict(said).items() if name != "text"}


def _frame(mentorship: Mentorship) -> dict[str, Any]:
    closure = mentorship.closure
    return {
        "match_id": mentorship.match_id,
        "programme": mentorship.programme,
        "city": mentorship.city,
        "state": "running" if closure is None else "closed",
        "started_at": rfc3339(mentorship.started_at),
        "planned_end": rfc3339(mentorship.planned_end),
        "closed_at": rfc3339(closure.closed_at) if closure else None,
        "closing_reason": closure.reason.value if closure else None,
    }


def _dates(check_in: CheckIn) -> dict[str, Any]:
    return {
        "number": check_in.number,
        "status": check_in.status.value,
        "is_open": check_in.is_open,
        "due_at": rfc3339(check_in.due_at),
    }


def _for_coordinator(check_in: CheckIn) -> dict[str, Any]:
    return {
        **_dates(check_in),
        "asked_at": rfc3339(check_in.asked_at) if check_in.asked_at else None,
        "overdue_at": rfc3339(check_in.overdue_at) if check_in.overdue_at else None,
        "completed_at": rfc3339(check_in.completed_at) if check_in.completed_at else None,
        "answered_by": [side.value for side in check_in.answered_by],
        "not_reached": [side.value for side in Role if not check_in.view(side).reached],
    }


def _was_asked(check_in: CheckIn, side: Role) -> bool:
    return check_in.is_open or check_in.view(side).asked_at is not None


def _answer(view: View) -> dict[str, Any] | None:
    if view.answer is None:
        return None
    return {
        "going": view.answer.going.value,
        "next_step": view.answer.next_step,
        "meeting_again": view.answer.meeting_again,
    }


def _help(request: HelpRequest) -> dict[str, Any]:
    return {
        "help_id": request.help_id,
        "asked_at": rfc3339(request.asked_at),
        "handled_at": rfc3339(request.handled_at) if request.handled_at else None,
    }
