"""The journal as one view shows it, pulled: from behind a position, at first page by page, then at its end.

For the doors where we are the ones who send. What must stay true: nothing that the view shows is left
out between a position asked for and the one that was reached, whichever way it came.
"""

from collections import deque
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Final, Self

from services.streams.domain.entries import Entry
from services.streams.domain.projection import Projected
from services.streams.projecting import Projections, View
from services.streams.store.journal import Journal, Search
from services.streams.tail import Listener, Tail

_OF_ONE_MATCH: Final = 200


class Following:
    """One view's way along the journal; an async context manager. One caller at a time."""

    def __init__(self, journal: Journal, projections: Projections, tail: Tail, view: View) -> None:
        self._journal = journal
        self._projections = projections
        self._tail = tail
        self._view = view
        self._listener: Listener | None = None
        self._listening = AsyncExitStack()
        self._ready: deque[Projected] = deque()
        self._complete_above: int | None = None
        """All that the view shows above this position is in `_ready`, or still with the listener."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._listening.aclose()

    @property
    def is_at_end(self) -> bool:
        """Whether what is new comes by itself."""
        return self._complete_above is not None

    async def page(self, after: int, limit: int) -> tuple[list[Projected], int]:
        """At most `limit` events behind a position, and the position up to which these are all."""
        if len(self._ready) < limit:
            # No more than that: what nobody takes must stay with the listener, whose memory is bounded.
            await self._hear(0.0)
        if self._complete_above is not None and after < self._complete_above:
            # Somebody set the position back: what was taken from here by then is in the journal only.
            await self._begin_anew()
        if self._complete_above is None:
            return await self._read(after, limit)
        while self._ready and self._ready[0].position <= after:
            self._complete_above = self._ready.popleft().position
        found = [self._ready[index] for index in range(min(limit, len(self._ready)))]
        # With nothing left here, the view shows nothing up to where the tail has read.
        return found, found[-1].position if found else max(after, self._tail.position)

    async def of_match(self, at: int, until: int) -> list[Projected]:
        """The event at a position, and the later ones of its match up to `until`; empty if it is gone."""
        first = await self._journal.search(Search(), at - 1, 1)
        if not first or first[0].position != at or not first[0].matches:
            return []
        match_id = first[0].matches[0]
        found = await self._journal.search(Search(match=match_id), at - 1, _OF_ONE_MATCH)
        shown = (self._view.of(entry) for entry in found if entry.position <= until)
        return [one for one in shown if one is not None]

    async def wait(self, within_s: float) -> None:
        """Returns when something new may be there, or the time is up."""
        if self.is_at_end and not self._ready:
            await self._hear(within_s)

    async def _read(self, after: int, limit: int) -> tuple[list[Projected], int]:
        """From the journal. At its end, listening begins: what comes from then on comes by itself."""
        if self._listener is None:
            self._listener = await self._listening.enter_async_context(
                self._tail.listen(self._view.interests, wants=self._shows)
            )
        page = await self._projections.page(self._view, after, limit)
        if page.reached >= self._listener.position:
            self._complete_above = self._listener.position
        return list(page.events), page.reached

    async def _hear(self, within_s: float) -> None:
        """Takes what the listener has. One that fell behind begins anew, from the journal."""
        if self._listener is None:
            return
        entries = await self._listener.take(within_s)
        if self._listener.is_over:
            await self._begin_anew()
            return
        self._ready.extend(one for one in map(self._view.of, entries) if one is not None)

    async def _begin_anew(self) -> None:
        """Listens no more, until the journal's end is reached again."""
        await self._listening.aclose()
        self._listening = AsyncExitStack()
        self._listener, self._complete_above = None, None
        self._ready.clear()

    def _shows(self, entry: Entry) -> bool:
        return entry.type in self._view.types
