"""What the two agree on: goals in their words, how often they meet, until when, and when next. Pure.

Both see it, either may write it, and whoever writes stands by it; the other affirms it as it is.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from services.followup.domain.refusals import (
    AgreedOtherwise,
    MentorshipOver,
    MentorshipUnknown,
    NothingAgreed,
    NotYours,
)
from shared.decisions import Decision, Refusal
from shared.events.check_ins import AgreementChanged
from shared.events.participants import Role

if TYPE_CHECKING:
    from services.followup.domain.mentorship import Mentorship


@dataclass(frozen=True, slots=True)
class Terms:
    """What can be agreed on. goals: in their own words, which never leave here; instants are UTC."""

    goals: str
    every_weeks: int
    until: datetime
    meeting_at: datetime | None
    language: str = ""


@dataclass(frozen=True, slots=True)
class Agreement:
    """The agreement as it is now. edition: how often it was written."""

    terms: Terms
    affirmed_by: tuple[Role, ...]
    edition: int = 1


def agree(
    mentorship: "Mentorship | None",
    participant_id: str,
    terms: Terms,
    seen: int,
    now: datetime,
) -> "Decision[Mentorship] | Refusal | None":
    """One side writes it. `seen`: the edition that she had before her, 0 for none.

    What is there already in the same words is only affirmed.
    """
    side = _side_in_running(mentorship, participant_id)
    if isinstance(side, Refusal) or mentorship is None:
        return side if isinstance(side, Refusal) else MentorshipUnknown()
    before = mentorship.agreement
    if before is not None and before.terms == terms:
        return affirm(mentorship, participant_id, before.edition, now)
    if (before.edition if before else 0) != seen:
        return AgreedOtherwise()
    return _changed(mentorship, Agreement(terms, (side,), seen + 1))


def affirm(
    mentorship: "Mentorship | None", participant_id: str, seen: int, _: datetime
) -> "Decision[Mentorship] | Refusal | None":
    """One side stands by it as she saw it. Doing so twice changes nothing."""
    side = _side_in_running(mentorship, participant_id)
    if isinstance(side, Refusal) or mentorship is None:
        return side if isinstance(side, Refusal) else MentorshipUnknown()
    agreement = mentorship.agreement
    if agreement is None:
        return NothingAgreed()
    if agreement.edition != seen:
        return AgreedOtherwise()
    if side in agreement.affirmed_by:
        return None
    return _changed(mentorship, replace(agreement, affirmed_by=(*agreement.affirmed_by, side)))


def _side_in_running(mentorship: "Mentorship | None", participant_id: str) -> Role | Refusal:
    if mentorship is None:
        return MentorshipUnknown()
    side = mentorship.side_of(participant_id)
    if side is None:
        return NotYours()
    return side if mentorship.is_running else MentorshipOver()


def _changed(mentorship: "Mentorship", agreement: Agreement) -> "Decision[Mentorship]":
    event = AgreementChanged(
        programme=mentorship.programme,
        city=mentorship.city,
        match_id=mentorship.match_id,
        mentee_id=mentorship.mentee_id,
        mentor_id=mentorship.mentor_id,
        affirmed_by=agreement.affirmed_by,
        every_weeks=agreement.terms.every_weeks,
        until=agreement.terms.until,
        meeting_at=agreement.terms.meeting_at,
    )
    return Decision(replace(mentorship, agreement=agreement), (event,))
