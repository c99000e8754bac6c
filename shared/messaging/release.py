"""Giving parked events another try, once what they failed on has been mended.

What must stay true: an event is released in its subject's order, through the same handler as ever, and
one that fails again stays exactly where it was.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition

from shared.clock import Clock
from shared.decisions import Decision
from shared.events.wire import Record
from shared.messaging.consumption import Consumption, Letter
from shared.storage.aggregates import Aggregates
from shared.storage.changes import Cause, Change
from shared.storage.reading import Reading

_FETCH_WITHIN_MS: Final = 5_000

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Parked:
    """What waits in one service.

    waiting: subjects behind an event that failed, or that has not come. letters: records set aside
    alone, since they could not be read or their handler failed as a whole.
    """

    waiting: int
    letters: int


@dataclass(frozen=True, slots=True)
class Released:
    """What came of another try. gone: no longer in Kafka, so nobody can try it again."""

    released: int
    still_parked: int
    gone: int


class Parking:
    """All that is parked in this service, and the way back."""

    def __init__(
        self,
        consumptions: Mapping[str, Consumption],
        homes: Sequence[Reading[object]],
        letters: Aggregates[Letter],
        clock: Clock,
        servers: Sequence[str],
    ) -> None:
        self._consumptions = consumptions
        self._homes = homes
        self._letters = letters
        self._clock = clock
        self._servers = list(servers)
        self._one_at_a_time = asyncio.Lock()

    async def parked(self) -> Parked:
        """What waits now."""
        return Parked(len(await self._waiting()), len(await self._open_letters()))

    async def release(self) -> Released:
        """Hands everything parked to its handler once more.

        Of each subject the first that waits; those behind it follow by themselves. Raises `KafkaError`
        and `STORAGE_AWAY` errors.
        """
        async with self._one_at_a_time:
            before = await self._waiting()
            for record in before:
                await self._consumptions[record.topic].handle([record])
            still = set(before) & set(await self._waiting())
            letters = await self._open_letters()
            records = await self._fetch(letters)
            done = [
                letter
                for letter, record in records.items()
                if await self._consumptions[record.topic].retry(record)
            ]
            await self._close(done)
        released = Released(
            released=len(before) - len(still) + len(done),
            still_parked=len(still) + len(records) - len(done),
            gone=len(letters) - len(records),
        )
        log.info(
            "parked_released",
            released=released.released,
            still_parked=released.still_parked,
            gone=released.gone,
        )
        return released

    async def _waiting(self) -> list[Record]:
        """The first record that waits of each subject, over all homes."""
        return [record for home in self._homes for record in await home.first_parked()]

    async def _open_letters(self) -> list[str]:
        return await self._letters.ids({"state.released": {"$ne": True}})

    async def _fetch(self, letters: Sequence[str]) -> dict[str, Record]:
        """The records that these letters are about, as far as Kafka still has them."""
        if not letters:
            return {}
        found: dict[str, Record] = {}
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._servers, enable_auto_commit=False, auto_offset_reset="earliest"
        )
        await consumer.start()
        try:
            for letter in letters:
                _, topic, number, offset = letter.rsplit(".", 3)
                partition = TopicPartition(topic, int(number))
                consumer.assign([partition])
                consumer.seek(partition, int(offset))
                fetched = await consumer.getmany(timeout_ms=_FETCH_WITHIN_MS, max_records=1)
                for kept in fetched.get(partition, []):
                    if kept.offset == int(offset):
                        headers = tuple(kept.headers)
                        found[letter] = Record(
                            topic, int(number), int(offset), kept.key, headers, kept.value
                        )
        finally:
            await consumer.stop()
        return found

    async def _close(self, letters: Sequence[str]) -> None:
        cause = Cause.due(self._clock.now())
        await self._letters.change([Change(letter, _released, cause) for letter in letters])


def _released(letter: Letter | None) -> Decision[Letter] | None:
    return Decision(replace(letter, released=True)) if letter is not None else None
