"""None of FastStream's five unsafe defaults is left, and a header that is no text stops nothing."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from faststream import AckPolicy
from faststream.kafka.message import KafkaAckableMessage

from shared.events.streams import CHECK_INS, MATCHES
from shared.events.wire import Record
from shared.messaging.broker import (
    _Consumer,
    _parse,
    _Position,
    _records,
    make_broker,
    make_producer,
    start_broker,
    subscribe,
)
from shared.messaging.work import Work


async def _handle(_: list[Record]) -> None:
    """Takes anything."""


def _subscriber() -> Any:
    broker = make_broker(["127.0.0.1:1"], "test")
    return broker, subscribe(
        broker,
        {MATCHES.name: _handle, CHECK_INS.name: _handle},
        group="followup",
        instance="1",
        batch_size=500,
        work=Work(),
    )


def test_nothing_is_acknowledged_before_it_is_handled() -> None:
    _, subscriber = _subscriber()
    assert subscriber.ack_policy is AckPolicy.NACK_ON_ERROR


def test_reading_starts_at_the_earliest_record() -> None:
    _, subscriber = _subscriber()
    assert subscriber._connection_args["auto_offset_reset"] == "earliest"


def test_every_subscriber_has_a_group_and_a_static_membership() -> None:
    _, subscriber = _subscriber()
    assert subscriber.group_id == "followup"
    assert subscriber._connection_args["group_instance_id"] == "followup.1"


def test_where_members_cannot_be_static_a_subscriber_has_a_group_all_the_same() -> None:
    broker = make_broker(["127.0.0.1:1"], "test")
    subscriber = subscribe(
        broker,
        {MATCHES.name: _handle},
        group="followup",
        instance=None,
        batch_size=500,
        work=Work(),
    )
    assert subscriber.group_id == "followup"
    assert subscriber._connection_args["group_instance_id"] is None


def test_offsets_are_never_committed_by_a_timer() -> None:
    _, subscriber = _subscriber()
    assert subscriber._connection_args["enable_auto_commit"] is False


def test_no_topic_is_made_by_a_client() -> None:
    broker, _ = _subscriber()
    assert broker.config.broker_config.allow_auto_create_topics is False


def test_a_record_counts_as_sent_when_all_in_sync_replicas_have_it() -> None:
    async def acks() -> Any:
        producer = make_producer(["127.0.0.1:1"], "test")
        # Never started, so there is nothing to stop; aiokafka warns of it all the same.
        producer._closed = True
        return producer._sender._acks

    assert asyncio.run(acks()) == -1


def test_a_header_that_is_not_text_does_not_stop_the_batch() -> None:
    _, subscriber = _subscriber()
    record = ConsumerRecord(
        "matches", 0, 7, 0, 0, b"key", b"{}", None, 0, 0, (("ce_id", b"\xff\xfe"),)
    )

    async def read() -> list[Record]:
        message = await _parse((record,), subscriber.parser.parse_batch)
        assert isinstance(message, KafkaAckableMessage)
        return await _records(message, None)

    (read_record,) = asyncio.run(read())
    assert read_record.headers == (("ce_id", b"\xff\xfe"),)


async def test_what_a_batch_brings_of_different_streams_is_handled_apart_and_to_its_end() -> None:
    work, seen, ends = Work(), [], []

    async def of_matches(records: list[Record]) -> None:
        seen.append([record.offset for record in records])
        raise LookupError

    async def of_check_ins(records: list[Record]) -> None:
        await asyncio.sleep(0.01)
        seen.append([record.offset for record in records])
        ends.append(work.handling)

    broker = make_broker(["127.0.0.1:1"], "test")
    handlers = {MATCHES.name: of_matches, CHECK_INS.name: of_check_ins}
    subscriber: Any = subscribe(
        broker, handlers, group="followup", instance="1", batch_size=500, work=work
    )
    work.consumed = {}
    position: _Position = subscriber._listener
    position._assigned = {("matches", 0), ("check-ins", 0)}
    batch = [
        Record(topic, 0, offset, b"key", (), b"{}")
        for offset, topic in enumerate(["matches", "check-ins", "matches", "check-ins"])
    ]
    (call,) = subscriber.calls
    with pytest.raises(LookupError):
        await call.handler._original_call(batch)
    assert seen == [[0, 2], [1, 3]]
    assert ends == [1], "the batch is at work until the slowest stream is done"
    assert work.consumed == {("check-ins", 0): 4}, "what failed has not been moved past"
    assert work.handling == 0


async def test_a_consumer_waits_until_there_are_records(monkeypatch: pytest.MonkeyPatch) -> None:
    """FastStream would sleep after an answer without any."""
    answers = iter([{}, {}, {TopicPartition("matches", 0): ["a record"]}])

    async def getmany(*_: Any, **__: Any) -> Any:
        return next(answers)

    monkeypatch.setattr(AIOKafkaConsumer, "getmany", getmany)
    consumer = _Consumer.__new__(_Consumer)  # never started
    assert await consumer.getmany(timeout_ms=1, max_records=1) == {
        TopicPartition("matches", 0): ["a record"]
    }


async def test_subscribers_read_through_such_a_consumer() -> None:
    broker = make_broker(["127.0.0.1:1"], "test")
    await start_broker(broker)
    builder: Any = broker.config.broker_config.builder
    assert builder.func is _Consumer
    assert builder.keywords["bootstrap_servers"] == ["127.0.0.1:1"]
    await broker.stop()


async def test_what_is_handled_while_committed_offsets_are_asked_for_is_not_forgotten() -> None:
    work = Work()
    position = _Position(work, from_start=False)
    place = TopicPartition("matches", 0)

    class Consumer:
        async def committed(self, _: TopicPartition) -> int:
            """Slow: the first batch of the new assignment has been handled when this is known."""
            position.handled([a_record(offset=85)])
            return 52

    position.subscriber = SimpleNamespace(consumer=Consumer())  # type: ignore[assignment]
    await position.on_partitions_assigned({place})
    assert work.consumed == {("matches", 0): 86}
    await position.on_partitions_revoked({place})
    position.handled([a_record(offset=90)])
    assert work.consumed == {}, "another member handles it now"


def a_record(*, offset: int) -> Record:
    return Record("matches", 0, offset, b"m-1", (), b"{}")
