"""AsyncAPI 3 documents, one a service: what it sends and what it receives, from the one contract."""

from typing import Any, Final

from shared.events.payload import Named, Payload, Stream
from shared.events.schemas import schema_of
from shared.events.streams import (
    ALL_STREAMS,
    CARE,
    CHECK_INS,
    CONTACTS,
    MATCHES,
    MESSAGES,
    PARTICIPANTS,
    POOL,
    PROGRAMMES,
    RIGHTS,
)

SERVICES: Final[dict[str, tuple[Stream, ...]]] = {
    "intake": (MATCHES, POOL, CHECK_INS, CARE, MESSAGES, RIGHTS),
    "matching": (PARTICIPANTS, PROGRAMMES, MESSAGES, CHECK_INS, RIGHTS),
    "notifications": (PARTICIPANTS, CONTACTS, PROGRAMMES, MATCHES, POOL, CHECK_INS, CARE, RIGHTS),
    "followup": (MATCHES, PARTICIPANTS, PROGRAMMES, MESSAGES, RIGHTS),
    "streams": tuple(stream for stream in ALL_STREAMS if stream is not CONTACTS),
}
"""What each service consumes. A component test compares this with what its app subscribes to."""

_HEADERS: Final = {
    "ce_specversion": "CloudEvents version, always 1.0",
    "ce_id": "stream/subject:sequence; the same event always has the same id",
    "ce_type": "the event's wire name",
    "ce_source": "/owner/stream",
    "ce_subject": "id of the aggregate",
    "ce_partitionkey": "the Kafka key",
    "ce_time": "RFC 3339, UTC, by the domain's clock",
    "ce_sequence": "1, 2, 3 … of this subject in this stream",
    "ce_programme": "programme's id",
    "ce_city": "municipality code, where there is one",
    "ce_correlationid": "one journey from end to end",
    "ce_causationid": "id of the event that this follows from",
    "traceparent": "W3C trace context",
    "content-type": "application/json",
}
_OPTIONAL: Final = frozenset({"ce_city", "ce_causationid", "traceparent"})


def document_of(service: str) -> dict[str, Any]:
    """The AsyncAPI 3.0 document of one service."""
    sent = tuple(stream for stream in ALL_STREAMS if {service, "any"} & set(stream.writers))
    received = SERVICES[service]
    streams = [stream for stream in ALL_STREAMS if stream in sent or stream in received]
    payloads = [payload for payload in Payload.all() if payload.stream in streams]
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": f"Common Ground: {service}",
            "version": "1",
            "description": f"The events that the service {service} sends and receives.",
        },
        "defaultContentType": "application/json",
        "channels": {_name(stream): _channel(stream) for stream in streams},
        "operations": {
            **{f"send_{_name(stream)}": _sending(service, stream) for stream in sent},
            **{f"receive_{_name(stream)}": _operation("receive", stream) for stream in received},
        },
        "components": {
            "messages": {payload.__name__: message_of(payload) for payload in payloads},
            "messageTraits": {"cloudEvent": {"headers": _headers()}},
        },
    }


def _name(stream: Stream) -> str:
    return stream.name.replace("-", "_")


def _channel(stream: Stream) -> dict[str, Any]:
    return {
        "address": stream.name,
        "description": f"{stream.meaning} Subject: {stream.subject}. Key: {stream.key}.",
        "messages": {
            payload.__name__: {"$ref": f"#/components/messages/{payload.__name__}"}
            for payload in Payload.all()
            if payload.stream is stream
        },
    }


def _operation(action: str, stream: Stream) -> dict[str, Any]:
    return {"action": action, "channel": {"$ref": f"#/channels/{_name(stream)}"}}


def _sending(service: str, stream: Stream) -> dict[str, Any]:
    """Of a stream of which it only answers the owner's events, a service sends just the answers."""
    operation = _operation("send", stream)
    if service not in stream.answered_by:
        return operation
    answers = [one.__name__ for one in Payload.all() if one.stream is stream and one.is_answer]
    channel = f"#/channels/{_name(stream)}"
    return {**operation, "messages": [{"$ref": f"{channel}/messages/{one}"} for one in answers]}


def message_of(payload: type[Named]) -> dict[str, Any]:
    """An event as a message. The document that holds it has the trait `cloudEvent`."""
    return {
        "name": payload.wire_name,
        "title": payload.__name__,
        "summary": (payload.__doc__ or "").strip(),
        "contentType": "application/json",
        "traits": [{"$ref": "#/components/messageTraits/cloudEvent"}],
        "payload": {
            "schemaFormat": "application/schema+json;version=draft-2020-12",
            "schema": _embedded(schema_of(payload), payload.__name__),
        },
    }


def _embedded(schema: dict[str, Any], name: str) -> dict[str, Any]:
    """The schema with its references pointing to where it stands in the document."""
    root = f"#/components/messages/{name}/payload/schema"

    def move(part: Any) -> Any:
        if isinstance(part, dict):
            return {
                key: value.replace("#/$defs/", f"{root}/$defs/")
                if key == "$ref" and isinstance(value, str)
                else move(value)
                for key, value in part.items()
            }
        if isinstance(part, list):
            return [move(item) for item in part]
        return part

    moved: dict[str, Any] = move(schema)
    return moved


def _headers() -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {
            name: {"type": "string", "description": meaning} for name, meaning in _HEADERS.items()
        },
        "required": [name for name in _HEADERS if name not in _OPTIONAL],
    }
