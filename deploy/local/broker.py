"""What the supervisor asks of Kafka: make the topics, and where does each partition end."""

from collections.abc import Mapping
from typing import Final, Protocol

from aiokafka import AIOKafkaConsumer, TopicPartition

from deploy.local.engines import Addresses

EndOffsets = Mapping[str, Mapping[int, int]]
"""For each topic and partition the offset that the next record will get."""

_REQUEST_TIMEOUT_MS: Final = 10_000


class Broker(Protocol):
    """The Kafka of one platform."""

    async def open(self) -> None:
        """Makes the topics that are missing and connects."""

    async def end_offsets(self) -> EndOffsets:
        """Where each partition of our topics ends now. Raises `KafkaError` while it is away."""

    async def close(self) -> None:
        """Disconnects."""


class KafkaBroker:
    """A `Broker` on real Kafka. Reads no records, is in no group, commits nothing."""

    def __init__(self, addresses: Addresses) -> None:
        self._addresses = addresses
        self._consumer: AIOKafkaConsumer | None = None
        self._partitions: list[TopicPartition] = []

    async def open(self) -> None:
        """Makes the topics that are missing and connects."""
        # Imported here, so that whoever only reads the clock's driver needs no topics file.
        from deploy.local import topics

        await topics.apply(self._addresses, profile="local")
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=list(self._addresses.kafka),
            enable_auto_commit=False,
            request_timeout_ms=_REQUEST_TIMEOUT_MS,
        )
        await self._consumer.start()
        ours = (name for name in await self._consumer.topics() if not name.startswith("__"))
        for topic in sorted(ours):
            numbers = self._consumer.partitions_for_topic(topic) or set()
            self._partitions += [TopicPartition(topic, number) for number in sorted(numbers)]

    async def end_offsets(self) -> EndOffsets:
        """Where each partition of our topics ends now. Raises `KafkaError` while it is away."""
        if self._consumer is None:
            raise RuntimeError("the broker is not open: call open() first")
        ends: dict[str, dict[int, int]] = {}
        for partition, offset in (await self._consumer.end_offsets(self._partitions)).items():
            ends.setdefault(partition.topic, {})[partition.partition] = offset
        return ends

    async def close(self) -> None:
        """Disconnects."""
        if self._consumer is not None:
            await self._consumer.stop()
            self._consumer = None
