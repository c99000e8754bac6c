"""A journal in memory, to which others append as well."""

import asyncio
from collections.abc import Collection
from dataclasses import replace

from services.streams.domain.entries import Entry, entry_of
from services.streams.store.journal import Search
from shared.events.matches import MatchAccepted
from shared.events.payload import Payload
from tests.unit.streams.examples import event, example


class Memory:
    """What a tail and a projection ask of a journal."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.reads = 0

    def append(self, *entries: Entry) -> None:
        for entry in entries:
            self.entries.append(replace(entry, position=len(self.entries) + 1))

    async def last_position(self) -> int:
        return len(self.entries)

    async def search(self, _: Search, after: int, limit: int) -> list[Entry]:
        self.reads += 1
        await asyncio.sleep(0)
        return self.entries[after : after + limit]

    async def seen(
        self,
        programme: str,
        streams: Collection[str],
        types: Collection[str],
        cities: Collection[str] | None,
        *,
        after: int,
        until: int,
        limit: int,
    ) -> list[Entry]:
        await asyncio.sleep(0)
        fitting = [
            entry
            for entry in self.entries[after:until]
            if entry.programme == programme
            and entry.stream in streams
            and entry.type in types
            and (cities is None or entry.city in cities)
        ]
        return fitting[:limit]


def an_entry(number: int, city: str | None = "461", kind: type[Payload] = MatchAccepted) -> Entry:
    made = example(kind, programme="kvinfo", city=city, match_id=f"match-{number}")
    return entry_of(event(made))
