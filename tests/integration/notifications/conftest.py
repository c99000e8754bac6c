"""Notifications on the real engine, with a real SMTP server and a clock that tests can set."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from fastapi import FastAPI
from pydantic import SecretStr

from deploy.local.engines import Engine
from services.notifications.app import make_app, make_sender
from services.notifications.domain.message import Message
from services.notifications.sender import Sender
from services.notifications.service import Notifications
from services.notifications.settings import Settings
from services.notifications.store import Store
from shared.clock import SteppedClock, SystemClock
from shared.decisions import Decision
from shared.events.payload import Payload
from shared.events.wire import encode_headers, headers_of
from shared.runtime import Runtime
from shared.security.keys import hash_key
from shared.storage.changes import Cause, Change
from tests.brokers import kafka_settings
from tests.component.notifications.smtp_server import MailServerInTest, smtp_server
from tests.fresh import Fresh
from tests.unit.notifications import builders as a

COORDINATOR_KEY = "cg_coordinator"
DEADLINE_S = 20.0


async def until(what: Callable[[], Awaitable[Any]]) -> Any:
    """Asks until the answer is true, or fails at the deadline. Returns the answer."""
    deadline = time.monotonic() + DEADLINE_S
    while not (answer := await what()):
        assert time.monotonic() < deadline, "it did not come true in time"
        await asyncio.sleep(0.02)
    return answer


class MachineClock:
    """Machine time that runs, and that a test may move ahead."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def now(self) -> datetime:
        return SystemClock().now() + self.ahead


@dataclass
class Instance:
    """One process of the service, as far as a test drives it itself."""

    runtime: Runtime
    store: Store
    notifications: Notifications
    sender: Sender

    async def messages(self) -> list[Message]:
        return [message async for _, message in self.store.messages.find({})]


@dataclass
class Platform:
    """The surroundings of one test."""

    engine: Engine
    mails: MailServerInTest
    clock: SteppedClock
    clock_file: Path
    machine: MachineClock = field(default_factory=MachineClock)
    instances: list[Instance] = field(default_factory=list)
    sequences: dict[tuple[str, str], int] = field(default_factory=dict)

    def settings(self, instance: str = "1", **changes: Any) -> Settings:
        return Settings(
            **{
                "instance": instance,
                **kafka_settings(self.engine.addresses),
                "mongodb_url": self.engine.mongodb_url("notifications"),
                "clock": f"stepped:{self.clock_file}",
                "link_secret": SecretStr("links"),
                "hash_secret": SecretStr("hashes"),
                "coordinator_key_hashes": hash_key(COORDINATOR_KEY),
                "smtp_url": self.mails.url,
                "public_url": "https://network.example",
                **changes,
            }
        )

    async def instance(self, name: str = "1", **changes: Any) -> Instance:
        """A process with its store, whose sender the test drives; nothing runs by itself."""
        settings = self.settings(name, **changes)
        runtime = Runtime("notifications", settings)
        store = Store(runtime)
        await store.messages.prepare()
        sender = make_sender(runtime, store, settings, machine=self.machine)
        made = Instance(runtime, store, Notifications(runtime, store, sender.nudge), sender)
        self.instances.append(made)
        return made

    async def queue(self, instance: Instance, messages: Sequence[Message]) -> None:
        """Messages that may go at once, each to a participant whose contact is known."""
        changes = [
            Change(message.message_id, _becoming(message), Cause.due(a.NOON))
            for message in messages
        ]
        await instance.store.messages.change(changes)
        contacts = [
            Change(
                message.recipient_id,
                _becoming(a.known_contact(email=f"{message.recipient_id}@mail.example")),
                Cause.due(a.NOON),
            )
            for message in messages
        ]
        await instance.store.contacts.change(contacts)

    async def publish(self, producer: AIOKafkaProducer, *payloads: Payload) -> None:
        """Sends events as their owners would, all in one request: so one fetch brings them."""
        sent = []
        for payload in payloads:
            key = (payload.stream.name, payload.subject)
            self.sequences[key] = self.sequences.get(key, 0) + 1
            headers = headers_of(
                payload,
                self.sequences[key],
                self.clock.now(),
                correlation_id="journey-1",
                causation_id=None,
                traceparent=None,
            )
            sent.append(
                await producer.send(
                    payload.stream.name,
                    payload.model_dump_json().encode(),
                    key=payload.partition_key.encode(),
                    headers=encode_headers(headers),
                )
            )
        await asyncio.gather(*sent)


def queued_messages(count: int) -> list[Message]:
    """Proposals to `count` different mentees."""
    return [
        a.queued(a.proposed(match_id=f"match-{n}", mentee_id=f"mentee-{n}")) for n in range(count)
    ]


def _becoming(state: Any) -> Callable[[Any], Decision[Any] | None]:
    return lambda before: Decision(state) if before is None else None


@asynccontextmanager
async def surroundings(engine: Engine, folder: Path) -> AsyncIterator[Platform]:
    """Clean databases, an SMTP server, and the clock at noon."""
    Fresh().empty(engine)
    clock_file = folder / "clock"
    clock = SteppedClock(clock_file)
    clock.set(a.NOON)
    async with smtp_server() as mails:
        made = Platform(engine, mails, clock, clock_file)
        yield made
        for instance in made.instances:
            await instance.sender.close()
            instance.runtime.database.close()


@pytest.fixture
async def platform(embedded: Engine, tmp_path: Path) -> AsyncIterator[Platform]:
    """Surroundings of one test; the test makes the instances."""
    async with surroundings(embedded, tmp_path) as made:
        yield made


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[FastAPI]:
    """The whole service, from start to stop."""
    app = make_app(settings)
    async with app.router.lifespan_context(app):
        yield app
