"""What is parked in a service: who waits, which of them an operator means, and the records themselves."""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import RequestTimedOutError

from shared.events.dead_letters import ParkReason
from shared.events.payload import WIRE_PREFIX
from shared.events.wire import Record
from shared.storage.aggregates import Aggregates
from shared.storage.parked import Waiting

_ASK_MS: Final = 500
_ANSWER_WITHIN_S: Final = 10.0
"""Where Kafka has the record or something behind it, silence for so long is no answer."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which letters are meant: these, or all that fit. With nothing given, all of the service.

    stream: that the record came from. type: `match.accepted`, as far as the record says it.
    """

    letters: frozenset[str] | None = None
    stream: str | None = None
    reason: ParkReason | None = None
    type: str | None = None

    def fits(self, letter_id: str, record: Record, reason: ParkReason) -> bool:
        """Whether a record that is set aside is meant."""
        return (
            (self.letters is None or letter_id in self.letters)
            and self.stream in (None, record.topic)
            and self.reason in (None, reason)
            and self.type in (None, type_of(record))
        )


class Then(StrEnum):
    """What another try would come to, as far as can be told before."""

    TRIED = "tried"
    WAITS_FOR_MISSING = "waits_for_missing"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Fate:
    """One letter and what would be done. behind: how many events wait behind this one."""

    letter_id: str
    stream: str
    reason: ParkReason
    type: str | None
    then: Then
    behind: int = 0


@dataclass(frozen=True, slots=True)
class Alone:
    """A record that was set aside alone. record: None if Kafka no longer has it."""

    letter_id: str
    reason: ParkReason
    record: Record | None


@dataclass(frozen=True, slots=True)
class Home:
    """The first that waits for a document, with the collection and the letter about it."""

    collection: Aggregates[Any]
    waiting: Waiting
    letter_id: str


def type_of(record: Record) -> str | None:
    """The short name of the record's type, if it says one that could be ours: `match.accepted`."""
    raw = dict(record.headers).get("ce_type", b"").decode(errors="replace")
    return raw.removeprefix(WIRE_PREFIX).rpartition(".v")[0] or None


def place_of(letter_id: str) -> tuple[str, int, int]:
    """Topic, partition and offset of the record that a letter is about."""
    _, topic, partition, offset = letter_id.rsplit(".", 3)
    return topic, int(partition), int(offset)


def with_those_before(selected: Iterable[Alone], everybody: Iterable[Alone]) -> list[Alone]:
    """The selected, and before each what lies before it in the topic and has the same key.

    An aggregate's story has one key: what is later must not be handled first. In order of the topic.
    """
    last: dict[tuple[str, bytes | None], int] = {}
    for one in selected:
        if one.record is not None:
            subject = one.record.topic, one.record.key
            last[subject] = max(last.get(subject, 0), one.record.offset)
    meant = {one.letter_id for one in selected}
    found = [
        one
        for one in everybody
        if one.letter_id in meant
        or (
            one.record is not None
            and one.record.offset < last.get((one.record.topic, one.record.key), 0)
        )
    ]
    return sorted(found, key=lambda one: place_of(one.letter_id))


async def fetch(servers: Sequence[str], letters: Sequence[str]) -> Mapping[str, Record]:
    """The records that these letters are about, as far as Kafka still has them.

    Raises `KafkaError` if Kafka is away or does not answer: that says nothing about a record.
    """
    if not letters:
        return {}
    wanted: dict[TopicPartition, dict[int, list[str]]] = {}
    for letter_id in letters:
        topic, number, offset = place_of(letter_id)
        at_partition = wanted.setdefault(TopicPartition(topic, number), {})
        at_partition.setdefault(offset, []).append(letter_id)
    found: dict[str, Record] = {}
    consumer = AIOKafkaConsumer(
        bootstrap_servers=list(servers), enable_auto_commit=False, auto_offset_reset="earliest"
    )
    await consumer.start()
    try:
        for partition, named in sorted(wanted.items()):
            consumer.assign([partition])
            for offset, letters_about in sorted(named.items()):
                record = await _first_from(consumer, partition, offset)
                if record is not None and record.offset == offset:
                    found |= dict.fromkeys(letters_about, record)
    finally:
        await consumer.stop()
    return found


async def _first_from(
    consumer: AIOKafkaConsumer, partition: TopicPartition, offset: int
) -> Record | None:
    """The record at an offset, or the first one that is left; None if Kafka says that there is none."""
    consumer.seek(partition, offset)
    give_up_at = time.monotonic() + _ANSWER_WITHIN_S
    while True:
        for kept in (await consumer.getmany(timeout_ms=_ASK_MS, max_records=1)).get(partition, []):
            place = (partition.topic, partition.partition, kept.offset)
            return Record(*place, kept.key, tuple(kept.headers), kept.value)
        # Asked last and not first: the embedded broker knows its last batch only when that was read.
        is_reset = await consumer.position(partition) != offset
        is_late = time.monotonic() > give_up_at
        if is_reset or is_late:
            at = await consumer.position(partition)
            if at >= (await consumer.end_offsets([partition]))[partition]:
                return None
        if is_late:
            raise RequestTimedOutError(
                f"{partition.topic}-{partition.partition}@{offset}: no answer"
            )
