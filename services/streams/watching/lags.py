"""How far each consumer (`service.stream`) is: end offsets against committed offsets, as Kafka tells them."""

from collections.abc import Sequence
from typing import Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from services.streams.domain.vitals import Lag
from shared.events.asyncapi import SERVICES

_REQUEST_TIMEOUT_MS: Final = 5_000


class Lags:
    """Asks Kafka. In no group, reads no records, commits nothing."""

    def __init__(self, servers: Sequence[str]) -> None:
        self._servers = list(servers)
        self._consumer: AIOKafkaConsumer | None = None
        self._admin: AIOKafkaAdminClient | None = None
        self._partitions: dict[str, list[TopicPartition]] = {}

    async def look(self) -> tuple[Lag, ...]:
        """Every partition of every consumer of the contract. Raises `KafkaError`."""
        consumer, admin = await self._connected()
        everything = [one for partitions in self._partitions.values() for one in partitions]
        ends = await consumer.end_offsets(everything)
        found: list[Lag] = []
        for service, streams in SERVICES.items():
            partitions = [one for stream in streams for one in self._partitions[stream.name]]
            # Named one by one: an embedded broker breaks the connection on 'all of them'.
            committed = await admin.list_consumer_group_offsets(service, partitions=partitions)
            for partition in partitions:
                at = max(0, committed[partition].offset)
                # The embedded broker knows the end of the last batch only when it is read.
                end = max(at, ends[partition])
                name = f"{service}.{partition.topic}"
                found.append(Lag(name, partition.topic, partition.partition, at, end))
        return tuple(found)

    async def close(self) -> None:
        """Disconnects; the next look connects again."""
        consumer, admin = self._consumer, self._admin
        self._consumer = self._admin = None
        if consumer is not None:
            await consumer.stop()
        if admin is not None:
            await admin.close()

    async def _connected(self) -> tuple[AIOKafkaConsumer, AIOKafkaAdminClient]:
        if self._consumer is None or self._admin is None:
            consumer = AIOKafkaConsumer(
                bootstrap_servers=self._servers,
                enable_auto_commit=False,
                request_timeout_ms=_REQUEST_TIMEOUT_MS,
            )
            await consumer.start()
            self._consumer = consumer
            self._admin = AIOKafkaAdminClient(
                bootstrap_servers=self._servers, request_timeout_ms=_REQUEST_TIMEOUT_MS
            )
            await self._admin.start()
            names = sorted({stream.name for streams in SERVICES.values() for stream in streams})
            # aiokafka has no public way to ask for the partitions of topics that it does not consume.
            await consumer._client.set_topics(names)  # noqa: SLF001
            for name in names:
                numbers = sorted(consumer.partitions_for_topic(name) or ())
                self._partitions[name] = [TopicPartition(name, number) for number in numbers]
        return self._consumer, self._admin
