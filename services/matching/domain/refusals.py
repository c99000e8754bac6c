"""Why something is not done in matching. Each is a sentence for the person who asked."""

from dataclasses import dataclass
from typing import ClassVar

from shared.decisions import Refusal, RefusalKind


@dataclass(frozen=True, slots=True)
class MatchUnknown(Refusal):
    """There is no such match, or not for the one who asks: the two look alike from outside."""

    detail: str = "There is no such match for you. Please use the newest message."
    kind: ClassVar[RefusalKind] = RefusalKind.NOT_FOUND


@dataclass(frozen=True, slots=True)
class ProgrammeUnknown(Refusal):
    """No programme of this name has been heard of."""

    detail: str = "There is no such programme, or it is not known here yet."
    kind: ClassVar[RefusalKind] = RefusalKind.NOT_FOUND


@dataclass(frozen=True, slots=True)
class ParticipantUnknown(Refusal):
    """Nobody of this id has been heard of."""

    detail: str = "There is no such participant, or she is not known here yet."
    kind: ClassVar[RefusalKind] = RefusalKind.NOT_FOUND


@dataclass(frozen=True, slots=True)
class RoundUnknown(Refusal):
    """No round of this name has run in the programme."""

    detail: str = (
        "There is no such round. See GET /programmes/{programme}/rounds for those that ran."
    )
    kind: ClassVar[RefusalKind] = RefusalKind.NOT_FOUND


@dataclass(frozen=True, slots=True)
class NoSuchPair(Refusal):
    """The two named are not a mentee and a mentor."""

    detail: str = "These are no mentee and mentor. Name a mentee as `mentee`, a mentor as `mentor`."
    kind: ClassVar[RefusalKind] = RefusalKind.INVALID


@dataclass(frozen=True, slots=True)
class DoesNotFit(Refusal):
    """A coordinator chose two who may not be matched; the detail says what is in the way."""

    kind: ClassVar[RefusalKind] = RefusalKind.CONFLICT


@dataclass(frozen=True, slots=True)
class NotYetYourTurn(Refusal):
    """The mentee answers first; the mentor is asked only after her yes."""

    detail: str = "It is not your turn to answer yet. You will get a message when it is."
    kind: ClassVar[RefusalKind] = RefusalKind.CONFLICT


@dataclass(frozen=True, slots=True)
class AlreadyAnswered(Refusal):
    """She answered otherwise before."""

    detail: str = (
        "You have already given the other answer. Your coordinator can help you change it."
    )
    kind: ClassVar[RefusalKind] = RefusalKind.CONFLICT


@dataclass(frozen=True, slots=True)
class TooLate(Refusal):
    """The answer time is over."""

    detail: str = "The time to answer is over. You will get a new proposal as soon as there is one."
    kind: ClassVar[RefusalKind] = RefusalKind.GONE


@dataclass(frozen=True, slots=True)
class NoLongerOpen(Refusal):
    """The proposal was taken back, or the other side has answered it."""

    detail: str = "This proposal is no longer open. You will get a new one as soon as there is one."
    kind: ClassVar[RefusalKind] = RefusalKind.GONE


@dataclass(frozen=True, slots=True)
class AlreadyDecided(Refusal):
    """A coordinator can approve or take back only what is not decided yet."""

    detail: str = (
        "This match is decided already. Close a running mentorship in follow-up; "
        "the others need nothing more."
    )
    kind: ClassVar[RefusalKind] = RefusalKind.CONFLICT


@dataclass(frozen=True, slots=True)
class SeatTaken(Refusal):
    """Another matcher was faster: the mentee has an open match, or the seat is taken."""

    detail: str = "The mentee or the mentor's seat has been taken in the meantime."
    kind: ClassVar[RefusalKind] = RefusalKind.CONFLICT


@dataclass(frozen=True, slots=True)
class PairKnown(Refusal):
    """These two had a match before."""

    detail: str = "These two have had a match before."
    kind: ClassVar[RefusalKind] = RefusalKind.CONFLICT


@dataclass(frozen=True, slots=True)
class QuestionUnknown(Refusal):
    """Nobody has asked this about the proposal."""

    detail: str = (
        "There is no such question. See GET /matches/{match_id} for those that were asked."
    )
    kind: ClassVar[RefusalKind] = RefusalKind.NOT_FOUND


@dataclass(frozen=True, slots=True)
class CoordinatorHasAll(Refusal):
    """So many questions about one proposal that another adds nothing."""

    detail: str = "The coordinator has all your questions and will come back to you."
    kind: ClassVar[RefusalKind] = RefusalKind.CONFLICT
