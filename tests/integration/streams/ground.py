"""Streams on a real engine behind a real port, with events that its owners might have sent."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import httpx
from fastapi import FastAPI
from pydantic import SecretStr

from deploy.local.engines import Engine
from deploy.local.origin import origin_app
from services.streams.app import make_app
from services.streams.domain.entries import entry_of
from services.streams.settings import Settings
from services.streams.store.journal import Journal
from shared.events.check_ins import CheckInCompleted, CheckInDue, CheckInOverdue
from shared.events.matches import (
    MatchAccepted,
    MatchDeclined,
    MatchEnded,
    MatchExpired,
    MatchHeld,
    MatchMenteeAccepted,
    MatchProposed,
)
from shared.events.participants import ParticipantRegistered
from shared.events.payload import Payload
from shared.runtime import Runtime
from shared.security.keys import hash_key
from shared.storage.database import Database
from shared.web.server import make_server
from tests.brokers import kafka_settings
from tests.conftest import Fresh  # type: ignore[attr-defined]
from tests.unit.streams.examples import event, example

DEADLINE_S: Final = 30.0
OPERATOR: Final = {"Authorization": "Bearer cg_operator"}
COORDINATOR: Final = {"Authorization": "Bearer cg_coordinator"}
ODENSE, AARHUS, SAMSOE = "461", "751", "741"

_LIVES: Final[Sequence[Sequence[type[Payload]]]] = (
    (MatchProposed, MatchMenteeAccepted, MatchAccepted, MatchEnded),
    (MatchHeld, MatchProposed, MatchDeclined),
    (MatchProposed, MatchMenteeAccepted, MatchExpired),
)
_CHECK_INS: Final[Sequence[type[Payload]]] = (CheckInDue, CheckInOverdue, CheckInCompleted)


async def until(what: Callable[[], Awaitable[Any]]) -> Any:
    """Asks until there is an answer, to a deadline."""
    deadline = time.monotonic() + DEADLINE_S
    while not (answer := await what()):
        assert time.monotonic() < deadline, "it did not come true in time"
        await asyncio.sleep(0.02)
    return answer


@dataclass
class Ground:
    """A running streams, and the journal under it."""

    url: str
    app: FastAPI
    runtime: Runtime
    journal: Journal
    http: httpx.AsyncClient

    async def granted(self, **wish: Any) -> dict[str, Any]:
        """A new integrator, as an operator makes one; `key` is in it."""
        whole = {
            "name": "Odense Kommune",
            "programme": "kvinfo",
            "streams": ["matches", "check-ins"],
            "cities": [ODENSE],
            **wish,
        }
        answer = await self.http.post("/integrators", json=whole, headers=OPERATOR)
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made

    async def lives(self, tag: str, count: int, cities: Sequence[str] = (ODENSE, AARHUS)) -> int:
        """Appends the lives of so many matches, city by city; the journal's last position."""
        events = []
        for number in range(count):
            city = cities[number % len(cities)]
            ids = {
                "programme": "kvinfo",
                "city": city,
                "match_id": f"match-{tag}-{number}-{city}",
                "mentee_id": f"mentee-{tag}-{number}-{city}",
                "mentor_id": f"mentor-{tag}-{number}-{city}",
            }
            kinds = _LIVES[number % len(_LIVES)]
            events += [event(example(k, **ids), sequence) for sequence, k in enumerate(kinds, 1)]
            if MatchAccepted in kinds:
                events += [
                    event(example(k, **ids), sequence) for sequence, k in enumerate(_CHECK_INS, 1)
                ]
            someone = example(ParticipantRegistered, programme="kvinfo", city=city)
            events.append(event(someone, number + 1, id=f"participants/{tag}:{number}"))
        await self.journal.append([entry_of(one) for one in events])
        return await self.journal.last_position()


@asynccontextmanager
async def open_ground(
    engine: Engine, *, empty: bool = True, **settings: Any
) -> AsyncIterator[Ground]:
    """Streams on an empty engine (or one as it is), served on a free port until the end."""
    if empty:
        Fresh().empty(engine)
    chosen: dict[str, Any] = {
        "requests_per_minute": 100_000,
        "webhook_networks": "127.0.0.0/8",
        **settings,
    }
    app = make_app(
        Settings(
            **kafka_settings(engine.addresses),
            mongodb_url=engine.mongodb_url("streams"),
            link_secret=SecretStr("links"),
            hash_secret=SecretStr("hashes"),
            operator_key_hashes=hash_key("cg_operator"),
            coordinator_key_hashes=hash_key("cg_coordinator"),
            **chosen,
        )
    )
    runtime: Runtime = app.state.runtime
    server = make_server(app, "127.0.0.1", 0, runtime.asked_to_stop)
    task = asyncio.create_task(server.serve())

    async def has_started() -> bool:
        return server.started or task.done()

    try:
        await until(has_started)
        url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
        database = Database(engine.mongodb_url("streams"))
        async with httpx.AsyncClient(base_url=url, timeout=60, trust_env=False) as http:
            yield Ground(url, app, runtime, Journal(database), http)
        database.close()
    finally:
        runtime.asked_to_stop()
        server.should_exit = True
        await task


@asynccontextmanager
async def an_origin(ground: Ground) -> AsyncIterator[str]:
    """The local origin before the service, with its ways of streaming."""
    server = make_server(origin_app({"streams": ground.url}, 1), "127.0.0.1", 0)
    task = asyncio.create_task(server.serve())

    async def has_started() -> bool:
        return server.started or task.done()

    await until(has_started)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    await task


def bearer(key: str) -> dict[str, str]:
    """The header that shows a key."""
    return {"Authorization": f"Bearer {key}"}


async def until_listening(ground: Ground, count: int) -> None:
    """Waits until at least so many listen at the journal's end."""

    async def enough() -> bool:
        return bool(ground.app.state.tail.listeners >= count)

    await until(enough)
