"""Reads every topic from its first record to its last."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition

from shared.errors import EventUnreadable
from shared.events.payload import Payload, Stream
from shared.events.streams import ALL_STREAMS
from shared.events.wire import Event, Record, decode

_FETCH_WAIT_MS: Final = 20
"""From stream to stream the consumer must not wait for a fetch of the last one that finds nothing."""


@dataclass(slots=True)
class Topics:
    """What lies in Kafka. `events` holds each event once, in the order of its partition."""

    events: dict[str, list[Event[Any]]] = field(default_factory=dict)
    repeats: int = 0
    """Records with an id that had come before: harmless, dropped by every consumer."""
    out_of_order: list[str] = field(default_factory=list)
    """Ids of events that first came after a later one of the same subject."""
    unreadable: int = 0

    def of(self, stream: Stream) -> list[Event[Any]]:
        """The events of one stream."""
        return self.events.get(stream.name, [])

    def of_type(self, payload: type[Payload]) -> list[Event[Any]]:
        """The events of one type."""
        return [event for event in self.of(payload.stream) if type(event.payload) is payload]

    @property
    def published(self) -> int:
        """How many different events were published, dead letters apart."""
        return sum(len(events) for name, events in self.events.items() if name != "dead-letters")


async def read_topics(servers: Sequence[str]) -> Topics:
    """Reads all streams. Raises `KafkaError` if the broker cannot be reached."""
    topics = Topics()
    consumer = AIOKafkaConsumer(
        bootstrap_servers=list(servers),
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        fetch_max_wait_ms=_FETCH_WAIT_MS,
    )
    await consumer.start()
    try:
        for stream in ALL_STREAMS:
            await _read(consumer, stream, topics)
    finally:
        await consumer.stop()
    return topics


async def _read(consumer: AIOKafkaConsumer, stream: Stream, topics: Topics) -> None:
    numbers = await _partitions(consumer, stream)
    partitions = [TopicPartition(stream.name, number) for number in sorted(numbers)]
    if not partitions:
        return
    consumer.assign(partitions)
    ends = await consumer.end_offsets(partitions)
    starts = await consumer.beginning_offsets(partitions)
    left = {partition for partition in partitions if ends[partition] > starts[partition]}
    for partition in partitions:
        consumer.seek(partition, starts[partition])
    seen: set[str] = set()
    highest: dict[str, int] = {}
    found = topics.events.setdefault(stream.name, [])
    while left:
        fetched = await consumer.getmany(timeout_ms=1_000)
        for partition, records in fetched.items():
            for record in records:
                _note(_as_record(record), topics, found, seen, highest)
            if records and records[-1].offset + 1 >= ends[partition]:
                left.discard(partition)


async def _partitions(consumer: AIOKafkaConsumer, stream: Stream) -> set[int]:
    await consumer._client._wait_on_metadata(stream.name)  # noqa: SLF001  (aiokafka has no public way)
    return consumer.partitions_for_topic(stream.name) or set()


def _note(
    record: Record,
    topics: Topics,
    found: list[Event[Any]],
    seen: set[str],
    highest: dict[str, int],
) -> None:
    try:
        event = decode(record)
    except EventUnreadable:
        topics.unreadable += 1
        return
    if event.id in seen:
        topics.repeats += 1
        return
    seen.add(event.id)
    if event.sequence < highest.get(event.subject, 0):
        topics.out_of_order.append(event.id)
    highest[event.subject] = max(event.sequence, highest.get(event.subject, 0))
    found.append(event)


def _as_record(record: Any) -> Record:
    return Record(
        record.topic,
        record.partition,
        record.offset,
        record.key,
        tuple(record.headers),
        record.value,
    )
