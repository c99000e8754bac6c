"""Reading for a grant: pages that together hold everything, and a stream without a gap where they meet."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import cast

from hypothesis import given, settings
from hypothesis import strategies as st

from services.streams.api.event_stream import Events
from services.streams.domain.entries import Entry
from services.streams.domain.grants import Grant
from services.streams.domain.integration import INTEGRATION_EVENTS, Seen
from services.streams.domain.projection import Projected
from services.streams.projecting import Projections
from services.streams.store.journal import Journal
from services.streams.tail import MOST_WAITING, Interest, Listener, Tail
from shared.security.hashing import KeyedHash
from tests.unit.streams.grants import a_grant
from tests.unit.streams.memory import Memory, an_entry

cities = st.lists(st.sampled_from(["461", "751", "741", None]), max_size=60)
grants = st.sampled_from(
    [
        a_grant(),
        a_grant(cities=()),
        a_grant(all_cities=True),
        a_grant(cities=("461", "751")),
        a_grant(regions=("Midtjylland",)),
    ]
)


def a_journal(happened: list[str | None]) -> tuple[Memory, Projections]:
    memory = Memory()
    memory.append(*(an_entry(number, city) for number, city in enumerate(happened)))
    return memory, Projections(cast("Journal", memory), KeyedHash("hashes").of)


@settings(max_examples=40)
@given(cities, grants, st.integers(1, 7), st.integers(0, 60))
def test_pages_of_any_size_hold_everything_once_and_come_to_the_end(
    happened: list[str | None], grant: Grant, limit: int, start: int
) -> None:
    memory, projections = a_journal(happened)
    view = projections.view(grant)

    async def read() -> list[Projected]:
        got: list[Projected] = []
        after = start
        for _ in range(len(happened) + 1):
            page = await projections.page(view, after, limit)
            got += page.events
            assert page.reached > after or page.is_last
            after = page.reached
            if page.is_last:
                return got
        raise AssertionError("it does not come to the end")

    wanted = [view.of(entry) for entry in memory.entries[start:]]
    assert asyncio.run(read()) == [event for event in wanted if event is not None]


@given(
    cities,
    grants,
    st.none() | st.sets(st.sampled_from(["461", "751", "741", "999"])),
    st.none() | st.sets(st.sampled_from(INTEGRATION_EVENTS)),
)
def test_to_ask_for_less_never_shows_more_nor_where_a_small_place_is(
    happened: list[str | None],
    grant: Grant,
    asked: set[str] | None,
    kinds: set[type[Seen]] | None,
) -> None:
    memory, projections = a_journal(happened)
    whole = projections.view(grant)
    narrow = whole.narrowed(kinds, asked)
    for entry in memory.entries:
        shown = narrow.of(entry)
        assert shown is None or shown == whole.of(entry)
        if asked is not None and shown is not None:
            assert shown.city in asked


class LateTail(Tail):
    """Something is appended just before somebody begins to listen, and again just after."""

    def __init__(self, memory: Memory, count: int) -> None:
        super().__init__(cast("Journal", memory), poll_s=0.001)
        self._memory = memory
        self._late = count

    @asynccontextmanager
    async def listen(
        self,
        interests: Iterable[Interest] | None = None,
        *,
        wants: Callable[[Entry], bool] | None = None,
        most: int = MOST_WAITING,
    ) -> AsyncIterator[Listener]:
        self._memory.append(*(an_entry(number) for number in range(self._late)))
        async with super().listen(interests, wants=wants, most=most) as listener:
            self._memory.append(*(an_entry(number) for number in range(self._late)))
            self.wake()
            yield listener


@settings(max_examples=25)
@given(cities, st.integers(1, 5), st.integers(0, 30))
def test_a_stream_has_no_gap_where_it_goes_over_to_what_is_appended(
    happened: list[str | None], late: int, start: int
) -> None:
    start = min(start, len(happened))

    async def read() -> tuple[list[Projected], list[Projected]]:
        memory, projections = a_journal(happened)
        view = projections.view(a_grant())
        tail = LateTail(memory, late)
        running = asyncio.create_task(tail.run())
        got: list[Projected] = []
        end = len(happened) + 2 * late
        async with asyncio.timeout(10):
            async for events, _ in Events(projections, tail, view, start).run():
                got += events
                if got and got[-1].position == end:
                    break
        running.cancel()
        shown = [view.of(entry) for entry in memory.entries[start:]]
        return got, [event for event in shown if event is not None]

    got, wanted = asyncio.run(read())
    assert got == wanted
