"""The five services in this process, on an engine, each behind a real HTTP server: see `Five`."""

import asyncio
import importlib
import socket
import threading
import time
import uuid
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

import httpx
from fastapi import FastAPI

from deploy.local.engines import SERVICES, Addresses, Engine
from shared.runtime import Runtime
from shared.security.keys import hash_key
from shared.web.server import make_server
from tests.brokers import kafka_settings
from tests.fresh import Fresh

COORDINATOR = "cg_coordinator"
OPERATOR = "cg_operator"
_UP_WITHIN_S = 60.0
_DOWN_WITHIN_S = 30.0

T = TypeVar("T")


class MongoAndKafka(Protocol):
    """What is asked of an engine."""

    @property
    def addresses(self) -> Addresses:
        """Where its brokers are."""

    def mongodb_url(self, user: str) -> str:
        """The URL of a service's own database."""


@dataclass
class Five:
    """Five running services; everything of theirs runs in one thread's event loop."""

    loop: asyncio.AbstractEventLoop
    apps: Mapping[str, FastAPI]
    urls: dict[str, str] = field(default_factory=dict)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Runs something in the services' loop and waits for it."""
        future: Future[T] = asyncio.run_coroutine_threadsafe(work, self.loop)
        return future.result(_UP_WITHIN_S)

    def runtime(self, service: str) -> Runtime:
        """What a service runs on."""
        runtime: Runtime = self.apps[service].state.runtime
        return runtime

    def ask(self, service: str, path: str, *, key: str | None = None) -> httpx.Response:
        """A GET to a service."""
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        return httpx.get(self.urls[service] + path, headers=headers, timeout=30)

    def make_programme(self, programme: str) -> None:
        """Makes a programme as an operator does."""
        answer = httpx.put(
            f"{self.urls['intake']}/programmes/{programme}",
            headers={"Authorization": f"Bearer {OPERATOR}"},
            json={
                "name": "Network",
                "charters": [{"version": "2026-1"}],
                "cities": [{"code": "461", "name": "Odense", "region": "Syddanmark"}],
            },
            timeout=30,
        )
        assert answer.status_code == 200, answer.text

    def register(self, programme: str, **changes: Any) -> httpx.Response:
        """Registers a mentee, or whoever the changes make of her."""
        form = {
            "role": "mentee",
            "name": "Amal",
            "email": f"{uuid.uuid4().hex}@example.org",
            "city": "Odense",
            "languages": ["ar", "da"],
            "kinds_of_help": ["job_search"],
            "availability": ["sat-morning"],
            "charter": "2026-1",
            "locale": "ar",
        }
        url = f"{self.urls['intake']}/programmes/{programme}/participants"
        return httpx.post(url, json=form | changes, timeout=30)


def start_five(engine: Engine, only: Sequence[str] = SERVICES, **settings: Any) -> Iterator[Five]:
    """Starts them on clean ground, and stops them at the end.

    only: some of them. settings: of all of them, beside those that a test needs anyway.
    """
    Fresh().empty(engine)
    yield from serve_five(engine, only, **settings)


def serve_five(
    engine: MongoAndKafka, only: Sequence[str] = SERVICES, **settings: Any
) -> Iterator[Five]:
    """Starts them on what is there, and stops them at the end."""
    loop = asyncio.new_event_loop()
    apps = {service: _app(engine, service, settings) for service in only}
    five = Five(loop, apps)
    sockets = {service: _listening() for service in only}
    five.urls = {
        service: f"http://127.0.0.1:{bound.getsockname()[1]}" for service, bound in sockets.items()
    }

    servers = [make_server(app, "127.0.0.1", 0) for app in apps.values()]

    async def serve_all() -> None:
        await asyncio.gather(
            *(
                server.serve(sockets=[sockets[service]])
                for service, server in zip(apps, servers, strict=True)
            )
        )

    thread = threading.Thread(target=loop.run_until_complete, args=(serve_all(),))
    thread.start()

    try:
        give_up_at = time.monotonic() + _UP_WITHIN_S
        while not all(server.started for server in servers):
            assert thread.is_alive(), "A service has not started."
            assert time.monotonic() < give_up_at, "The services have not started in time."
            time.sleep(0.05)
        yield five
    finally:
        for server in servers:
            server.should_exit = True
        thread.join(_DOWN_WITHIN_S)
        for bound in sockets.values():
            bound.close()
        loop.close()


def _app(engine: MongoAndKafka, service: str, more: Mapping[str, Any]) -> FastAPI:
    settings = importlib.import_module(f"services.{service}.settings").Settings(
        instance=f"{service}-{uuid.uuid4().hex[:6]}",
        **kafka_settings(engine.addresses),
        mongodb_url=engine.mongodb_url(service),
        smtp_url="smtp://127.0.0.1:1",
        link_secret="links of this test, and of no other",
        hash_secret="hashes of this test, and of no other",
        coordinator_key_hashes=hash_key(COORDINATOR),
        operator_key_hashes=hash_key(OPERATOR),
        **more,
    )
    app: FastAPI = importlib.import_module(f"services.{service}.app").make_app(settings)
    return app


def _listening() -> socket.socket:
    bound = socket.socket()
    bound.bind(("127.0.0.1", 0))
    return bound
