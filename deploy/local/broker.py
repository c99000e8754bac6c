"""What the supervisor asks of Kafka: make the topics, and where does each partition end."""

import asyncio
import time
from collections.abc import Mapping
from typing import Any, Final, Protocol

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.protocol.fetch import FetchRequest

from deploy.local.engines import Addresses
from shared.errors import CommonGroundError

EndOffsets = Mapping[str, Mapping[int, int]]
"""For each topic and partition the offset that the next record will get."""

_REQUEST_TIMEOUT_MS: Final = 10_000
_BEYOND_EVERY_END: Final = 2**62
_KNOWN_WITHIN_S: Final = 15.0
_ASK_AGAIN_S: Final = 0.1


class NoPartitions(CommonGroundError):
    """A topic is there without partitions, so nobody could tell whether it is read to its end."""


class Broker(Protocol):
    """The Kafka of one platform."""

    async def open(self) -> None:
        """Makes the topics that are missing and connects."""

    async def end_offsets(self) -> EndOffsets:
        """Where each partition of our topics ends now. Raises `KafkaError` while it is away."""

    async def close(self) -> None:
        """Disconnects."""


class KafkaBroker:
    """A `Broker` on real Kafka. Reads no records, is in no group, commits nothing.

    profile: how large the topics are made, see deploy/topics.yaml.
    """

    def __init__(self, addresses: Addresses, profile: str = "local") -> None:
        self._addresses = addresses
        self._profile = profile
        self._consumer: AIOKafkaConsumer | None = None
        self._partitions: list[TopicPartition] = []

    async def open(self) -> None:
        """Makes the topics that are missing and connects."""
        # Imported here, so that whoever only reads the clock's driver needs no topics file.
        from deploy.local import topics

        await topics.apply(self._addresses, profile=self._profile)
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=list(self._addresses.kafka),
            enable_auto_commit=False,
            request_timeout_ms=_REQUEST_TIMEOUT_MS,
        )
        await self._consumer.start()
        everything = await self._consumer.topics()
        ours = sorted(name for name in everything if not name.startswith("__"))
        # `topics()` tells names only. Without this Apache Kafka's partitions stay unknown: nothing
        # would be unread, and the clock would not wait for anything.
        await self._consumer._client.set_topics(ours)  # noqa: SLF001 - see below
        for topic in ours:
            numbers = await self._partitions_of(self._consumer, topic)
            self._partitions += [TopicPartition(topic, number) for number in sorted(numbers)]

    async def _partitions_of(self, consumer: AIOKafkaConsumer, topic: str) -> set[int]:
        """Of several brokers not each knows at once what one has just made."""
        until = time.monotonic() + _KNOWN_WITHIN_S
        while not (numbers := consumer.partitions_for_topic(topic)):
            if time.monotonic() > until:
                raise NoPartitions(f"Kafka names the topic {topic!r} but none of its partitions.")
            await asyncio.sleep(_ASK_AGAIN_S)
            await consumer._client.force_metadata_update()  # noqa: SLF001 - see below
        return set(numbers)

    async def end_offsets(self) -> EndOffsets:
        """Where each partition of our topics ends now. Raises `KafkaError` while it is away."""
        if self._consumer is None:
            raise RuntimeError("the broker is not open: call open() first")
        ends: dict[str, dict[int, int]] = {}
        for partition, offset in (await self._consumer.end_offsets(self._partitions)).items():
            ends.setdefault(partition.topic, {})[partition.partition] = offset
        await self._raise_to_high_watermarks(self._consumer, ends)
        return ends

    async def _raise_to_high_watermarks(
        self, consumer: AIOKafkaConsumer, ends: dict[str, dict[int, int]]
    ) -> None:
        """Tansu 0.6 answers the question for the end with the last batch's first offset plus one.

        The high watermark that comes with a fetch is right. Asked from beyond the end, so that no
        records come along; Apache Kafka answers that with -1, which raises nothing.
        """
        client = consumer._client  # noqa: SLF001 - aiokafka has no public way to ask only for this
        by_leader: dict[int, dict[str, list[tuple[int, int, int]]]] = {}
        for partition in self._partitions:
            leader = client.cluster.leader_for_partition(partition)
            topics = by_leader.setdefault(leader, {})
            wanted = (partition.partition, _BEYOND_EVERY_END, 1)
            topics.setdefault(partition.topic, []).append(wanted)
        answers: list[Any] = await asyncio.gather(
            *(
                client.send(leader, FetchRequest(1, 0, 1_000, 0, list(topics.items())))
                for leader, topics in by_leader.items()
            )
        )
        for answer in answers:
            for topic, partitions in answer.topics:
                for number, _error, high_watermark, *_records in partitions:
                    ends[topic][number] = max(ends[topic][number], high_watermark)

    async def close(self) -> None:
        """Disconnects."""
        if self._consumer is not None:
            await self._consumer.stop()
            self._consumer = None
