"""Intake itself on a real engine: a served process, its clock, its events."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
import uvicorn
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from fastapi import FastAPI
from pydantic import SecretStr

from deploy.local.engines import Engine
from services.intake.app import make_app
from services.intake.service import Intake
from services.intake.settings import Settings
from shared.clock import SteppedClock
from shared.events.payload import Payload, Stream
from shared.events.wire import Event, Record, decode, encode_headers, headers_of
from shared.security.keys import hash_key
from shared.security.links import Links, Purpose
from tests.brokers import kafka_settings
from tests.fresh import Fresh

MONDAY = datetime(2026, 1, 5, 8, tzinfo=UTC)
COORDINATOR_KEY = "a coordinator's key"
OPERATOR_KEY = "an operator's key"
DEADLINE_S = 30.0

A_PROGRAMME: dict[str, Any] = {
    "name": "Test",
    "charters": [{"version": "2026-1"}, {"version": "2025-1", "in_force": False}],
    "cities": [{"code": "461", "name": "Odense", "region": "Syddanmark"}],
    "coordinators": [
        {
            "coordinator_id": "set by make_programme",
            "name": "Karen",
            "email": "Karen@example.org",
            "cities": ["461"],
        }
    ],
}

A_MENTEE: dict[str, Any] = {
    "role": "mentee",
    "name": "Олена",
    "email": "olena@example.org",
    "city": "Odense",
    "languages": ["uk", "da"],
    "kinds_of_help": ["job_search"],
    "availability": ["sat-morning"],
    "charter": "2026-1",
    "locale": "uk",
    "story": " Моя історія \n",
}


@dataclass(frozen=True)
class Served:
    """One process of intake, and what a test needs to talk with it and look inside."""

    app: FastAPI
    url: str
    http: httpx.AsyncClient
    clock: SteppedClock
    engine: Engine
    programme: str

    @property
    def intake(self) -> Intake:
        intake: Intake = self.app.state.intake
        return intake

    @property
    def links(self) -> Links:
        links: Links = self.app.state.runtime.links
        return links

    def link(self, participant_id: str, purpose: Purpose = Purpose.MY_PAGE) -> str:
        return self.links.sign(
            purpose, participant_id, programme=self.programme, valid_for=timedelta(days=30)
        )

    async def make_programme(self, **changes: Any) -> httpx.Response:
        coordinator = A_PROGRAMME["coordinators"][0] | {"coordinator_id": f"c-{self.programme}"}
        return await self.http.put(
            f"/programmes/{self.programme}",
            json=A_PROGRAMME | {"coordinators": [coordinator]} | changes,
            headers={"Authorization": f"Bearer {OPERATOR_KEY}"},
        )

    async def register(self, **changes: Any) -> httpx.Response:
        form = A_MENTEE | changes
        return await self.http.post(f"/programmes/{self.programme}/participants", json=form)

    async def import_csv(self, content: str, **parameters: str) -> httpx.Response:
        return await self.http.post(
            f"/programmes/{self.programme}/imports",
            files={"file": ("people.csv", content.encode())},
            params=parameters,
            headers={"Authorization": f"Bearer {COORDINATOR_KEY}"},
        )

    async def participants(self, **parameters: str) -> list[dict[str, Any]]:
        answer = await self.http.get(
            f"/programmes/{self.programme}/participants",
            params=parameters,
            headers={"Authorization": f"Bearer {COORDINATOR_KEY}"},
        )
        found: list[dict[str, Any]] = answer.json()["participants"]
        return found

    async def only_one(self) -> str:
        (found,) = await self.participants()
        return str(found["participant_id"])

    async def told(self, stream: Stream) -> list[Event[Payload]]:
        """All that a consumer would apply of a stream, about this test's programme, in order."""
        await self.app.state.runtime.relay.flush()
        consumer = AIOKafkaConsumer(
            stream.name,
            bootstrap_servers=list(self.engine.addresses.kafka),
            auto_offset_reset="earliest",
        )
        await consumer.start()
        try:
            partitions = consumer.assignment()
            ends = await consumer.end_offsets(partitions)
            records: list[Record] = []
            while any([await consumer.position(p) < ends[p] for p in partitions]):
                for batch in (await consumer.getmany(timeout_ms=200)).values():
                    records += [
                        Record(r.topic, r.partition, r.offset, r.key, tuple(r.headers), r.value)
                        for r in batch
                    ]
        finally:
            await consumer.stop()
        events = [decode(record) for record in records]
        last: dict[str, int] = {}
        applied: list[Event[Payload]] = []
        for event in events:
            if event.programme == self.programme and event.sequence > last.get(event.subject, 0):
                last[event.subject] = event.sequence
                applied.append(event)
        return applied

    async def tell(self, payload: Payload, sequence: int = 1) -> None:
        """Publishes an event as another service would."""
        headers = headers_of(
            payload,
            sequence,
            self.clock.now(),
            correlation_id="test",
            causation_id=None,
            traceparent=None,
        )
        producer = AIOKafkaProducer(bootstrap_servers=list(self.engine.addresses.kafka))
        await producer.start()
        try:
            await producer.send_and_wait(
                payload.stream.name,
                payload.model_dump_json().encode(),
                key=payload.partition_key.encode(),
                headers=encode_headers(headers),
            )
        finally:
            await producer.stop()


@asynccontextmanager
async def served(engine: Engine, clock: Path, programme: str, **more: Any) -> AsyncIterator[Served]:
    """Serves intake on a free port until the end of the block.

    Always as the same instance: where members are static, a broker gives the partitions of one that
    ended to its successor at once, while another one waits for the session of the first to expire.
    """
    settings = Settings(
        **kafka_settings(engine.addresses),
        mongodb_url=engine.mongodb_url("intake"),
        clock=f"stepped:{clock}",
        link_secret=SecretStr("link"),
        hash_secret=SecretStr("hash"),
        coordinator_key_hashes=hash_key(COORDINATOR_KEY),
        operator_key_hashes=hash_key(OPERATOR_KEY),
        **{"alike_answer_seconds": 0.0, "requests_per_minute": 10_000} | more,
    )
    app = make_app(settings)
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None))
    task = asyncio.create_task(server.serve())
    try:

        async def is_started() -> bool:
            return server.started

        await eventually(is_started)
        url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
        async with httpx.AsyncClient(base_url=url, timeout=60) as http:
            yield Served(app, url, http, SteppedClock(clock), engine, programme)
    finally:
        server.should_exit = True
        await task


async def eventually(holds: Callable[[], Awaitable[bool]]) -> None:
    """Asks until the answer is yes, to a deadline."""
    deadline = time.monotonic() + DEADLINE_S
    while not await holds():
        assert time.monotonic() < deadline, "it did not come true in time"
        await asyncio.sleep(0.02)


@pytest.fixture(scope="module")
def clock(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("intake") / "clock"
    SteppedClock(path).set(MONDAY)
    return path


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def process(embedded: Engine, clock: Path) -> AsyncIterator[Served]:
    """One process for all tests of a module: to join a consumer group takes seconds."""
    Fresh().empty(embedded)
    async with served(embedded, clock, "unused") as one:
        yield one


@pytest_asyncio.fixture(loop_scope="module")
async def intake(process: Served, fresh: Fresh) -> Served:
    """The process, with a programme of this test alone."""
    process.clock.set(MONDAY)
    mine = replace(process, programme=f"programme-{fresh.tag}")
    answer = await mine.make_programme()
    assert answer.status_code == 200, answer.text
    return mine
