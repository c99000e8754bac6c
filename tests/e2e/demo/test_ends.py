"""Where Kafka's partitions end, on real brokers: what the stepped clock waits for."""

import pytest
from aiokafka import AIOKafkaProducer

from deploy.local.broker import KafkaBroker
from deploy.local.engines import Engine


async def ends_grow_by_whole_batches(engine: Engine) -> None:
    broker = KafkaBroker(engine.addresses)
    await broker.open()
    before = (await broker.end_offsets())["pool"][0]
    sent = 0
    # Kept for a while, so that the records of one turn are one batch.
    async with AIOKafkaProducer(
        bootstrap_servers=list(engine.addresses.kafka), acks="all", linger_ms=50
    ) as producer:
        for size in (3, 1, 5):
            waiting = [
                await producer.send("pool", b"{}", key=b"%d" % number, partition=0)
                for number in range(size)
            ]
            for delivery in waiting:
                await delivery
            sent += size
            assert (await broker.end_offsets())["pool"][0] == before + sent
    await broker.close()


async def test_the_end_is_behind_the_last_record_of_a_batch(embedded: Engine) -> None:
    await ends_grow_by_whole_batches(embedded)


@pytest.mark.apache
async def test_the_end_is_behind_the_last_record_of_a_batch_on_apache_kafka(
    apache: Engine,
) -> None:
    await ends_grow_by_whole_batches(apache)
