"""What intake knows of every match and mentorship, from the events of matching and followup. Pure.

One `KnownMatch` is the home of all three streams about a match: `matches`, `check-ins`, `care`. They
are separate topics, so one may run ahead of another: each event sets only what it tells of.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from shared.decisions import Decision
from shared.events.care import CheckInEscalated, HelpHandled, HelpRequested, ViewsDiverged
from shared.events.check_ins import (
    AgreementChanged,
    CheckInState,
    CheckInStatus,
    ClosingReason,
    MentorshipClosed,
    MentorshipRated,
)
from shared.events.matches import (
    DeclineReason,
    Factor,
    MatchDeclined,
    MatchExpired,
    MatchQuestionAnswered,
    MatchQuestionAsked,
    MatchState,
    MatchStatus,
    MatchWithdrawn,
    WithdrawReason,
)
from shared.events.participants import Role
from shared.events.wire import Event

UNANSWERED: Final = frozenset({MatchStatus.HELD, MatchStatus.PROPOSED, MatchStatus.MENTEE_ACCEPTED})
"""A proposal that not both have answered."""
_OPEN: Final = UNANSWERED | {MatchStatus.APPROVED, MatchStatus.ACCEPTED}
_LATE: Final = frozenset({CheckInStatus.OVERDUE, CheckInStatus.ESCALATED})
_STEPS: Final = (
    CheckInStatus.SCHEDULED,
    CheckInStatus.DUE,
    CheckInStatus.SKIPPED,
    CheckInStatus.OVERDUE,
    CheckInStatus.ESCALATED,
    CheckInStatus.COMPLETED,
)
"""What a check-in becomes, in order."""
_HELP_KEPT: Final = 20


@dataclass(frozen=True, slots=True)
class SharedGround:
    """Points for one factor, with what the two share in it (codes, as in the profiles)."""

    factor: Factor
    points: int
    shared: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class KnownCheckIn:
    """A check-in as it was last told of."""

    number: int
    status: CheckInStatus
    due_at: datetime
    answered_by: tuple[Role, ...]

    @property
    def is_late(self) -> bool:
        """Whether it is overdue, escalated or not."""
        return self.status in _LATE


class Wanted(StrEnum):
    """What somebody wants of the coordinator."""

    HELP = "help"
    ANSWER = "answer"


@dataclass(frozen=True, slots=True)
class OpenRequest:
    """A request for help, or a question about a proposal, that nobody has taken care of yet."""

    request_id: str
    wanted: Wanted
    asked_by: Role
    asked_at: datetime
    to_deputy: bool = False


@dataclass(frozen=True, slots=True)
class Agreed:
    """What the two agreed on, without their words."""

    affirmed_by: tuple[Role, ...]
    every_weeks: int
    until: datetime
    meeting_at: datetime | None


@dataclass(frozen=True, slots=True)
class Closing:
    """How a mentorship ended."""

    reason: ClosingReason
    early: bool
    closed_at: datetime
    match_again: tuple[Role, ...]


@dataclass(frozen=True, slots=True)
class Rating:
    """One side's closing survey; points from 1 to 5."""

    rated_by: Role
    good_match: int
    closer_to_goals: int
    would_do_again: bool


@dataclass(frozen=True, slots=True)
class KnownMatch:
    """A match with the mentorship that may have come of it. Instants are UTC; city is the mentee's.

    status: None until the first event of `matches` has come. answer_by: as last told, mostly None,
    since it runs from a message. diverged: numbers of the check-ins whose two answers drift apart.
    """

    match_id: str
    programme: str
    city: str | None
    mentee_id: str
    mentor_id: str
    status: MatchStatus | None = None
    open: bool = False
    score: int = 0
    reasons: tuple[SharedGround, ...] = ()
    languages: tuple[str, ...] = ()
    times: tuple[str, ...] = ()
    online: bool = False
    held_at: datetime | None = None
    proposed_at: datetime | None = None
    mentee_accepted_at: datetime | None = None
    accepted_at: datetime | None = None
    answer_by: datetime | None = None
    over_at: datetime | None = None
    declined_by: Role | None = None
    decline_reason: DeclineReason | None = None
    unanswered_by: Role | None = None
    withdraw_reason: WithdrawReason | None = None
    check_ins: tuple[KnownCheckIn, ...] = ()
    requests: tuple[OpenRequest, ...] = ()
    diverged: tuple[int, ...] = ()
    agreed: Agreed | None = None
    closing: Closing | None = None
    ratings: tuple[Rating, ...] = ()

    def side_of(self, participant_id: str) -> Role | None:
        """Which side somebody is on, if on any."""
        if participant_id == self.mentee_id:
            return Role.MENTEE
        return Role.MENTOR if participant_id == self.mentor_id else None

    def person(self, side: Role) -> str:
        """Who is on this side."""
        return self.mentee_id if side is Role.MENTEE else self.mentor_id

    @property
    def whose_turn(self) -> Role | None:
        """Who is to answer the proposal now."""
        match self.status:
            case MatchStatus.PROPOSED:
                return Role.MENTEE
            case MatchStatus.MENTEE_ACCEPTED:
                return Role.MENTOR
        return None

    @property
    def is_running(self) -> bool:
        """Whether it is a mentorship that goes on."""
        return self.status is MatchStatus.ACCEPTED and self.closing is None

    @property
    def newest_check_in(self) -> KnownCheckIn | None:
        """The check-in that was told of last."""
        return self.check_ins[-1] if self.check_ins else None

    def may_see(self, side: Role) -> bool:
        """Whether this side has been asked: the mentor hears nothing before the mentee's yes."""
        return (self.proposed_at if side is Role.MENTEE else self.mentee_accepted_at) is not None


def follow_match(
    known: KnownMatch | None, event: Event[MatchState], _: datetime
) -> Decision[KnownMatch]:
    """Where the match stands now."""
    told, at = event.payload, event.time
    known = known or _beginning(told)
    if isinstance(told, MatchQuestionAsked):
        question = OpenRequest(told.question_id, Wanted.ANSWER, told.asked_by, at)
        return Decision(replace(known, requests=(*known.requests, question)[-_HELP_KEPT:]))
    if isinstance(told, MatchQuestionAnswered):
        left = _without(known.requests, Wanted.ANSWER, told.question_id)
        return Decision(replace(known, requests=left))
    is_open = told.status in _OPEN
    known = replace(
        known,
        status=told.status,
        open=is_open,
        score=told.score,
        reasons=tuple(SharedGround(r.factor, r.points, r.shared) for r in told.reasons),
        languages=told.languages,
        times=told.times,
        online=told.online,
        held_at=at if told.status is MatchStatus.HELD else known.held_at,
        proposed_at=told.proposed_at,
        mentee_accepted_at=at
        if told.status is MatchStatus.MENTEE_ACCEPTED and not known.mentee_accepted_at
        else known.mentee_accepted_at,
        accepted_at=told.accepted_at,
        answer_by=told.answer_by,
        over_at=None if is_open else (known.over_at or at),
    )
    match told:
        case MatchDeclined():
            known = replace(known, declined_by=told.declined_by, decline_reason=told.reason)
        case MatchExpired():
            known = replace(known, unanswered_by=told.unanswered_by)
        case MatchWithdrawn():
            known = replace(known, withdraw_reason=told.reason)
    # A question is over when she who asked it has answered the proposal, or it is over itself.
    still = tuple(
        each
        for each in known.requests
        if each.wanted is Wanted.HELP or each.asked_by is known.whose_turn
    )
    return Decision(replace(known, requests=still))


def follow_check_in(
    known: KnownMatch | None, event: Event[Any], _: datetime
) -> Decision[KnownMatch] | None:
    """How the mentorship goes: check-ins, agreement, closing, ratings."""
    told = event.payload
    known = known or _beginning(told)
    match told:
        case CheckInState():
            return Decision(_with_check_in(known, told))
        case AgreementChanged():
            agreed = Agreed(told.affirmed_by, told.every_weeks, told.until, told.meeting_at)
            return Decision(replace(known, agreed=agreed))
        case MentorshipClosed():
            closing = Closing(told.reason, told.early, told.closed_at, told.match_again)
            return Decision(replace(known, closing=closing))
        case MentorshipRated():
            others = tuple(each for each in known.ratings if each.rated_by is not told.rated_by)
            rating = Rating(
                told.rated_by, told.good_match, told.closer_to_goals, told.would_do_again
            )
            return Decision(replace(known, ratings=(*others, rating)))
    return None


def follow_care(
    known: KnownMatch | None, event: Event[Any], _: datetime
) -> Decision[KnownMatch] | None:
    """Where a coordinator is needed."""
    told = event.payload
    known = known or _beginning(told)
    match told:
        case HelpRequested():
            request = OpenRequest(
                told.help_id, Wanted.HELP, told.asked_by, told.asked_at, told.to_deputy
            )
            kept = _without(known.requests, Wanted.HELP, told.help_id)
            return Decision(replace(known, requests=(*kept, request)[-_HELP_KEPT:]))
        case HelpHandled():
            kept = _without(known.requests, Wanted.HELP, told.help_id)
            return Decision(replace(known, requests=kept))
        case CheckInEscalated():
            return Decision(_with_check_in(known, told))
        case ViewsDiverged():
            return Decision(replace(known, diverged=(*known.diverged, told.number)))
    return None


def forget(known: KnownMatch | None) -> Decision[KnownMatch] | None:
    """One of the two was erased: what they shared is forgotten, the course of the match stays."""
    if known is None:
        return None
    bare = replace(
        known, city=None, score=0, reasons=(), languages=(), times=(), decline_reason=None
    )
    return None if bare == known else Decision(bare)


def _beginning(told: Any) -> KnownMatch:
    return KnownMatch(
        match_id=told.match_id,
        programme=told.programme,
        city=told.city,
        mentee_id=told.mentee_id,
        mentor_id=told.mentor_id,
    )


def _with_check_in(known: KnownMatch, told: CheckInState) -> KnownMatch:
    """With this check-in as it is now. It never goes back to an earlier step.

    Escalation comes on another stream than the rest, and may be heard of before or after them.
    """
    by_number = {each.number: each for each in known.check_ins}
    before = by_number.get(told.number)
    if before is not None and _STEPS.index(told.status) < _STEPS.index(before.status):
        return known
    check_in = KnownCheckIn(told.number, told.status, told.due_at, told.answered_by)
    by_number[told.number] = check_in
    return replace(known, check_ins=tuple(by_number[number] for number in sorted(by_number)))


def _without(
    requests: Iterable[OpenRequest], wanted: Wanted, request_id: str
) -> tuple[OpenRequest, ...]:
    return tuple(
        each for each in requests if (each.wanted, each.request_id) != (wanted, request_id)
    )
