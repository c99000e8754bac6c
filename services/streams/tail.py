"""The end of the journal, as it grows: one reader a process, and any number who listen.

What must stay true: a listener gets every entry that it asked for and whose position is above the one at
which it began to listen, in order and none twice, or is told that it fell behind. However many listen,
the journal is read once; and a listener costs a bounded memory.

It runs on machine time and holds no clock: nothing of a programme's life waits for those who watch it.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

import structlog

from services.streams.domain.entries import Entry
from services.streams.store.journal import Journal, Search
from shared.storage.database import STORAGE_AWAY

_READ_AT_ONCE: Final = 1_000
_POLL_S: Final = 0.5
"""Other instances append too, and tell nobody; so long it takes at most until their entries are seen."""
_PAUSE_S: Final = 1.0
MOST_WAITING: Final = 2_000
"""Entries that one listener may have before it without taking them."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Interest:
    """Entries of one programme and stream, in one city or (None) in all."""

    programme: str
    stream: str
    city: str | None = None


@dataclass(slots=True, eq=False)
class Listener:
    """One who listens, until it is over."""

    position: int
    """It gets what stands above this."""
    interests: frozenset[Interest] | None
    """None for everything."""
    wants: Callable[[Entry], bool] | None
    most: int
    is_over: bool = False
    """It has fallen behind, or the process stops: what came is lost here, and still in the journal."""
    _waiting: deque[Entry] = field(default_factory=deque)
    _rung: asyncio.Event = field(default_factory=asyncio.Event)

    def give(self, entry: Entry) -> None:
        """One more entry, unless too many wait here already."""
        if self.is_over or (self.wants is not None and not self.wants(entry)):
            return
        if len(self._waiting) >= self.most:
            self.end()
        else:
            self._waiting.append(entry)
            self._rung.set()

    def end(self) -> None:
        """Nothing comes any more."""
        self.is_over = True
        self._waiting.clear()
        self._rung.set()

    async def take(self, within_s: float | None = None) -> list[Entry]:
        """All that wait, as soon as there is one; none if the time is up or it is over."""
        if not self._waiting and not self.is_over:
            # What was given in the very moment in which the time was up is taken all the same: who takes
            # nothing may go by the tail's position, and that stands behind it.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(within_s):
                    await self._rung.wait()
        self._rung.clear()
        taken = list(self._waiting)
        self._waiting.clear()
        return taken


class Tail:
    """Reads the end of the journal once, for all who listen in this process."""

    def __init__(self, journal: Journal, poll_s: float = _POLL_S) -> None:
        self._journal = journal
        self._poll_s = poll_s
        self._position = 0
        self._everything: set[Listener] = set()
        self._by_interest: dict[Interest, set[Listener]] = {}
        self._count = 0
        self._is_stopping = False
        self._grown = asyncio.Event()
        self._anyone = asyncio.Event()
        self._reading = asyncio.Lock()

    @property
    def position(self) -> int:
        """Everything up to here has been handed to who listened, while somebody listened."""
        return self._position

    @property
    def listeners(self) -> int:
        """How many listen."""
        return self._count

    def wake(self) -> None:
        """This process has appended something."""
        self._grown.set()

    def stop(self) -> None:
        """Lets all who listen go, and whoever comes now."""
        self._is_stopping = True
        for listener in {*self._everything}.union(*self._by_interest.values()):
            listener.end()

    @asynccontextmanager
    async def listen(
        self,
        interests: Iterable[Interest] | None = None,
        *,
        wants: Callable[[Entry], bool] | None = None,
        most: int = MOST_WAITING,
    ) -> AsyncIterator[Listener]:
        """Listens from the journal's end on: to the interests (None: to everything) that it `wants`.

        Interests are found without asking each listener; `wants` is asked for each entry.
        """
        asked = None if interests is None else frozenset(interests)
        async with self._reading:
            if self._count == 0:
                self._position = await self._journal.last_position()
            listener = Listener(self._position, asked, wants, most, is_over=self._is_stopping)
            for listeners in self._places_of(listener):
                listeners.add(listener)
            self._count += 1
            self._anyone.set()
        try:
            yield listener
        finally:
            for listeners in self._places_of(listener):
                listeners.discard(listener)
            for interest in asked or ():
                if not self._by_interest[interest]:
                    del self._by_interest[interest]
            self._count -= 1
            if self._count == 0:
                self._anyone.clear()

    async def run(self) -> None:
        """For ever, until cancelled. While nobody listens it does nothing at all."""
        while True:
            await self._anyone.wait()
            self._grown.clear()
            try:
                is_at_end = await self._read_on()
            except STORAGE_AWAY as error:
                log.warning("tail_waits", error=type(error).__name__)
                await asyncio.sleep(_PAUSE_S)
                continue
            if is_at_end:
                await self._pause()

    async def _read_on(self) -> bool:
        """Hands out the next entries; whether these were the last ones."""
        async with self._reading:
            entries = await self._journal.search(Search(), self._position, _READ_AT_ONCE)
            self._hand_out(entries)
            if entries:
                self._position = entries[-1].position
            return len(entries) < _READ_AT_ONCE

    def _hand_out(self, entries: Sequence[Entry]) -> None:
        for entry in entries:
            in_city = Interest(entry.programme, entry.stream, entry.city)
            in_all = Interest(entry.programme, entry.stream)
            found = self._by_interest
            for listener in {*self._everything, *found.get(in_city, ()), *found.get(in_all, ())}:
                listener.give(entry)

    def _places_of(self, listener: Listener) -> list[set[Listener]]:
        if listener.interests is None:
            return [self._everything]
        return [self._by_interest.setdefault(one, set()) for one in listener.interests]

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(self._poll_s):
                await self._grown.wait()
        except TimeoutError:
            pass
