"""What people do to a check-in (being asked, answering), and its events. Time is in `timing`."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from services.followup.domain.mentorship import Answer, CheckIn, Going, Mentorship
from services.followup.domain.refusals import (
    AnsweredOtherwise,
    CheckInOver,
    CheckInUnknown,
    MentorshipOver,
    MentorshipUnknown,
    NotAskedYet,
    NotYours,
)
from shared.decisions import Decision, Refusal
from shared.events.care import CheckInEscalated, ViewsDiverged
from shared.events.check_ins import (
    CheckInCompleted,
    CheckInDue,
    CheckInOverdue,
    CheckInReminderDue,
    CheckInStatus,
)


def asked(
    mentorship: Mentorship | None,
    number: int,
    recipient_id: str,
    at: datetime,
    *,
    reached: bool,
) -> Decision[Mentorship] | None:
    """The message of a check-in went to one side, or could not (`reached` False).

    The first word counts for the time, the last for whether it reached her. Nothing follows by itself: `asked_at` sets the deadlines.
    """
    side = mentorship.side_of(recipient_id) if mentorship else None
    check_in = mentorship.check_in(number) if mentorship else None
    if mentorship is None or side is None or check_in is None:
        return None
    if check_in.status is CheckInStatus.SCHEDULED:
        return None
    view = check_in.view(side)
    heard = replace(
        view,
        asked_at=view.asked_at or at,
        reached=reached,
    )
    if heard == view:
        return None
    return Decision(mentorship.with_check_in(check_in.with_view(side, heard)))


def answer(
    mentorship: Mentorship | None,
    number: int,
    participant_id: str,
    said: Answer,
    now: datetime,
) -> Decision[Mentorship] | Refusal | None:
    """One side's answer to the open check-in. Answering twice in the same way changes nothing."""
    if mentorship is None:
        return MentorshipUnknown()
    side = mentorship.side_of(participant_id)
    if side is None:
        return NotYours()
    check_in = mentorship.check_in(number)
    if check_in is None:
        return CheckInUnknown()
    view = check_in.view(side)
    if view.answer is not None:
        return None if view.answer == said else AnsweredOtherwise()
    if not mentorship.is_running:
        return MentorshipOver()
    if check_in.status is CheckInStatus.SCHEDULED:
        return NotAskedYet()
    if not check_in.is_open:
        return CheckInOver()
    # Who answers has been asked, even if the word that her message went out is still on its way.
    answered = replace(view, answer=said, answered_at=now, asked_at=view.asked_at or now)
    check_in = check_in.with_view(side, answered)
    if check_in.missing:
        return Decision(mentorship.with_check_in(check_in))
    return _complete(mentorship, check_in, now)


def due(mentorship: Mentorship, check_in: CheckIn) -> CheckInDue:
    """Both sides are to be asked."""
    return CheckInDue(**_state(mentorship, check_in))


def reminder_due(mentorship: Mentorship, check_in: CheckIn) -> CheckInReminderDue:
    """Those who have not answered are to be reminded."""
    return CheckInReminderDue(**_state(mentorship, check_in), remind=check_in.missing)


def overdue(mentorship: Mentorship, check_in: CheckIn) -> CheckInOverdue:
    """The grace is over."""
    return CheckInOverdue(**_state(mentorship, check_in), missing=check_in.missing)


def escalated(mentorship: Mentorship, check_in: CheckIn) -> CheckInEscalated:
    """The coordinator is asked to look."""
    return CheckInEscalated(**_state(mentorship, check_in), missing=check_in.missing)


def _complete(mentorship: Mentorship, answered: CheckIn, now: datetime) -> Decision[Mentorship]:
    done = replace(answered, status=CheckInStatus.COMPLETED, completed_at=now)
    late = answered.overdue_at is not None
    completed = CheckInCompleted(**_state(mentorship, done), late=late)
    after = mentorship.with_check_in(done)
    goings = {view.answer.going for view in (done.mentee, done.mentor) if view.answer}
    if goings != {Going.WELL, Going.HARD}:
        return Decision(after, (completed,))
    diverged = ViewsDiverged(
        programme=mentorship.programme,
        city=mentorship.city,
        match_id=mentorship.match_id,
        mentee_id=mentorship.mentee_id,
        mentor_id=mentorship.mentor_id,
        number=done.number,
    )
    return Decision(after, (completed, diverged))


def _state(mentorship: Mentorship, check_in: CheckIn) -> dict[str, Any]:
    """What every event about a check-in says."""
    return {
        "programme": mentorship.programme,
        "city": mentorship.city,
        "match_id": mentorship.match_id,
        "mentee_id": mentorship.mentee_id,
        "mentor_id": mentorship.mentor_id,
        "number": check_in.number,
        "status": check_in.status,
        "day": check_in.day,
        "due_at": check_in.due_at,
        "asked_at": check_in.asked_at,
        "answered_by": check_in.answered_by,
    }
