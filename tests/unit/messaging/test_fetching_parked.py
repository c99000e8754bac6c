"""Fetching parked records again: slow is not gone."""

from typing import Any

import pytest
from aiokafka import ConsumerRecord, TopicPartition
from aiokafka.errors import RequestTimedOutError

from shared.messaging import parking

KEPT = {0: (3, 5, 8), 1: (2,)}
"""Offsets that the broker still has, by partition; the log ends behind the last."""


class SlowConsumer:
    """Answers a request for records only the third time that it is asked."""

    silent_for = 2

    def __init__(self, **_: Any) -> None:
        self._offset = 0
        self._asked = 0
        self._partition = TopicPartition("matches", 0)

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def end_offsets(self, partitions: list[TopicPartition]) -> dict[TopicPartition, int]:
        return {one: KEPT[one.partition][-1] + 1 for one in partitions}

    def assign(self, partitions: list[TopicPartition]) -> None:
        (self._partition,) = partitions

    def seek(self, _: TopicPartition, offset: int) -> None:
        self._offset, self._asked = offset, 0

    async def position(self, _: TopicPartition) -> int:
        return self._offset

    async def getmany(self, **_: Any) -> dict[TopicPartition, list[Any]]:
        self._asked += 1
        if self._asked <= self.silent_for:
            return {}
        kept = KEPT[self._partition.partition]
        if self._offset > kept[-1]:
            return {}
        at = next(offset for offset in kept if offset >= self._offset)
        record: Any = ConsumerRecord(
            "matches", self._partition.partition, at, 0, 0, b"key", b"{}", None, 0, 0, ()
        )
        return {self._partition: [record]}


def letter(partition: int, offset: int) -> str:
    return f"streams.matches.{partition}.{offset}"


async def test_a_record_that_comes_late_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parking, "AIOKafkaConsumer", SlowConsumer)
    monkeypatch.setattr(parking, "_ANSWER_WITHIN_S", 0.01)
    there = [letter(0, 3), letter(0, 8), letter(1, 2), "matching.matches.0.3"]
    gone = [letter(0, 1), letter(0, 4), letter(0, 9), letter(1, 7)]
    found = await parking.fetch(["somewhere:9092"], [*gone, *there])
    assert sorted(found) == sorted(there)
    assert all(name.endswith(f".{it.partition}.{it.offset}") for name, it in found.items())


async def test_silence_is_an_error_and_says_nothing_of_the_record(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(parking, "AIOKafkaConsumer", SlowConsumer)
    monkeypatch.setattr(SlowConsumer, "silent_for", 10**9)
    monkeypatch.setattr(parking, "_ANSWER_WITHIN_S", 0.01)
    with pytest.raises(RequestTimedOutError, match="matches-0@8"):
        await parking.fetch(["somewhere:9092"], [letter(0, 8)])
