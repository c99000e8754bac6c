"""One look for all who watch; what is away is told, and stops nothing."""

import asyncio
from typing import Any, cast

import pytest
from aiokafka.errors import KafkaConnectionError
from pymongo.errors import AutoReconnect

from services.streams.domain.vitals import Lag
from services.streams.watching.sampler import Sampler
from shared.clock import SystemClock


class Seen:
    """Everything that a sampler looks at; each part can be away."""

    def __init__(self) -> None:
        self.kafka_is_away = False
        self.storage_is_away = False
        self.looks = 0

    async def look(self) -> tuple[Lag, ...]:
        self.looks += 1
        if self.kafka_is_away:
            raise KafkaConnectionError
        return ()

    async def close(self) -> None:
        pass

    async def until(self, _: object) -> tuple[tuple[()], bool]:
        if self.storage_is_away:
            raise AutoReconnect("away")
        return (), False

    async def last_position(self) -> int:
        return 7

    async def newest(self, *_: object) -> list[Any]:
        return []

    async def count_open(self) -> int:
        return 0


@pytest.fixture
def seen() -> Seen:
    return Seen()


@pytest.fixture
def sampler(seen: Seen) -> Sampler:
    part, neighbours = cast("Any", seen), cast("Any", Seen())
    return Sampler(SystemClock(), part, part, part, part, neighbours)


async def test_kafka_away_is_a_sample_and_no_end(sampler: Sampler, seen: Seen) -> None:
    seen.kafka_is_away = True
    await sampler.look()
    seen.kafka_is_away = False
    await sampler.look()
    assert [sample.lags for sample in sampler.samples] == [None, ()]


async def test_storage_away_is_no_sample_and_no_end(sampler: Sampler, seen: Seen) -> None:
    seen.storage_is_away = True
    await sampler.look()
    assert sampler.samples == ()
    seen.storage_is_away = False
    await sampler.look()
    assert len(sampler.samples) == 1


async def test_however_many_watch_the_platform_is_looked_at_once(
    sampler: Sampler, seen: Seen
) -> None:
    async def watch() -> int:
        async for samples in sampler.watch():
            if samples:
                return len(samples)
        return 0

    watching = [asyncio.create_task(watch()) for _ in range(50)]
    await asyncio.sleep(0)
    assert sampler.watchers == 50
    await sampler.look()
    assert await asyncio.gather(*watching) == [1] * 50
    assert seen.looks == 1


async def test_who_watches_is_let_go_when_the_process_stops(sampler: Sampler) -> None:
    async def watch() -> None:
        async for _ in sampler.watch():
            pass

    watching = asyncio.create_task(watch())
    await asyncio.sleep(0)
    sampler.stop()
    async with asyncio.timeout(5):
        await watching
    assert sampler.watchers == 0
