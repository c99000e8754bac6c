"""'I need help': said privately by one side, at any moment, also after the end."""

from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from services.followup.domain.mentorship import HelpRequest, Mentorship
from services.followup.domain.refusals import (
    CoordinatorIsAsked,
    HelpUnknown,
    MentorshipUnknown,
    NotYours,
)
from services.followup.domain.schedule import working_days_later
from shared.decisions import Decision, Refusal
from shared.events.care import HelpHandled, HelpRequested

#: Open at once from one side. More would not bring help sooner, and a document has a limit.
MOST_OPEN_REQUESTS: Final = 10


def ask_for_help(
    mentorship: Mentorship | None, participant_id: str, text: str, now: datetime
) -> Decision[Mentorship] | Refusal | None:
    """Tells the coordinator at once. The same words again, while nobody has answered: no change."""
    if mentorship is None:
        return MentorshipUnknown()
    side = mentorship.side_of(participant_id)
    if side is None or side in mentorship.forgotten:
        return NotYours()
    hers = [r for r in mentorship.help_requests if r.asked_by is side and r.is_open]
    if any(request.text == text for request in hers):
        return None
    if len(hers) >= MOST_OPEN_REQUESTS:
        return CoordinatorIsAsked()
    request = HelpRequest(
        help_id=str(len(mentorship.help_requests) + 1),
        asked_by=side,
        asked_at=now,
        text=text,
        deputy_at=working_days_later(
            now, mentorship.terms.deputy_after_working_days, mentorship.time_zone
        ),
    )
    after = replace(mentorship, help_requests=(*mentorship.help_requests, request))
    return Decision(after, (HelpRequested(**_state(mentorship, request)),))


def handle_help(
    mentorship: Mentorship | None, help_id: str, coordinator_id: str, now: datetime
) -> Decision[Mentorship] | Refusal | None:
    """A coordinator took care of it. The first one counts."""
    if mentorship is None:
        return MentorshipUnknown()
    request = _request(mentorship, help_id)
    if request is None:
        return HelpUnknown()
    if not request.is_open:
        return None
    handled = replace(request, handled_by=coordinator_id, handled_at=now)
    event = HelpHandled(**_state(mentorship, request), coordinator_id=coordinator_id)
    return Decision(_with(mentorship, handled), (event,))


def tell_deputy(mentorship: Mentorship, help_id: str, now: datetime) -> Decision[Mentorship]:
    """Nobody took care of it in time, so the deputy is asked, once."""
    request = _request(mentorship, help_id)
    if request is None:
        raise ValueError(f"{mentorship.match_id} has no request for help {help_id!r}.")
    told = replace(request, told_deputy_at=now)
    event = HelpRequested(**_state(mentorship, request), to_deputy=True)
    return Decision(_with(mentorship, told), (event,))


def _request(mentorship: Mentorship, help_id: str) -> HelpRequest | None:
    return next((r for r in mentorship.help_requests if r.help_id == help_id), None)


def _with(mentorship: Mentorship, request: HelpRequest) -> Mentorship:
    requests = (request if r.help_id == request.help_id else r for r in mentorship.help_requests)
    return replace(mentorship, help_requests=tuple(requests))


def _state(mentorship: Mentorship, request: HelpRequest) -> dict[str, Any]:
    return {
        "programme": mentorship.programme,
        "city": mentorship.city,
        "match_id": mentorship.match_id,
        "mentee_id": mentorship.mentee_id,
        "mentor_id": mentorship.mentor_id,
        "help_id": request.help_id,
        "asked_by": request.asked_by,
        "asked_at": request.asked_at,
    }
