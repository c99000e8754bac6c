"""What time does to a mentorship.

What must stay true: each milestone is passed once; several that are due are passed in one decision,
in the order of their instants; nobody gets a heap of messages after an outage.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final, assert_never

from services.followup.domain import check_ins
from services.followup.domain.care import tell_deputy
from services.followup.domain.closing import close, without_words
from services.followup.domain.mentorship import CheckIn, Mentorship, Milestone, MilestoneKind
from shared.decisions import Decision
from shared.events.check_ins import CheckInStatus, ClosingReason
from shared.events.payload import Payload

#: A reminder that could not go out within this time is skipped: the next one, or the end of the
#: grace, is at least a day later and says the same.
REMINDER_KEEPS: Final = timedelta(days=1)


def on_time(mentorship: Mentorship, now: datetime) -> Decision[Mentorship] | None:
    """Passes every milestone up to and including `now`. None if there is none."""
    events: list[Payload] = []
    before = mentorship
    while (milestone := mentorship.next_milestone) is not None and milestone.at <= now:
        decision = _pass(mentorship, milestone, now)
        mentorship = decision.state
        events += decision.events
    return Decision(mentorship, tuple(events)) if mentorship is not before else None


def _pass(mentorship: Mentorship, milestone: Milestone, now: datetime) -> Decision[Mentorship]:
    match milestone.kind:
        case MilestoneKind.CHECK_IN_DUE:
            return _become_due(mentorship, now)
        case MilestoneKind.REMINDER:
            return _remind(mentorship, milestone.at, now)
        case MilestoneKind.OVERDUE:
            return _become_overdue(mentorship, now)
        case MilestoneKind.ESCALATION:
            return _escalate(mentorship)
        case MilestoneKind.DEPUTY:
            return tell_deputy(mentorship, milestone.help_id, now)
        case MilestoneKind.PLANNED_END:
            return close(mentorship, ClosingReason.PLANNED, now) or Decision(mentorship)
        case MilestoneKind.WORDS_KEPT:
            return Decision(without_words(mentorship))
        case _:
            assert_never(milestone.kind)


def _become_due(mentorship: Mentorship, now: datetime) -> Decision[Mentorship]:
    """The next check-in takes the place of the open one, which is settled by that.

    After an outage in which a later one fell due as well (or the end came), only the latest is
    asked and those before it are skipped.
    """
    check_in = mentorship.next_check_in
    if check_in is None:
        raise ValueError(f"{mentorship.match_id} has no check-in left that could fall due.")
    if mentorship.open_check_in is not None:
        mentorship = mentorship.with_check_in(mentorship.open_check_in.settled())
    if _is_superseded(mentorship, check_in, now):
        return Decision(mentorship.with_check_in(check_in.settled()))
    due = replace(check_in, status=CheckInStatus.DUE)
    return Decision(mentorship.with_check_in(due), (check_ins.due(mentorship, due),))


def _is_superseded(mentorship: Mentorship, check_in: CheckIn, now: datetime) -> bool:
    following = mentorship.check_in(check_in.number + 1)
    return mentorship.planned_end <= now or (following is not None and following.due_at <= now)


def _remind(mentorship: Mentorship, at: datetime, now: datetime) -> Decision[Mentorship]:
    check_in = _open(mentorship)
    reminded = replace(check_in, reminders_passed=check_in.reminders_passed + 1)
    after = mentorship.with_check_in(reminded)
    if now - at >= REMINDER_KEEPS or _is_superseded(mentorship, check_in, now):
        return Decision(after)
    return Decision(after, (check_ins.reminder_due(mentorship, reminded),))


def _become_overdue(mentorship: Mentorship, now: datetime) -> Decision[Mentorship]:
    """The time until the coordinator is asked runs from when this is said, not from when it was due.

    So that an outage of ours never takes the days from them in which they may still answer.
    """
    overdue = replace(_open(mentorship), status=CheckInStatus.OVERDUE, overdue_at=now)
    return Decision(mentorship.with_check_in(overdue), (check_ins.overdue(mentorship, overdue),))


def _escalate(mentorship: Mentorship) -> Decision[Mentorship]:
    escalated = replace(_open(mentorship), status=CheckInStatus.ESCALATED)
    event = check_ins.escalated(mentorship, escalated)
    return Decision(mentorship.with_check_in(escalated), (event,))


def _open(mentorship: Mentorship) -> CheckIn:
    check_in = mentorship.open_check_in
    if check_in is None:
        raise ValueError(f"{mentorship.match_id} has no open check-in.")
    return check_in
