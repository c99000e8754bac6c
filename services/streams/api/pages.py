"""What all pages of the console have in common: who may see them, and the frame they are in."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import urlencode

from fastapi import Depends, Request
from fastapi.responses import HTMLResponse

from shared.web.access import Caller, operator
from shared.web.back import SIGN_IN
from shared.web.frame import Pages
from shared.web.problems import Problem

ROOM: Final = Path(__file__).resolve().parents[1]
"""Where the templates and the assets of streams are."""
BASE: Final = "/streams/console"
"""Where the console is for the browser: behind the origin, in the room of streams."""

Page = Callable[..., HTMLResponse]


async def operator_at_a_page(request: Request) -> Caller:
    """Lets operators in. Whoever comes with a browser and is nobody yet is led to the sign-in."""
    try:
        return await operator(request)
    except Problem as problem:
        if problem.status != 401 or "text/html" not in request.headers.get("accept", ""):
            raise
        there = f"{SIGN_IN}?{urlencode({'then': _own_path(request)})}"
        raise Problem(303, "Sign in", "Sign in first.", headers={"Location": there}) from None


OperatorAtAPage = Annotated[Caller, Depends(operator_at_a_page)]


def page_maker() -> Callable[[Request, Caller, str], Page]:
    """What renders the console's templates with what all of them need."""
    style = (ROOM / "assets" / "console.css").read_text(encoding="utf-8")
    pages = Pages(ROOM, locales=("en",), style=style, has_script=True)

    def page_for(request: Request, caller: Caller, here: str) -> Page:
        sessions = request.app.state.runtime.sessions
        token = sessions.token_on_page(caller.session)

        def render(template: str, status: int = 200, **context: Any) -> HTMLResponse:
            return pages.render(
                template,
                "en",
                status=status,
                here=here,
                base=BASE,
                form_token=token,
                **context,
            )

        return render

    return page_for


def _own_path(request: Request) -> str:
    query = f"?{request.url.query}" if request.url.query else ""
    return f"/streams{request.url.path}{query}"
