"""A platform with two people on it whose every personal word can be found again, wherever it went."""

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import httpx
from aiokafka import AIOKafkaConsumer, TopicPartition
from pymongo import AsyncMongoClient
from rich.console import Console

from deploy.local.broker import KafkaBroker
from deploy.local.engines import SERVICES
from deploy.local.mailbox import StoredMessage
from deploy.local.settings import PlatformSettings
from deploy.local.supervisor import Platform
from deploy.sample.programme import load
from tests.integration.streams.receiver import Receiver, a_receiver

MONDAY: Final = datetime(2026, 1, 5, 7, tzinfo=UTC)
MOST_STEPS: Final = 60
DELIVERED_WITHIN_S: Final = 60.0
TOLD_OUTSIDE: Final = {"match.proposed.v1", "match.accepted.v1", "check_in.completed.v1"}
_LINK: Final = re.compile(r"https?://\S+?/intake/(\S+?)\?token=(\S+)")


@dataclass(frozen=True, slots=True)
class Someone:
    """A person, with a mark in each personal word: the mark is found however the word was changed."""

    mark: str
    role: str

    @property
    def email(self) -> str:
        return f"{self.mark}@example.org"

    @property
    def form(self) -> dict[str, Any]:
        return {
            "role": self.role,
            "name": f"Name {self.mark}",
            "email": self.email,
            "phone": "+45 20 12 34 " + ("56" if self.role == "mentee" else "57"),
            "city": "Odense",
            "languages": ["da", "ar"],
            "kinds_of_help": ["job_search"],
            "availability": ["sat-morning", "tue-evening"],
            "charter": "2026-1",
            "locale": "ar" if self.role == "mentee" else "da",
            "seats": 0 if self.role == "mentee" else 1,
            "goals": f"goals {self.mark}",
            "request": f"request {self.mark}",
            "story": f"story {self.mark}",
        }

    @property
    def marks(self) -> tuple[str, ...]:
        """What is looked for: her mark in any case, and her telephone number."""
        return self.mark, "201234" + self.form["phone"][-2:]


HER: Final = Someone("kanariefugl7q", "mentee")
MENTOR: Final = Someone("rugbrodx9z", "mentor")


@dataclass(frozen=True, slots=True)
class Ground:
    """The running platform, and ways to look everywhere."""

    platform: Platform
    http: httpx.AsyncClient
    receiver: Receiver
    integrator: dict[str, str]
    """The headers of a municipality that follows everything that may be granted."""

    # People's doings -------------------------------------------------------------------------------

    async def post(self, path: str, body: dict[str, Any], key: str | None = None) -> httpx.Response:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        answer = await self.http.post(path, json=body, headers=headers)
        assert answer.status_code < 300, f"{path}: {answer.status_code} {answer.text}"
        await self.platform.settle()
        return answer

    async def register(self, *people: Someone) -> None:
        programme = load()
        answer = await self.http.put(
            f"/intake/programmes/{programme.programme_id}",
            json=programme.body,
            headers={"Authorization": f"Bearer {self.platform.keys.operator}"},
        )
        assert answer.status_code < 300, answer.text
        await self._let_a_municipality_follow(programme.programme_id)
        for someone in people:
            path = f"/intake/programmes/{programme.programme_id}/participants"
            await self.post(path, someone.form)
            await self.post("/intake/confirm", {"token": await self.link(someone, "confirm")})

    async def _let_a_municipality_follow(self, programme: str) -> None:
        wanted = {
            "name": "Odense Kommune",
            "programme": programme,
            "streams": ["matches", "check-ins"],
            "cities": ["461"],
        }
        grant = await self.post("/streams/integrators", wanted, self.platform.keys.operator)
        key = grant.json()["key"]
        hook = await self.post("/streams/webhooks", {"url": self.receiver.url}, key)
        self.receiver.secret = hook.json()["secret"]
        self.integrator["Authorization"] = f"Bearer {key}"

    def mails_to(self, someone: Someone) -> list[StoredMessage]:
        return [mail for mail in self.platform.mailbox.messages() if mail.to == someone.email]

    def token(self, someone: Someone, page: str) -> str | None:
        """The token of her newest link to this page."""
        found = [
            token
            for mail in self.mails_to(someone)
            for name, token in _LINK.findall(mail.text)
            if name == page
        ]
        return found[-1] if found else None

    async def link(self, someone: Someone, page: str) -> str:
        """The same, when it has come; the clock moves on until then."""
        await self.platform.settle()
        for _ in range(MOST_STEPS):
            if (token := self.token(someone, page)) is not None:
                return token
            await self.platform.clock.advance()
        raise AssertionError(f"no link to {page} came to the {someone.role}")

    # Looking everywhere ----------------------------------------------------------------------------

    async def in_stores(self, marks: tuple[str, ...]) -> set[str]:
        """`service.collection` of each document that holds one of the marks, in any field."""
        found: set[str] = set()
        client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(
            self.platform.engine.addresses.mongodb_admin
        )
        try:
            for service in SERVICES:
                for name in await client[service].list_collection_names():
                    async for document in client[service][name].find():
                        if _holds(_flat(document), marks):
                            found.add(f"{service}.{name}")
        finally:
            await client.close()
        return found

    async def in_topics(self, marks: tuple[str, ...]) -> set[str]:
        """The topics with a record that holds one of the marks, in key, value or headers."""
        consumer = AIOKafkaConsumer(
            bootstrap_servers=list(self.platform.engine.addresses.kafka), enable_auto_commit=False
        )
        await consumer.start()
        found: set[str] = set()
        try:
            broker = KafkaBroker(self.platform.engine.addresses)
            await broker.open()
            ends = await broker.end_offsets()
            await broker.close()
            for topic, partitions in ends.items():
                if await _topic_holds(consumer, topic, partitions, marks):
                    found.add(topic)
        finally:
            await consumer.stop()
        return found

    async def in_webhooks(self, marks: tuple[str, ...]) -> bool:
        """Whether anything that came to the municipality, or that its feeds show, holds one of the marks.

        Looks only once everything that is in the feeds has been delivered as well.
        """
        feeds: list[dict[str, Any]] = []
        for stream in ("matches", "check-ins"):
            page = await self.http.get(
                f"/streams/feed/{stream}", params={"after": 0}, headers=self.integrator
            )
            assert page.status_code == 200, page.text
            feeds += page.json()
        shown = {event["id"] for event in feeds}
        assert {event["type"].rpartition("integration.")[2] for event in feeds} >= TOLD_OUTSIDE
        deadline = time.monotonic() + DELIVERED_WITHIN_S
        while shown - {event["id"] for event in self.receiver.received}:
            assert time.monotonic() < deadline, "what the feeds show was not delivered in time"
            await asyncio.sleep(0.1)
        return _holds(_flat([feeds, self.receiver.received]), marks)

    def in_logs(self, marks: tuple[str, ...]) -> set[str]:
        """The logs with a line that holds one of the marks."""
        logs = self.platform.settings.directory / "logs"
        files = sorted(logs.glob("*.jsonl"))
        assert {file.stem for file in files} >= set(SERVICES)
        return {file.stem for file in files if _holds(file.read_text(encoding="utf-8"), marks)}


def _flat(document: Any) -> str:
    """Every value of a document as text, bytes decoded, however deep."""
    if isinstance(document, dict):
        return "\n".join(f"{name}\n{_flat(value)}" for name, value in document.items())
    if isinstance(document, list):
        return "\n".join(map(_flat, document))
    if isinstance(document, bytes):
        return document.decode("utf-8", "replace")
    return str(document)


def _holds(text: str, marks: tuple[str, ...]) -> bool:
    folded = "".join(text.casefold().split())
    return any(mark.casefold() in folded for mark in marks)


async def _topic_holds(
    consumer: AIOKafkaConsumer, topic: str, ends: Any, marks: tuple[str, ...]
) -> bool:
    partitions = [TopicPartition(topic, number) for number in ends]
    consumer.assign(partitions)
    await consumer.seek_to_beginning(*partitions)
    for partition in partitions:
        while await consumer.position(partition) < ends[partition.partition]:
            for records in (await consumer.getmany(partition, timeout_ms=500)).values():
                for record in records:
                    text = _flat(
                        [record.key or b"", record.value or b"", list(map(list, record.headers))]
                    )
                    if _holds(text, marks):
                        return True
    return False


@asynccontextmanager
async def running(directory: Path, engine: str) -> AsyncIterator[Ground]:
    """A platform of its own; everything of it is below `directory`."""
    settings = PlatformSettings(
        run="canary",
        var=directory,
        engine=engine,
        starts_at=MONDAY,
        environment={"streams": {"WEBHOOK_NETWORKS": "127.0.0.0/8"}},
    )
    with (directory / "terminal").open("w", encoding="utf-8") as terminal:
        platform = Platform(settings, console=Console(file=terminal, width=300))
        async with (
            platform,
            httpx.AsyncClient(base_url=platform.origin_url, timeout=60, trust_env=False) as http,
            a_receiver() as receiver,
        ):
            yield Ground(platform, http, receiver, {})


def words_in(archive_json: bytes) -> Iterator[str]:
    """Every text in a JSON document."""
    todo: list[Any] = [json.loads(archive_json)]
    while todo:
        value = todo.pop()
        if isinstance(value, dict):
            todo += value.values()
        elif isinstance(value, list):
            todo += value
        elif isinstance(value, str):
            yield value
