from collections.abc import Collection, Mapping

from aiokafka import TopicPartition
from aiokafka.errors import KafkaConnectionError

from shared.messaging.watchdog import STUCK_AFTER_S, Watchdog

PLACE = TopicPartition("matches", 0)


class AConsumer:
    def __init__(self) -> None:
        self.at = 0
        self.end = 5
        self.away = False

    def assignment(self) -> Collection[TopicPartition]:
        return {PLACE}

    async def position(self, partition: TopicPartition) -> int:
        return self.at

    async def end_offsets(
        self, partitions: Collection[TopicPartition]
    ) -> Mapping[TopicPartition, int]:
        if self.away:
            raise KafkaConnectionError
        return dict.fromkeys(partitions, self.end)


class Watched:
    """A watchdog, its one consumer, and the machine's time."""

    def __init__(self) -> None:
        self.consumer = AConsumer()
        self.time = 0.0
        self.dog = Watchdog(lambda: [self.consumer], now=lambda: self.time)

    async def looks_after(self, seconds: float) -> bool:
        self.time += seconds
        await self.dog.look()
        return self.dog.is_anyone_stuck


async def test_who_stands_before_unread_records_for_minutes_is_stuck() -> None:
    watched = Watched()
    assert not await watched.looks_after(0)
    assert not await watched.looks_after(STUCK_AFTER_S)
    assert await watched.looks_after(1)


async def test_who_moves_is_not_stuck_however_far_behind() -> None:
    watched = Watched()
    watched.consumer.end = 1_000
    for _ in range(5):
        watched.consumer.at += 1
        assert not await watched.looks_after(STUCK_AFTER_S)


async def test_who_has_read_everything_may_stand_still() -> None:
    watched = Watched()
    watched.consumer.at = watched.consumer.end
    for _ in range(3):
        assert not await watched.looks_after(STUCK_AFTER_S)


async def test_while_kafka_is_away_nobody_is_stuck() -> None:
    watched = Watched()
    await watched.looks_after(0)
    watched.consumer.away = True
    assert not await watched.looks_after(2 * STUCK_AFTER_S)
    watched.consumer.away = False
    assert not await watched.looks_after(1)
    assert not await watched.looks_after(STUCK_AFTER_S)
