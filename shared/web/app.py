"""The ASGI app of every service: its routes, and what all of them answer alike."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Final, Protocol

from fastapi import APIRouter, FastAPI
from fastapi.responses import JSONResponse, Response
from prometheus_client import CollectorRegistry, Gauge, generate_latest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.errors import OutboxFull
from shared.messaging.reactions import Pipeline
from shared.messaging.relay import Relay
from shared.messaging.work import Work
from shared.web.problems import Problem, add_problem_handlers

_MOST_BODY_BYTES: Final = 1024 * 1024
_MOST_IMPORT_BYTES: Final = 256 * 1024 * 1024
_WRITES: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_BODY_TIMEOUT_S: Final = 20.0


class Process(Protocol):
    """What the app must know of the process that it runs in; `shared.runtime.Runtime` is one."""

    @property
    def service(self) -> str:
        """The service's name."""

    @property
    def relay(self) -> Relay:
        """Its relay, for back-pressure and metrics."""

    @property
    def pipeline(self) -> Pipeline:
        """Its pipeline, for metrics."""

    @property
    def work(self) -> Work:
        """Where open requests are counted."""

    async def is_ready(self) -> bool:
        """Whether it can take work."""

    def is_alive(self) -> bool:
        """Whether nothing in it is stuck."""

    async def describe_work(self) -> dict[str, Any]:
        """What it has open: the answer of `/internal/work`."""


def make_app(
    process: Process,
    routers: Sequence[APIRouter],
    lifespan: Callable[[FastAPI], AbstractAsyncContextManager[None]],
) -> FastAPI:
    """The app, not started. `lifespan` starts and stops what the service runs on."""
    app = FastAPI(
        title=f"Common Ground: {process.service}",
        version="1",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
    )
    app.state.runtime = process
    add_problem_handlers(app)
    for router in routers:
        app.include_router(router)
    app.include_router(_common_routes(process))
    app.add_middleware(_Doorkeeper, process=process)
    return app


def _common_routes(process: Process) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get("/health/live")
    async def live() -> Response:
        return JSONResponse({"alive": True}) if process.is_alive() else Response(status_code=503)

    @router.get("/health/ready")
    async def ready() -> Response:
        is_ready = await process.is_ready()
        return JSONResponse({"ready": is_ready}, 200 if is_ready else 503)

    @router.get("/internal/work")
    async def work() -> dict[str, Any]:
        return await process.describe_work()

    @router.get("/metrics")
    async def metrics() -> Response:
        return Response(await _metrics(process), media_type="text/plain; version=0.0.4")

    return router


async def _metrics(process: Process) -> bytes:
    registry = CollectorRegistry()
    values = {
        "commonground_outbox_documents": (
            "Documents with unsent events",
            await process.relay.unsent(),
        ),
        "commonground_outbox_oldest_seconds": (
            "Age of the oldest unsent event",
            await process.relay.oldest_unsent_s(),
        ),
        "commonground_published_total_since_start": ("Events published", process.relay.published),
        "commonground_applied_since_start": ("Events applied", process.pipeline.counts.applied),
        "commonground_duplicates_since_start": (
            "Events dropped as duplicates",
            process.pipeline.counts.duplicates,
        ),
        "commonground_parked_since_start": ("Events parked", process.pipeline.counts.parked),
    }
    for name, (meaning, value) in values.items():
        Gauge(name, meaning, ["service"], registry=registry).labels(process.service).set(value)
    return generate_latest(registry)


class _Doorkeeper:
    """Counts open requests, bounds bodies in size and time, and refuses writes while Kafka is away."""

    def __init__(self, app: ASGIApp, process: Process) -> None:
        self._app = app
        self._process = process

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(
            ("/internal/", "/health/", "/metrics")
        ):
            await self._app(scope, receive, send)
            return
        with self._process.work.one("requests"):
            problem = self._refuses(scope)
            if problem is not None:
                await problem.response()(scope, receive, send)
                return
            most = _MOST_IMPORT_BYTES if scope["path"].endswith("/imports") else _MOST_BODY_BYTES
            try:
                await self._app(scope, _bounded(receive, most), _hardened(send))
            except _BodyRefused as refused:
                await refused.problem.response()(scope, receive, send)

    def _refuses(self, scope: Scope) -> Problem | None:
        if scope["method"] in _WRITES and self._process.relay.is_full:
            error = OutboxFull("Too many events wait to be published; please try again.")
            return Problem(503, "Not available just now", str(error), headers={"Retry-After": "5"})
        return None


class _BodyRefused(Exception):
    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.title)
        self.problem = problem


def _bounded(receive: Receive, most_bytes: int) -> Receive:
    """Refuses bodies that are too large, or that come too slowly."""
    read = 0
    is_whole = False

    async def bounded() -> Message:
        nonlocal read, is_whole
        if is_whole:  # Whoever streams an answer listens on for the client's going away.
            return await receive()
        try:
            async with asyncio.timeout(_BODY_TIMEOUT_S):
                message = await receive()
        except TimeoutError:
            detail = f"The body did not come within {_BODY_TIMEOUT_S:.0f} seconds of silence."
            raise _BodyRefused(Problem(408, "Too slow", detail)) from None
        read += len(message.get("body", b""))
        is_whole = not message.get("more_body", False)
        if read > most_bytes:
            detail = f"The body is larger than {most_bytes} bytes."
            raise _BodyRefused(Problem(413, "Too large", detail))
        return message

    return bounded


def _hardened(send: Send) -> Send:
    """Adds the headers that every answer has."""

    async def hardened(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = list(message.get("headers", []))
            headers += [
                (b"x-content-type-options", b"nosniff"),
                (b"referrer-policy", b"no-referrer"),
                (b"cache-control", b"no-store"),
            ]
            message = {**message, "headers": headers}
        await send(message)

    return hardened
