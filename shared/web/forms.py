"""Endpoints that serve people's forms and programs alike: what was sent, and how to answer."""

from typing import Any, Final, TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError

from shared.web.problems import Problem, invalid

SentT = TypeVar("SentT", bound=BaseModel)

FORM_TOKEN: Final = "form_token"  # noqa: S105  (the name of a field)
"""What proves that a form of a signed-in coordinator was made by one of our pages."""
BACK: Final = "back"
"""The page that a form was on, see `shared.web.back`."""
_ABOUT_THE_FORM: Final = frozenset({FORM_TOKEN, BACK})
FORM: Final = "application/x-www-form-urlencoded"


def wants_page(request: Request) -> bool:
    """Whether the answer should be a page (a form was sent) and not JSON."""
    return request.headers.get("content-type", "").partition(";")[0].strip() == FORM


async def form_field(request: Request, name: str) -> str:
    """One field of the form that was sent, empty if it has none; all can still be read afterwards."""
    if wants_page(request):
        await request.body()
    return str((await request.form()).get(name, ""))


async def sent_fields(request: Request) -> dict[str, Any]:
    """The fields of the form, or of the JSON object, that was sent. Raises `Problem` (422).

    Without those that tell about the form itself.
    """
    if wants_page(request):
        await request.body()  # kept, so that others can read the form again
        form = await request.form()
        return {
            name: str(value)
            for name, value in form.items()
            if value != "" and name not in _ABOUT_THE_FORM
        }
    try:
        body = await request.json()
    except (ValueError, RecursionError):
        raise Problem(422, "The request is not valid", "The body is not JSON.") from None
    if not isinstance(body, dict):
        raise Problem(422, "The request is not valid", "The body is not a JSON object.")
    return body


async def sent_pairs(request: Request) -> list[tuple[str, str]]:
    """All fields of the form that was sent, in order; a field may come several times."""
    if not wants_page(request):
        return []
    await request.body()
    return [(name, str(value)) for name, value in (await request.form()).multi_items()]


async def read_sent(request: Request, form: type[SentT], *, may_be_empty: bool = False) -> SentT:
    """What was sent, as JSON or as a form. Raises `Problem` (422) that names each field at fault."""
    nothing = may_be_empty and not await request.body()
    fields = {} if nothing else await sent_fields(request)
    try:
        return form.model_validate(fields)
    except ValidationError as error:
        raise invalid(error.errors(include_input=False, include_url=False)) from None
