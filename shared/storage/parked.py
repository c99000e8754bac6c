"""Events that wait in a home document, and the letters about records that were set aside.

What must stay true: a record waits as it came, and of `participants` and `contacts` a letter names the
coordinates only.
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from bson.binary import Binary

from shared.events.dead_letters import DiscardReason, ParkReason, RecordParked
from shared.events.payload import Payload
from shared.events.streams import BY_NAME, CONTACTS, PARTICIPANTS
from shared.events.wire import Event, Record
from shared.storage.database import Document

_NEVER_QUOTED: Final = frozenset({PARTICIPANTS.name, CONTACTS.name})


@dataclass(frozen=True, slots=True)
class Discarding:
    """An operator's order to give an event up. by: the caller's name, as the access log knows it."""

    by: str
    reason: DiscardReason
    reference: str | None = None


@dataclass(frozen=True, slots=True)
class Waiting:
    """The first event that waits in one document for one stream.

    behind: how many wait behind it. last: the last sequence that was applied there, 0 if none.
    """

    id: str
    stream: str
    sequence: int
    record: Record
    behind: int
    last: int

    @property
    def is_missing_something(self) -> bool:
        """Whether it waits for events that have not come, and not because its handler failed."""
        return is_gap(self.stream, self.last, self.sequence)

    @property
    def reason(self) -> ParkReason:
        """Why it waits."""
        missing = self.is_missing_something
        return ParkReason.MISSING_BEFORE if missing else ParkReason.HANDLER_FAILED

    @property
    def place(self) -> tuple[str, str, int]:
        """The document, the stream and the sequence: what tells two of them apart."""
        return self.id, self.stream, self.sequence


def is_gap(stream: str, last: int, sequence: int) -> bool:
    """Whether events are missing between the last applied and this. Compaction leaves gaps: fine."""
    return last > 0 and sequence > last + 1 and not BY_NAME[stream].is_compacted


def letter_id_of(consumer: str, record: Record) -> str:
    """The id of the letter that a consumer writes about a record."""
    return f"{consumer}.{record.topic}.{record.partition}.{record.offset}"


def dead_letter(
    record: Record,
    consumer: str,
    reason: ParkReason,
    why: str,
    attempts: int,
    now: datetime,
    programme: str = "",
) -> RecordParked:
    """The letter about one record. Personal streams are named by their coordinates only."""
    quotable = record.topic not in _NEVER_QUOTED
    return RecordParked(
        programme=programme,
        letter_id=letter_id_of(consumer, record),
        consumer=consumer,
        reason=reason,
        why=why,
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        key=text_of(record.key),
        headers=tuple((name, text_of(value) or "") for name, value in record.headers)
        if quotable
        else (),
        value=_base64(record.value) if quotable else None,
        attempts=attempts,
        parked_at=now,
    )


def parked_document(event: Event[Payload], record: Record) -> Document:
    """An event that has to wait, as the home document keeps it."""
    return {
        "sequence": event.sequence,
        "partition": record.partition,
        "offset": record.offset,
        "key": record.key,
        "headers": [[name, value] for name, value in record.headers],
        "value": record.value,
    }


def record_of(stream: str, kept: Mapping[str, Any]) -> Record:
    """A parked event, as it came."""
    return Record(
        topic=stream,
        partition=kept["partition"],
        offset=kept["offset"],
        key=_bytes(kept["key"]),
        headers=tuple((name, bytes(value)) for name, value in kept["headers"]),
        value=_bytes(kept["value"]),
    )


def text_of(raw: bytes | None) -> str | None:
    """Bytes as text, whatever they are."""
    return None if raw is None else raw.decode(errors="backslashreplace")


def _base64(raw: bytes | None) -> str | None:
    return None if raw is None else base64.b64encode(raw).decode()


def _bytes(raw: Binary | bytes | None) -> bytes | None:
    return None if raw is None else bytes(raw)
