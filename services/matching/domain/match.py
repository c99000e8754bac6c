"""A match as it is kept: who, why, and where it stands. Pure. What happens to it: `life`."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar

from services.matching.domain.round import Pairing
from shared.events.matches import MatchState, MatchStatus, Reason
from shared.events.participants import Role
from shared.events.programmes import Policy

E = TypeVar("E", bound=MatchState)

UNANSWERED: Final = frozenset({MatchStatus.HELD, MatchStatus.PROPOSED, MatchStatus.MENTEE_ACCEPTED})
"""A proposal that not both have answered: it can still be taken back."""

DISPLACEABLE: Final = frozenset({MatchStatus.HELD, MatchStatus.PROPOSED})
"""Nobody has answered yet: a top-up may give the seat to somebody else."""

_WHOSE_TURN: Final = {
    MatchStatus.PROPOSED: Role.MENTEE,
    MatchStatus.MENTEE_ACCEPTED: Role.MENTOR,
}


@dataclass(frozen=True, slots=True)
class AnswerRules:
    """What the programme's policy was when the match was made: a later change leaves it alone."""

    mentee_answer_days: int
    mentor_answer_days: int
    reminder_after_days: int

    @classmethod
    def of(cls, policy: Policy) -> "AnswerRules":
        """The part of a policy that a match needs."""
        return cls(
            policy.mentee_answer_days,
            policy.mentor_answer_days,
            policy.answer_reminder_after_days,
        )

    def answer_days(self, side: Role) -> int:
        """How many days this side has to answer, from the moment she was asked."""
        return self.mentee_answer_days if side is Role.MENTEE else self.mentor_answer_days


@dataclass(frozen=True, slots=True)
class Question:
    """What somebody would like to know before she answers. `text` is hers and never leaves here.

    answered_by: the coordinator who has come back to her.
    """

    question_id: str
    asked_by: Role
    asked_at: datetime
    text: str
    answered_by: str | None = None
    answered_at: datetime | None = None

    @property
    def is_open(self) -> bool:
        """Whether nobody has come back to her yet."""
        return self.answered_at is None


@dataclass(frozen=True, slots=True)
class Match:
    """One match. While `open` it holds the mentee and one seat of the mentor.

    `never_again` keeps the same pair from being proposed twice; it is lifted where nobody said no.
    `heard` are the sides whose message was sent, `mentee_said` and `mentor_said` what they answered.
    `displaced_by` is the top-up that took it back. What was made `by_rescue` is not taken back: it is
    not stable by itself, so a top-up would undo it. `chosen_by` is the coordinator who chose the
    mentor; `swapped_for` the mentor whom a coordinator chose instead of this one.
    """

    match_id: str
    programme: str
    city: str | None
    mentee_id: str
    mentor_id: str
    seat: int
    round_id: str
    score: int
    reasons: tuple[Reason, ...]
    languages: tuple[str, ...]
    times: tuple[str, ...]
    online: bool
    rules: AnswerRules
    status: MatchStatus
    open: bool = True
    never_again: bool = True
    proposed_at: datetime | None = None
    asked_at: datetime | None = None
    answer_by: datetime | None = None
    accepted_at: datetime | None = None
    reminded: bool = False
    heard: tuple[Role, ...] = ()
    mentee_said: bool | None = None
    mentor_said: bool | None = None
    displaced_by: str | None = None
    by_rescue: bool = False
    questions: tuple[Question, ...] = ()
    chosen_by: str | None = None
    swapped_for: str | None = None

    @property
    def whose_turn(self) -> Role | None:
        """The side that is to answer now."""
        return _WHOSE_TURN.get(self.status)

    @property
    def wake_at(self) -> datetime | None:
        """When time next has something to do here: the reminder, else the end of the answer time."""
        if self.answer_by is None:
            return None
        return self.remind_at or self.answer_by

    @property
    def remind_at(self) -> datetime | None:
        """When whoever is to answer is reminded: once, and only if that is before the end."""
        if self.reminded or self.asked_at is None or self.answer_by is None:
            return None
        remind_at = self.asked_at + timedelta(days=self.rules.reminder_after_days)
        return remind_at if self.asked_at < remind_at < self.answer_by else None

    @classmethod
    def of(
        cls,
        pairing: Pairing,
        *,
        match_id: str,
        programme: str,
        city: str | None,
        seat: int,
        round_id: str,
        rules: AnswerRules,
        chosen_by: str | None = None,
    ) -> "Match":
        """The match that a pairing becomes. `city` is the mentee's, `seat` the mentor's."""
        return cls(
            match_id=match_id,
            programme=programme,
            city=city,
            mentee_id=pairing.mentee_id,
            mentor_id=pairing.mentor_id,
            seat=seat,
            round_id=round_id,
            score=pairing.score,
            reasons=pairing.reasons,
            languages=pairing.languages,
            times=tuple(time.value for time in pairing.times),
            online=pairing.online,
            rules=rules,
            status=MatchStatus.HELD,
            by_rescue=pairing.by_rescue,
            chosen_by=chosen_by,
        )

    def side_of(self, participant_id: str) -> Role | None:
        """On which side of the match somebody is, if on any."""
        if participant_id == self.mentee_id:
            return Role.MENTEE
        return Role.MENTOR if participant_id == self.mentor_id else None

    def person(self, side: Role) -> str:
        """Who is on this side."""
        return self.mentee_id if side is Role.MENTEE else self.mentor_id

    def said(self, side: Role) -> bool | None:
        """What this side answered, or None if she has not."""
        return self.mentee_said if side is Role.MENTEE else self.mentor_said

    def event(self, kind: type[E], **more: Any) -> E:
        """An event with the whole public state of the match, and what this kind has beside it."""
        return kind(
            programme=self.programme,
            city=self.city,
            match_id=self.match_id,
            mentee_id=self.mentee_id,
            mentor_id=self.mentor_id,
            status=self.status,
            round_id=self.round_id,
            score=self.score,
            reasons=self.reasons,
            languages=self.languages,
            times=self.times,
            online=self.online,
            proposed_at=self.proposed_at,
            asked_at=self.asked_at,
            answer_by=self.answer_by,
            accepted_at=self.accepted_at,
            **more,
        )
