"""How a mentorship ends, once; and how the mentee makes it longer."""

from dataclasses import replace
from datetime import datetime
from typing import Final

from services.followup.domain.agreement import Agreement
from services.followup.domain.mentorship import Answer, Closure, Mentorship, View
from services.followup.domain.refusals import (
    HersToSay,
    LongEnough,
    MentorshipOver,
    MentorshipUnknown,
    NotYours,
)
from services.followup.domain.schedule import months_later
from services.followup.domain.survey import Survey
from shared.decisions import Decision, Refusal
from shared.events.check_ins import CheckInStatus, ClosingReason, MentorshipClosed
from shared.events.participants import Role

BOTH: Final = (Role.MENTEE, Role.MENTOR)
#: A mentorship is planned for at most so long; the same bound as a policy's `planned_months`.
MOST_MONTHS: Final = 60

_AS_PLANNED: Final = (ClosingReason.PLANNED, ClosingReason.GOALS_REACHED)


def close(
    mentorship: Mentorship,
    reason: ClosingReason,
    now: datetime,
    match_again: tuple[Role, ...] = BOTH,
) -> Decision[Mentorship] | None:
    """Ends it. What is open is settled: no check-in is asked, reminded of or overdue from here on.

    `match_again`: the sides that are to be matched again. Closing twice changes nothing.
    """
    if not mentorship.is_running:
        return None
    closure = Closure(reason, reason not in _AS_PLANNED, now, match_again)
    check_ins = tuple(check_in.settled() for check_in in mentorship.check_ins)
    completed = sum(c.status is CheckInStatus.COMPLETED for c in check_ins)
    closed = MentorshipClosed(
        programme=mentorship.programme,
        city=mentorship.city,
        match_id=mentorship.match_id,
        mentee_id=mentorship.mentee_id,
        mentor_id=mentorship.mentor_id,
        reason=reason,
        early=closure.early,
        started_at=mentorship.started_at,
        closed_at=now,
        check_ins_completed=completed,
        match_again=match_again,
    )
    return Decision(replace(mentorship, closure=closure, check_ins=check_ins), (closed,))


def close_by_wish(
    mentorship: Mentorship | None,
    participant_id: str,
    *,
    goals_reached: bool,
    match_again: bool,
    now: datetime,
) -> Decision[Mentorship] | Refusal | None:
    """One side ends it, since the goals are reached or for reasons of her own.

    `match_again` is her own wish; the other side is asked nothing here and stays in.
    """
    if mentorship is None:
        return MentorshipUnknown()
    side = mentorship.side_of(participant_id)
    if side is None:
        return NotYours()
    wished = ClosingReason.MENTEE_WISHED if side is Role.MENTEE else ClosingReason.MENTOR_WISHED
    reason = ClosingReason.GOALS_REACHED if goals_reached else wished
    again = tuple(role for role in BOTH if match_again or role is not side)
    return close(mentorship, reason, now, again)


def close_by_coordinator(
    mentorship: Mentorship | None, now: datetime
) -> Decision[Mentorship] | Refusal | None:
    """A coordinator ends it."""
    if mentorship is None:
        return MentorshipUnknown()
    return close(mentorship, ClosingReason.COORDINATOR, now)


def somebody_left(
    mentorship: Mentorship | None, participant_id: str, now: datetime, *, erased: bool
) -> Decision[Mentorship] | None:
    """One side left the programme. If she is to be forgotten, everybody's words here are erased.

    Also the other side's words, since they may speak of her.
    """
    side = mentorship.side_of(participant_id) if mentorship else None
    if mentorship is None or side is None:
        return None
    closed = close(mentorship, ClosingReason.SOMEONE_LEFT, now, (side.other,))
    after = closed.state if closed else mentorship
    after = _forgetting(after, side) if erased else after
    if after == mentorship:
        return None
    return Decision(after, closed.events if closed else ())


def extend(
    mentorship: Mentorship | None, participant_id: str, months: int, now: datetime
) -> Decision[Mentorship] | Refusal | None:
    """The mentee makes it longer, before it ends. A second click on the same day changes nothing."""
    if mentorship is None:
        return MentorshipUnknown()
    side = mentorship.side_of(participant_id)
    if side is None:
        return NotYours()
    if side is Role.MENTOR:
        return HersToSay()
    if not mentorship.is_running or mentorship.planned_end <= now:
        return MentorshipOver()
    if mentorship.extended_at and mentorship.extended_at.date() == now.date():
        return None
    planned_end = months_later(mentorship.planned_end, months)
    if planned_end > months_later(mentorship.started_at, MOST_MONTHS):
        return LongEnough()
    return Decision(replace(mentorship.planned_until(planned_end), extended_at=now))


def _forgetting(mentorship: Mentorship, side: Role) -> Mentorship:
    """Whoever is forgotten has no link that still works here: nothing of hers can come again."""
    if side in mentorship.forgotten:
        return mentorship
    return replace(without_words(mentorship), forgotten=(*mentorship.forgotten, side))


def without_words(mentorship: Mentorship) -> Mentorship:
    """The same mentorship without anything that anybody said in her own words."""
    return replace(
        mentorship,
        check_ins=tuple(
            replace(c, mentee=_speechless(c.mentee), mentor=_speechless(c.mentor))
            for c in mentorship.check_ins
        ),
        help_requests=tuple(replace(r, text="") for r in mentorship.help_requests),
        agreement=_wordless(mentorship.agreement),
        mentee_survey=_without_text(mentorship.mentee_survey),
        mentor_survey=_without_text(mentorship.mentor_survey),
    )


def _wordless(agreement: Agreement | None) -> Agreement | None:
    if agreement is None:
        return None
    return replace(agreement, terms=replace(agreement.terms, goals=""))


def _without_text(survey: Survey | None) -> Survey | None:
    return replace(survey, text="") if survey is not None else None


def _speechless(view: View) -> View:
    if view.answer is None:
        return view
    return replace(view, answer=Answer(view.answer.going, "", view.answer.meeting_again))
