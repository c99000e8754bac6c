"""What an entry of the journal is. Pure."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from shared.events.participants import ParticipantErased
from shared.events.payload import WIRE_PREFIX, Payload
from shared.events.streams import ALL_STREAMS, CONTACTS, PARTICIPANTS
from shared.events.wire import Event

JOURNALED: Final = tuple(stream for stream in ALL_STREAMS if stream is not CONTACTS)
"""Every stream but the one with personal contact data, which only notifications may read."""

ERASED: Final = ParticipantErased.wire_name

_PEOPLE: Final = ("participant_id", "mentee_id", "mentor_id", "recipient_id")
_MATCH: Final = "match_id"
_LEFT_OUT: Final = frozenset({"sealed", "public_key"})
"""Long, and unreadable: of a sealed answer the journal keeps that it came."""

ABOUT_THE_TWO: Final[Mapping[str, Any]] = {
    "score": 0,
    "reasons": [],
    "languages": [],
    "times": [],
    "online": False,
    "what_helps": [],
}
"""What an entry about somebody else than herself says of her, and what is left when she is forgotten."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One event, as the journal keeps it. `position` is given when it is appended."""

    id: str
    stream: str
    subject: str
    sequence: int
    type: str
    time: datetime
    programme: str
    city: str | None
    about: tuple[str, ...]
    """Ids of the people and the match it is about."""
    correlation_id: str
    causation_id: str | None
    payload: dict[str, Any]
    position: int = 0

    @property
    def matches(self) -> tuple[str, ...]:
        """The match that it is about, if any."""
        match_id = self.payload.get(_MATCH)
        return (match_id,) if match_id else ()


def entry_of(event: Event[Payload]) -> Entry:
    """An event as an entry. Only what the contract names is kept, whatever else was sent."""
    payload = event.payload.model_dump(mode="json", exclude_none=True, exclude=set(_LEFT_OUT))
    named = (payload.get(field) for field in (*_PEOPLE, _MATCH))
    return Entry(
        id=event.id,
        stream=event.stream.name,
        subject=event.subject,
        sequence=event.sequence,
        type=event.payload.wire_name,
        time=event.time,
        programme=event.programme,
        city=event.city,
        about=tuple(dict.fromkeys(one for one in named if one)),
        correlation_id=event.correlation_id,
        causation_id=event.causation_id,
        payload=payload,
    )


def without(entry: Entry, erased: Collection[str]) -> Entry:
    """The entry as it may be kept, if one of those whom it is about is erased."""
    if entry.type == ERASED or not any(person in erased for person in entry.about):
        return entry
    if entry.stream == PARTICIPANTS.name:
        return replace(entry, payload={"participant_id": entry.subject})
    left = {name: value for name, value in ABOUT_THE_TWO.items() if name in entry.payload}
    return replace(entry, payload=entry.payload | left) if left else entry


def wire_name(name: str) -> str:
    """The full type for a short one: `match.accepted` → `commonground.match.accepted.v1`."""
    return name if name.startswith(WIRE_PREFIX) else f"{WIRE_PREFIX}{name}.v1"


def short_name(wire_name: str) -> str:
    """The short form of a type: `match.accepted`."""
    return wire_name.removeprefix(WIRE_PREFIX).rpartition(".v")[0]
