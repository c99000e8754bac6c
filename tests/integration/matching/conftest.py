"""Matching on the real engine: whole instances with Kafka, or its rounds alone on the database."""

import asyncio
import json
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from pydantic import SecretStr
from pymongo import MongoClient

from deploy.local.engines import Engine
from services.matching.app import make_app
from services.matching.settings import Settings
from services.matching.store import Store
from shared.clock import SteppedClock
from shared.events.messages import MessageKind, MessageSent
from shared.events.participants import Role
from shared.events.payload import Payload
from shared.events.wire import encode_headers, headers_of, rfc3339
from shared.runtime import Runtime
from shared.security.keys import hash_key
from shared.security.links import Links, Purpose
from tests.brokers import kafka_settings
from tests.fresh import Fresh
from tests.integration.matching.office import Admin, Office
from tests.unit.matching.builders import START, a_participant, a_programme

SECRET = "links"
COORDINATOR_KEY = "cg_coordinator"
KEY = {"Authorization": f"Bearer {COORDINATOR_KEY}"}
DEADLINE_S = 30.0


async def until(what: Callable[[], Awaitable[Any]]) -> Any:
    """Asks until the answer is true, or fails at the deadline. Returns the answer."""
    deadline = time.monotonic() + DEADLINE_S
    while not (answer := await what()):
        assert time.monotonic() < deadline, "it did not come true in time"
        await asyncio.sleep(0.02)
    return answer


@dataclass
class Platform:
    """Matching's surroundings in a test. The programme and all ids are of this test alone."""

    engine: Engine
    clock: SteppedClock
    clock_file: Path
    producer: AIOKafkaProducer
    tag: str = field(default_factory=lambda: uuid.uuid4().hex[:8])
    sequences: dict[tuple[str, str], int] = field(default_factory=dict)

    def settings(self, instance: str = "1", **more: Any) -> Settings:
        return Settings(
            instance=instance,
            **kafka_settings(self.engine.addresses),
            mongodb_url=self.engine.mongodb_url("matching"),
            clock=f"stepped:{self.clock_file}",
            link_secret=SecretStr(SECRET),
            hash_secret=SecretStr("hashes"),
            coordinator_key_hashes=hash_key(COORDINATOR_KEY),
            **more,
        )

    def who(self, name: str) -> str:
        """An id of this test for somebody."""
        return f"{name}-{self.tag}"

    async def publish(self, *payloads: Payload) -> None:
        """Sends events as their owners would."""
        for payload in payloads:
            key = (payload.stream.name, payload.subject)
            number = self.sequences[key] = self.sequences.get(key, 0) + 1
            headers = headers_of(
                payload,
                number,
                self.clock.now(),
                correlation_id="c",
                causation_id=None,
                traceparent=None,
            )
            await self.producer.send_and_wait(
                payload.stream.name,
                payload.model_dump_json().encode(),
                key=payload.partition_key.encode(),
                headers=encode_headers(headers),
            )

    async def programme(self, **policy: Any) -> None:
        await self.publish(a_programme(self.tag, **policy))

    def person(self, name: str, role: Role, *kind: Any, **fields: Any) -> Any:
        return a_participant(self.who(name), role, *kind, **{"programme": self.tag, **fields})

    async def mentees(self, *names: str, **fields: Any) -> None:
        await self.publish(*(self.person(name, Role.MENTEE, **fields) for name in names))

    async def mentors(self, *names: str, **fields: Any) -> None:
        await self.publish(*(self.person(name, Role.MENTOR, **fields) for name in names))

    async def message_sent(self, match: dict[str, Any], side: Role) -> None:
        """The message that asks this side has gone out."""
        mentee = side is Role.MENTEE
        await self.publish(
            MessageSent(
                programme=self.tag,
                message_id=f"{match['match_id']}-{side.value}",
                recipient_id=match[f"{side.value}_id"],
                kind=MessageKind.PROPOSAL_TO_MENTEE if mentee else MessageKind.PROPOSAL_TO_MENTOR,
                because_of="x",
                match_id=match["match_id"],
                sent_at=self.clock.now(),
            )
        )

    def token(self, match: dict[str, Any], side: Role, **changes: Any) -> str:
        claims = {"match_id": match["match_id"], "valid_for": timedelta(days=30), **changes}
        links = Links(SECRET, self.clock)
        who = match[f"{side.value}_id"]
        return links.sign(Purpose.ANSWER, who, programme=self.tag, **claims)

    async def told(self, *streams: str) -> list[dict[str, Any]]:
        """What Kafka holds of this test's programme, in order: type, subject, sequence and data."""
        consumer = AIOKafkaConsumer(
            bootstrap_servers=list(self.engine.addresses.kafka), auto_offset_reset="earliest"
        )
        await consumer.start()
        found: list[dict[str, Any]] = []
        try:
            places = []
            for name in streams or ("matches",):
                await consumer._client.add_topic(name)
                partitions = consumer.partitions_for_topic(name) or {0}
                places += [TopicPartition(name, number) for number in sorted(partitions)]
            consumer.assign(places)
            ends = await consumer.end_offsets(places)
            for place in places:
                consumer.seek(place, 0)
            left = {place for place in places if ends[place] > 0}
            while left:
                for place, records in (await consumer.getmany(*left, timeout_ms=200)).items():
                    for record in records:
                        headers = {name: value.decode() for name, value in record.headers}
                        if headers.get("ce_programme") == self.tag:
                            found.append(
                                {
                                    "type": headers["ce_type"].split(".", 1)[1].removesuffix(".v1"),
                                    "subject": headers["ce_subject"],
                                    "sequence": int(headers["ce_sequence"]),
                                    "data": json.loads(record.value or b"{}"),
                                }
                            )
                        if record.offset + 1 >= ends[place]:
                            left.discard(place)
        finally:
            await consumer.stop()
        return found

    async def types(self, *streams: str) -> list[str]:
        return [event["type"] for event in await self.told(*streams)]


class Desk:
    """A coordinator at matching's HTTP."""

    def __init__(self, client: httpx.AsyncClient, platform: Platform) -> None:
        self.client = client
        self.platform = platform

    async def matches(self, status: str | None = None) -> list[dict[str, Any]]:
        found = await self.client.get(
            f"/programmes/{self.platform.tag}/matches",
            params={"status": status} if status else {},
            headers=KEY,
        )
        assert found.status_code == 200, found.text
        return list(found.json()["matches"])

    async def rounds(self) -> dict[str, Any]:
        found = await self.client.get(f"/programmes/{self.platform.tag}/rounds", headers=KEY)
        return dict(found.json())

    async def waiting(self, name: str) -> dict[str, Any]:
        who = self.platform.who(name)
        found = await self.client.get(f"/participants/{who}/waiting", headers=KEY)
        return dict(found.json()) if found.status_code == 200 else {}

    async def knows(self, *names: str) -> None:
        """Waits until matching has heard of them and of the programme."""

        async def has_rounds() -> Any:
            return (await self.rounds()).get("next_round_at")

        await until(has_rounds)
        for name in names:
            await until(lambda name=name: self.waiting(name))  # type: ignore[misc]

    async def round_now(self) -> dict[str, Any]:
        """Has a round run now, and waits for its record."""
        asked = await self.client.post(f"/programmes/{self.platform.tag}/rounds", headers=KEY)
        assert asked.status_code == 202, asked.text
        return await self.round_done(asked.json()["round_id"])

    async def round_done(self, round_id: str) -> dict[str, Any]:
        async def finished() -> Any:
            seen = await self.rounds()
            ours = [one for one in seen["rounds"] if one["round_id"] == round_id]
            return ours if ours and seen["asked_round_at"] is None else None

        return dict((await until(finished))[0])

    async def only_match(self, status: str) -> dict[str, Any]:
        """The programme's one match, once it has this status."""

        async def seen() -> list[dict[str, Any]]:
            return await self.matches(status)

        (match,) = await until(seen)
        return dict(match)

    async def asked(self, match: dict[str, Any], side: Role) -> dict[str, Any]:
        """The match, once this side's message has gone out and matching has heard so."""
        await self.platform.message_sent(match, side)

        async def heard() -> Any:
            found = await self.client.get(f"/matches/{match['match_id']}", headers=KEY)
            return found.json() if found.json()["asked_at"] else None

        return dict(await until(heard))

    async def answer(self, match: dict[str, Any], side: Role, **said: Any) -> httpx.Response:
        body = {"token": self.platform.token(match, side), "says_yes": True, **said}
        return await self.client.post("/answers", json=body)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def surroundings(
    embedded: Engine, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Platform]:
    """The engine, clean, with a producer and a stepped clock."""
    Fresh().empty(embedded)
    clock_file = tmp_path_factory.mktemp("matching") / "clock"
    producer = AIOKafkaProducer(bootstrap_servers=list(embedded.addresses.kafka), acks="all")
    await producer.start()
    try:
        yield Platform(embedded, SteppedClock(clock_file), clock_file, producer)
    finally:
        await producer.stop()


@pytest.fixture
def platform(surroundings: Platform) -> Platform:
    """The surroundings of one test: ids of its own, and time at its start."""
    surroundings.clock.set(START)
    return replace(surroundings, tag=uuid.uuid4().hex[:8], sequences={})


@asynccontextmanager
async def running(
    platform: Platform, instance: str = "1", **more: Any
) -> AsyncIterator[httpx.AsyncClient]:
    """One instance of matching, started; a client of its HTTP."""
    app = make_app(platform.settings(instance, **more))
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(app.router.lifespan_context(app))
        transport = httpx.ASGITransport(app)
        yield await stack.enter_async_context(
            httpx.AsyncClient(transport=transport, base_url="http://matching")
        )


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(surroundings: Platform) -> AsyncIterator[httpx.AsyncClient]:
    """One instance for all tests of a file."""
    surroundings.clock.set(START)
    async with running(surroundings) as client:
        yield client


@pytest_asyncio.fixture(loop_scope="module")
async def desk(client: httpx.AsyncClient, platform: Platform) -> Desk:
    """A coordinator of this test's programme, once matching has seen that it is its start again."""

    async def has_looked() -> bool:
        work = (await client.get("/internal/work")).json()
        return bool(work["looked_at"] == rfc3339(START))

    await until(has_looked)
    return Desk(client, platform)


@pytest_asyncio.fixture
async def office(embedded: Engine, tmp_path: Path) -> AsyncIterator[Office]:
    options = Settings(
        **kafka_settings(embedded.addresses),
        mongodb_url=embedded.mongodb_url("matching"),
        clock=f"stepped:{tmp_path / 'clock'}",
        seed=7,
        link_secret=SecretStr("links"),
        hash_secret=SecretStr("hashes"),
    )
    runtime = Runtime("matching", options)
    store = Store(runtime)
    for collection in (store.matches, store.people, store.programmes, store.rounds, store.gaps):
        await collection.prepare()
    # Rounds of other tests' programmes are none of this one's business.
    admin: Admin = MongoClient(embedded.addresses.mongodb_admin)
    office = Office(runtime, store, admin, "network")
    office.forget_everything()
    yield office
    admin.close()
    runtime.database.close()
