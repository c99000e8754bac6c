"""Sending again from the journal on the real engine, and what a reader makes of it."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest
import pytest_asyncio
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from pydantic import SecretStr

from deploy.local.engines import Engine
from services.streams.app import make_app
from services.streams.settings import Settings
from shared.events.check_ins import CheckInDue
from shared.events.dead_letters import DiscardReason, ParkReason, RecordDiscarded, RecordParked
from shared.events.matches import MatchAccepted, MatchProposed
from shared.events.payload import Payload
from shared.events.wire import REPLAY_TO, Record, decode, encode_headers, headers_of
from shared.security.keys import hash_key
from tests.brokers import kafka_settings
from tests.fresh import Fresh
from tests.unit.streams.examples import NOW, example

pytestmark = pytest.mark.asyncio(loop_scope="module")

DEADLINE_S = 30.0


async def until(what: Callable[[], Awaitable[Any]]) -> Any:
    deadline = time.monotonic() + DEADLINE_S
    while not (answer := await what()):
        assert time.monotonic() < deadline, "it did not come true in time"
        await asyncio.sleep(0.02)
    return answer


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(embedded: Engine) -> AsyncIterator[httpx.AsyncClient]:
    Fresh().empty(embedded)
    settings = Settings(
        **kafka_settings(embedded.addresses),
        mongodb_url=embedded.mongodb_url("streams"),
        link_secret=SecretStr("links"),
        hash_secret=SecretStr("hashes"),
        operator_key_hashes=hash_key("cg_operator"),
    )
    app = make_app(settings)
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(
            transport=transport,
            base_url="http://streams",
            headers={"Authorization": "Bearer cg_operator"},
        ) as client:
            yield client


async def send(embedded: Engine, *events: tuple[Payload, int]) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=list(embedded.addresses.kafka), acks="all")
    await producer.start()
    for payload, sequence in events:
        headers = headers_of(
            payload, sequence, NOW, correlation_id="c", causation_id="because", traceparent="t"
        )
        await producer.send_and_wait(
            payload.stream.name,
            payload.model_dump_json(exclude_none=True).encode(),
            key=payload.partition_key.encode(),
            headers=encode_headers(headers),
        )
    await producer.stop()


async def records(embedded: Engine, topic: str) -> list[Record]:
    """Everything that a topic holds, in the order of its partitions."""
    consumer = AIOKafkaConsumer(bootstrap_servers=list(embedded.addresses.kafka))
    await consumer.start()
    found: list[Record] = []
    try:
        partitions = [TopicPartition(topic, number) for number in range(3)]
        consumer.assign(partitions)
        await consumer.seek_to_beginning(*partitions)
        while batch := await consumer.getmany(timeout_ms=700):
            for one in (record for kept in batch.values() for record in kept):
                headers = tuple(one.headers)
                found.append(
                    Record(one.topic, one.partition, one.offset, one.key, headers, one.value)
                )
    finally:
        await consumer.stop()
    return found


async def journaled(client: httpx.AsyncClient, stream: str, count: int) -> list[dict[str, Any]]:
    async def enough() -> list[dict[str, Any]] | None:
        entries = (await client.get("/journal", params={"stream": stream})).json()["entries"]
        return entries if len(entries) >= count else None

    found: list[dict[str, Any]] = await until(enough)
    return found


async def test_what_is_sent_again_is_the_same_event_to_the_same_place_for_whom_it_is_meant(
    embedded: Engine, client: httpx.AsyncClient
) -> None:
    story = [
        (example(MatchProposed, match_id="m1", city="461"), 1),
        (example(MatchAccepted, match_id="m1", city="461"), 2),
        (example(MatchProposed, match_id="m2", city="751"), 1),
    ]
    await send(embedded, *story)
    entries = await journaled(client, "matches", 3)
    before = await records(embedded, "matches")
    order = {"stream": "matches", "to": "followup.matches"}
    planned = (await client.post("/replays", json={**order, "dry_run": True})).json()
    assert planned["events"] == 3
    assert len(await records(embedded, "matches")) == 3
    begun = (await client.post("/replays", json=order)).json()

    async def done() -> bool:
        told = (await client.get(f"/replays/{begun['replay_id']}")).json()
        return bool(told["state"] == "done" and told["sent"] == 3 and told["share"] == 1)

    await until(done)
    again = await records(embedded, "matches")
    fresh = [one for one in again if one not in before]
    assert {one.headers[-1] for one in fresh} == {(REPLAY_TO, b"followup.matches")}
    first = {event.id: event for event in map(decode, before)}
    for record in fresh:
        event = decode(record)
        same = first[event.id]
        assert (event.payload, event.time, event.city) == (same.payload, same.time, same.city)
        assert (event.correlation_id, event.causation_id) == ("c", "because")
        assert record.key == record_of(before, event.id).key
        assert record.partition == record_of(before, event.id).partition
    of_m1 = [decode(one).sequence for one in fresh if decode(one).subject == "m1"]
    assert of_m1 == [1, 2]
    # The journal drops what comes again: no position is given twice.
    assert await journaled(client, "matches", 3) == entries


def record_of(found: list[Record], event_id: str) -> Record:
    return next(one for one in found if decode(one).id == event_id)


async def test_a_range_is_bounded_by_positions_and_by_times(
    embedded: Engine, client: httpx.AsyncClient
) -> None:
    await send(embedded, *((example(CheckInDue, match_id="m9"), number) for number in range(1, 6)))
    entries = await journaled(client, "check-ins", 5)

    async def count(**bounds: Any) -> int:
        order = {"stream": "check-ins", "dry_run": True, **bounds}
        answer = await client.post("/replays", json=order)
        return int(answer.json()["events"])

    assert await count() == 5
    assert await count(after=entries[1]["position"]) == 3
    assert await count(after=entries[0]["position"], until=entries[2]["position"]) == 2
    assert await count(**{"from": "2026-01-06T00:00:00Z"}) == 0
    assert await count(before="2026-01-06T00:00:00Z") == 5


@pytest.mark.parametrize(
    ("order", "words"),
    [
        ({"stream": "participants"}, "RESEND_STATE"),
        ({"stream": "contacts"}, "RESEND_STATE"),
        ({"stream": "dead-letters"}, "Streams that can be sent again"),
        ({"stream": "matches", "to": "intake.pool"}, "does not read"),
        ({"stream": "matches", "after": 9, "until": 3}, "lies before"),
    ],
)
async def test_what_cannot_be_sent_again_is_refused_and_says_what_to_do_instead(
    client: httpx.AsyncClient, order: dict[str, Any], words: str
) -> None:
    answer = await client.post("/replays", json=order)
    assert answer.status_code == 422
    assert words in answer.text


async def test_letters_can_be_made_anew_from_the_journal(
    embedded: Engine, client: httpx.AsyncClient
) -> None:
    names = [f"followup.matches.0.{number}" for number in range(3)]
    parked = [
        example(
            RecordParked,
            letter_id=name,
            consumer="followup",
            topic="matches",
            reason=ParkReason.HANDLER_FAILED,
            headers=(("ce_type", "commonground.match.accepted.v1"),),
        )
        for name in names
    ]
    discarded = example(
        RecordDiscarded,
        letter_id=names[0],
        consumer="followup",
        topic="matches",
        reason=DiscardReason.LOST_FOR_GOOD,
    )
    await send(embedded, *((one, 1) for one in parked), (discarded, 2))
    await journaled(client, "dead-letters", 4)

    async def letters() -> dict[str, Any]:
        told: dict[str, Any] = (await client.get("/dead-letters")).json()
        return told

    async def settled() -> bool:
        return {one["letter_id"] for one in (await letters())["letters"]} == set(names[1:])

    await until(settled)
    before = await letters()
    assert [(one["count"], one["type"]) for one in before["groups"]] == [(2, "match.accepted")]
    counted = await client.post("/projections/letters/rebuild", params={"dry_run": True})
    assert counted.json() == {"entries": 4}
    rebuilt = await client.post("/projections/letters/rebuild")
    assert '"read": 4' in rebuilt.text
    assert await letters() == before
    assert (await client.post("/projections/journal/rebuild")).status_code == 404
