"""The ASGI app of every service: its routes, and what all of them answer alike."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Annotated, Any, Final, Protocol

from fastapi import APIRouter, FastAPI, Query, Request
from fastapi.responses import JSONResponse, Response

from shared.messaging.relay import Relay
from shared.messaging.work import OFFSETS_PATTERN, Offsets, Work, offsets_of
from shared.observability.metrics import Metrics
from shared.observability.requests import Observed
from shared.observability.traces import Traces
from shared.web.contract import DescribedApp
from shared.web.doorkeeper import Doorkeeper
from shared.web.problems import add_problem_handlers

_LONGEST_WAIT_S: Final = 5.0


class Process(Protocol):
    """What the app must know of the process that it runs in; `shared.runtime.Runtime` is one."""

    @property
    def service(self) -> str:
        """The service's name."""

    @property
    def relay(self) -> Relay:
        """Its relay, for back-pressure."""

    @property
    def metrics(self) -> Metrics:
        """Its metrics."""

    @property
    def traces(self) -> Traces:
        """Its traces."""

    @property
    def work(self) -> Work:
        """Where open requests are counted."""

    async def is_ready(self) -> bool:
        """Whether it can take work."""

    def is_alive(self) -> bool:
        """Whether nothing in it is stuck."""

    async def describe_work(self, wait_s: float, read_to: Offsets) -> dict[str, Any]:
        """What it has open: the answer of `/internal/work`."""


def make_app(
    process: Process,
    routers: Sequence[APIRouter],
    lifespan: Callable[[FastAPI], AbstractAsyncContextManager[None]],
) -> FastAPI:
    """The app, not started. `lifespan` starts and stops what the service runs on."""
    app = DescribedApp(
        title=f"Common Ground: {process.service}",
        version="1",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
    )
    app.state.runtime = process
    add_problem_handlers(app)
    # First, since the stepped clock asks often and routes are looked through in their order.
    app.include_router(_common_routes(process))
    for router in routers:
        app.include_router(router)
    app.add_middleware(Doorkeeper, relay=process.relay, work=process.work)
    app.add_middleware(Observed, metrics=process.metrics, traces=process.traces)
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
    async def work(
        wait_s: Annotated[float, Query(ge=0, le=_LONGEST_WAIT_S)] = 0,
        read_to: Annotated[str, Query(pattern=OFFSETS_PATTERN)] = "",
    ) -> Response:
        return JSONResponse(await process.describe_work(wait_s, offsets_of(read_to)))

    @router.get("/metrics")
    async def metrics(request: Request) -> Response:
        text, content_type = await process.metrics.text(request.headers.get("accept", ""))
        return Response(text, headers={"Content-Type": content_type})

    return router
