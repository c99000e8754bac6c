"""Forms of coordinators' pages that another service answers: done or refused, she is led back.

A form names in `back` the page that it was on. The answer to it is a redirect there with `done` or
`refused` and a word for what it was; the page knows the sentence for each word, so that nobody can put
words of his own on it by a link.
"""

from collections.abc import Callable, Coroutine
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse
from fastapi.routing import APIRoute

from shared.errors import OutboxFull, StillContended
from shared.storage.database import STORAGE_AWAY
from shared.web.forms import BACK, form_field, wants_page
from shared.web.problems import Problem

SIGN_IN: Final = "/intake/sign-in"
_NOT_NOW: Final = (OutboxFull, StillContended, *STORAGE_AWAY)

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


def is_local_path(path: str) -> bool:
    """Whether it stays on this site, however a browser reads it."""
    plain = path.isascii() and path.isprintable() and not set(path) & set("\\ ")
    return plain and path.startswith("/") and not path.startswith("//")


def led_back(back: str, **words: str) -> RedirectResponse:
    """To a local path, with these words in its query."""
    return RedirectResponse(f"{back}{'&' if urlsplit(back).query else '?'}{urlencode(words)}", 303)


class LeadsBack(APIRoute):
    """A route for programs whose forms lead back to the page that they were on."""

    def get_route_handler(self) -> Handler:
        """The route as it is for JSON; for a form its outcome in a redirect."""
        handle = super().get_route_handler()
        done = self.name

        async def lead_back(request: Request) -> Response:
            if not wants_page(request):
                return await handle(request)
            back = await form_field(request, BACK)
            if not is_local_path(back):
                return await handle(request)
            try:
                await handle(request)
            except Problem as problem:
                if problem.status == 401:
                    return led_back(SIGN_IN, then=back)
                return led_back(back, refused=problem.title.lower().replace(" ", "-"))
            except RequestValidationError:
                return led_back(back, refused="incomplete")
            except _NOT_NOW:
                return led_back(back, refused="not-now")
            return led_back(back, done=done)

        return lead_back
