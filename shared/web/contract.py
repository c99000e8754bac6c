"""What a service's OpenAPI document says of its answers, for all routes in one place.

What must stay true: no route answers in a way that is not in the document. Which problems a route may
answer with follows from what it asks for; whatever else it does, it says itself with `problems(…)` and
`content(…)` in its `responses`.
"""

from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI
from pydantic import BaseModel, Field

PROBLEM: Final = "application/problem+json"
_SCHEMA: Final = {"$ref": "#/components/schemas/Problem"}
_WRITES: Final = frozenset({"post", "put", "patch", "delete"})

#: What any request may be answered with: a head or body that is none, fields that are wrong, too many
#: requests at once, an error of ours, storage or Kafka away.
_ALWAYS: Final = (400, 422, 500, 503)
#: Besides, where a key or a link is asked for; where one thing is named; where something is changed.
_WITH_KEY: Final = (401, 403)
_OF_ONE: Final = (401, 403, 404, 410)
_OF_WRITES: Final = (401, 403, 404, 408, 409, 410, 413)

_MEANINGS: Final = {
    400: "The request is not HTTP as it should be, or one of its headers is not valid.",
    401: "A key or a link is needed.",
    403: "This key or link does not allow it.",
    404: "There is no such thing, or it is none of yours.",
    408: "The body came too slowly.",
    409: "What is there now does not allow it; the detail says what helps.",
    410: "It is over, or the link has expired.",
    413: "The body is too large.",
    422: "Some fields are missing or wrong; each is named with its reason.",
    429: "Too many requests; Retry-After says when to come again.",
    500: "Something went wrong on our side.",
    503: "Not available just now; Retry-After says when to come again.",
}


class FieldError(BaseModel):
    """One field at fault."""

    field: str
    reason: str


class ProblemDocument(BaseModel):
    """An error, as RFC 9457 has it."""

    type: str = Field(examples=["about:blank"])
    title: str
    status: int
    detail: str = Field(description="What, why, and the next step; never a person's data.")
    errors: list[FieldError] = Field(default=[], description="Fields at fault, if it was that.")


class DescribedApp(FastAPI):
    """A FastAPI app whose OpenAPI document tells of problems as well."""

    def openapi(self) -> dict[str, Any]:
        """The document, made once."""
        document = super().openapi()
        if "Problem" not in document.get("components", {}).get("schemas", {}):
            _describe(document)
        return document


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """For a route's `responses`: problems that do not follow from what it asks for."""
    return {status: _answer(status) for status in statuses}


def content(
    *media_types: str, status: int = 200, meaning: str = "Done."
) -> dict[int | str, dict[str, Any]]:
    """For a route's `responses`: it answers in these media types, and so not in JSON unless named."""
    described = {name: {"schema": {"type": "string"}} for name in media_types}
    return {status: {"description": meaning, "content": described}}


def _describe(document: dict[str, Any]) -> None:
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    problem = ProblemDocument.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(problem.pop("$defs", {}))
    schemas["Problem"] = problem
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    # Relative to where the document is: right behind the origin and at the service itself.
    document["servers"] = [{"url": "."}]
    for path, operations in document.get("paths", {}).items():
        for method, operation in operations.items():
            answers = operation.setdefault("responses", {})
            answers.pop("422", None)
            for status in _statuses(path, method, operation):
                answers.setdefault(str(status), _answer(status))


def _statuses(path: str, method: str, operation: dict[str, Any]) -> list[int]:
    statuses = {*_ALWAYS}
    if "security" in operation:
        statuses.update(_WITH_KEY)
    if "{" in path:
        statuses.update(_OF_ONE)
    if method in _WRITES:
        statuses.update(_OF_WRITES)
    return sorted(statuses)


def _answer(status: int) -> dict[str, Any]:
    return {
        "description": _MEANINGS.get(status, HTTPStatus(status).phrase),
        "content": {PROBLEM: {"schema": _SCHEMA}},
    }
