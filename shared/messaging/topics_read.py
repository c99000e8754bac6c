"""Reads a service's own topics from end to end: what Kafka has of its subjects."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from shared.errors import EventUnreadable
from shared.events.payload import Stream
from shared.events.wire import Event, Record, decode

_FETCH_MS = 1_000


@dataclass(slots=True)
class Published:
    """highest: by stream and subject the highest sequence. erased: subjects whose last word is that.

    overtaken: erased subjects of which something older lies behind their last word; compaction keeps
    what lies last.
    """

    highest: dict[str, dict[str, int]] = field(default_factory=dict)
    erased: set[str] = field(default_factory=set)
    overtaken: set[str] = field(default_factory=set)


async def read_published(servers: Sequence[str], streams: Sequence[Stream]) -> Published:
    """What these topics hold now. Records that are no events are passed over. Raises `KafkaError`."""
    published = Published()
    if not streams:  # aiokafka cannot stop a consumer that was never given a partition
        return published
    consumer = _reader(servers)
    await consumer.start()
    try:
        for stream in streams:
            highest = published.highest.setdefault(stream.name, {})
            async for record in _records(consumer, stream):
                _note(dict(record.headers), highest, published)
    finally:
        await consumer.stop()
    return published


async def read_back(
    servers: Sequence[str], stream: Stream, known: Mapping[str, int]
) -> list[Event[Any]]:
    """The events of a topic above what is `known` of each subject, each once and in its order.

    known: by subject the last sequence that is known already; who is not named is passed over. What
    cannot be read is passed over too: its author is whoever asks. Raises `KafkaError`.
    """
    reached = dict(known)
    events: list[Event[Any]] = []
    consumer = _reader(servers)
    await consumer.start()
    try:
        async for record in _records(consumer, stream):
            try:
                event = decode(_own_record(record))
            except EventUnreadable:
                continue
            if event.sequence > reached.get(event.subject, event.sequence):
                reached[event.subject] = event.sequence
                events.append(event)
    finally:
        await consumer.stop()
    return events


def _reader(servers: Sequence[str]) -> AIOKafkaConsumer:
    return AIOKafkaConsumer(
        bootstrap_servers=list(servers), enable_auto_commit=False, auto_offset_reset="earliest"
    )


async def _records(
    consumer: AIOKafkaConsumer, stream: Stream
) -> AsyncIterator["ConsumerRecord[bytes, bytes]"]:
    """Every record that the topic holds now."""
    # aiokafka has no public way to ask for the partitions of a topic that it does not consume yet.
    await consumer._client._wait_on_metadata(stream.name)  # noqa: SLF001
    numbers = consumer.partitions_for_topic(stream.name) or set()
    partitions = [TopicPartition(stream.name, number) for number in sorted(numbers)]
    consumer.assign(partitions)
    ends = await consumer.end_offsets(partitions)
    starts = await consumer.beginning_offsets(partitions)
    for partition in partitions:
        consumer.seek(partition, starts[partition])
    left = {partition for partition in partitions if ends[partition] > starts[partition]}
    while left:
        for records in (await consumer.getmany(timeout_ms=_FETCH_MS)).values():
            for record in records:
                yield record
        for partition in list(left):
            if await consumer.position(partition) >= ends[partition]:
                left.discard(partition)


def _own_record(record: "ConsumerRecord[bytes, bytes]") -> Record:
    headers = tuple(record.headers)
    return Record(record.topic, record.partition, record.offset, record.key, headers, record.value)


def _note(headers: dict[str, bytes], highest: dict[str, int], published: Published) -> None:
    subject = headers.get("ce_subject", b"").decode(errors="replace")
    number = headers.get("ce_sequence", b"").decode(errors="replace")
    if not subject or not number.isdigit():
        return
    before, sequence = highest.get(subject, 0), int(number)
    if sequence < before:
        if subject in published.erased:
            published.overtaken.add(subject)
        return
    highest[subject] = sequence
    published.overtaken.discard(subject)
    if headers.get("ce_type", b"").endswith(b".erased.v1"):
        published.erased.add(subject)
    else:
        published.erased.discard(subject)
