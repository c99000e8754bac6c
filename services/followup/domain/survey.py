"""How it was, said by each side once at the end. The mentee's rating is the outcome measure. Pure."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from services.followup.domain.refusals import (
    MentorshipUnknown,
    NotOverYet,
    NotYours,
    RatedOtherwise,
)
from shared.decisions import Decision, Refusal
from shared.events.check_ins import MentorshipRated
from shared.events.participants import Role

if TYPE_CHECKING:
    from services.followup.domain.mentorship import Mentorship


@dataclass(frozen=True, slots=True)
class Survey:
    """One side's answers, points from 1 to 5. `text` is in her own words and never leaves here."""

    good_match: int
    closer_to_goals: int
    would_do_again: bool
    text: str


def rate(
    mentorship: "Mentorship | None", participant_id: str, said: Survey, _: datetime
) -> "Decision[Mentorship] | Refusal | None":
    """One side's survey, after the end. Sending the same twice changes nothing."""
    if mentorship is None:
        return MentorshipUnknown()
    side = mentorship.side_of(participant_id)
    if side is None or side in mentorship.forgotten:
        return NotYours()
    if mentorship.is_running:
        return NotOverYet()
    before = mentorship.survey(side)
    if before is not None:
        return None if before == said else RatedOtherwise()
    event = MentorshipRated(
        programme=mentorship.programme,
        city=mentorship.city,
        match_id=mentorship.match_id,
        mentee_id=mentorship.mentee_id,
        mentor_id=mentorship.mentor_id,
        rated_by=side,
        good_match=said.good_match,
        closer_to_goals=said.closer_to_goals,
        would_do_again=said.would_do_again,
    )
    after = (
        replace(mentorship, mentee_survey=said)
        if side is Role.MENTEE
        else replace(mentorship, mentor_survey=said)
    )
    return Decision(after, (event,))
