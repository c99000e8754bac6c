"""Forms of coordinators' pages that another service answers: done or refused, she is led back.

A form names in `back` the page that it was on. The answer to it is a redirect there with `done` or
`refused` and a word for what it was; the page knows the sentence for each word, so that nobody can put
words of his own on it by a link.
"""

from collections.abc import Callable, Coroutine
from typing import Annotated, Any, Final
from urllib.parse import urlencode, urlsplit

from fastapi import Depends, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse
from fastapi.routing import APIRoute

from shared.errors import OutboxFull, StillContended
from shared.security.sessions import cookie_name
from shared.storage.database import STORAGE_AWAY
from shared.web.access import Caller, coordinator
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


async def signed_in(request: Request) -> Caller:
    """For a page: a coordinator or operator. Whoever is not signed in is sent to do so, and back."""
    try:
        return await coordinator(request)
    except Problem as problem:
        if problem.status != 401:
            raise
    raise sign_in_first(request)


def sign_in_first(request: Request) -> Problem:
    """Sends the browser to sign in, and then to the page that it wanted."""
    settings = request.app.state.runtime.settings
    room = request.headers.get("x-forwarded-prefix", "")
    wanted = f"{room}{request.url.path}"
    then = wanted if request.method == "GET" and is_local_path(wanted) else ""
    return Problem(
        303,
        "Sign in first",
        "This page is for coordinators who are signed in.",
        headers={
            "Location": f"{SIGN_IN}?{urlencode({'then': then})}",
            "Set-Cookie": f"{cookie_name(settings.public_url)}=; Max-Age=0; Path=/; HttpOnly",
        },
    )


SignedIn = Annotated[Caller, Depends(signed_in)]


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
