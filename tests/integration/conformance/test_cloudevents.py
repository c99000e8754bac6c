"""The CloudEvents SDK reads what our relay writes to Kafka."""

import asyncio
import uuid

from aiokafka import AIOKafkaConsumer, ConsumerRecord
from cloudevents.core.bindings.kafka import KafkaMessage, from_kafka
from cloudevents.core.formats.json import JSONFormat

from shared.events.streams import CONTACTS, PARTICIPANTS, PROGRAMMES
from shared.events.wire import Record, decode
from tests.five import Five
from tests.fresh import Fresh

WITHIN_S = 40.0
STREAMS = (PROGRAMMES, PARTICIPANTS, CONTACTS)


async def records_of(five: Five, group: str, programme: str) -> dict[str, ConsumerRecord]:
    """The first record of each stream that is about the programme."""
    found: dict[str, ConsumerRecord] = {}
    async with AIOKafkaConsumer(
        *(stream.name for stream in STREAMS),
        bootstrap_servers=five.runtime("intake").settings.kafka_url,
        group_id=group,
        auto_offset_reset="earliest",
    ) as consumer:
        async with asyncio.timeout(WITHIN_S):
            while len(found) < len(STREAMS):
                record = await consumer.getone()
                if dict(record.headers).get("ce_programme") == programme.encode():
                    found.setdefault(record.topic, record)
    return found


def test_the_sdk_reads_every_attribute_and_the_data_of_a_record(five: Five, fresh: Fresh) -> None:
    programme = f"p{uuid.uuid4().hex[:8]}"
    five.make_programme(programme)
    assert five.register(programme).status_code == 202

    records = five.run(records_of(five, fresh.group("sdk"), programme))

    for record in records.values():
        read = from_kafka(
            KafkaMessage(dict(record.headers), record.key, record.value), JSONFormat()
        )
        ours = decode(Record(record.topic, 0, 0, record.key, tuple(record.headers), record.value))
        assert read.get_specversion() == "1.0"
        assert read.get_id() == ours.id
        assert read.get_type() == ours.payload.wire_name
        assert read.get_source() == f"/{ours.stream.owner}/{ours.stream.name}"
        assert read.get_subject() == ours.subject
        assert read.get_time() == ours.time
        assert read.get_datacontenttype() == "application/json"
        assert read.get_extension("sequence") == str(ours.sequence)
        assert read.get_extension("programme") == programme
        assert read.get_extension("partitionkey") == record.key.decode()
        assert read.get_extension("correlationid") == ours.correlation_id
        assert type(ours.payload).model_validate(read.get_data(), strict=False) == ours.payload
