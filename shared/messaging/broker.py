"""FastStream, with its unsafe defaults replaced: the one place that makes brokers and subscribers.

FastStream acknowledges on receipt, starts at `latest`, asks for `acks=1`, has no group and creates
topics by itself. Each of the five would lose events; `tests/unit/messaging/test_broker.py` asserts
that none is left.
"""

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final, cast

import structlog
from aiokafka import (
    AIOKafkaConsumer,
    AIOKafkaProducer,
    ConsumerRebalanceListener,
    ConsumerRecord,
    TopicPartition,
)
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from faststream import AckPolicy
from faststream.kafka import KafkaBroker, KafkaMessage
from faststream.kafka.prometheus import KafkaPrometheusMiddleware
from faststream.kafka.subscriber.usecase import BatchSubscriber
from prometheus_client import CollectorRegistry

from shared.events.wire import Record
from shared.messaging.connections import use_safe_connections
from shared.messaging.work import Work

SESSION_TIMEOUT_MS: Final = 6_000
HEARTBEAT_MS: Final = 2_000
MAX_POLL_INTERVAL_MS: Final = 300_000
POLL_MS: Final = 1_000
FETCH_WAIT_MS: Final = 100
"""How long a broker may hold a fetch open until something comes. Tansu, the embedded broker, does not
look again for almost half of it: with Kafka's default of 500 each hop of an event took 215 ms there."""
REQUEST_TIMEOUT_MS: Final = 20_000
MAX_RECORD_BYTES: Final = 2 * 1024 * 1024
"""A dead letter holds a whole record in Base64, so it may be larger than the record was."""

log = structlog.get_logger(__name__)
use_safe_connections()

HandleRecords = Callable[[list[Record]], Awaitable[None]]


def make_broker(
    servers: Sequence[str], client_id: str, registry: CollectorRegistry | None = None
) -> KafkaBroker:
    """A broker that consumes only; what is published goes through the relay's own producer.

    registry: where FastStream counts and times what is consumed; nowhere if None.
    """
    counting = [] if registry is None else [KafkaPrometheusMiddleware(registry=registry)]
    return KafkaBroker(
        list(servers),
        client_id=client_id,
        acks="all",
        allow_auto_create_topics=False,
        consumer_only=True,
        ack_policy=AckPolicy.NACK_ON_ERROR,
        apply_types=False,
        logger=None,
        middlewares=counting,
        request_timeout_ms=REQUEST_TIMEOUT_MS,
    )


async def start_broker(broker: KafkaBroker) -> None:
    """Starts all subscribers at once: each waits for its group, on some brokers for seconds.

    Returns when every subscriber has its partitions.
    """
    await broker.connect()
    kafka = broker.config.broker_config
    options = cast("partial[AIOKafkaConsumer]", kafka.builder).keywords
    kafka.builder = partial(_Consumer, **options)
    await asyncio.gather(*(subscriber.start() for subscriber in broker.subscribers))
    broker.running = True


def make_producer(servers: Sequence[str], client_id: str) -> AIOKafkaProducer:
    """The relay's producer: all in-sync replicas acknowledge.

    Not idempotent in Kafka's sense: the sequence numbers of events already make repeats harmless,
    and so one set of settings serves brokers that know idempotent producers and those that do not.
    aiokafka keeps one batch in flight for each partition, so retries do not reorder.
    """
    return AIOKafkaProducer(
        bootstrap_servers=list(servers),
        client_id=client_id,
        acks="all",
        linger_ms=1,
        max_batch_size=256 * 1024,
        max_request_size=MAX_RECORD_BYTES,
        request_timeout_ms=REQUEST_TIMEOUT_MS,
    )


def subscribe(
    broker: KafkaBroker,
    handlers: Mapping[str, HandleRecords],
    *,
    group: str,
    instance: str | None,
    batch_size: int,
    work: Work,
    from_start: bool = False,
) -> BatchSubscriber:
    """Subscribes to streams by name, in batches, from the beginning, acknowledging after the handlers.

    One consumer reads all of them: each consumer asks its broker without an end, and one for each stream
    would be six times as many (0056). What a batch brings of different streams is handled at once.

    from_start: the first partitions that it gets are read anew, whatever the group has committed.
    instance: this member's name in its group, the same after a restart (`group_instance_id`): it takes its
    partitions back at once. None: no member is known again.
    """
    position = _Position(work, from_start=from_start)
    subscriber = broker.subscriber(
        *handlers,
        batch=True,
        group_id=group,
        group_instance_id=f"{group}.{instance}" if instance is not None else None,
        auto_offset_reset="earliest",
        max_records=batch_size,
        batch_timeout_ms=POLL_MS,
        fetch_max_wait_ms=FETCH_WAIT_MS,
        session_timeout_ms=SESSION_TIMEOUT_MS,
        heartbeat_interval_ms=HEARTBEAT_MS,
        max_poll_interval_ms=MAX_POLL_INTERVAL_MS,
        partition_assignment_strategy=(RoundRobinPartitionAssignor,),
        ack_policy=AckPolicy.NACK_ON_ERROR,
        listener=position,
        parser=_parse,
        decoder=_records,
        no_reply=True,
    )
    position.subscriber = subscriber

    async def handle(stream: str, records: list[Record]) -> None:
        try:
            await handlers[stream](records)
        except Exception:
            # FastStream now rewinds the batch; it would not say why.
            log.exception("batch_given_back", group=group, stream=stream, records=len(records))
            raise
        position.handled(records)

    async def consume(records: list[Record]) -> None:
        by_stream: dict[str, list[Record]] = {}
        for record in records:
            by_stream.setdefault(record.topic, []).append(record)
        with work.one("handling"):
            # All come to their end before the first error is raised: nothing runs on behind the rewind.
            done = await asyncio.gather(
                *(handle(stream, found) for stream, found in by_stream.items()),
                return_exceptions=True,
            )
        for error in done:
            if error is not None:
                raise error

    subscriber(consume)
    return subscriber


class _Consumer(AIOKafkaConsumer):  # type: ignore[misc]
    """Waits for records until there are some.

    After an answer without any, FastStream sleeps for as long as it has waited: it would have to ask
    again fifty times a second, and still be deaf for half of the time.
    """

    async def getmany(
        self, *partitions: TopicPartition, timeout_ms: int = 0, max_records: int | None = None
    ) -> dict[TopicPartition, list[ConsumerRecord[bytes, bytes]]]:
        """At most `max_records` records. Raises `ConsumerStoppedError` when it is stopped."""
        while True:
            found: dict[TopicPartition, list[ConsumerRecord[bytes, bytes]]] = await super().getmany(
                *partitions, timeout_ms=timeout_ms, max_records=max_records
            )
            if found:
                return found


class _Position(ConsumerRebalanceListener):  # type: ignore[misc]
    """Notes up to where each assigned partition has been handled.

    Batches of an assignment may be handled while its committed offsets are still being asked for.
    """

    def __init__(self, work: Work, *, from_start: bool) -> None:
        self._work = work
        self._from_start = from_start
        self._assigned: set[tuple[str, int]] = set()
        self.subscriber: BatchSubscriber | None = None

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        """Another member handles these from now on."""
        for partition in revoked:
            self._assigned.discard((partition.topic, partition.partition))
            self._work.consumed.pop((partition.topic, partition.partition), None)

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        """Starts from what the group has committed, or once from the very beginning."""
        self._assigned |= {(partition.topic, partition.partition) for partition in assigned}
        consumer = self.subscriber.consumer if self.subscriber is not None else None
        if self._from_start and consumer is not None and assigned:
            self._from_start = False
            starts = await consumer.beginning_offsets(assigned)
            for partition, offset in starts.items():
                consumer.seek(partition, offset)
                self._moved((partition.topic, partition.partition), offset)
            return
        for partition in assigned:
            committed = await consumer.committed(partition) if consumer is not None else None
            self._moved((partition.topic, partition.partition), committed or 0)

    def handled(self, records: Sequence[Record]) -> None:
        """Moves past these records."""
        for record in records:
            self._moved((record.topic, record.partition), record.offset + 1)

    def _moved(self, place: tuple[str, int], offset: int) -> None:
        if place in self._assigned:
            self._work.consumed[place] = max(self._work.consumed.get(place, 0), offset)


async def _parse(
    message: tuple[ConsumerRecord[bytes, bytes], ...],
    parse: Callable[[Any], Awaitable[KafkaMessage]],
) -> KafkaMessage:
    """FastStream's own parser, kept from failing on a header that is not text."""
    try:
        return await parse(message)
    except UnicodeDecodeError:
        parsed = await parse(tuple(dataclasses.replace(record, headers=()) for record in message))
        parsed.raw_message = message
        return parsed


async def _records(message: KafkaMessage, _: Any) -> list[Record]:
    """The batch as our own records; reading them is the pipeline's business, one by one."""
    raw = message.raw_message
    return [
        Record(
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
            key=record.key,
            headers=tuple(record.headers),
            value=record.value,
        )
        for record in (raw if isinstance(raw, Sequence) else (raw,))
    ]
