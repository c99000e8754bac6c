"""An example that fits a JSON Schema: always the same, with values that look like the real ones. Pure."""

from collections.abc import Mapping
from typing import Any, Final

from shared.events.schemas import Schema

#: By the field's name, where any text would do but would say nothing.
_TELLING: Final[Mapping[str, Any]] = {
    "programme": "kvinfo",
    "city": "461",
    "cities": "461",
    "region": "Syddanmark",
    "languages": "ar",
    "host_languages": "da",
    "locales": "da",
    "locale": "ar",
    "profession": "2221",
    "wished_profession": "2221",
    "interests": "gardening",
    "topics": "children",
    "availability": "sat-morning",
    "times": "sat-morning",
    "time_zone": "Europe/Copenhagen",
    "email": "someone@example.org",
    "phone": "+45 00 00 00 00",
    "shared": "gardening",
    "round_id": "kvinfo-2026-01-05",
    "topic": "matches",
    "consumer": "followup.matches",
    "why": "KeyError in services.followup.domain.life:41",
}
_INSTANT: Final = "2026-01-05T08:30:00Z"
_DATE: Final = "2026-01-05"
_ID: Final = "0199a3b0-0000-7000-8000-{:012d}"


def example_of(schema: Schema, state: str = "") -> dict[str, Any]:
    """An object that is valid by the schema, with every field filled in.

    state: what the event says has come about; a `status` that knows the word is that.
    """
    filled: dict[str, Any] = _of(schema, schema, "")
    described = schema.get("properties", {}).get("status")
    if described is not None and state in _choices(schema, described):
        filled["status"] = state
    return filled


def _choices(schema: Schema, part: Schema) -> list[Any]:
    if "$ref" in part:
        part = schema["$defs"][part["$ref"].rpartition("/")[2]]
    return list(part.get("enum", ()))


def _of(schema: Schema, part: Schema, name: str) -> Any:
    if "$ref" in part:
        return _of(schema, schema["$defs"][part["$ref"].rpartition("/")[2]], name)
    if "const" in part:
        return part["const"]
    if "enum" in part:
        return part["enum"][0]
    if "anyOf" in part:
        return _of(schema, next(one for one in part["anyOf"] if one.get("type") != "null"), name)
    match part.get("type"):
        case "object":
            return {
                field: _of(schema, described, field)
                for field, described in part.get("properties", {}).items()
            }
        case "array":
            items = [_of(schema, one, name) for one in part.get("prefixItems", ())]
            return items or [_of(schema, part.get("items", {}), name)]
        case "boolean":
            return True
        case "integer" | "number":
            return part.get("minimum", 1) + (1 if part.get("minimum") == 0 else 0)
    return _text(part, name)


def _text(part: Schema, name: str) -> str:
    match part.get("format"):
        case "date-time":
            return _INSTANT
        case "date":
            return _DATE
        case "binary" | "base64" | "base64url":
            return "e30="
    if name in _TELLING:
        return str(_TELLING[name])
    if name.endswith("_id") or name in {"match", "mentee", "mentor", "subject"}:
        # Another id for each field, and the same in every example.
        return _ID.format(sum(name.encode()) % 1000)
    return name.replace("_", " ") or "text"
