"""One example of every event of the contract, made from its schema."""

from datetime import UTC, datetime
from enum import EnumType
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from shared.events.payload import Payload, Stream
from shared.events.wire import Event, event_id

NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)


def example(payload_class: type[Payload], **changes: Any) -> Payload:
    """An event with every field filled in."""
    return payload_class.model_validate({**_filled(payload_class), **changes})


def event(payload: Payload, sequence: int = 1, **changes: Any) -> Event[Payload]:
    """A payload in its envelope."""
    stream: Stream = payload.stream
    envelope: dict[str, Any] = {
        "id": event_id(stream.name, payload.subject, sequence),
        "stream": stream,
        "subject": payload.subject,
        "sequence": sequence,
        "time": NOW,
        "programme": payload.programme,
        "city": payload.city,
        "correlation_id": "journey-1",
        "causation_id": None,
        "traceparent": None,
        "payload": payload,
    }
    return Event(**{**envelope, **changes})


def _filled(model: type[BaseModel]) -> dict[str, Any]:
    return {name: _value(name, field) for name, field in model.model_fields.items()}


def _value(name: str, field: FieldInfo) -> Any:
    return _of(name, field.annotation)


def _of(name: str, kind: Any) -> Any:
    origin, args = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        return _of(name, args[0])
    if origin is Annotated:
        return _of(name, args[0])
    if origin is Literal:
        return args[0]
    if origin is tuple:
        return (_of(name, args[0]),) if args[-1] is Ellipsis else tuple(_of(name, a) for a in args)
    if isinstance(kind, EnumType):
        return next(iter(kind))
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return kind.model_validate(_filled(kind)) if kind.__name__ != "Policy" else kind()
    values = {str: f"{name}-1", int: 1, bool: True, datetime: NOW}
    return values[kind]
