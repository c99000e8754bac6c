"""HTTP in: the feed. CloudEvents in batches, with a cursor; with `wait`, as soon as there is one."""

import asyncio
from typing import Annotated, Any, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response

from services.streams.api.asked import After, Cities, Kinds, Programme, view_of
from services.streams.api.keys import Gate, Integrator
from services.streams.domain.integration import GrantedStream
from services.streams.granting import Granting, Opened
from services.streams.projecting import MOST_IN_A_PAGE, Page, Projections, View
from services.streams.store.journal import Journal
from services.streams.tail import Tail
from shared.web.doorkeeper import only_waits
from shared.web.problems import Problem

POSITION_HEADER: Final = "Commonground-Position"
BATCH: Final = "application/cloudevents-batch+json"
LONGEST_WAIT_S: Final = 30
_LOOKS_ON_FOR_S: Final = 1.0
"""Without `wait`: a page that has found nothing yet is answered after this, with how far it got."""

_ANSWERS: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "Events behind `after`, oldest first; an empty list if there is none yet.",
        "content": {BATCH: {"schema": {"type": "array", "items": {"type": "object"}}}},
        "headers": {
            POSITION_HEADER: {
                "description": "The `after` of the next request.",
                "schema": {"type": "string"},
            },
            "Link": {"description": "The next request, rel=next.", "schema": {"type": "string"}},
        },
    },
}


def feed_routes(
    projections: Projections, journal: Journal, tail: Tail, granting: Granting, gate: Gate
) -> APIRouter:
    """The feed of each granted stream."""
    router = APIRouter()

    @router.get("/feed/{stream}", response_class=Response, responses=_ANSWERS)
    async def feed(
        request: Request,
        opened: Integrator,
        stream: GrantedStream,
        after: After = 0,
        limit: Annotated[int, Query(ge=1, le=MOST_IN_A_PAGE)] = 100,
        wait: Annotated[int, Query(ge=0, le=LONGEST_WAIT_S, description="Seconds.")] = 0,
        type: Kinds = None,  # noqa: A002  (the query parameter's name)
        city: Cities = None,
        programme: Programme = None,
    ) -> Response:
        """What happened behind a position. Ask again with the position that the answer names."""
        view = view_of(projections, opened, stream, type, city, programme)
        await refuse_lost_cursor(journal, after)
        page = await _next(projections, view, after, limit, _LOOKS_ON_FOR_S)
        if not page.events and page.is_last and wait:
            page = await _awaited(request, opened, view, page.reached, limit, wait)
        granting.note(opened, page.events)
        return _answer(request, page)

    async def _awaited(
        request: Request, opened: Opened, view: View, after: int, limit: int, wait_s: float
    ) -> Page:
        with gate.one_reader(opened):
            only_waits(request)
            async with tail.listen(
                view.interests, wants=lambda entry: view.of(entry) is not None, most=1
            ) as listener:
                page = await projections.page(view, after, limit)
                if not page.events:
                    await listener.take(wait_s)
                    page = await _next(projections, view, page.reached, limit, _LOOKS_ON_FOR_S)
        return page

    return router


async def refuse_lost_cursor(journal: Journal, after: int) -> None:
    """Raises `Problem` (410) if what stands behind the cursor is not kept, or never was."""
    first = await journal.first_position()
    if after + 1 < first:
        detail = f"The journal begins at position {first}; go on with after={first - 1}."
        raise Problem(410, "No longer kept", detail)
    if after and after > (last := await journal.last_position()):
        detail = (
            f"The journal ends at position {last}: it was restored since you got this cursor. Go back "
            "to a position from before; events that you have already have the ids that you know."
        )
        raise Problem(410, "Cursor unknown", detail)


async def _next(
    projections: Projections, view: View, after: int, limit: int, within_s: float
) -> Page:
    """The next page with something in it, or how far the journal was looked through meanwhile."""
    clock = asyncio.get_running_loop().time
    until = clock() + within_s
    page = await projections.page(view, after, limit)
    while not page.events and not page.is_last and clock() < until:
        page = await projections.page(view, page.reached, limit)
    return page


def _answer(request: Request, page: Page) -> Response:
    query = [(n, v) for n, v in request.query_params.multi_items() if n != "after"]
    following = urlencode([("after", str(page.reached)), *query])
    body = "[" + ",".join(event.as_json() for event in page.events) + "]"
    return Response(
        body,
        media_type=BATCH,
        headers={
            POSITION_HEADER: str(page.reached),
            # Relative, since what stands before the path is known to the ingress alone.
            "Link": f'<?{following}>; rel="next"',
        },
    )
