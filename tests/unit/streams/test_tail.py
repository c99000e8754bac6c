"""The journal's end: each listener gets what it asked for, in order and once, and the journal is read once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

from hypothesis import given, settings
from hypothesis import strategies as st

from services.streams.domain.entries import Entry
from services.streams.store.journal import Journal
from services.streams.tail import Interest, Tail
from shared.events.check_ins import CheckInDue
from shared.events.matches import MatchAccepted
from shared.events.payload import Payload
from tests.unit.streams.memory import Memory, an_entry

CITIES = ("461", "751", None)


@asynccontextmanager
async def a_tail(memory: Memory) -> AsyncIterator[Tail]:
    tail = Tail(cast("Journal", memory), poll_s=0.001)
    running = asyncio.create_task(tail.run())
    yield tail
    running.cancel()


async def taken(listener: Any, count: int) -> list[Entry]:
    got: list[Entry] = []
    async with asyncio.timeout(10):
        while len(got) < count and not listener.is_over:
            got += await listener.take(0.1)
    return got


@settings(max_examples=25)
@given(
    st.lists(st.tuples(st.sampled_from(CITIES), st.booleans()), max_size=40),
    st.lists(st.tuples(st.sampled_from(CITIES), st.booleans()), min_size=1, max_size=40),
    st.sets(st.sampled_from(CITIES), min_size=1),
)
def test_a_listener_gets_all_of_its_interests_in_order_and_once(
    before: list[tuple[str | None, bool]],
    after: list[tuple[str | None, bool]],
    cities: set[str | None],
) -> None:
    kinds: dict[bool, type[Payload]] = {True: MatchAccepted, False: CheckInDue}
    memory = Memory()

    async def live() -> None:
        memory.append(*(an_entry(n, c, kinds[m]) for n, (c, m) in enumerate(before)))
        async with a_tail(memory) as tail:
            interests = [Interest("kvinfo", "matches", city) for city in cities]
            async with tail.listen(interests) as listener, tail.listen() as everything:
                for number, (city, is_match) in enumerate(after):
                    memory.append(an_entry(number, city, kinds[is_match]))
                    if number % 3 == 0:
                        tail.wake()
                        await asyncio.sleep(0)
                behind = memory.entries[len(before) :]
                wanted = [
                    entry
                    for entry in behind
                    if entry.stream == "matches" and (None in cities or entry.city in cities)
                ]
                assert await taken(everything, len(behind)) == behind
                assert await taken(listener, len(wanted)) == wanted
                assert tail.position == len(memory.entries)

    asyncio.run(live())


async def test_however_many_listen_the_journal_is_read_once() -> None:
    async def reads_for(listeners: int) -> int:
        memory = Memory()
        tail = Tail(cast("Journal", memory), poll_s=60)
        running = asyncio.create_task(tail.run())
        opened = [tail.listen() for _ in range(listeners)]
        for one in opened:
            await one.__aenter__()
        last = await tail.listen().__aenter__()
        await asyncio.sleep(0)
        before = memory.reads
        memory.append(*(an_entry(number) for number in range(50)))
        tail.wake()
        assert len(await taken(last, 50)) == 50
        running.cancel()
        return memory.reads - before

    assert await reads_for(100) <= await reads_for(0) + 1


async def test_while_nobody_listens_nothing_is_read() -> None:
    memory = Memory()
    async with a_tail(memory) as tail:
        async with tail.listen():
            pass
        for _ in range(20):
            await asyncio.sleep(0)
        reads = memory.reads
        memory.append(an_entry(1))
        tail.wake()
        for _ in range(20):
            await asyncio.sleep(0)
        assert memory.reads == reads


async def test_who_takes_nothing_is_let_go_and_nobody_else_is() -> None:
    memory = Memory()
    async with (
        a_tail(memory) as tail,
        tail.listen(most=10) as lazy,
        tail.listen(most=100) as quick,
    ):
        memory.append(*(an_entry(number) for number in range(11)))
        assert len(await taken(quick, 11)) == 11
        assert lazy.is_over
        assert await lazy.take() == []
        memory.append(an_entry(12))
        assert [entry.position for entry in await taken(quick, 1)] == [12]


async def test_who_listens_when_the_process_stops_is_let_go_and_so_is_whoever_comes() -> None:
    memory = Memory()
    async with a_tail(memory) as tail, tail.listen([Interest("kvinfo", "matches")]) as listener:
        tail.stop()
        assert await listener.take() == []
        async with tail.listen() as late:
            assert late.is_over
