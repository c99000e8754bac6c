"""The door to Kafka itself, on Apache Kafka: what an integrator reads there, and what she cannot."""

import asyncio
import json
import ssl
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest
import pytest_asyncio
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import (
    GroupAuthorizationFailedError,
    KafkaConnectionError,
    TopicAuthorizationFailedError,
)
from cloudevents.core.bindings.kafka import KafkaMessage, from_kafka_event
from cloudevents.core.formats.json import JSONFormat

from deploy.local import topics
from deploy.local.engines import Engine
from deploy.local.engines.local import LocalEngine
from services.streams import kafka_door
from services.streams.kafka_access import KafkaAccess, KafkaRefuses, name_of
from tests.integration.streams.doors import all_through_the_feed
from tests.integration.streams.ground import AARHUS, ODENSE, Ground, open_ground, until

pytestmark = [pytest.mark.asyncio(loop_scope="module")]
WITHIN_S = 60


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def ground(secured: LocalEngine) -> AsyncIterator[Ground]:
    async with open_ground(secured, kafka_door=True) as one:
        yield one


@pytest.fixture
def tag() -> str:
    return uuid.uuid4().hex[:8]


def access_to(engine: Engine) -> KafkaAccess:
    return KafkaAccess({"bootstrap.servers": ",".join(engine.addresses.kafka)})


async def opened(engine: Engine, grant: dict[str, Any]) -> str:
    """Opens the door for a grant; the password."""
    template = topics.read_topics().templates["grants"]
    local = topics.read_topics().profiles["local"]
    return await asyncio.to_thread(
        access_to(engine).open,
        grant["grant_id"],
        partitions=local.partitions[template.partitions],
        replication=local.replication,
        settings=template.settings(local),
    )


def options(engine: LocalEngine, grant: dict[str, Any], password: str) -> dict[str, Any]:
    assert engine.certificates is not None
    return {
        "bootstrap_servers": list(engine.secured_listeners),
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": name_of(grant["grant_id"]),
        "sasl_plain_password": password,
        "ssl_context": ssl.create_default_context(cafile=str(engine.certificates.authority)),
        "request_timeout_ms": 10_000,
    }


@asynccontextmanager
async def reading(
    engine: LocalEngine, grant: dict[str, Any], password: str, group: str, topic: str = ""
) -> AsyncIterator[AIOKafkaConsumer]:
    consumer = AIOKafkaConsumer(
        topic or name_of(grant["grant_id"]),
        group_id=group,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        **options(engine, grant, password),
    )
    try:
        await consumer.start()
        yield consumer
    finally:
        await consumer.stop()


def as_event(record: Any) -> dict[str, Any]:
    """A record as the cloudevents SDK reads it, as the feed would show it."""
    headers = dict(record.headers)
    read = from_kafka_event(KafkaMessage(headers, record.key, record.value), JSONFormat())
    attributes = dict(read.get_attributes())
    attributes["time"] = (
        attributes["time"].isoformat(timespec="milliseconds").replace("+00:00", "Z")
    )
    data = read.get_data()
    return {**attributes, "data": json.loads(data) if isinstance(data, bytes | str) else data}


async def up_to(consumer: AIOKafkaConsumer, position: int) -> list[dict[str, Any]]:
    """What comes until an event at or above a position."""
    found: list[dict[str, Any]] = []
    while not found or int(found[-1]["position"]) < position:
        record = await asyncio.wait_for(consumer.getone(), WITHIN_S)
        found.append(as_event(record))
    return found


def last_of(events: Sequence[dict[str, Any]]) -> int:
    return int(events[-1]["position"])


@pytest.mark.apache
async def test_she_reads_by_tls_and_scram_what_the_feed_shows_and_only_odense(
    ground: Ground, secured: LocalEngine, tag: str
) -> None:
    odense = await ground.granted()
    aarhus = await ground.granted(name="Aarhus Kommune", cities=[AARHUS])
    end = await ground.lives(tag, 12)
    for grant, city in ((odense, ODENSE), (aarhus, AARHUS)):
        password = await opened(secured, grant)
        shown = await all_through_the_feed(ground, grant, 0, end)
        async with reading(secured, grant, password, f"{name_of(grant['grant_id'])}.r") as consumer:
            got = await up_to(consumer, last_of(shown))
        assert got == shown
        assert {event["city"] for event in got} == {city}
        assert tag not in json.dumps(got), "an id of ours came through"


@pytest.mark.apache
async def test_who_was_off_for_a_day_goes_on_at_her_offset_and_nothing_is_written_twice(
    ground: Ground, secured: LocalEngine, tag: str
) -> None:
    grant = await ground.granted()
    password = await opened(secured, grant)
    group = f"{name_of(grant['grant_id'])}.integration"
    first = await all_through_the_feed(ground, grant, 0, await ground.lives(f"{tag}-1", 6))
    async with reading(secured, grant, password, group) as consumer:
        got = await up_to(consumer, last_of(first))
        await consumer.commit()
    # Meanwhile streams itself is started anew, by another instance.
    async with open_ground(secured, empty=False, kafka_door=True, instance="2") as other:
        end = await other.lives(f"{tag}-2", 6)
        everything = await all_through_the_feed(other, grant, 0, end)
        async with reading(secured, grant, password, group) as consumer:
            got += await up_to(consumer, last_of(everything))
    assert got == everything


@pytest.mark.apache
async def test_what_is_not_hers_is_refused(ground: Ground, secured: LocalEngine, tag: str) -> None:
    grant, other = await ground.granted(), await ground.granted()
    await ground.lives(tag, 2)
    password, _ = await opened(secured, grant), await opened(secured, other)
    mine = name_of(grant["grant_id"])
    with pytest.raises(KafkaConnectionError):
        async with reading(secured, grant, "a guess", f"{mine}.r"):
            pass
    with pytest.raises(TopicAuthorizationFailedError):
        async with reading(secured, grant, password, f"{mine}.r", name_of(other["grant_id"])):
            pass
    for stream in ("matches", "contacts", "participants", "care"):
        with pytest.raises(TopicAuthorizationFailedError):
            async with reading(secured, grant, password, f"{mine}.r", stream):
                pass
    for group in ("streams.matches", f"{name_of(other['grant_id'])}.r", "anything"):
        with pytest.raises(GroupAuthorizationFailedError):
            async with reading(secured, grant, password, group) as consumer:
                await asyncio.wait_for(consumer.getone(), WITHIN_S)
    producer = AIOKafkaProducer(**options(secured, grant, password))
    await producer.start()
    try:
        with pytest.raises(TopicAuthorizationFailedError):
            await asyncio.wait_for(producer.send_and_wait(mine, b"mine"), WITHIN_S)
    finally:
        await producer.stop()


@pytest.mark.apache
async def test_a_new_password_ends_the_old_one_and_a_closed_door_opens_for_nobody(
    ground: Ground, secured: LocalEngine, tag: str
) -> None:
    grant = await ground.granted()
    old = await opened(secured, grant)
    new = await opened(secured, grant)
    end = await ground.lives(tag, 2)
    shown = await all_through_the_feed(ground, grant, 0, end)
    group = f"{name_of(grant['grant_id'])}.r"
    with pytest.raises(KafkaConnectionError):
        async with reading(secured, grant, old, group):
            pass
    async with reading(secured, grant, new, group) as consumer:
        assert await up_to(consumer, last_of(shown)) == shown
    for _ in range(2):
        await asyncio.to_thread(access_to(secured).close, grant["grant_id"])
    with pytest.raises(KafkaConnectionError):
        async with reading(secured, grant, new, group):
            pass


async def test_on_brokers_without_rights_the_door_stays_shut_and_says_why(
    embedded: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    access = access_to(embedded)
    assert not await asyncio.to_thread(access.has_rights)
    with pytest.raises(KafkaRefuses, match="know no rights"):
        await asyncio.to_thread(access.open, "some-grant", partitions=1, replication=1, settings={})
    # Not what is printed: a logger keeps the stream that it first wrote to, beyond the end of this test.
    said: list[str] = []
    speaker = SimpleNamespace(error=lambda event, **_: said.append(event))
    monkeypatch.setattr(kafka_door, "log", speaker)

    async def has_said_why() -> bool:
        return "kafka_door_stays_shut" in said

    async with open_ground(embedded, kafka_door=True) as shut:
        end = await shut.lives("shut", 2)
        assert end > 0
        await until(has_said_why)
