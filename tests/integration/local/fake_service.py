"""A process that keeps the contract of a service and does what a test tells it.

python -m tests.integration.local.fake_service

It looks at its timers as often as it can, has open work for as long as it was told to, and writes
its name into the file `FAKE_ENDED` when it has ended in good order.
"""

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from shared.clock import open_clock

NAME = os.environ["INSTANCE"].removesuffix("-1")
CLOCK = open_clock(os.environ["CLOCK"])
SETTINGS = (
    "KAFKA_URL", "STATIC_MEMBERS", "MONGODB_URL", "PUBLIC_URL", "SMTP_URL", "SEED", "OPERATOR_KEY_HASHES",
    "RESEND_STATE", "INSTANCE",
)  # fmt: skip


class State:
    """What this process says of itself."""

    busy_until = 0.0
    due_in: timedelta | None = None
    requests_seen = 0
    client_gone = False


def say(event: str, level: str = "info") -> None:
    now = CLOCK.now().isoformat()
    entry = {"timestamp": now, "level": level, "event": event, "service": NAME}
    sys.stdout.write(json.dumps(entry) + "\n")
    sys.stdout.flush()


async def ready(_request: Request) -> Response:
    return JSONResponse({"status": "ready"})


async def work(_request: Request) -> Response:
    now = CLOCK.now()
    due = None if State.due_in is None else (now + State.due_in).isoformat()
    return JSONResponse(
        {
            "service": NAME,
            "instance": f"{NAME}-1",
            "looked_at": now.isoformat(),
            "next_at": due,
            "open": {"outbox": 0, "handling": int(time.monotonic() < State.busy_until)},
            "consumed": {},
        }
    )


async def be_busy(request: Request) -> Response:
    State.busy_until = time.monotonic() + float(request.query_params["for_s"])
    return PlainTextResponse("busy")


async def be_due(request: Request) -> Response:
    State.due_in = timedelta(hours=float(request.query_params["in_h"]))
    return PlainTextResponse("due")


async def echo(request: Request) -> Response:
    """Says what arrived: method, path as it came, headers, size and beginning of the body."""
    size, beginning = 0, b""
    async for chunk in request.stream():
        size += len(chunk)
        beginning = beginning or chunk[:50]
    response = JSONResponse(
        {
            "method": request.method,
            "path": request.scope["raw_path"].decode(),
            "query": request.url.query,
            "headers": dict(request.headers),
            "size": size,
            "beginning": beginning.decode("utf-8", "replace"),
        },
        status_code=int(request.query_params.get("status", "200")),
    )
    response.headers.append("set-cookie", "a=1")
    response.headers.append("set-cookie", "b=2")
    return response


async def early(_request: Request) -> Response:
    """Answers without reading the body, as a limit on the size of an upload does."""
    return PlainTextResponse("too large", status_code=413)


async def events(request: Request) -> Response:
    async def stream() -> AsyncIterator[bytes]:
        try:
            for number in range(10_000):
                yield f"data: {number}\n\n".encode()
                await asyncio.sleep(0.02)
        finally:
            State.client_gone = True

    State.client_gone = False
    return StreamingResponse(stream(), media_type="text/event-stream")


async def slow(_request: Request) -> Response:
    await asyncio.sleep(0.5)
    return PlainTextResponse("at last")


async def break_off(_request: Request) -> Response:
    async def stream() -> AsyncIterator[bytes]:
        yield b"half of "
        os.kill(os.getpid(), signal.SIGKILL)
        await asyncio.sleep(5)
        yield b"an answer"

    return StreamingResponse(stream(), headers={"content-length": "17"})


async def silent_death(_request: Request) -> Response:
    os.kill(os.getpid(), signal.SIGKILL)
    await asyncio.sleep(5)
    return PlainTextResponse("never")


async def seen(_request: Request) -> Response:
    return JSONResponse(
        {
            "client_gone": State.client_gone,
            "pid": os.getpid(),
            "settings": {name: os.environ.get(name) for name in SETTINGS},
        }
    )


def note_the_end() -> None:
    with Path(os.environ["FAKE_ENDED"]).open("a") as ended:
        ended.write(f"{NAME}\n")


@asynccontextmanager
async def lifespan(_app: Starlette) -> AsyncIterator[None]:
    say(f"{NAME} is there")
    yield
    note_the_end()


METHODS = ["GET", "POST", "PUT", "DELETE", "PATCH"]
app = Starlette(
    routes=[
        Route("/health/ready", ready),
        Route("/internal/work", work),
        Route("/be-busy", be_busy, methods=["POST"]),
        Route("/be-due", be_due, methods=["POST"]),
        Route("/early", early, methods=["POST"]),
        Route("/events", events),
        Route("/slow", slow),
        Route("/break-off", break_off),
        Route("/silent-death", silent_death),
        Route("/seen", seen),
        Route("/echo{rest:path}", echo, methods=METHODS),
    ],
    lifespan=lifespan,
)

if __name__ == "__main__":
    if os.environ.get("FAKE_CRASHES") == NAME:
        say("cannot go on: the setting MOON is missing", "error")
        sys.exit(3)
    uvicorn.run(
        app,
        host=os.environ["HOST"],
        port=int(os.environ["PORT"]),
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=2,
    )
