"""Why something is not done to a mentorship. Each is a sentence for the person who asked."""

from dataclasses import dataclass
from typing import ClassVar

from shared.decisions import Refusal, RefusalKind


@dataclass(frozen=True, slots=True)
class MentorshipUnknown(Refusal):
    """There is no such mentorship here (yet)."""

    detail: str = "We know no mentorship with this id. If it was agreed a moment ago, try again."
    kind: ClassVar[RefusalKind] = RefusalKind.NOT_FOUND


@dataclass(frozen=True, slots=True)
class NotYours(Refusal):
    """The link belongs to somebody else than the two of this mentorship."""

    detail: str = "This link does not belong to this mentorship. Please use the one we sent you."
    kind: ClassVar[RefusalKind] = RefusalKind.FORBIDDEN


@dataclass(frozen=True, slots=True)
class HersToSay(Refusal):
    """Some things only the mentee decides: her needs come first."""

    detail: str = "This is for the mentee to say. Please talk about it together."
    kind: ClassVar[RefusalKind] = RefusalKind.FORBIDDEN


@dataclass(frozen=True, slots=True)
class MentorshipOver(Refusal):
    """It has ended, so this can no longer be done."""

    detail: str = "This mentorship has ended. Thank you; there is nothing more to do here."
    kind: ClassVar[RefusalKind] = RefusalKind.GONE


@dataclass(frozen=True, slots=True)
class CheckInUnknown(Refusal):
    """No check-in has this number."""

    detail: str = "There is no such check-in. Please use the link in our latest message."
    kind: ClassVar[RefusalKind] = RefusalKind.NOT_FOUND


@dataclass(frozen=True, slots=True)
class NotAskedYet(Refusal):
    """The check-in lies in the future."""

    detail: str = "It is too early for this check-in. We will write to you when it is time."
    kind: ClassVar[RefusalKind] = RefusalKind.CONFLICT


@dataclass(frozen=True, slots=True)
class CheckInOver(Refusal):
    """A newer check-in has taken its place."""

    detail: str = "We have asked again since. Please answer through the link in our latest message."
    kind: ClassVar[RefusalKind] = RefusalKind.GONE


@dataclass(frozen=True, slots=True)
class AnsweredOtherwise(Refusal):
    """The same side answered this check-in before, in other words."""

    detail: str = (
        "You have answered this check-in already, and we keep your first answer. "
        "If something has changed, tell the coordinator through 'I need help'."
    )
    kind: ClassVar[RefusalKind] = RefusalKind.CONFLICT


@dataclass(frozen=True, slots=True)
class CoordinatorIsAsked(Refusal):
    """So many open requests for help that another adds nothing."""

    detail: str = "The coordinator has all your messages and will come back to you."
    kind: ClassVar[RefusalKind] = RefusalKind.CONFLICT


@dataclass(frozen=True, slots=True)
class HelpUnknown(Refusal):
    """No request for help has this id in this mentorship."""

    detail: str = "This mentorship has no request for help with this id."
    kind: ClassVar[RefusalKind] = RefusalKind.NOT_FOUND


@dataclass(frozen=True, slots=True)
class LongEnough(Refusal):
    """An extension would go past the longest time that a mentorship may be planned for."""

    detail: str = "This is longer than a mentorship can be planned for. Ask for fewer months."
    kind: ClassVar[RefusalKind] = RefusalKind.INVALID


@dataclass(frozen=True, slots=True)
class AgreedOtherwise(Refusal):
    """The agreement is no longer the one that she saw."""

    detail: str = "The agreement has been changed since. Please look at it again."
    kind: ClassVar[RefusalKind] = RefusalKind.CONFLICT


@dataclass(frozen=True, slots=True)
class NothingAgreed(Refusal):
    """There is no agreement yet that could be affirmed."""

    detail: str = "There is no agreement yet. Either of you can write one."
    kind: ClassVar[RefusalKind] = RefusalKind.CONFLICT


@dataclass(frozen=True, slots=True)
class NoMeeting(Refusal):
    """No meeting has been agreed on that a calendar could show."""

    detail: str = "No meeting is agreed on yet. Write one into your agreement."
    kind: ClassVar[RefusalKind] = RefusalKind.NOT_FOUND


@dataclass(frozen=True, slots=True)
class NotOverYet(Refusal):
    """The closing survey is for the end."""

    detail: str = "Your mentorship goes on. We ask you how it was when it has come to its end."
    kind: ClassVar[RefusalKind] = RefusalKind.CONFLICT


@dataclass(frozen=True, slots=True)
class RatedOtherwise(Refusal):
    """The same side sent another survey before."""

    detail: str = "You have told us already how it was, and we keep your first answer. Thank you."
    kind: ClassVar[RefusalKind] = RefusalKind.CONFLICT
