"""Events as lines of text: CloudEvents 1.0 in their JSON format, one event a line.

This is how a journal is exported and read again. Of a person who was erased the lines about her
profile hold her id alone; they are no events any more, and `read_line` says so.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError

from shared.errors import EventUnreadable
from shared.events.payload import Payload, Stream
from shared.events.wire import CONTENT_TYPE, SPEC_VERSION, Event, event_id, rfc3339


def line_of(
    stream: Stream,
    type_: str,
    subject: str,
    sequence: int,
    time: datetime,
    data: Mapping[str, Any],
    *,
    programme: str,
    correlation_id: str = "",
    causation_id: str | None = None,
) -> str:
    """One event as a line, without its end. `type_` is the wire name, `data` JSON."""
    attributes: dict[str, Any] = {
        "specversion": SPEC_VERSION,
        "id": event_id(stream.name, subject, sequence),
        "type": type_,
        "source": f"/{stream.owner}/{stream.name}",
        "subject": subject,
        "time": rfc3339(time),
        "sequence": str(sequence),
        "programme": programme,
        "datacontenttype": CONTENT_TYPE,
    }
    if correlation_id:
        attributes["correlationid"] = correlation_id
    if causation_id:
        attributes["causationid"] = causation_id
    return json.dumps({**attributes, "data": data}, ensure_ascii=False, separators=(",", ":"))


def line_of_event(event: Event[Payload]) -> str:
    """An event as a line. Only what the contract names is in it, whatever else was sent."""
    return line_of(
        event.stream,
        event.payload.wire_name,
        event.subject,
        event.sequence,
        event.time,
        event.payload.model_dump(mode="json", exclude_none=True),
        programme=event.programme,
        correlation_id=event.correlation_id,
        causation_id=event.causation_id,
    )


def read_line(line: str) -> Event[Payload]:
    """The event of a line. Raises `EventUnreadable`, whose reason quotes no data."""
    try:
        found = json.loads(line)
        data = found["data"]
        payload_class = Payload.of_name(found["type"])
        if payload_class is None:
            raise EventUnreadable(f"type {found['type']!r} is no event of the contract")
        payload = payload_class.model_validate_json(json.dumps(data), extra="ignore")
        sequence, time = int(found["sequence"]), datetime.fromisoformat(found["time"])
    except ValidationError as error:
        faults = ", ".join(".".join(map(str, fault["loc"])) for fault in error.errors()[:5])
        raise EventUnreadable(f"the data of {found['type']} does not fit: {faults}") from None
    except (ValueError, KeyError, TypeError):
        raise EventUnreadable("the line is no CloudEvent with type, sequence, time, data") from None
    stream = payload_class.stream
    return Event(
        id=event_id(stream.name, payload.subject, sequence),
        stream=stream,
        subject=payload.subject,
        sequence=sequence,
        time=time.astimezone(UTC),
        programme=payload.programme,
        city=payload.city,
        correlation_id=found.get("correlationid", ""),
        causation_id=found.get("causationid"),
        traceparent=None,
        payload=payload,
    )
