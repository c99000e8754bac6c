"""A view followed along the journal: whatever way its events come, none is left out, also after going back."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

from hypothesis import example, given, settings
from hypothesis import strategies as st

from services.streams.domain.projection import Projected
from services.streams.following import Following
from services.streams.projecting import Projections
from services.streams.store.journal import Journal
from services.streams.tail import Tail
from shared.security.hashing import KeyedHash
from tests.unit.streams.grants import a_grant
from tests.unit.streams.memory import Memory, an_entry

ODENSE, AARHUS = "461", "751"


@asynccontextmanager
async def following_in(memory: Memory) -> AsyncIterator[tuple[Following, Tail]]:
    journal = cast("Journal", memory)
    projections = Projections(journal, KeyedHash("hashes").of)
    tail = Tail(journal, poll_s=0.001)
    running = asyncio.create_task(tail.run())
    try:
        async with Following(
            journal, projections, tail, projections.view(a_grant(cities=(ODENSE,)))
        ) as it:
            yield it, tail
    finally:
        running.cancel()


async def everything_behind(following: Following, after: int, end: int, limit: int) -> list[int]:
    """Positions of what is shown from behind a position to the journal's end."""
    found: list[Projected] = []
    async with asyncio.timeout(5):
        while after < end:
            events, after = await following.page(after, limit)
            found += events
            if not events:
                await following.wait(0.01)
    return [event.position for event in found]


steps = st.lists(
    st.one_of(st.lists(st.sampled_from([ODENSE, AARHUS]), max_size=6), st.floats(0, 1)),
    max_size=12,
)
"""The journal grows by what happens in these cities; or the position is set to this share of it."""


@settings(max_examples=60, deadline=None)
@example(steps=[[], [ODENSE] * 3, 0.0], limit=50)
@given(steps=steps, limit=st.integers(1, 50))
def test_from_any_position_set_at_any_time_all_that_is_shown_comes_in_order_and_once(
    steps: list[list[str] | float], limit: int
) -> None:
    memory = Memory()

    def shown_behind(after: int) -> list[int]:
        behind = memory.entries[after:]
        return [entry.position for entry in behind if entry.city == ODENSE]

    async def live() -> None:
        after = 0
        async with following_in(memory) as (following, tail):
            for step in steps:
                if isinstance(step, list):
                    memory.append(*(an_entry(number, city) for number, city in enumerate(step)))
                    tail.wake()
                else:
                    after = int(step * len(memory.entries))
                end = len(memory.entries)
                assert await everything_behind(following, after, end, limit) == shown_behind(after)
                after = end

    asyncio.run(live())


async def test_what_is_given_as_the_time_is_up_is_not_passed_over() -> None:
    memory = Memory()
    journal = cast("Journal", memory)
    tail = Tail(journal)
    async with tail.listen() as listener:
        taking = asyncio.create_task(listener.take(0.01))
        await asyncio.sleep(0)
        # The loop is busy until after the time is up; then both are due in the same turn.
        memory.append(an_entry(1))
        asyncio.get_running_loop().call_later(0.01, listener.give, memory.entries[0])
        await asyncio.sleep(0)
        time.sleep(0.02)  # noqa: ASYNC251  (to hold the loop up is the point)
        assert await taking == memory.entries
