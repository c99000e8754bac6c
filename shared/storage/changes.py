"""What is to be changed in an aggregate, and what came of it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, auto
from typing import Any, Generic, TypeVar

from shared.decisions import Decision, Refusal
from shared.events.payload import Payload
from shared.events.wire import Event, Record
from shared.ids import Ids
from shared.observability import journey
from shared.storage.parked import Discarding

State = TypeVar("State")

Decide = Callable[[State | None], "Decision[State] | Refusal | None"]


@dataclass(frozen=True, slots=True)
class Cause:
    """What a change follows from: gives its events their correlation, causation and time."""

    time: datetime
    correlation_id: str
    causation_id: str | None = None
    traceparent: str | None = field(default_factory=journey.traceparent)

    @classmethod
    def of(cls, event: Event[Payload], now: datetime) -> "Cause":
        """An event: the journey goes on."""
        return cls(now, event.correlation_id or event.id, event.id, event.traceparent)

    @classmethod
    def http(
        cls, now: datetime, correlation_id: str | None = None, traceparent: str | None = None
    ) -> "Cause":
        """A request: a journey begins, unless the caller named one."""
        return cls(now, correlation_id or Ids().new(), None, traceparent or journey.traceparent())

    @classmethod
    def due(cls, now: datetime) -> "Cause":
        """The passing of time."""
        return cls(now, Ids().new())


@dataclass(frozen=True, slots=True)
class Idempotency(Generic[State]):
    """An `Idempotency-Key`, what it was used for, and how to answer. Kept with the change itself."""

    key: str
    fingerprint: str
    answer: Callable[[State], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Parking:
    """The order to set an event aside, since its handler keeps failing on it alone."""

    why: str
    attempts: int


@dataclass(frozen=True, slots=True)
class Change(Generic[State]):
    """One thing to do to one aggregate. `mark` is the event, where this document is its home.

    With `parking` or `discarding` the event is not applied: it is to wait, or no longer to wait.
    """

    id: str
    decide: Decide[State]
    cause: Cause
    idempotency: Idempotency[State] | None = None
    mark: Event[Payload] | None = None
    parking: Parking | None = None
    discarding: Discarding | None = None


class Status(Enum):
    """What came of a change."""

    CHANGED = auto()
    UNCHANGED = auto()
    REFUSED = auto()
    DUPLICATE = auto()
    PARKED = auto()
    FAILED = auto()
    BEHIND_FAILED = auto()
    ANSWERED = auto()


@dataclass(frozen=True, slots=True)
class Outcome(Generic[State]):
    """What came of one change, with the aggregate's state after it."""

    status: Status
    state: State | None = None
    refusal: Refusal | None = None
    answer: dict[str, Any] | None = None
    error: Exception | None = None
    event_ids: tuple[str, ...] = ()
    unblocked: tuple[Record, ...] = field(default=())
    """Events of this subject that had to wait and can be applied now, in order."""
