"""Events that come too often, in another order, or that nobody can read or stand."""

import asyncio
import json
import random
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition

from deploy.local.books.records import read_topics
from shared.events.asyncapi import SERVICES as CONSUMED
from shared.events.dead_letters import ParkReason, RecordParked
from shared.events.streams import ALL_STREAMS, CHECK_INS, MATCHES, PARTICIPANTS
from tests.faults.rows import row
from tests.faults.world import World

_COPIES: Final = 4
_DAYS_WITH_BUGS: Final = 6
_LATEST_S: Final = 1.5


@row(12, "every event delivered five times, also hours later")
async def delivered_five_times(world: World) -> str:
    await world.load.start()
    await world.load.reaches(world.people // 5, within_s=30.0)
    at_once = await _send_again(world, 1)
    await world.load.reaches(world.people // 10, within_s=15.0)
    await world.settled()
    await world.load.live_on(0.5)
    world.mended()
    hours_later = await _send_again(world, _COPIES)
    return (
        f"{at_once} records sent again byte for byte under load, and each of {hours_later} four "
        "times more, twelve hours later"
    )


async def _send_again(world: World, times: int) -> int:
    """Every event that is in Kafka now, so many times, each as it was and where it was."""
    records = await _originals(world.engine.addresses.kafka)
    producer = AIOKafkaProducer(
        bootstrap_servers=list(world.engine.addresses.kafka), acks="all", linger_ms=5
    )
    await producer.start()
    try:
        for _ in range(times):
            deliveries = [
                await producer.send(
                    record.topic,
                    value=record.value,
                    key=record.key,
                    headers=list(record.headers),
                    partition=record.partition,
                )
                for record in records
            ]
            await asyncio.gather(*deliveries)
    finally:
        await producer.stop()
    return len(records)


async def _originals(servers: Sequence[str]) -> list[ConsumerRecord[bytes, bytes]]:
    """The first record of each event, in the order of its partition."""
    found: dict[bytes, ConsumerRecord[bytes, bytes]] = {}
    consumer = AIOKafkaConsumer(
        bootstrap_servers=list(servers), enable_auto_commit=False, auto_offset_reset="earliest"
    )
    await consumer.start()
    try:
        for stream in ALL_STREAMS:
            await consumer._client._wait_on_metadata(stream.name)
            numbers = consumer.partitions_for_topic(stream.name) or set()
            partitions = [TopicPartition(stream.name, number) for number in sorted(numbers)]
            consumer.assign(partitions)
            ends = await consumer.end_offsets(partitions)
            await consumer.seek_to_beginning(*partitions)
            while any([await consumer.position(one) < ends[one] for one in partitions]):
                for records in (await consumer.getmany(timeout_ms=500)).values():
                    for record in records:
                        found.setdefault(dict(record.headers)["ce_id"], record)
    finally:
        await consumer.stop()
    return list(found.values())


@row(13, "streams shuffled against one another", patched=True)
async def streams_shuffled(world: World) -> str:
    chance = random.Random(world.seed)
    names = ("intake", "matching", "notifications", "followup", "streams")
    await world.load.start()
    until = time.monotonic() + (120.0 if world.long else 25.0)
    orders = 0
    while time.monotonic() < until:
        for name in names:
            late = {stream.name: chance.choice((0.0, 0.0, _LATEST_S)) for stream in CONSUMED[name]}
            world.delay(name, late)
        orders += 1
        await asyncio.sleep(2.5)
    for name in names:
        world.mend(name)
    world.mended()
    return (
        f"each service held streams back by up to {_LATEST_S} s, others each 2.5 s, {orders} times"
    )


# What nobody can read, and what a handler cannot stand ---------------------------------------------


def _not_json(headers: dict[str, bytes], value: bytes) -> tuple[dict[str, bytes], bytes]:
    return headers, value[: len(value) // 2]


def _wrong_schema(headers: dict[str, bytes], value: bytes) -> tuple[dict[str, bytes], bytes]:
    fields: dict[str, Any] = json.loads(value)
    return headers, json.dumps({name: [0] for name in fields}).encode()


def _no_headers(headers: dict[str, bytes], value: bytes) -> tuple[dict[str, bytes], bytes]:
    return {}, value


def _header_no_text(headers: dict[str, bytes], value: bytes) -> tuple[dict[str, bytes], bytes]:
    return {**headers, "ce_subject": b"\xff\xfe"}, value


def _unknown_type(headers: dict[str, bytes], value: bytes) -> tuple[dict[str, bytes], bytes]:
    return {**headers, "ce_type": b"commonground.match.imagined.v1"}, value


_SPOIL: Final[Sequence[Callable[[dict[str, bytes], bytes], tuple[dict[str, bytes], bytes]]]] = (
    _not_json,
    _wrong_schema,
    _no_headers,
    _header_no_text,
    _unknown_type,
)
_BUGS: Final = (
    ("followup", "commonground.match.proposed.v1", "decision"),
    ("notifications", "commonground.match.accepted.v1", "decision"),
    ("streams", "commonground.match.mentee_accepted.v1", "use case"),
)


@row(14, "unreadable records, wrong schema, a handler with a bug", patched=True, most_people=300)
async def poison(world: World) -> str:
    for name, event, where in _BUGS:
        world.bug(name, event, where, share=0.7)
    await world.load.start()
    await world.load.reaches(world.people // 10, within_s=20.0)
    spoiled = await _send_spoiled(world)
    bugged = {name for name, _, _ in _BUGS}
    await world.settled()
    await world.load.live_on(_DAYS_WITH_BUGS)
    for name in bugged:
        world.mend(name)
    world.mended()
    await world.settled()
    released = {name: await world.release(name) for name in CONSUMED}
    await world.settled()
    letters = await _letters(world)
    unread = {(one.topic, one.partition, one.offset) for one in letters if _is_unreadable(one)}
    expected = sum(
        stream.name == topic for topic, _, _ in spoiled for streams in CONSUMED.values()
        for stream in streams
    )  # fmt: skip
    failed = [one for one in letters if one.reason is ParkReason.HANDLER_FAILED]
    assert unread == spoiled, f"parked as unreadable: {unread ^ spoiled} too few or too many"
    found = sum(_is_unreadable(one) for one in letters)
    assert found == expected, f"{found} letters about {len(spoiled)} records, {expected} expected"
    met = {one.consumer.split(".")[0] for one in failed}
    assert met == bugged, (
        f"no event met the bug of {', '.join(sorted(bugged - met))}: too few people"
    )
    assert sum(one["released"] for one in released.values()) > 0, "nothing was released"
    left = {name: (one["still_parked"], one["gone"]) for name, one in released.items()}
    assert not any(gone for _, gone in left.values()), f"Kafka has all, but (parked, gone): {left}"
    still = sum(parked for parked, _ in left.values())
    assert still == expected, f"{expected} cannot be read, {still} stay parked: {left}"
    world.unreadable = len(spoiled)
    world.is_poison = lambda letter: (
        _is_unreadable(letter) or letter.consumer.split(".")[0] in bugged
    )
    return (
        f"{len(spoiled)} unreadable records of {len(_SPOIL)} kinds, {len(failed)} events that a "
        f"handler could not stand; released after the fix: "
        + ", ".join(f"{name} {one['released']}" for name, one in released.items())
    )


def _is_unreadable(letter: RecordParked) -> bool:
    return letter.reason is ParkReason.UNREADABLE


async def _letters(world: World) -> list[RecordParked]:
    topics = await read_topics(world.engine.addresses.kafka)
    return [event.payload for event in topics.of_type(RecordParked)]


async def _send_spoiled(world: World) -> set[tuple[str, int, int]]:
    """Spoils real records in every way, and sends them to three streams. Returns where they lie."""
    originals = await _originals(world.engine.addresses.kafka)
    producer = AIOKafkaProducer(bootstrap_servers=list(world.engine.addresses.kafka), acks="all")
    await producer.start()
    lies: set[tuple[str, int, int]] = set()
    try:
        for stream in (PARTICIPANTS, MATCHES, CHECK_INS):
            samples = [record for record in originals if record.topic == stream.name]
            for number, spoil in enumerate(_SPOIL):
                sample = samples[number % len(samples)] if samples else originals[number]
                headers, value = spoil(dict(sample.headers), sample.value or b"{}")
                if not samples and headers:
                    headers["ce_source"] = headers["ce_type"] = b"nobody's"
                told = await producer.send_and_wait(
                    stream.name, value=value, key=sample.key, headers=list(headers.items())
                )
                lies.add((stream.name, told.partition, told.offset))
    finally:
        await producer.stop()
    return lies
