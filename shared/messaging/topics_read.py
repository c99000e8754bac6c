"""Reads a service's own topics from end to end, headers only: what Kafka has of its subjects."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from aiokafka import AIOKafkaConsumer, TopicPartition

from shared.events.payload import Stream

_FETCH_MS = 1_000


@dataclass(slots=True)
class Published:
    """highest: by stream and subject the highest sequence. erased: subjects whose last word is that."""

    highest: dict[str, dict[str, int]] = field(default_factory=dict)
    erased: set[str] = field(default_factory=set)


async def read_published(servers: Sequence[str], streams: Sequence[Stream]) -> Published:
    """What these topics hold now. Records that are no events are passed over. Raises `KafkaError`."""
    published = Published()
    if not streams:  # aiokafka cannot stop a consumer that was never given a partition
        return published
    consumer = AIOKafkaConsumer(
        bootstrap_servers=list(servers), enable_auto_commit=False, auto_offset_reset="earliest"
    )
    await consumer.start()
    try:
        for stream in streams:
            await _read(consumer, stream, published)
    finally:
        await consumer.stop()
    return published


async def _read(consumer: AIOKafkaConsumer, stream: Stream, published: Published) -> None:
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
    highest = published.highest.setdefault(stream.name, {})
    while left:
        for records in (await consumer.getmany(timeout_ms=_FETCH_MS)).values():
            for record in records:
                _note(dict(record.headers), highest, published.erased)
        for partition in list(left):
            if await consumer.position(partition) >= ends[partition]:
                left.discard(partition)


def _note(headers: dict[str, bytes], highest: dict[str, int], erased: set[str]) -> None:
    subject = headers.get("ce_subject", b"").decode(errors="replace")
    number = headers.get("ce_sequence", b"").decode(errors="replace")
    if not subject or not number.isdigit() or int(number) <= highest.get(subject, 0):
        return
    highest[subject] = int(number)
    if headers.get("ce_type", b"").endswith(b".erased.v1"):
        erased.add(subject)
    else:
        erased.discard(subject)
