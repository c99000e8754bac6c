"""HTTP in: the two pages of the console that stay live, the overview and the tail.

Made on the server; a small module keeps them live. Without it they are the same, and show one moment.
"""

from collections.abc import AsyncIterator, Mapping
from typing import Annotated, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from pydantic import BaseModel
from sse_starlette.sse import EventSourceResponse

from services.streams.api.journal import known_type
from services.streams.api.pages import BASE, ROOM, OperatorAtAPage, page_maker
from services.streams.console import Console
from services.streams.domain.entries import JOURNALED, short_name
from services.streams.store.journal import Search
from services.streams.views import journeys
from services.streams.views.overview import overview
from shared.events.payload import Payload
from shared.web.access import Operator
from shared.web.doorkeeper import only_waits
from shared.web.frame import Pages
from shared.web.problems import Problem

MOST_WATCHERS: Final = 100
_ROWS: Final = 100
_PING_S: Final = 15
_TYPES: Final = [short_name(one.wire_name) for one in Payload.all() if one.stream in JOURNALED]
_SCRIPT: Final = (ROOM / "assets" / "console.js").read_text(encoding="utf-8")


class Asked(BaseModel):
    """What the live tail is filtered by."""

    type: str | None = None
    city: str | None = None
    participant: str | None = None
    match: str | None = None
    correlation: str | None = None

    def search(self) -> Search:
        """As the journal understands it. Raises `Problem` (422) for an unknown type."""
        return Search(
            participant=self.participant or None,
            match=self.match or None,
            correlation=self.correlation or None,
            city=self.city or None,
            type=known_type(self.type),
        )

    def query(self) -> str:
        """The same as a query string."""
        return urlencode({name: value for name, value in self.model_dump().items() if value})


def let_watch(request: Request, console: Console) -> None:
    """From here on the request only watches. Raises `Problem` (503) if too many do already."""
    if console.watchers >= MOST_WATCHERS:
        later = {"Retry-After": "30"}
        raise Problem(503, "Too many watch", "Load the page by hand for now.", headers=later)
    only_waits(request)


def console_routes(console: Console) -> APIRouter:
    """The pages; each needs an operator's key or session."""
    room = APIRouter(include_in_schema=False)
    router = APIRouter(prefix="/console")
    page_for = page_maker()
    parts = Pages(ROOM, locales=("en",))

    @room.get("/")
    async def door() -> Response:
        return RedirectResponse(BASE, 303)

    @router.get("")
    async def first(request: Request, caller: OperatorAtAPage) -> HTMLResponse:
        return page_for(request, caller, "")("overview.html", **overview(console.samples()))

    @router.get("/console.js")
    async def script() -> Response:
        return Response(_SCRIPT, media_type="text/javascript")

    @router.get("/live")
    async def live(request: Request, _: Operator) -> Response:
        let_watch(request, console)

        async def moments() -> AsyncIterator[Mapping[str, str]]:
            async for samples in console.watch():
                context = {**overview(samples), "base": BASE}
                yield {"event": "moment", "data": parts.part("overview_live.html", "en", **context)}

        return EventSourceResponse(moments(), ping=_PING_S)

    @router.get("/tail")
    async def tail(
        request: Request,
        caller: OperatorAtAPage,
        asked: Annotated[Asked, Query()],
        before: Annotated[int | None, Query(ge=1, le=2**63 - 1)] = None,
    ) -> HTMLResponse:
        problem, entries = "", []
        try:
            entries = await console.newest(asked.search(), _ROWS, before)
        except Problem as unknown:
            problem = unknown.detail
        return page_for(request, caller, "/tail")(
            "tail.html",
            status=422 if problem else 200,
            asked=asked.model_dump(),
            query=asked.query(),
            entries=[journeys.row(entry) for entry in entries],
            older=entries[-1].position if len(entries) == _ROWS else None,
            types=_TYPES,
            problem=problem,
        )

    @router.get("/tail/live")
    async def tail_live(
        request: Request, _: Operator, asked: Annotated[Asked, Query()]
    ) -> Response:
        what = asked.search()
        let_watch(request, console)

        async def rows() -> AsyncIterator[Mapping[str, str]]:
            async for entries in console.follow(what):
                shown = [journeys.row(entry) for entry in entries[-_ROWS:]]
                html = parts.part("tail_rows.html", "en", entries=shown, base=BASE)
                yield {"event": "rows", "data": html}

        return EventSourceResponse(rows(), ping=_PING_S)

    room.include_router(router)
    return room
