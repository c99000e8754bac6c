"""Notices a consumer that has stopped reading although there is something to read.

What must stay true: Kafka being away is not the consumer's fault, so then nobody is called stuck. A
batch that takes long is another matter, see `Runtime.is_alive`.
"""

import asyncio
import time
from collections.abc import Callable, Collection, Mapping
from typing import Final, Protocol

import structlog
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

_LOOK_EVERY_S: Final = 10.0
_ANSWER_WITHIN_S: Final = 5.0
STUCK_AFTER_S: Final = 120.0
"""Far above a rebalance (a session of 6 s) and the wait for a new leader."""

log = structlog.get_logger(__name__)


class Consumer(Protocol):
    """What is asked of aiokafka's consumer."""

    def assignment(self) -> Collection[TopicPartition]:
        """The partitions that it reads."""

    async def position(self, partition: TopicPartition) -> int:
        """The offset that it will fetch next."""

    async def end_offsets(
        self, partitions: Collection[TopicPartition]
    ) -> Mapping[TopicPartition, int]:
        """Where they end."""


class Watchdog:
    """Looks every few seconds whether each consumer gets on with what lies before it.

    consumers: called at each look, since a consumer is made only when its subscriber starts.
    """

    def __init__(
        self,
        consumers: Callable[[], Collection[Consumer]],
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._consumers = consumers
        self._now = now
        self._since: dict[TopicPartition, tuple[int, float]] = {}
        self.ends: dict[TopicPartition, int] = {}
        """Where each assigned partition ended at the last look; empty if Kafka did not answer."""

    @property
    def is_anyone_stuck(self) -> bool:
        """Whether a partition has had unread records for minutes, and nobody moved in it."""
        now = self._now()
        return any(now - since > STUCK_AFTER_S for _, since in self._since.values())

    async def run(self) -> None:
        """Looks, for ever, until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(_LOOK_EVERY_S)

    async def look(self) -> None:
        """Notes who is behind, and since when without a step."""
        behind: dict[TopicPartition, int] = {}
        seen: dict[TopicPartition, int] = {}
        try:
            async with asyncio.timeout(_ANSWER_WITHIN_S):
                for consumer in self._consumers():
                    ends = await _ends(consumer)
                    seen |= ends
                    behind |= await _behind(consumer, ends)
        except (KafkaError, TimeoutError) as error:
            log.debug("watchdog_sees_nothing", error=type(error).__name__)
            self._since.clear()
            self.ends = {}
            return
        self.ends = seen
        now = self._now()
        kept = {}
        for partition, position in behind.items():
            before, since = self._since.get(partition, (position, now))
            kept[partition] = (position, since if before == position else now)
        self._since = kept
        if self.is_anyone_stuck:
            log.error("consumer_stuck", partitions=len(kept))


async def _ends(consumer: Consumer) -> Mapping[TopicPartition, int]:
    """Where the partitions end that it reads."""
    assigned = list(consumer.assignment())
    return await consumer.end_offsets(assigned) if assigned else {}


async def _behind(
    consumer: Consumer, ends: Mapping[TopicPartition, int]
) -> dict[TopicPartition, int]:
    """The partitions that hold more than was fetched, and the position in each."""
    positions = {partition: await consumer.position(partition) for partition in ends}
    return {
        partition: position
        for partition, position in positions.items()
        if position < ends[partition]
    }
