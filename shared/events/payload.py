"""What all payloads have in common, and the registry that finds a payload's class by its wire name."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import ClassVar, Final

from pydantic import BaseModel, ConfigDict

WIRE_PREFIX: Final = "commonground."


class Cleanup(StrEnum):
    """What Kafka does with old records of a stream."""

    COMPACT = "compact"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class Stream:
    """One topic: many event types about one kind of subject, written by one owner.

    `subject` says whose counter the sequence is; `key` what stays in order together. Services in
    `answered_by` write events about subjects of their own, in answer to the owner's.
    """

    name: str
    owner: str
    subject: str
    key: str
    meaning: str
    cleanup: Cleanup = Cleanup.DELETE
    retention: timedelta = timedelta(days=28)
    answered_by: tuple[str, ...] = ()

    @property
    def writers(self) -> tuple[str, ...]:
        """The services that write to it."""
        return (self.owner, *self.answered_by)

    def is_counted_by_owner(self, subject: str) -> bool:
        """Whether the sequence of a subject is the owner's: an answer, `<subject>.<service>`, is not."""
        return not self.answered_by or subject.rpartition(".")[2] not in self.writers

    @property
    def is_compacted(self) -> bool:
        """Whether old states vanish, so that gaps in the sequence are normal."""
        return self.cleanup is Cleanup.COMPACT


class Part(BaseModel):
    """A value inside a payload. Making one is strict: right types, no unknown fields.

    Readers are lenient about what they do not know: `shared.events.wire` validates with
    `extra="ignore"`, so that a writer may add an optional field without a new version.
    """

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


class Named(Part):
    """The data of an event that has a name on the wire, of this contract or of another."""

    wire_name: ClassVar[str]


class Payload(Named):
    """The data of one event. Each concrete class names its stream and its wire name.

    `programme` and `city` (a municipality code) go into the envelope too, for routing and scoping
    without opening the data.
    """

    stream: ClassVar[Stream]
    is_answer: ClassVar[bool] = False
    """Whether also those in the stream's `answered_by` write it."""
    _registry: ClassVar[dict[str, type["Payload"]]] = {}

    programme: str
    city: str | None = None

    @property
    def subject(self) -> str:
        """The id of the aggregate that this event is about."""
        raise NotImplementedError

    @property
    def partition_key(self) -> str:
        """The Kafka key. Mostly the subject."""
        return self.subject

    @classmethod
    def __pydantic_init_subclass__(cls, *, name: str = "", **kwargs: object) -> None:
        """Registers a concrete event: `class MatchAccepted(MatchState, name="match.accepted")`."""
        super().__pydantic_init_subclass__(**kwargs)
        if not name:
            return
        cls.wire_name = f"{WIRE_PREFIX}{name}.v1"
        if cls.wire_name in Payload._registry:
            raise TypeError(f"Two events have the wire name {cls.wire_name!r}; rename one.")
        Payload._registry[cls.wire_name] = cls

    def __init_subclass__(cls, *, name: str = "", **kwargs: object) -> None:
        """Accepts `name=`; pydantic's own hook above does the registering."""
        super().__init_subclass__(**kwargs)  # type: ignore[arg-type]

    @classmethod
    def of_name(cls, wire_name: str) -> "type[Payload] | None":
        """The class of the events with this wire name, or None if the contract has none."""
        return Payload._registry.get(wire_name)

    @classmethod
    def all(cls) -> tuple["type[Payload]", ...]:
        """Every event of the contract by its wire name, whichever module was imported first."""
        return tuple(Payload._registry[name] for name in sorted(Payload._registry))
