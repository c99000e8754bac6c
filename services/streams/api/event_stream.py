"""HTTP in: the same events as server-sent events. Who comes back with `Last-Event-ID` misses none.

What must stay true: the id of an event is its position, so the cursor is the same as the feed's; a
reader costs a bounded memory. One who does not take what comes is let go, and comes back by her id.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Annotated, Any, Final

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import Response
from sse_starlette import EventSourceResponse
from starlette.types import Receive, Scope, Send

from services.streams.api.asked import LAST_POSITION, Cities, Kinds, Programme, view_of
from services.streams.api.feed import refuse_lost_cursor
from services.streams.api.keys import Gate, Integrator
from services.streams.domain.integration import GrantedStream
from services.streams.domain.projection import Projected
from services.streams.granting import Granting, Opened
from services.streams.projecting import Projections, View
from services.streams.store.journal import Journal
from services.streams.tail import MOST_WAITING, Listener, Tail
from shared.web.doorkeeper import only_waits
from shared.web.problems import Problem

SIGN_OF_LIFE_S: Final = 15.0
"""So often something is sent, and so often it is asked whether the key still opens."""
_COME_BACK_AFTER_MS: Final = 2_000
_TAKES_WITHIN_S: Final = 20.0
_IN_A_PAGE: Final = 500
_DIGITS: Final = len(str(LAST_POSITION)) - 1
"""So many digits always are a position that MongoDB knows."""

_ANSWERS: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "Server-sent events: `id` is the position, `event` the type, `data` the "
        "CloudEvent in JSON. An id without data only moves the cursor on.",
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
    },
}


def event_stream_routes(
    projections: Projections, journal: Journal, tail: Tail, granting: Granting, gate: Gate
) -> APIRouter:
    """The stream of events of each granted stream."""
    router = APIRouter()

    @router.get("/feed/{stream}/stream", response_class=Response, responses=_ANSWERS)
    async def stream_of_events(
        request: Request,
        opened: Integrator,
        stream: GrantedStream,
        after: Annotated[int | None, Query(ge=0, le=LAST_POSITION)] = None,
        last_event_id: Annotated[str | None, Header()] = None,
        type: Kinds = None,  # noqa: A002  (the query parameter's name)
        city: Cities = None,
        programme: Programme = None,
    ) -> Response:
        """What happens from now on, or from behind `Last-Event-ID` (or `after`) on."""
        view = view_of(projections, opened, stream, type, city, programme)
        start = _start(last_event_id, after)
        if start is None:
            start = await journal.last_position()
        else:
            await refuse_lost_cursor(journal, start)
        only_waits(request)
        events = Events(projections, tail, view, start)
        return _Stream(_told(events, opened, granting, _Key(gate, request)), gate, opened)

    return router


class _Stream(EventSourceResponse):
    """The answer: it takes a place among the grant's readers for as long as it is open."""

    def __init__(self, content: AsyncIterator[bytes], gate: Gate, opened: Opened) -> None:
        super().__init__(content, ping=0, send_timeout=_TAKES_WITHIN_S)
        self._gate = gate
        self._opened = opened

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Raises `Problem` (429) before anything is sent, if all places are taken."""
        with self._gate.one_reader(self._opened):
            await super().__call__(scope, receive, send)


class _Key:
    """The key of an open stream: asked again now and then whether it still opens."""

    def __init__(self, gate: Gate, request: Request) -> None:
        self._gate = gate
        self._request = request
        self._clock = asyncio.get_running_loop().time
        self._asked_at = self._clock()

    async def is_over(self) -> bool:
        """Whether it was revoked or has expired since. Raises errors of the storage."""
        if self._clock() - self._asked_at < SIGN_OF_LIFE_S:
            return False
        self._asked_at = self._clock()
        return not await self._gate.still_opens(self._request)


class Events:
    """Everything that a view shows behind a position: from the journal, then as it is appended."""

    def __init__(self, projections: Projections, tail: Tail, view: View, start: int) -> None:
        self._projections = projections
        self._tail = tail
        self._view = view
        self._cursor = start

    async def run(self) -> AsyncIterator[tuple[Sequence[Projected], int]]:
        """Events and the cursor behind them; without events it is a sign of life."""
        yield (), self._cursor
        async for told in self._kept(until=None):
            yield told
        types = self._view.types
        async with self._tail.listen(
            self._view.interests, wants=lambda entry: entry.type in types, most=MOST_WAITING
        ) as listener:
            async for told in self._kept(until=listener.position):
                yield told
            async for told in self._fresh(listener):
                yield told

    async def _kept(self, until: int | None) -> AsyncIterator[tuple[Sequence[Projected], int]]:
        """Pages of the journal, to its end or at least to a position."""
        while until is None or self._cursor < until:
            page = await self._projections.page(self._view, self._cursor, _IN_A_PAGE)
            self._cursor = page.reached
            if page.events:
                yield page.events, page.reached
            if until is None and page.is_last:
                return

    async def _fresh(self, listener: Listener) -> AsyncIterator[tuple[Sequence[Projected], int]]:
        """What is appended, until the reader has fallen behind or the process stops."""
        clock = asyncio.get_running_loop().time
        told_at = clock()
        while True:
            entries = await listener.take(SIGN_OF_LIFE_S)
            if listener.is_over:
                return
            shown = [
                event
                for entry in entries
                if entry.position > self._cursor and (event := self._view.of(entry)) is not None
            ]
            # Nothing waits here now, so all that the tail has handed out is behind the cursor.
            self._cursor = max(self._cursor, self._tail.position)
            if shown or clock() - told_at >= SIGN_OF_LIFE_S:
                told_at = clock()
                yield shown, self._cursor


async def _told(
    events: Events, opened: Opened, granting: Granting, key: _Key
) -> AsyncIterator[bytes]:
    yield f"retry: {_COME_BACK_AFTER_MS}\n\n".encode()
    async for shown, cursor in events.run():
        granting.note(opened, shown)
        yield _as_text(shown, cursor)
        if await key.is_over():
            return


def _as_text(events: Iterable[Projected], cursor: int) -> bytes:
    lines = [
        f"id: {event.position}\nevent: {event.type}\ndata: {event.as_json()}\n\n"
        for event in events
    ]
    return "".join([*lines, f"id: {cursor}\n\n"]).encode()


def _start(last_event_id: str | None, after: int | None) -> int | None:
    """The cursor that was sent, if any; what the browser remembers counts more than the address."""
    if last_event_id is None or last_event_id == "":
        return after
    if not (last_event_id.isascii() and last_event_id.isdigit()) or len(last_event_id) > _DIGITS:
        raise _no_position("Last-Event-ID")
    return int(last_event_id)


def _no_position(field: str) -> Problem:
    reason = "It is no position; send the id of the last event that you got."
    return Problem(
        422, "The request is not valid", reason, errors=[{"field": field, "reason": reason}]
    )
