"""Apache Kafka on the local JVM: what our services ask of it, and what a cluster survives."""

import asyncio
import contextlib
from collections.abc import Iterator

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient

from deploy.local.engines import Engine, open_engine
from deploy.local.topics import apply
from tests.fresh import Fresh

pytestmark = pytest.mark.apache


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """Three brokers, one mongod."""
    with open_engine("apache", var=tmp_path_factory.mktemp("cluster"), brokers=3) as engine:
        yield engine


async def test_a_topic_that_is_not_in_the_file_does_not_spring_into_being(apache: Engine) -> None:
    producer = AIOKafkaProducer(
        bootstrap_servers=list(apache.addresses.kafka), request_timeout_ms=1_000
    )
    await producer.start()
    with contextlib.suppress(Exception):
        await asyncio.wait_for(producer.send_and_wait("misspelt", b"x"), 3)
    await producer.stop()
    admin = AIOKafkaAdminClient(bootstrap_servers=list(apache.addresses.kafka))
    await admin.start()
    assert "misspelt" not in await admin.list_topics()
    await admin.close()


async def test_topics_agree_with_the_file(apache: Engine) -> None:
    assert (await apply(apache.addresses, "local")).different == ()


async def test_our_consumers_settings_are_accepted(apache: Engine, fresh: Fresh) -> None:
    bootstrap = list(apache.addresses.kafka)
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", enable_idempotence=True)
    await producer.start()
    await producer.send_and_wait("matches", b"hello", key=fresh.tag.encode())
    await producer.stop()
    consumer = AIOKafkaConsumer(
        "matches",
        bootstrap_servers=bootstrap,
        group_id=fresh.group("matching"),
        group_instance_id="matching-1",
        session_timeout_ms=6_000,
        heartbeat_interval_ms=1_500,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    await consumer.start()
    found = [await asyncio.wait_for(consumer.getone(), 20)]
    while found[-1].key != fresh.tag.encode():
        found.append(await asyncio.wait_for(consumer.getone(), 20))
    await consumer.commit()
    await consumer.stop()
    assert found[-1].value == b"hello"


async def test_a_broker_of_three_may_die_without_losing_an_acknowledged_record(
    cluster: Engine, fresh: Fresh
) -> None:
    await apply(cluster.addresses, "three-brokers")
    bootstrap = list(cluster.addresses.kafka)
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", enable_idempotence=True)
    await producer.start()
    sent: list[bytes] = []
    victim = cluster.kafka_nodes[1]
    for number in range(60):
        if number == 20:
            victim.kill()
        if number == 40:
            victim.start()
        value = f"{fresh.tag}-{number}".encode()
        await asyncio.wait_for(producer.send_and_wait("check-ins", value, key=value), 60)
        sent.append(value)
    await producer.stop()
    assert sorted(await read_all(bootstrap, "check-ins", fresh.tag, len(sent))) == sorted(sent)


async def read_all(bootstrap: list[str], topic: str, tag: str, number: int) -> list[bytes]:
    consumer = AIOKafkaConsumer(
        topic, bootstrap_servers=bootstrap, group_id=None, auto_offset_reset="earliest"
    )
    await consumer.start()
    found: list[bytes] = []
    try:
        while len(found) < number:
            record = await asyncio.wait_for(consumer.getone(), 30)
            if record.value is not None and record.value.startswith(tag.encode()):
                found.append(record.value)
    finally:
        await consumer.stop()
    return found


def test_a_cluster_keeps_its_topics_over_a_restart(cluster: Engine) -> None:
    asyncio.run(apply(cluster.addresses, "three-brokers"))
    cluster.stop()
    cluster.start()
    again = asyncio.run(apply(cluster.addresses, "three-brokers"))
    assert (again.created, again.different) == ((), ())
