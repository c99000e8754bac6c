"""The origin: one address for all services, as an ingress is in production. It retries nothing.

    python -m deploy.local.origin    # settings: PORT, CONTROL_PORT, ROUTES (JSON: room to its URL)

`/matching/x` goes to matching's `/x`, and so on for each room in `ROUTES`. Bodies are streamed both
ways. What a service keeps for the machine it runs on, `/internal/*` and `/metrics`, is refused here.
`CONTROL_PORT` answers `/health/ready` and `/internal/work` for the supervisor.
"""

import json
import os
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from html import escape
from typing import Final
from urllib.parse import unquote

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from deploy.local.forwarding import Forwarder
from deploy.local.logs import write_json_logs
from deploy.local.ports import LOOPBACK
from deploy.local.problems import problem

_METHODS: Final = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
_KEPT_INSIDE: Final = frozenset({"internal", "metrics"})
_ABOUT: Final = {
    "intake": "Register, pages of participants and coordinators",
    "matching": "Proposals and their answers",
    "notifications": "Messages to participants",
    "followup": "Check-ins and closing of mentorships",
    "streams": "The event streams, for operators and integrators",
    "identity": "Where coordinators and operators sign in on this machine",
    "mailbox": "Every mail that was sent on this machine",
}
_STYLE: Final = (
    ":root{color-scheme:light dark;font:1rem/1.5 system-ui,sans-serif}"
    "body{max-width:40rem;margin:0 auto;padding:1rem}li{margin-block:.75rem}"
    "a:focus-visible{outline:3px solid;outline-offset:2px}"
)


class Front:
    """Sends each request to its room, or refuses it."""

    def __init__(self, forwarder: Forwarder, rooms: Mapping[str, str]) -> None:
        self._forwarder = forwarder
        self._rooms = rooms

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        raw: bytes = scope["raw_path"]
        first, slash, rest = raw.removeprefix(b"/").partition(b"/")
        room = first.decode("latin-1")
        answer: Response | None = None
        if _is_inside(room) or _is_inside(rest.decode("latin-1")):
            answer = problem(403, "Not for the outside", "This answers on its own machine only.")
        elif _climbs(rest.decode("latin-1")):
            answer = problem(400, "Not a plain path", "The path contains '..'; name it in full.")
        elif room not in self._rooms:
            rooms = ", ".join(sorted(self._rooms))
            answer = problem(404, "No such room", f"Paths begin with one of: {rooms}.")
        elif not slash:
            answer = Response(status_code=308, headers={"location": f"/{room}/"})
        if answer is not None:
            await answer(scope, receive, send)
            return
        await self._forwarder.forward(room, self._rooms[room], b"/" + rest, scope, receive, send)


def _segments(path: str) -> list[str]:
    """The path's segments as a service would see them after decoding."""
    return [part for part in unquote(path).replace("\\", "/").split("/") if part not in ("", ".")]


def _is_inside(path: str) -> bool:
    return any(part.casefold() in _KEPT_INSIDE for part in _segments(path)[:1])


def _climbs(path: str) -> bool:
    return ".." in _segments(path)


def origin_app(rooms: Mapping[str, str], control_port: int) -> ASGIApp:
    """The whole origin, for both of its ports. rooms: name to `http://host:port`."""
    forwarder = Forwarder()

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        async with forwarder:
            yield

    async def front(_request: Request) -> Response:
        """Whoever comes to take part is led to the front door."""
        return RedirectResponse("/intake/" if "intake" in rooms else "/rooms", 302)

    async def index(_request: Request) -> Response:
        return HTMLResponse(_index(rooms), headers=_INDEX_HEADERS)

    async def style(_request: Request) -> Response:
        return Response(_STYLE, media_type="text/css")

    async def ready(_request: Request) -> Response:
        return JSONResponse({"status": "ready"})

    async def work(_request: Request) -> Response:
        return JSONResponse({"service": "origin", "open": {"requests": forwarder.open}})

    public = Starlette(
        routes=[
            Route("/", front, methods=["GET"]),
            Route("/rooms", index, methods=["GET"]),
            Route("/style.css", style, methods=["GET"]),
            Route("/{path:path}", Front(forwarder, rooms), methods=_METHODS),
        ],
        lifespan=lifespan,
    )
    control = Starlette(routes=[Route("/health/ready", ready), Route("/internal/work", work)])

    async def by_port(scope: Scope, receive: Receive, send: Send) -> None:
        asked_control = scope["type"] == "http" and scope["server"][1] == control_port
        await (control if asked_control else public)(scope, receive, send)

    return by_port


_INDEX_HEADERS: Final = {
    "content-security-policy": "default-src 'none'; style-src 'self'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}


def _index(rooms: Mapping[str, str]) -> str:
    items = "".join(
        f'<li><a href="/{escape(name)}/">{escape(name)}</a>: {escape(_ABOUT.get(name, ""))}</li>'
        for name in rooms
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<title>Common Ground on this machine</title><link rel="stylesheet" href="/style.css">'
        f"</head><body><main><h1>Common Ground on this machine</h1><ul>{items}</ul></main></body>"
        "</html>"
    )


def _listen(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((LOOPBACK, port))
    return listener


def main() -> None:
    """Runs until SIGTERM. Settings come from the environment."""
    write_json_logs()
    control_port = int(os.environ["CONTROL_PORT"])
    config = uvicorn.Config(
        origin_app(json.loads(os.environ["ROUTES"]), control_port),
        log_config=None,
        # No access log: paths carry the signed links of participants.
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        ws="none",
        timeout_graceful_shutdown=3,
    )
    uvicorn.Server(config).run([_listen(int(os.environ["PORT"])), _listen(control_port)])


if __name__ == "__main__":
    main()
