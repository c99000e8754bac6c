"""One request to a service and its answer back, both as streams.

What must stay true: nothing is sent twice; a client that leaves ends the request to the service;
an answer that breaks off is broken off for the client too, so that half of one never looks whole.
"""

import math
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Final, Self

import aiohttp
import anyio
import structlog
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send
from yarl import URL

from deploy.local.problems import problem

_HOP_BY_HOP: Final = frozenset(
    {
        b"connection", b"keep-alive", b"proxy-authenticate", b"proxy-authorization",
        b"proxy-connection", b"te", b"trailer", b"transfer-encoding", b"upgrade",
    }
)  # fmt: skip
# Told by us alone: a client's own word on where it comes from is worth nothing. The server has
# answered `Expect` already.
_NEVER_PASSED_ON: Final = _HOP_BY_HOP | {b"forwarded", b"expect"}
# A stream of events sends a sign of life well within `sock_read`.
_TIMEOUT: Final = aiohttp.ClientTimeout(total=None, connect=5.0, sock_connect=2.0, sock_read=60.0)
_WRITE_WITHIN_S: Final = 30.0
_MOST_CONNECTIONS: Final = 500
# Shorter than uvicorn's 5 s, lest a request meets a connection that is just being closed.
_KEEP_ALIVE_S: Final = 2.0
# What a client did not say is not said for it.
_NOT_ADDED: Final = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")
log = structlog.get_logger(service="origin")


class _ClientGone(Exception):
    """The client left while its request was still being sent."""


class Forwarder:
    """Sends requests on. `open` counts those under way; streams of events are never 'under way'."""

    def __init__(self) -> None:
        self.open = 0
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=_MOST_CONNECTIONS, keepalive_timeout=_KEEP_ALIVE_S
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=_TIMEOUT,
            auto_decompress=False,
            skip_auto_headers=_NOT_ADDED,
        )
        # It would send a GET once more over a fresh connection; whether that is wise, the client knows.
        self._session._retry_connection = False  # noqa: SLF001 - there is no public way to say so
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def forward(
        self, room: str, target: str, path: bytes, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Answers the request from `target`, `http://host:port`, under `path` there."""
        if self._session is None:
            raise RuntimeError("the forwarder is not open: use it in `async with`")
        exchange = _Exchange(self, room, scope, receive, send)
        self.open += 1
        try:
            async with anyio.create_task_group() as group:

                async def leave_with_the_client() -> None:
                    await exchange.client_leaves()
                    group.cancel_scope.cancel()

                group.start_soon(leave_with_the_client)
                await exchange.run(self._session, target, path)
                group.cancel_scope.cancel()
        finally:
            if not exchange.is_event_stream:
                self.open -= 1


class _Exchange:
    def __init__(
        self, forwarder: Forwarder, room: str, scope: Scope, receive: Receive, send: Send
    ) -> None:
        self.is_event_stream = False
        self._forwarder = forwarder
        self._room = room
        self._scope = scope
        self._receive = receive
        self._send = send
        self._body_is_read = anyio.Event()
        self._answering = False
        self._client_is_gone = False
        self._writing = anyio.CancelScope()
        """Ended when the service takes nothing of the body for too long."""

    async def client_leaves(self) -> None:
        """Returns when the client has left. Until the body is read, its reader would notice."""
        await self._body_is_read.wait()
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def run(self, session: aiohttp.ClientSession, target: str, path: bytes) -> None:
        """Sends the request and passes the answer back, or says why there is none."""
        try:
            with self._writing:
                async with session.request(
                    self._scope["method"],
                    self._url(target, path),
                    headers=self._headers(),
                    data=await self._data(),
                    allow_redirects=False,
                ) as answer:
                    await self._pass_back(answer)
            if self._writing.cancelled_caught:
                raise aiohttp.ServerTimeoutError
        except (aiohttp.ClientError, TimeoutError) as error:
            if self._client_is_gone:
                return
            log.warning(
                "service did not answer" if not self._answering else "answer broke off",
                room=self._room,
                error=type(error).__name__,
            )
            # An answer that has begun stays unfinished: the server then closes the connection.
            if not self._answering:
                answer_instead = _problem_of(error, self._room)
                await answer_instead(self._scope, self._receive, self._send)

    def _url(self, target: str, path: bytes) -> URL:
        query: bytes = self._scope["query_string"]
        asked = path + (b"?" + query if query else b"")
        return URL(target + asked.decode("latin-1"), encoded=True)

    def _headers(self) -> list[tuple[str, str]]:
        received: list[tuple[bytes, bytes]] = self._scope["headers"]
        return [
            (name.decode("latin-1"), value.decode("latin-1"))
            for name, value in (*_passed_on(received), *self._where_it_came_from(received))
        ]

    async def _data(self) -> AsyncIterator[bytes] | None:
        names = {name for name, _ in self._scope["headers"]}
        if b"content-length" in names or b"transfer-encoding" in names:
            return self._body()
        await self._receive()  # the empty body
        self._body_is_read.set()
        return None

    def _where_it_came_from(self, received: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        client = self._scope.get("client") or ("", 0)
        host = next((value for name, value in received if name == b"host"), b"")
        return [
            (b"x-forwarded-for", str(client[0]).encode("ascii")),
            (b"x-forwarded-host", host),
            (b"x-forwarded-proto", str(self._scope["scheme"]).encode("ascii")),
            (b"x-forwarded-prefix", b"/" + self._room.encode("ascii")),
        ]

    async def _body(self) -> AsyncIterator[bytes]:
        while True:
            message: Message = await self._receive()
            if message["type"] == "http.disconnect":
                self._client_is_gone = True
                raise _ClientGone
            if message.get("body"):
                self._writing.deadline = anyio.current_time() + _WRITE_WITHIN_S
                yield message["body"]
                self._writing.deadline = math.inf
            if not message.get("more_body", False):
                self._body_is_read.set()
                return

    async def _pass_back(self, answer: aiohttp.ClientResponse) -> None:
        if answer.headers.get("content-type", "").startswith("text/event-stream"):
            # It may stay open for days; whoever waits for quiet must not wait for it.
            self.is_event_stream = True
            self._forwarder.open -= 1
        dropped = _hop_by_hop(answer.headers.get("connection", "").encode())
        headers = [
            (name.lower(), value)
            for name, value in answer.raw_headers
            if name.lower() not in dropped
        ]
        self._answering = True
        self._writing.deadline = math.inf
        await self._send(
            {"type": "http.response.start", "status": answer.status, "headers": headers}
        )
        async for chunk in answer.content.iter_any():
            await self._send({"type": "http.response.body", "body": chunk, "more_body": True})
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})


def _passed_on(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    connection = b",".join(value for name, value in headers if name == b"connection")
    dropped = _hop_by_hop(connection) | _NEVER_PASSED_ON
    return [
        (name, value)
        for name, value in headers
        if name not in dropped and not name.startswith(b"x-forwarded-")
    ]


def _hop_by_hop(connection: bytes) -> frozenset[bytes]:
    """The headers that end here: the fixed ones and those that `Connection` names."""
    return _HOP_BY_HOP | {name.strip().lower() for name in connection.split(b",")}


def _problem_of(error: Exception, room: str) -> Response:
    match error:
        case aiohttp.ClientConnectorError() | aiohttp.ConnectionTimeoutError():
            return problem(
                503, "Service away", f"{room} cannot be reached; try again.", retry_after_s=1
            )
        case TimeoutError():
            return problem(504, "Service too slow", f"{room} did not answer in time.")
        case _:
            return problem(
                502,
                "Service broke off",
                f"{room} gave no whole answer; try again.",
                retry_after_s=1,
            )
