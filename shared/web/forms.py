"""Endpoints that serve people's forms and programs alike: what was sent, and how to answer."""

from typing import Any, TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError

from shared.web.problems import Problem, invalid

SentT = TypeVar("SentT", bound=BaseModel)

_FORM = "application/x-www-form-urlencoded"


def wants_page(request: Request) -> bool:
    """Whether the answer should be a page (a form was sent) and not JSON."""
    return request.headers.get("content-type", "").partition(";")[0].strip() == _FORM


async def sent_fields(request: Request) -> dict[str, Any]:
    """The fields of the form, or of the JSON object, that was sent. Raises `Problem` (422)."""
    if wants_page(request):
        form = await request.form()
        return {name: str(value) for name, value in form.items() if value != ""}
    try:
        body = await request.json()
    except (ValueError, RecursionError):
        raise Problem(422, "The request is not valid", "The body is not JSON.") from None
    if not isinstance(body, dict):
        raise Problem(422, "The request is not valid", "The body is not a JSON object.")
    return body


async def read_sent(request: Request, form: type[SentT]) -> SentT:
    """What was sent, as JSON or as a form. Raises `Problem` (422) that names each field at fault."""
    fields = await sent_fields(request)
    try:
        return form.model_validate(fields)
    except ValidationError as error:
        raise invalid(error.errors(include_input=False, include_url=False)) from None
