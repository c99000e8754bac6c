"""Every event that there is, as a page can show it: meaning, owner, readers, fields, an example. Pure.

Made from the contracts themselves, the services' and the integrators', so that it cannot say anything else
than they do.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final

from services.streams.domain.entries import short_name
from services.streams.domain.examples import example_of
from services.streams.domain.field_words import MEANINGS
from services.streams.domain.integration import INTEGRATION_EVENTS, INTEGRATION_PREFIX
from shared.events.asyncapi import SERVICES
from shared.events.payload import Named, Payload
from shared.events.schemas import Schema, schema_of
from shared.events.streams import BY_NAME
from shared.events.wire import event_id

_INTEGRATORS: Final = "integrators, by grant"
_HAPPENED: Final = "2026-01-05T08:30:00.000Z"


class Contract(StrEnum):
    """Between whom."""

    SERVICES = "services"
    INTEGRATORS = "integrators"


@dataclass(frozen=True, slots=True)
class Field:
    """One field of an event's data. `path` is `reasons[].points` for what lies deeper."""

    path: str
    kind: str
    meaning: str
    required: bool
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class EventKind:
    """One event."""

    wire_name: str
    name: str
    version: str
    contract: Contract
    stream: str
    stream_meaning: str
    owner: str
    readers: tuple[str, ...]
    meaning: str
    fields: tuple[Field, ...]
    schema: Schema
    data: Mapping[str, Any]
    """An example of its data."""
    envelope: Mapping[str, str]
    """The attributes of that example, as CloudEvents names them."""
    versions: tuple[str, ...] = ()
    """Wire names of all its versions, the oldest first."""
    changes: tuple[str, ...] = ()
    """What the changelog says of it, the newest first."""

    def fits(self, words: str, stream: str, contract: str) -> bool:
        """Whether all the words are somewhere in it, and it is of the stream and contract, if named."""
        if (stream and stream != self.stream) or (contract and contract != self.contract.value):
            return False
        told = [self.wire_name, self.meaning, self.owner, self.stream]
        told += [f"{field.path} {field.meaning} {' '.join(field.values)}" for field in self.fields]
        whole = " ".join(told).lower()
        return all(word in whole for word in words.lower().split())


def catalogue(changelog: str = "") -> tuple[EventKind, ...]:
    """Every event by its name: first the integrators' few, then the services'.

    changelog: the text of CHANGELOG.md; its entries are shown with the events that they name.
    """
    mentions = _entries(changelog)
    kinds = [_kind_of(event, mentions) for event in (*INTEGRATION_EVENTS, *Payload.all())]
    names = {kind.wire_name for kind in kinds}
    return tuple(_with_versions(kind, names) for kind in kinds)


def _kind_of(event: type[Named], mentions: Iterable[str]) -> EventKind:
    schema = schema_of(event)
    data = example_of(schema, state=event.wire_name.split(".")[-2])
    is_ours = issubclass(event, Payload)
    stream = event.stream.name if is_ours else str(event.stream)  # type: ignore[attr-defined]
    about = BY_NAME[stream]
    name = (
        short_name(event.wire_name)
        if is_ours
        else event.wire_name.removeprefix(INTEGRATION_PREFIX).rpartition(".v")[0]
    )
    return EventKind(
        wire_name=event.wire_name,
        name=name,
        version=event.wire_name.rpartition(".")[2],
        contract=Contract.SERVICES if is_ours else Contract.INTEGRATORS,
        stream=stream,
        stream_meaning=about.meaning,
        owner=("every service" if about.owner == "any" else about.owner) if is_ours else "streams",
        readers=_readers(stream) if is_ours else (_INTEGRATORS,),
        meaning=" ".join((event.__doc__ or "").split()),
        fields=tuple(_fields(schema, schema, "")),
        schema=schema,
        data=data,
        envelope=_envelope(event, stream, data),
        changes=tuple(
            entry for entry in mentions if f"`{_as_told(name, is_ours=is_ours)}`" in entry
        ),
    )


def _as_told(name: str, *, is_ours: bool) -> str:
    """As the changelog calls it."""
    return name if is_ours else f"integration.{name}"


def _readers(stream: str) -> tuple[str, ...]:
    return tuple(
        service for service, read in SERVICES.items() if any(one.name == stream for one in read)
    )


def _with_versions(kind: EventKind, names: set[str]) -> EventKind:
    stem = kind.wire_name.rpartition(".")[0]
    versions = sorted(
        (name for name in names if name.rpartition(".")[0] == stem),
        key=lambda name: int(name.rpartition(".v")[2]),
    )
    return replace(kind, versions=tuple(versions))


def _entries(changelog: str) -> list[str]:
    """The entries of a changelog, each on one line. Newer ones stand higher."""
    entries: list[str] = []
    for line in changelog.splitlines():
        if line.startswith("- "):
            entries.append(line[2:].strip())
        elif line.startswith("  ") and entries:
            entries[-1] += f" {line.strip()}"
    return entries


def _fields(schema: Schema, part: Schema, prefix: str) -> Iterable[Field]:
    required = set(part.get("required", ()))
    for name, described in part.get("properties", {}).items():
        path = f"{prefix}{name}"
        shape, is_list = _shape(schema, described)
        kind = "object" if "properties" in shape else _kind(shape)
        yield Field(
            path=path + ("[]" if is_list else ""),
            kind=kind + (" or null" if _may_be_null(described) else ""),
            meaning=described.get("description")
            or shape.get("description")
            or MEANINGS.get(name, ""),
            required=name in required,
            values=tuple(str(value) for value in _values(shape)),
        )
        if "properties" in shape:
            yield from _fields(schema, shape, f"{path}{'[]' if is_list else ''}.")


def _shape(schema: Schema, described: Schema) -> tuple[Schema, bool]:
    """What a field holds, behind references, lists and 'or null'; and whether it is a list."""
    is_list = False
    while True:
        if "$ref" in described:
            described = schema["$defs"][described["$ref"].rpartition("/")[2]]
        elif "anyOf" in described:
            described = next(one for one in described["anyOf"] if one.get("type") != "null")
        elif described.get("type") == "array":
            is_list = True
            described = described.get("items") or (described.get("prefixItems") or [{}])[0]
        else:
            return described, is_list


def _may_be_null(described: Schema) -> bool:
    return any(one.get("type") == "null" for one in described.get("anyOf", ()))


def _values(shape: Schema) -> Iterable[Any]:
    return [shape["const"]] if "const" in shape else shape.get("enum", ())


def _kind(shape: Schema) -> str:
    kind = str(shape.get("format") or shape.get("type") or "anything")
    bounds = [
        f"{words} {shape[name]}"
        for name, words in (("minimum", "from"), ("maximum", "to"))
        if name in shape
    ]
    return " ".join([{"date-time": "instant"}.get(kind, kind), *bounds])


def _envelope(event: type[Named], stream: str, data: Mapping[str, Any]) -> dict[str, str]:
    """The attributes of the example. Of an integrator's event, those that every door gives."""
    attributes = {"specversion": "1.0", "type": event.wire_name, "time": _HAPPENED}
    if issubclass(event, Payload):
        payload = event.model_validate(data, strict=False)
        attributes |= {
            "id": event_id(stream, payload.subject, 1),
            "source": f"/{BY_NAME[stream].owner}/{stream}",
            "subject": payload.subject,
            "partitionkey": payload.partition_key,
            "sequence": "1",
            "programme": payload.programme,
            "correlationid": "0199a3b0-0000-7000-8000-000000000009",
        }
    else:
        subject = str(data["match"])
        attributes |= {
            "id": f"{subject}:1",
            "source": f"/streams/{stream}",
            "subject": subject,
            "partitionkey": subject,
            "position": "4711",
            "programme": str(data["programme"]),
        }
    if data.get("city"):
        attributes["city"] = str(data["city"])
    return attributes | {"datacontenttype": "application/json"}
