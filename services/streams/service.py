"""The use cases of streams: keep every event, find it again, tell one person's journey."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from services.streams.domain.entries import Entry, entry_of
from services.streams.store.journal import Journal, Search
from services.streams.store.letters import Letters
from services.streams.tail import Tail
from shared.events.lines import line_of
from shared.events.participants import ParticipantErased
from shared.events.streams import BY_NAME
from shared.events.wire import Event

_MOST_CAUSES: Final = 100
_MOST_EFFECTS: Final = 500
_EXPORTED_AT_ONCE: Final = 1_000
#: A journey of years has a few hundred entries; this only bounds the memory of one request.
MOST_OF_A_JOURNEY: Final = 5_000


@dataclass(frozen=True, slots=True)
class Lineage:
    """An event, what led to it (the nearest first), and what followed (in order of position)."""

    entry: Entry
    causes: list[Entry]
    effects: list[Entry]


@dataclass(frozen=True, slots=True)
class Journey:
    """Everything around one participant in order of time, and the matches that she was in."""

    participant_id: str
    matches: list[str]
    entries: list[Entry]
    is_cut_off: bool


class Streams:
    """The window on the event streams."""

    def __init__(self, journal: Journal, letters: Letters, tail: Tail) -> None:
        self._journal = journal
        self._letters = letters
        self._tail = tail

    async def append(self, batch: Sequence[Event[Any]]) -> None:
        """Keeps a batch of one stream. Those that are kept already fall out by their ids."""
        self._journal.never_keep(
            {event.subject for event in batch if isinstance(event.payload, ParticipantErased)}
        )
        entries = [entry_of(event) for event in batch]
        await self._journal.append(entries)
        self._tail.wake()
        await self._letters.note(entries)
        # Whatever the order in which they came, also when the batch came before, and also when another
        # stream or instance was told of the erasure: either this sees her erased, or that saw these.
        about = {one for entry in entries for one in entry.about}
        await self._journal.forget(await self._journal.erased_among(about))

    async def search(self, what: Search, after: int, limit: int) -> list[Entry]:
        """Entries that fit, by rising position."""
        return await self._journal.search(what, after, limit)

    async def lines(self, after: int) -> AsyncIterator[str]:
        """Every entry behind a position as a line, a page of the journal at a time."""
        while page := await self._journal.search(Search(), after, _EXPORTED_AT_ONCE):
            for entry in page:
                yield line_of(
                    BY_NAME[entry.stream],
                    entry.type,
                    entry.subject,
                    entry.sequence,
                    entry.time,
                    entry.payload,
                    programme=entry.programme,
                    correlation_id=entry.correlation_id,
                    causation_id=entry.causation_id,
                )
            after = page[-1].position

    async def lineage(self, event_id: str) -> Lineage | None:
        """One event with its causes and effects, or None if it has not come."""
        entry = await self._journal.get(event_id)
        if entry is None:
            return None
        return Lineage(entry, await self._causes(entry), await self._effects(entry))

    async def journey(self, participant_id: str) -> Journey:
        """One participant's journey, across all services."""
        matches = await self._journal.matches_of(participant_id)
        entries = await self._journal.about([participant_id, *matches], MOST_OF_A_JOURNEY + 1)
        told = sorted(entries[:MOST_OF_A_JOURNEY], key=lambda entry: (entry.time, entry.position))
        return Journey(participant_id, matches, told, len(entries) > MOST_OF_A_JOURNEY)

    async def positions(self) -> tuple[int, dict[str, int]]:
        """The last position, and how many entries each stream has."""
        return await self._journal.last_position(), await self._journal.counts()

    async def _causes(self, entry: Entry) -> list[Entry]:
        causes: list[Entry] = []
        while entry.causation_id is not None and len(causes) < _MOST_CAUSES:
            cause = await self._journal.get(entry.causation_id)
            if cause is None or cause in causes:
                break
            causes.append(cause)
            entry = cause
        return causes

    async def _effects(self, entry: Entry) -> list[Entry]:
        found: dict[str, Entry] = {}
        newest = [entry.id]
        while newest and len(found) < _MOST_EFFECTS:
            effects = await self._journal.caused_by(newest)
            fresh = [e for e in effects if e.id not in found and e.id != entry.id]
            found.update((effect.id, effect) for effect in fresh)
            newest = [effect.id for effect in fresh]
        return sorted(found.values(), key=lambda effect: effect.position)[:_MOST_EFFECTS]
