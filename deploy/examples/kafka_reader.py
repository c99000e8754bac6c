"""An integrator who reads her topic of Kafka itself: by TLS and SCRAM, each event once, in order.

    KAFKA_URL=kafka.mentors.example:9094 KAFKA_USER=grants.… KAFKA_PASSWORD=… python -m deploy.examples.kafka_reader

EVENTS names the database's file; KAFKA_CA the brokers' authority, where it is not a public one.
"""

import asyncio
import json
import os
import sqlite3
import ssl

from aiokafka import AIOKafkaConsumer

events = sqlite3.connect(os.environ.get("EVENTS", "events.db"), isolation_level=None)
events.execute("CREATE TABLE IF NOT EXISTS events (id TEXT PRIMARY KEY, type TEXT, event TEXT)")


async def main() -> None:
    """Reads for ever. What is committed was kept before; what was kept before is not done again."""
    name = os.environ["KAFKA_USER"]  # the topic and the beginning of the group have it too
    consumer = AIOKafkaConsumer(
        name,
        group_id=f"{name}.{os.environ.get('KAFKA_GROUP', 'reader')}",
        bootstrap_servers=os.environ["KAFKA_URL"].split(","),
        security_protocol="SASL_SSL",
        sasl_mechanism="SCRAM-SHA-512",
        sasl_plain_username=name,
        sasl_plain_password=os.environ["KAFKA_PASSWORD"],
        ssl_context=ssl.create_default_context(cafile=os.environ.get("KAFKA_CA")),
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    await consumer.start()
    try:
        async for record in consumer:
            attributes = {key: value.decode() for key, value in record.headers}
            event = {"attributes": attributes, "data": json.loads(record.value)}
            row = (attributes["ce_id"], attributes["ce_type"], json.dumps(event))
            if events.execute("INSERT OR IGNORE INTO events VALUES (?, ?, ?)", row).rowcount:
                print(
                    attributes["ce_type"], attributes["ce_subject"], flush=True
                )  # here something is done
            await consumer.commit()
    finally:
        await consumer.stop()


if __name__ == "__main__":
    asyncio.run(main())
