"""Followup on the real engine: one instance or two, a stepped clock, Kafka to write to and read."""

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
from fastapi import FastAPI
from pydantic import SecretStr

from deploy.local.engines import Engine
from services.followup.app import make_app
from services.followup.settings import Settings
from shared.clock import SteppedClock
from shared.events.matches import MatchAccepted
from shared.events.messages import MessageKind, MessageSent
from shared.events.participants import Role
from shared.events.payload import Payload
from shared.events.wire import encode_headers, headers_of
from shared.security.keys import hash_key
from shared.security.links import Links, Purpose
from tests.brokers import kafka_settings
from tests.conftest import Fresh  # type: ignore[attr-defined]
from tests.unit.followup.builders import START, accepted

SECRET = "links"
COORDINATOR_KEY = "cg_coordinator"
DEADLINE_S = 20.0


async def until(what: Callable[[], Awaitable[Any]]) -> Any:
    """Asks until the answer is true, or fails at the deadline. Returns the answer."""
    deadline = time.monotonic() + DEADLINE_S
    while not (answer := await what()):
        assert time.monotonic() < deadline, "it did not come true in time"
        await asyncio.sleep(0.02)
    return answer


@dataclass
class Platform:
    """Followup's surroundings in a test. Ids are of this test alone."""

    engine: Engine
    clock: SteppedClock
    clock_file: Path
    producer: AIOKafkaProducer
    tag: str = field(default_factory=lambda: uuid.uuid4().hex[:8])
    sequences: dict[tuple[str, str], int] = field(default_factory=dict)

    @property
    def links(self) -> Links:
        return Links(SECRET, self.clock)

    @property
    def match_id(self) -> str:
        return f"match-{self.tag}"

    def person(self, side: Role) -> str:
        return f"{side.value}-{self.tag}"

    def settings(self, instance: str) -> Settings:
        return Settings(
            instance=instance,
            **kafka_settings(self.engine.addresses),
            mongodb_url=self.engine.mongodb_url("followup"),
            clock=f"stepped:{self.clock_file}",
            link_secret=SecretStr(SECRET),
            hash_secret=SecretStr("hashes"),
            coordinator_key_hashes=hash_key(COORDINATOR_KEY),
        )

    def an_accepted_match(self, match_id: str = "") -> MatchAccepted:
        return accepted(
            match_id or self.match_id,
            mentee_id=self.person(Role.MENTEE),
            mentor_id=self.person(Role.MENTOR),
            programme=self.tag,
        )

    async def publish(self, *payloads: Payload, sequence: int | None = None) -> None:
        """Sends events as their owners would; the same event again with its `sequence`."""
        for payload in payloads:
            key = (payload.stream.name, payload.subject)
            number = sequence or self.sequences.get(key, 0) + 1
            self.sequences[key] = max(number, self.sequences.get(key, 0))
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

    async def asked(self, number: int, *sides: Role, match_id: str = "") -> None:
        """The messages of a check-in went out."""
        match_id = match_id or self.match_id
        for side in sides or tuple(Role):
            await self.publish(
                MessageSent(
                    programme=self.tag,
                    message_id=f"{match_id}-{number}-{side.value}",
                    recipient_id=self.person(side),
                    kind=MessageKind.CHECK_IN,
                    because_of="x",
                    match_id=match_id,
                    check_in_number=number,
                    sent_at=self.clock.now(),
                )
            )

    def token(
        self, side: Role, purpose: Purpose = Purpose.CHECK_IN, number: int = 1, **changes: Any
    ) -> str:
        claims = {"match_id": self.match_id, "number": number, "valid_for": timedelta(days=30)}
        return self.links.sign(
            purpose, self.person(side), programme=self.tag, **{**claims, **changes}
        )

    async def told(self, *streams: str, match_id: str = "") -> list[dict[str, Any]]:
        """What Kafka holds about this test's matches, in order: type, sequence and data."""
        consumer = AIOKafkaConsumer(
            bootstrap_servers=list(self.engine.addresses.kafka), auto_offset_reset="earliest"
        )
        await consumer.start()
        found: list[dict[str, Any]] = []
        try:
            places = [
                TopicPartition(name, partition)
                for name in streams or ("check-ins", "care")
                for partition in sorted(await self._partitions(consumer, name))
            ]
            consumer.assign(places)
            ends = await consumer.end_offsets(places)
            for place in places:
                consumer.seek(place, 0)
            left = {place for place in places if ends[place] > 0}
            while left:
                batches = await consumer.getmany(*left, timeout_ms=200)
                for place, records in batches.items():
                    for record in records:
                        headers = {name: value.decode() for name, value in record.headers}
                        if self.tag in headers.get("ce_subject", ""):
                            found.append(
                                {
                                    "type": headers["ce_type"].split(".", 1)[1].removesuffix(".v1"),
                                    "stream": record.topic,
                                    "subject": headers["ce_subject"],
                                    "sequence": int(headers["ce_sequence"]),
                                    "data": json.loads(record.value or b"{}"),
                                }
                            )
                        if record.offset + 1 >= ends[place]:
                            left.discard(place)
        finally:
            await consumer.stop()
        mine = match_id and [event for event in found if event["subject"] == match_id]
        return mine or found

    async def _partitions(self, consumer: AIOKafkaConsumer, topic: str) -> set[int]:
        await consumer._client.add_topic(topic)
        return consumer.partitions_for_topic(topic) or {0}

    async def types(self, *streams: str) -> list[str]:
        return [event["type"] for event in await self.told(*streams)]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def surroundings(
    embedded: Engine, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Platform]:
    """The engine, clean, with a producer and a stepped clock. Joining a group takes seconds."""
    Fresh().empty(embedded)
    clock_file = tmp_path_factory.mktemp("followup") / "clock"
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
async def running(platform: Platform, instance: str = "1") -> AsyncIterator[httpx.AsyncClient]:
    """One instance of followup, started; a client of its HTTP."""
    app: FastAPI = make_app(platform.settings(instance))
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(app.router.lifespan_context(app))
        transport = httpx.ASGITransport(app)
        yield await stack.enter_async_context(
            httpx.AsyncClient(transport=transport, base_url="http://followup")
        )


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(surroundings: Platform) -> AsyncIterator[httpx.AsyncClient]:
    """One instance for all tests of a file."""
    surroundings.clock.set(START)
    async with running(surroundings) as client:
        yield client
