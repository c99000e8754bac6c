"""An event and its form on the wire: CloudEvents 1.0 in Kafka's binary mode.

Attributes are headers, the data is the value, `partitionkey` is the record's key. The id is stream,
subject and sequence, so the same event has the same id however often it is sent.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final, Generic, TypeVar

from pydantic import ValidationError

from shared.errors import EventUnreadable
from shared.events import registry  # noqa: F401  (fills the registry of payloads)
from shared.events.payload import Payload, Stream
from shared.events.streams import BY_NAME

P_co = TypeVar("P_co", bound=Payload, covariant=True)

SPEC_VERSION: Final = "1.0"
CONTENT_TYPE: Final = "application/json"
_WIRE_NAME: Final = re.compile(r"commonground(\.[a-z_]{1,40}){1,4}\.v[0-9]{1,3}")
REPLAY_TO: Final = "replay-to"
"""The last header of an event that was sent again for one consumer: others pass it over."""


@dataclass(frozen=True, slots=True)
class Record:
    """A record as Kafka gave it: what is kept when it has to wait or be parked."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    headers: tuple[tuple[str, bytes], ...]
    value: bytes | None


@dataclass(frozen=True, slots=True)
class Event(Generic[P_co]):
    """One event, read from the wire. Everything but the payload is the envelope."""

    id: str
    stream: Stream
    subject: str
    sequence: int
    time: datetime
    programme: str
    city: str | None
    correlation_id: str
    causation_id: str | None
    traceparent: str | None
    payload: P_co
    record: Record | None = None


def event_id(stream: str, subject: str, sequence: int) -> str:
    """The id of an event: `matches/0192…:7`."""
    return f"{stream}/{subject}:{sequence}"


def rfc3339(instant: datetime) -> str:
    """An instant in UTC with milliseconds, as in `2026-01-05T08:00:00.000Z`."""
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def headers_of(
    payload: Payload,
    sequence: int,
    time: datetime,
    *,
    correlation_id: str,
    causation_id: str | None,
    traceparent: str | None,
) -> dict[str, str]:
    """The headers of an event that is about to be written."""
    stream = payload.stream
    subject = payload.subject
    headers = {
        "ce_specversion": SPEC_VERSION,
        "ce_id": event_id(stream.name, subject, sequence),
        "ce_type": payload.wire_name,
        "ce_source": f"/{stream.owner}/{stream.name}",
        "ce_subject": subject,
        "ce_partitionkey": payload.partition_key,
        "ce_time": rfc3339(time),
        "ce_sequence": str(sequence),
        "ce_programme": payload.programme,
        "ce_correlationid": correlation_id,
        "content-type": CONTENT_TYPE,
    }
    if payload.city is not None:
        headers["ce_city"] = payload.city
    if causation_id is not None:
        headers["ce_causationid"] = causation_id
    if traceparent is not None:
        headers["traceparent"] = traceparent
    return headers


def encode_headers(headers: Mapping[str, str]) -> list[tuple[str, bytes]]:
    """Headers as aiokafka takes them."""
    return [(name, value.encode()) for name, value in headers.items()]


def decode(record: Record) -> Event[Payload]:
    """Reads one record.

    Unknown fields of the data are ignored, so that writers may add optional ones. Raises
    `EventUnreadable`, whose reason quotes no data, if it is not an event of the contract.
    """
    headers = _decode_headers(record.headers)
    stream = BY_NAME.get(record.topic)
    if stream is None:
        raise EventUnreadable(f"topic {record.topic!r} is no stream of the contract")
    wire_name = _required(headers, "ce_type")
    payload_class = Payload.of_name(wire_name)
    if payload_class is None:
        raise EventUnreadable(f"ce_type{_shown(wire_name)} is no event of the contract")
    if payload_class.stream is not stream:
        raise EventUnreadable(f"{wire_name!r} belongs to {payload_class.stream.name!r}")
    if record.value is None:
        raise EventUnreadable("the value is empty")
    try:
        payload = payload_class.model_validate_json(record.value, extra="ignore")
    except ValidationError as error:
        raise EventUnreadable(_fields_at_fault(error)) from None
    subject = _required(headers, "ce_subject")
    if subject != payload.subject:
        raise EventUnreadable("ce_subject is not the subject that the data names")
    sequence = _sequence(_required(headers, "ce_sequence"))
    return Event(
        id=event_id(stream.name, subject, sequence),
        stream=stream,
        subject=subject,
        sequence=sequence,
        time=_instant(_required(headers, "ce_time")),
        programme=payload.programme,
        city=payload.city,
        correlation_id=headers.get("ce_correlationid", ""),
        causation_id=headers.get("ce_causationid"),
        traceparent=headers.get("traceparent"),
        payload=payload,
        record=record,
    )


def _shown(wire_name: str) -> str:
    """The name, if it looks like one: whatever else stands there may be anything, also about somebody."""
    return f" {wire_name!r}" if _WIRE_NAME.fullmatch(wire_name) else ""


def _decode_headers(headers: Iterable[tuple[str, bytes]]) -> dict[str, str]:
    try:
        return {name: value.decode() for name, value in headers}
    except UnicodeDecodeError:
        raise EventUnreadable("a header is not UTF-8") from None


def _required(headers: Mapping[str, str], name: str) -> str:
    value = headers.get(name)
    if not value:
        raise EventUnreadable(f"the header {name} is missing")
    return value


def _sequence(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise EventUnreadable("ce_sequence is not a whole number from 1 up")
    return int(text)


@lru_cache(maxsize=4096)
def _instant(text: str) -> datetime:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise EventUnreadable("ce_time is not an instant of RFC 3339") from None
    if instant.tzinfo is None:
        raise EventUnreadable("ce_time has no time zone")
    return instant.astimezone(UTC)


def _fields_at_fault(error: ValidationError) -> str:
    """Which fields are wrong and how, without the values that were found."""
    faults: list[dict[str, Any]] = [
        dict(fault) for fault in error.errors(include_input=False, include_url=False)
    ]
    named = (
        f"{'.'.join(map(str, fault['loc'])) or 'data'}: {fault['type']}" for fault in faults[:5]
    )
    return "the data does not fit the schema: " + ", ".join(named)
