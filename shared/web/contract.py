"""What a service's OpenAPI document says of its answers, for all routes in one place.

What must stay true: no route answers in a way that is not in the document. Problems are the same for all
routes, with some more where something is changed; a route whose own answer is not JSON says so itself, with
`content(…)` in its `responses`.
"""

from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI
from pydantic import BaseModel, Field

PROBLEM: Final = "application/problem+json"
_SCHEMA: Final = {"$ref": "#/components/schemas/Problem"}
_WRITES: Final = frozenset({"post", "put", "patch", "delete"})

#: What any request may be answered with, by its link or key, its fields, how much is going on, our errors.
_ALWAYS: Final = (400, 401, 403, 404, 410, 422, 429, 500, 503)
_OF_WRITES: Final = (408, 409, 413)
#: What a page says no with, where a form was sent or a browser asked.
_REFUSED_AS_PAGES: Final = (403, 404, 409, 410, 422)

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


def content(
    *media_types: str, status: int = 200, meaning: str = "Done."
) -> dict[int | str, dict[str, Any]]:
    """For a route's `responses`: it answers in these media types, and so not in JSON unless named."""
    described = {name: {"schema": {"type": "string"}} for name in media_types}
    return {status: {"description": meaning, "content": described}}


def takes(form: type[BaseModel], *media_types: str) -> dict[str, Any]:
    """For a route's `openapi_extra`: its body is read by hand, as this form, in these media types."""
    schema = form.model_json_schema()
    whole = _inlined(schema, schema.pop("$defs", {}))
    described = {name: {"schema": whole} for name in media_types or ("application/json",)}
    return {"requestBody": {"content": described, "required": bool(schema.get("required"))}}


def _inlined(schema: Any, definitions: dict[str, Any]) -> Any:
    """The schema with its definitions where they are used: a part of a document has none of its own."""
    if isinstance(schema, list):
        return [_inlined(one, definitions) for one in schema]
    if not isinstance(schema, dict):
        return schema
    name = str(schema.get("$ref", "")).removeprefix("#/$defs/")
    if name in definitions:
        others = {key: value for key, value in schema.items() if key != "$ref"}
        return _inlined({**definitions[name], **others}, definitions)
    return {key: _inlined(value, definitions) for key, value in schema.items()}


def _describe(document: dict[str, Any]) -> None:
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    problem = ProblemDocument.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(problem.pop("$defs", {}))
    schemas["Problem"] = problem
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    # Relative to where the document is: right behind the origin and at the service itself.
    document["servers"] = [{"url": "."}]
    for operations in document.get("paths", {}).values():
        for method, operation in operations.items():
            answers = operation.setdefault("responses", {})
            answers.pop("422", None)
            if "security" not in operation and _answers_people(answers):
                _also_as_pages(answers)
            for status in (*_ALWAYS, *(_OF_WRITES if method in _WRITES else ())):
                answers.setdefault(str(status), _answer(status))


def _answers_people(answers: dict[str, Any]) -> bool:
    """Whether the route makes its answer itself: those without a key give a program JSON, a person a page."""
    schemas = [
        described.get("schema")
        for answer in answers.values()
        for media_type, described in answer.get("content", {}).items()
        if media_type == "application/json"
    ]
    return {} in schemas


def _also_as_pages(answers: dict[str, Any]) -> None:
    for status in (*answers, *map(str, _REFUSED_AS_PAGES)):
        answer = answers.setdefault(status, _answer(int(status)))
        answer["content"]["text/html"] = {"schema": {"type": "string"}}


def _answer(status: int) -> dict[str, Any]:
    return {
        "description": _MEANINGS.get(status, HTTPStatus(status).phrase),
        "content": {PROBLEM: {"schema": _SCHEMA}},
    }
