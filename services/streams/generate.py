"""Writes what follows from the integrators' contract: JSON Schemas and an AsyncAPI document.

`python -m services.streams.generate` writes them; `--check` fails if what is committed is not what the
code says. As for the services' own contract, a schema may only grow.
"""

import sys
from pathlib import Path
from typing import Any, Final

from services.streams.domain.integration import INTEGRATION_EVENTS, GrantedStream
from shared.events.asyncapi import message_of
from shared.events.generate import run, schema_files, text_of
from shared.events.schemas import Schema, schema_of

FOLDER: Final = Path(__file__).parent / "generated"

ATTRIBUTES: Final = {
    "specversion": "CloudEvents version, always 1.0",
    "id": "the same event always has the same id, for you; nobody else gets this id",
    "type": "the event's wire name",
    "source": "/streams/matches or /streams/check-ins",
    "subject": "the match, by your own pseudonym",
    "partitionkey": "the same: events of one match come in order",
    "time": "RFC 3339, UTC: when it happened",
    "datacontenttype": "application/json",
    "position": "where it stands in the journal, a decimal number: your cursor",
    "programme": "programme's id",
    "city": "municipality code, unless the municipality is small",
}
_OPTIONAL: Final = frozenset({"city"})


def all_schemas() -> dict[str, Schema]:
    """Every integration event's schema by its wire name."""
    return {event.wire_name: schema_of(event) for event in INTEGRATION_EVENTS}


def asyncapi_document() -> dict[str, Any]:
    """The AsyncAPI 3.0 document of what integrators get, the same through every door."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Common Ground: for integrators",
            "version": "1",
            "description": "The events that integrators get, through feed, server-sent events, "
            "webhooks and Kafka alike. See docs/integrators.md.",
        },
        "defaultContentType": "application/cloudevents+json",
        "channels": {_name(stream): _channel(stream) for stream in GrantedStream},
        "operations": {
            f"send_{_name(stream)}": {
                "action": "send",
                "channel": {"$ref": f"#/channels/{_name(stream)}"},
            }
            for stream in GrantedStream
        },
        "components": {
            "messages": {event.__name__: message_of(event) for event in INTEGRATION_EVENTS},
            "messageTraits": {"cloudEvent": {"headers": _attributes()}},
        },
    }


def generated() -> dict[Path, str]:
    """Every generated file by its path."""
    files = schema_files(FOLDER, all_schemas())
    files[FOLDER / "asyncapi" / "integrators.json"] = text_of(asyncapi_document())
    return files


def _name(stream: GrantedStream) -> str:
    return stream.value.replace("-", "_")


def _channel(stream: GrantedStream) -> dict[str, Any]:
    return {
        "address": f"/streams/feed/{stream.value}",
        "description": "The payload of each message is the data of a CloudEvent, its headers are the "
        "event's attributes.",
        "messages": {
            event.__name__: {"$ref": f"#/components/messages/{event.__name__}"}
            for event in INTEGRATION_EVENTS
            if event.stream is stream
        },
    }


def _attributes() -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {
            name: {"type": "string", "description": meaning} for name, meaning in ATTRIBUTES.items()
        },
        "required": [name for name in ATTRIBUTES if name not in _OPTIONAL],
    }


if __name__ == "__main__":
    sys.exit(run(FOLDER, generated(), all_schemas(), __doc__))
