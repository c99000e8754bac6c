"""HTTP errors as RFC 9457 problem documents, made in one place."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from shared.decisions import Refusal
from shared.errors import OutboxFull, StillContended
from shared.storage.database import STORAGE_AWAY

_MEDIA_TYPE = "application/problem+json"


class Problem(Exception):
    """A problem document on its way to the client. `errors`: `[{"field": …, "reason": …}]`."""

    def __init__(
        self,
        status: int,
        title: str,
        detail: str,
        *,
        errors: Sequence[dict[str, str]] = (),
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(title)
        self.status = status
        self.title = title
        self.detail = detail
        self.errors = list(errors)
        self.headers = headers or {}

    def response(self) -> Response:
        """The document as an HTTP answer."""
        body: dict[str, Any] = {
            "type": "about:blank",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
        }
        if self.errors:
            body["errors"] = self.errors
        return JSONResponse(body, self.status, headers=self.headers, media_type=_MEDIA_TYPE)


def problem_of(refusal: Refusal) -> Problem:
    """The problem document for a refusal; the title is the refusal's class in words."""
    name = type(refusal).__name__
    words = "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in name)
    return Problem(refusal.kind.value, words.strip().capitalize(), refusal.detail)


def raise_for(refusal: Refusal | None) -> None:
    """Raises the refusal's problem document, if there is a refusal."""
    if refusal is not None:
        raise problem_of(refusal)


def invalid(faults: Iterable[Mapping[str, Any]]) -> Problem:
    """What pydantic found wrong with a request, each field named with its reason; never its value."""
    return Problem(
        422,
        "The request is not valid",
        "Some fields are missing or wrong; each is named with its reason.",
        errors=[
            {
                "field": ".".join(str(part) for part in fault["loc"] if part != "body"),
                "reason": str(fault["msg"]),
            }
            for fault in faults
        ],
    )


def add_problem_handlers(app: FastAPI) -> None:
    """Turns every error of the app into a problem document."""

    @app.exception_handler(Problem)
    async def _problem(_: Request, problem: Problem) -> Response:
        return problem.response()

    @app.exception_handler(RequestValidationError)
    async def _invalid(_: Request, error: RequestValidationError) -> Response:
        return invalid(error.errors()).response()

    @app.exception_handler(HTTPException)
    async def _http(_: Request, error: HTTPException) -> Response:
        headers = dict(error.headers or {})
        return Problem(
            error.status_code, str(error.detail), str(error.detail), headers=headers
        ).response()

    @app.exception_handler(OutboxFull)
    async def _full(_: Request, error: OutboxFull) -> Response:
        return _later(str(error), 5)

    async def _away(_: Request, __: Exception) -> Response:
        return _later("The storage cannot be reached at the moment; please try again.", 5)

    for away in (*STORAGE_AWAY, StillContended):
        app.add_exception_handler(away, _away)

    @app.exception_handler(Exception)
    async def _unexpected(_: Request, __: Exception) -> Response:
        detail = "Something went wrong on our side. It has been noted; please try again later."
        return Problem(500, "Internal error", detail).response()


def _later(detail: str, seconds: int) -> Response:
    headers = {"Retry-After": str(seconds)}
    return Problem(503, "Not available just now", detail, headers=headers).response()
