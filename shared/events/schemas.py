"""JSON Schemas of all events, and the rule that they may only grow."""

from collections.abc import Mapping
from typing import Any

import shared.events.registry  # noqa: F401  (fills the registry of payloads)
from shared.events.payload import Named, Payload

Schema = dict[str, Any]


def schema_of(payload: type[Named]) -> Schema:
    """The JSON Schema (2020-12) of an event's data, as readers should see it."""
    schema = payload.model_json_schema(mode="validation")
    _allow_unknown_fields(schema)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:{payload.wire_name.replace('.', ':')}",
        **schema,
    }


def all_schemas() -> dict[str, Schema]:
    """Every event's schema by its wire name."""
    return {payload.wire_name: schema_of(payload) for payload in Payload.all()}


def _allow_unknown_fields(schema: Any) -> None:
    """Readers ignore what they do not know, so no schema may forbid it."""
    if isinstance(schema, dict):
        schema.pop("additionalProperties", None)
        for part in schema.values():
            _allow_unknown_fields(part)
    elif isinstance(schema, list):
        for part in schema:
            _allow_unknown_fields(part)


def breaking_changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """What of the change from `old` to `new` could break a reader or a stored event; [] if nothing.

    Allowed: new optional fields, new definitions, other words in titles and descriptions. Not
    allowed: a field that is gone, newly required, or of another type; a bound that changes; values of
    an enum that are gone or new (an old reader would not know the new one).
    """
    return _compare(old, new, "data", old.get("$defs", {}), new.get("$defs", {}))


def _compare(
    old: Any, new: Any, place: str, old_parts: Mapping[str, Any], new_parts: Mapping[str, Any]
) -> list[str]:
    old, new = _resolve(old, old_parts), _resolve(new, new_parts)
    faults: list[str] = []
    if old.get("type") != new.get("type"):
        faults.append(f"{place} was {old.get('type')} and is {new.get('type')}")
    if changed := set(old.get("enum", [])) ^ set(new.get("enum", [])):
        faults.append(f"{place} lost or gained the values {sorted(changed)}")
    if newly := set(new.get("required", [])) - set(old.get("required", [])):
        faults.append(f"{place} newly requires {sorted(newly)}")
    faults += [
        f"{place}: {bound} was {old.get(bound)} and is {new.get(bound)}"
        for bound in ("minimum", "maximum")
        if old.get(bound) != new.get(bound)
    ]
    old_fields, new_fields = old.get("properties", {}), new.get("properties", {})
    for name, field in old_fields.items():
        if name not in new_fields:
            faults.append(f"{place}.{name} is gone")
        else:
            faults += _compare(field, new_fields[name], f"{place}.{name}", old_parts, new_parts)
    if "items" in old and "items" in new:
        faults += _compare(old["items"], new["items"], f"{place}[]", old_parts, new_parts)
    for index, choice in enumerate(old.get("anyOf", [])):
        choices = new.get("anyOf", [])
        if index >= len(choices):
            faults.append(f"{place} lost a choice")
        else:
            faults += _compare(choice, choices[index], place, old_parts, new_parts)
    return faults


def _resolve(schema: Any, parts: Mapping[str, Any]) -> Mapping[str, Any]:
    reference = schema.get("$ref") if isinstance(schema, Mapping) else None
    if reference is None:
        return schema  # type: ignore[no-any-return]
    resolved: Mapping[str, Any] = parts[reference.rpartition("/")[2]]
    return resolved
