"""A match, from proposal to end. Pure: no clock, no database, no random ids in here.

`held` → `proposed` → `mentee_accepted` → `accepted` → `ended`; until both have said yes it may also
be `declined`, `expired` or `withdrawn`, each of which frees both sides at once. The mentee is asked
first, and the mentor only after her yes. The answer time runs from the moment the message that asks
was sent, so nobody's time runs out while mail is down.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar

from services.matching.domain.refusals import (
    AlreadyAnswered,
    AlreadyDecided,
    NoLongerOpen,
    NotYetYourTurn,
    TooLate,
)
from shared.decisions import Decision, Refusal
from shared.events.matches import (
    DeclineReason,
    MatchAccepted,
    MatchApproved,
    MatchDeclined,
    MatchEnded,
    MatchExpired,
    MatchHeld,
    MatchMenteeAccepted,
    MatchProposed,
    MatchReminderDue,
    MatchState,
    MatchStatus,
    MatchWithdrawn,
    Reason,
    WithdrawReason,
)
from shared.events.participants import Role
from shared.events.programmes import Policy

E = TypeVar("E", bound=MatchState)

UNANSWERED: Final = frozenset({MatchStatus.HELD, MatchStatus.PROPOSED, MatchStatus.MENTEE_ACCEPTED})
"""A proposal that not both have answered: it can still be taken back."""

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
class Match:
    """One match. While `open` it holds the mentee and one seat of the mentor.

    `never_again` keeps the same pair from being proposed twice; it is lifted where nobody said no.
    `heard` are the sides whose message was sent, `mentee_said` and `mentor_said` what they answered.
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

    @property
    def whose_turn(self) -> Role | None:
        """The side that is to answer now."""
        return _WHOSE_TURN.get(self.status)

    @property
    def wake_at(self) -> datetime | None:
        """When time next has something to do here: the reminder, else the end of the answer time."""
        if self.answer_by is None:
            return None
        return self._remind_at or self.answer_by

    @property
    def _remind_at(self) -> datetime | None:
        if self.reminded or self.asked_at is None or self.answer_by is None:
            return None
        remind_at = self.asked_at + timedelta(days=self.rules.reminder_after_days)
        return remind_at if self.asked_at < remind_at < self.answer_by else None

    def side_of(self, participant_id: str) -> Role | None:
        """On which side of the match somebody is, if on any."""
        if participant_id == self.mentee_id:
            return Role.MENTEE
        return Role.MENTOR if participant_id == self.mentor_id else None

    def said(self, side: Role) -> bool | None:
        """What this side answered, or None if she has not."""
        return self.mentee_said if side is Role.MENTEE else self.mentor_said

    def event(self, kind: type[E], **more: Any) -> E:  # noqa: ANN401 (the event's own fields)
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


def make(match: Match, now: datetime, *, review: bool) -> Decision[Match]:
    """A new match begins: held for a coordinator where the policy asks for review, else proposed."""
    if review:
        held = replace(match, status=MatchStatus.HELD)
        return Decision(held, (held.event(MatchHeld),))
    return _propose(match, now)


def approve(match: Match, coordinator_id: str, now: datetime) -> Decision[Match] | Refusal | None:
    """A coordinator lets a held match go out. Approving it again changes nothing."""
    if match.status is not MatchStatus.HELD:
        if match.proposed_at is not None and match.open:
            return None
        return AlreadyDecided()
    approved = replace(match, status=MatchStatus.APPROVED)
    proposed = _propose(approved, now)
    event = approved.event(MatchApproved, coordinator_id=coordinator_id)
    return Decision(proposed.state, (event, *proposed.events))


def asked(match: Match, side: Role, sent_at: datetime) -> Decision[Match] | None:
    """The message that asks this side was sent: from now on her answer time runs."""
    if match.whose_turn is not side or match.asked_at is not None:
        return None
    return Decision(
        replace(
            match,
            asked_at=sent_at,
            answer_by=sent_at + timedelta(days=match.rules.answer_days(side)),
            heard=(*match.heard, side),
        )
    )


def not_reached(match: Match, side: Role) -> Decision[Match] | None:
    """The message that asks this side did not get through: the other one is not kept waiting."""
    if match.whose_turn is not side:
        return None
    return _withdraw(match, WithdrawReason.NOT_REACHED)


def answer(
    match: Match,
    side: Role,
    now: datetime,
    *,
    says_yes: bool,
    reason: DeclineReason = DeclineReason.NOT_SAID,
) -> Decision[Match] | Refusal | None:
    """What an answer does to a match. Answering twice alike changes nothing.

    An answer at `answer_by` or later is too late, whether or not the timer has come by already.
    """
    said = match.said(side)
    if said is not None:
        return None if said is says_yes else AlreadyAnswered()
    if match.status is MatchStatus.EXPIRED or (match.answer_by is not None and now >= match.answer_by):
        return TooLate()
    if not match.open:
        return NoLongerOpen()
    if match.whose_turn is not side:
        return NotYetYourTurn()
    answered = _with_answer(match, side, says_yes)
    if not says_yes:
        declined = _close(answered, MatchStatus.DECLINED, never_again=True)
        return Decision(
            declined, (declined.event(MatchDeclined, declined_by=side, reason=reason),)
        )
    if side is Role.MENTEE:
        willing = replace(answered, status=MatchStatus.MENTEE_ACCEPTED)
        return Decision(willing, (willing.event(MatchMenteeAccepted),))
    accepted = replace(answered, status=MatchStatus.ACCEPTED, accepted_at=now)
    return Decision(accepted, (accepted.event(MatchAccepted),))


def remind(match: Match, now: datetime) -> Decision[Match] | None:
    """Reminds whoever is to answer, once. After the answer time nobody is reminded any more."""
    side, remind_at = match.whose_turn, match._remind_at
    if side is None or remind_at is None or now < remind_at or is_over(match, now):
        return None
    reminded = replace(match, reminded=True)
    return Decision(reminded, (reminded.event(MatchReminderDue, remind=side),))


def is_over(match: Match, now: datetime) -> bool:
    """Whether the answer time of an open proposal is over, so that it is to expire."""
    return match.whose_turn is not None and match.answer_by is not None and now >= match.answer_by


def expire(match: Match, now: datetime, unanswered_in_a_row: int) -> Decision[Match] | None:
    """The answer time is over. The count is of the silent side's proposals, up to this one."""
    side = match.whose_turn
    if side is None or not is_over(match, now):
        return None
    expired = _close(match, MatchStatus.EXPIRED, never_again=False)
    event = expired.event(
        MatchExpired, unanswered_by=side, unanswered_in_a_row=unanswered_in_a_row
    )
    return Decision(expired, (event,))


def withdraw(match: Match, reason: WithdrawReason) -> Decision[Match] | Refusal | None:
    """Takes back what not both have accepted. Taking it back again changes nothing."""
    if match.status is MatchStatus.WITHDRAWN:
        return None
    return _withdraw(match, reason) if match.status in UNANSWERED else AlreadyDecided()


def end(match: Match) -> Decision[Match] | None:
    """The mentorship was closed: both are free again, and this pair is not proposed another time."""
    if match.status is not MatchStatus.ACCEPTED:
        return None
    ended = _close(match, MatchStatus.ENDED, never_again=True)
    return Decision(ended, (ended.event(MatchEnded),))


def forget(match: Match) -> Decision[Match] | None:
    """One of the two was erased: what they shared is forgotten, the course of the match stays."""
    bare = replace(match, score=0, reasons=(), languages=(), times=(), city=None)
    return None if bare == match else Decision(bare)


def _propose(match: Match, now: datetime) -> Decision[Match]:
    proposed = replace(match, status=MatchStatus.PROPOSED, proposed_at=now)
    return Decision(proposed, (proposed.event(MatchProposed),))


def _with_answer(match: Match, side: Role, says_yes: bool) -> Match:  # noqa: FBT001 (an answer is one)
    """The answer is noted, and the other side's time has not begun yet."""
    noted = replace(match, asked_at=None, answer_by=None, reminded=False)
    if side is Role.MENTEE:
        return replace(noted, mentee_said=says_yes)
    return replace(noted, mentor_said=says_yes)


def _withdraw(match: Match, reason: WithdrawReason) -> Decision[Match]:
    withdrawn = _close(match, MatchStatus.WITHDRAWN, never_again=False)
    return Decision(
        withdrawn, (withdrawn.event(MatchWithdrawn, reason=reason, asked=match.heard),)
    )


def _close(match: Match, status: MatchStatus, *, never_again: bool) -> Match:
    return replace(
        match, status=status, open=False, never_again=never_again, asked_at=None, answer_by=None
    )
