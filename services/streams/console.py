"""The use cases of the console: look, open, show with a reason, and what was set aside."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from services.streams.domain.entries import Entry
from services.streams.domain.vitals import Sample
from services.streams.service import Journey, Lineage, Streams
from services.streams.store.journal import Journal, Search
from services.streams.store.letters import Group, Letter, Letters
from services.streams.store.unmaskings import Unmasking, Unmaskings
from services.streams.tail import Tail
from services.streams.watching.sampler import Sampler
from shared.events.streams import DEAD_LETTERS

_MOST_OF_A_LETTER = 100


@dataclass(frozen=True, slots=True)
class OpenedLetter:
    """One letter, what it says of the record, and all that was said of it."""

    letter: Letter
    history: list[Entry]

    @property
    def record(self) -> Entry | None:
        """The newest event that quotes the record."""
        return next((one for one in reversed(self.history) if "partition" in one.payload), None)


class Console:
    """What operators look at. Nothing here changes anything but the audit."""

    def __init__(
        self,
        streams: Streams,
        journal: Journal,
        letters: Letters,
        unmaskings: Unmaskings,
        sampler: Sampler,
        tail: Tail,
    ) -> None:
        self._streams = streams
        self._journal = journal
        self._letters = letters
        self._unmaskings = unmaskings
        self._sampler = sampler
        self._tail = tail
        self._following = 0

    @property
    def watchers(self) -> int:
        """How many pages are open that stay live."""
        return self._sampler.watchers + self._following

    # Looking --------------------------------------------------------------------------------------

    def samples(self) -> Sequence[Sample]:
        """The last looks at the platform, the newest last."""
        return self._sampler.samples

    def watch(self) -> AsyncIterator[Sequence[Sample]]:
        """The same, again after each new look."""
        return self._sampler.watch()

    async def newest(self, what: Search, limit: int, before: int | None = None) -> list[Entry]:
        """The last entries that fit, the newest first."""
        return await self._journal.newest(what, limit, before)

    async def follow(self, what: Search) -> AsyncIterator[list[Entry]]:
        """Entries that fit, as they come; ends if the reader does not keep up."""
        self._following += 1
        try:
            async with self._tail.listen(wants=what.fits) as listener:
                while not listener.is_over:
                    if entries := await listener.take():
                        yield entries
        finally:
            self._following -= 1

    async def opened(self, event_id: str) -> Lineage | None:
        """One event with its causes and effects."""
        return await self._streams.lineage(event_id)

    async def journey(self, asked: str) -> Journey | None:
        """Everything around one participant, or one match; None if the journal knows neither."""
        told = await self._streams.journey(asked)
        return told if told.entries else None

    # Showing what is masked -----------------------------------------------------------------------

    async def show(self, who: str, event_id: str, reason: str) -> Lineage | None:
        """The same as `opened`, to be shown whole; written down first. None if there is no such event."""
        lineage = await self._streams.lineage(event_id)
        if lineage is not None:
            await self._unmaskings.note(who, event_id, reason)
        return lineage

    async def looks(self, limit: int) -> list[Unmasking]:
        """Who has seen what is masked, the newest first."""
        return await self._unmaskings.newest(limit)

    # What was set aside ---------------------------------------------------------------------------

    async def groups(self) -> list[Group]:
        """Open letters by where and why."""
        return await self._letters.groups()

    async def letters(self, limit: int, **fields: str | None) -> list[Letter]:
        """Letters whose fields are these, the newest first."""
        return await self._letters.find(limit=limit, **fields)

    async def letter(self, letter_id: str) -> OpenedLetter | None:
        """One letter."""
        letter = await self._letters.get(letter_id)
        if letter is None:
            return None
        history = await self._journal.of_subject(DEAD_LETTERS.name, letter_id, _MOST_OF_A_LETTER)
        return OpenedLetter(letter, history)
