"""Makes a projection of the journal anew, from its first entry on.

What must stay true: it can be asked for at any time, twice, and broken off: what is in a projection says
itself which event it is from, so the newest counts in whatever order they come.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from services.streams.domain.entries import Entry
from services.streams.store.journal import Journal, Search
from services.streams.store.letters import Letters
from shared.events.streams import DEAD_LETTERS

_AT_ONCE: Final = 1_000


@dataclass(frozen=True, slots=True)
class Projection:
    """What is kept of one stream beside the journal."""

    stream: str
    forget_all: Callable[[], Awaitable[None]]
    note: Callable[[Sequence[Entry]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Progress:
    """read: entries taken in. position: up to where the journal was read, of `until`."""

    read: int
    position: int
    until: int


class Rebuilding:
    """The projections of this service."""

    def __init__(self, journal: Journal, letters: Letters) -> None:
        self._journal = journal
        self.projections: Mapping[str, Projection] = {
            "letters": Projection(DEAD_LETTERS.name, letters.forget_all, letters.note)
        }

    async def plan(self, name: str) -> int:
        """How many entries a rebuild would read. Raises `KeyError` for an unknown projection."""
        what = Search(stream=self.projections[name].stream)
        return await self._journal.count(what, 0, await self._journal.last_position())

    async def rebuild(self, name: str) -> AsyncIterator[Progress]:
        """Does it, a page at a time. Raises `KeyError` for an unknown projection."""
        projection = self.projections[name]
        await projection.forget_all()
        until = await self._journal.last_position()
        what, read, position = Search(stream=projection.stream), 0, 0
        while page := await self._journal.page(what, position, until, _AT_ONCE):
            await projection.note(page)
            read, position = read + len(page), page[-1].position
            yield Progress(read, position, until)
        yield Progress(read, until, until)
