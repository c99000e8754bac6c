"""A mentorship taken back from its own events, after the database came back from an older backup. Pure.

States and times come back; words are in no event, so they are lost: a side that had answered an open
check-in is asked once more, and a request for help comes back without its text.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from services.followup.domain import agreement as agreed
from services.followup.domain.agreement import Agreement
from services.followup.domain.known import KnownProgramme
from services.followup.domain.mentorship import (
    CheckIn,
    Closure,
    HelpRequest,
    Mentorship,
    Terms,
    start,
)
from services.followup.domain.schedule import months_later, working_days_later
from services.followup.domain.survey import Survey
from shared.events.care import CheckInEscalated, HelpHandled, HelpRequested, HelpState
from shared.events.check_ins import (
    AgreementChanged,
    CheckInCompleted,
    CheckInOverdue,
    CheckInReminderDue,
    CheckInState,
    CheckInStatus,
    MentorshipClosed,
    MentorshipRated,
)
from shared.events.participants import Role
from shared.events.wire import Event


def recalled(
    kept: Mentorship | None, events: Sequence[Event[Any]], programme: KnownProgramme
) -> Mentorship | None:
    """The mentorship after these events of its own, in order of time.

    None if they do not tell when it began: then its match, which is heard again, begins it.
    """
    mentorship = kept
    for event in events:
        mentorship = mentorship or _begun(event.payload, programme)
        if mentorship is not None:
            mentorship = _after(mentorship, event)
    return mentorship


def _begun(told: object, programme: KnownProgramme) -> Mentorship | None:
    match told:
        case CheckInState():
            at = told.due_at - timedelta(days=told.day)
        case MentorshipClosed():
            at = told.started_at
        case _:
            return None
    return start(told, programme.terms, programme.time_zone, at)


def _after(mentorship: Mentorship, event: Event[Any]) -> Mentorship:
    match event.payload:
        case CheckInState() as told:
            return _with_check_in(mentorship, event, told)
        case HelpRequested() | HelpHandled() as told:
            return _with_help(mentorship, event, told)
        case MentorshipClosed() as told:
            closure = Closure(told.reason, told.early, told.closed_at, told.match_again)
            settled = tuple(check_in.settled() for check_in in mentorship.check_ins)
            return replace(mentorship, closure=closure, check_ins=settled)
        case AgreementChanged() as told:
            return replace(mentorship, agreement=_agreement(mentorship.agreement, told))
        case MentorshipRated() as told if mentorship.survey(told.rated_by) is None:
            said = Survey(told.good_match, told.closer_to_goals, told.would_do_again, text="")
            if told.rated_by is Role.MENTEE:
                return replace(mentorship, mentee_survey=said)
            return replace(mentorship, mentor_survey=said)
    return mentorship


def _agreement(kept: Agreement | None, told: AgreementChanged) -> Agreement:
    """The kept one if it is told of; else a later edition, whose goals are lost."""
    terms = agreed.Terms("", told.every_weeks, told.until, told.meeting_at)
    if kept is not None and replace(kept.terms, goals="", language="") == terms:
        return replace(kept, affirmed_by=told.affirmed_by)
    return Agreement(terms, told.affirmed_by, edition=kept.edition + 1 if kept else 1)


def _with_check_in(mentorship: Mentorship, event: Event[Any], told: CheckInState) -> Mentorship:
    """The check-in as the event has it; those before it have been settled by it."""
    while (check_in := mentorship.check_in(told.number)) is None:
        # She had made it longer: no event says so but the check-ins that came of it.
        mentorship = mentorship.planned_until(months_later(mentorship.planned_end, 1))
    before = tuple(
        each if each.status is CheckInStatus.COMPLETED else each.settled()
        for each in mentorship.check_ins[: told.number - 1]
    )
    mentorship = replace(mentorship, check_ins=(*before, *mentorship.check_ins[told.number - 1 :]))
    check_in = replace(check_in, status=told.status)
    for side in Role:
        view = check_in.view(side)
        asked_at = view.asked_at or told.asked_at
        check_in = check_in.with_view(side, replace(view, asked_at=asked_at))
    return mentorship.with_check_in(_passed(check_in, event, mentorship.terms))


def _passed(check_in: CheckIn, event: Event[Any], terms: Terms) -> CheckIn:
    match event.payload:
        case CheckInReminderDue(asked_at=datetime() as asked_at):
            days = [d for d in terms.reminder_after_days if asked_at + timedelta(d) <= event.time]
            return replace(check_in, reminders_passed=len(days))
        case CheckInOverdue():
            return replace(check_in, overdue_at=event.time)
        case CheckInEscalated():
            return replace(check_in, overdue_at=check_in.overdue_at or event.time)
        case CheckInCompleted():
            return replace(check_in, completed_at=event.time)
    return check_in


def _with_help(mentorship: Mentorship, event: Event[Any], told: HelpState) -> Mentorship:
    requests = {request.help_id: request for request in mentorship.help_requests}
    request = requests.get(told.help_id) or HelpRequest(
        help_id=told.help_id,
        asked_by=told.asked_by,
        asked_at=told.asked_at,
        text="",
        deputy_at=working_days_later(
            told.asked_at, mentorship.terms.deputy_after_working_days, mentorship.time_zone
        ),
    )
    match told:
        case HelpRequested() if told.to_deputy:
            request = replace(request, told_deputy_at=event.time)
        case HelpHandled():
            request = replace(request, handled_by=told.coordinator_id, handled_at=event.time)
    requests[told.help_id] = request
    return replace(mentorship, help_requests=tuple(requests.values()))
