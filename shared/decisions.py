"""What a pure decision may say: a new state with its events, a refusal, or nothing."""

from dataclasses import dataclass
from enum import Enum
from typing import ClassVar, Generic, TypeVar

from shared.events.payload import Payload

State = TypeVar("State")


class RefusalKind(Enum):
    """What kind of no it is; `shared.web.problems` turns it into an HTTP status."""

    NOT_FOUND = 404
    FORBIDDEN = 403
    INVALID = 422
    CONFLICT = 409
    GONE = 410


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why something was not done. One subclass for each reason, so that callers can tell them apart.

    `detail` is a sentence for the person who asked: what, why, and the next step; no personal data.
    """

    detail: str
    kind: ClassVar[RefusalKind] = RefusalKind.CONFLICT


@dataclass(frozen=True, slots=True)
class Decision(Generic[State]):
    """A new state and the events that tell of it, in order."""

    state: State
    events: tuple[Payload, ...] = ()
