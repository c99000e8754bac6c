"""The ASGI app of every service: its routes, and what all of them answer alike."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

from fastapi import APIRouter, FastAPI
from fastapi.responses import JSONResponse, Response
from prometheus_client import CollectorRegistry, Gauge, generate_latest

from shared.messaging.reactions import Pipeline
from shared.messaging.relay import Relay
from shared.messaging.work import Work
from shared.web.doorkeeper import Doorkeeper
from shared.web.problems import add_problem_handlers


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
    app.add_middleware(Doorkeeper, relay=process.relay, work=process.work)
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
