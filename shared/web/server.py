"""The HTTP server of every service: uvicorn, with bounds on clients who do not come to the point.

uvicorn waits for ever for the end of a request's head, keeps all of it in memory, and lets anybody hold
as many connections as there are file descriptors. What must stay true here: whatever a client sends or
does not send, it costs a bounded time and memory before the app is asked.
"""

import asyncio
from asyncio.events import TimerHandle
from collections.abc import Callable
from http import HTTPStatus
from types import FrameType
from typing import Any, Final, cast

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from shared.web.problems import Problem

MOST_CONNECTIONS: Final = 800
"""Below the 1,024 file descriptors that a process commonly has, with room for Kafka and MongoDB."""
HEAD_WITHIN_S: Final = 10.0
MOST_HEAD_BYTES: Final = 64 * 1024
READS_WITHIN_S: Final = 60.0
"""How long a client may leave an answer unread that is too large for the buffers on the way."""
_LINGER_S: Final = 2.0
_BYTES_AROUND_A_BYTE: Final = 16
"""A byte of body in a chunk of its own takes five more; chunk extensions and trailers may be as much."""
_AT_WORK: Final = float("inf")
_CLOSE_IDLE_AFTER_S: Final = 5
_DRAIN_S: Final = 8


class BoundedHttp(HttpToolsProtocol):
    """One connection. It is *idle* while no request of it is at work."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.idle_since = self.loop.time()
        """Since when, in the loop's time; for ever in the future while a request is at work."""
        self._head_timer: TimerHandle | None = None
        self._reading_timer: TimerHandle | None = None
        self._is_refused = False
        self._unheard_bytes = 0
        """Received, and neither of a head that is whole nor of a body."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Gives the client its time to say what it wants; a full house shows the longest idle out."""
        super().connection_made(transport)
        self._await_head()
        if len(self.connections) > MOST_CONNECTIONS:
            others = (cast("BoundedHttp", other) for other in self.connections)
            min(others, key=lambda other: other.idle_since).transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forgets the connection."""
        for timer in (self._head_timer, self._reading_timer):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Feeds the parser, which keeps what it has not understood: so that is bounded."""
        if self._is_refused:
            return
        if self.idle_since != _AT_WORK and self._head_timer is None:
            self._await_head()
        self._unheard_bytes += len(data)
        super().data_received(data)
        if self._unheard_bytes > MOST_HEAD_BYTES:
            detail = f"The head of the request is larger than {MOST_HEAD_BYTES} bytes."
            self._refuse(Problem(431, "Head too large", detail))

    def on_headers_complete(self) -> None:
        """The app is asked now."""
        self._unheard_bytes = 0
        self.idle_since = _AT_WORK
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Bytes of a body are the app's to bound, with a fair share of framing around them."""
        heard_bytes = len(body) * (1 + _BYTES_AROUND_A_BYTE)
        self._unheard_bytes = max(0, self._unheard_bytes - heard_bytes)
        super().on_body(body)

    def on_response_complete(self) -> None:
        """Idle again. What is left of a body that was refused must come within a head's time."""
        if not self.pipeline:
            self.idle_since = self.loop.time()
        super().on_response_complete()

    def pause_writing(self) -> None:
        """The client does not read its answer as fast as it is made."""
        super().pause_writing()
        self._reading_timer = self.loop.call_later(READS_WITHIN_S, self.transport.abort)

    def resume_writing(self) -> None:
        """It has caught up."""
        if self._reading_timer is not None:
            self._reading_timer.cancel()
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:
        """What the parser did not understand is refused as everything else is."""
        self._refuse(Problem(400, "Not HTTP", msg))

    def _await_head(self) -> None:
        self._head_timer = self.loop.call_later(HEAD_WITHIN_S, self._head_is_late)

    def _head_is_late(self) -> None:
        detail = f"No whole request came within {HEAD_WITHIN_S:.0f} seconds."
        self._refuse(Problem(408, "Too slow", detail))

    def _refuse(self, problem: Problem) -> None:
        """Answers, unless that would fall into another answer, and closes.

        Not at once: the answer to a client that is still sending would be lost in the reset.
        """
        if self._is_refused or self.transport.is_closing():
            return
        self._is_refused = True
        cycle = cast("RequestResponseCycle | None", self.cycle)
        if _may_answer(cycle):
            answer = problem.response()
            lines = [f"HTTP/1.1 {problem.status} {HTTPStatus(problem.status).phrase}".encode()]
            lines += [name + b": " + value for name, value in answer.raw_headers]
            lines += [b"connection: close", b"", bytes(answer.body)]
            self.transport.write(b"\r\n".join(lines))
            self.transport.write_eof()
        if cycle is not None and not cycle.response_complete:
            cycle.disconnected = True
            cycle.message_event.set()
        self.loop.call_later(_LINGER_S, self.transport.close)


def _may_answer(cycle: RequestResponseCycle | None) -> bool:
    """Whether an answer now would not fall into another one, nor follow one that refused a body."""
    if cycle is None:
        return True
    return not (cycle.more_body if cycle.response_complete else cycle.response_started)


class _Server(uvicorn.Server):
    """uvicorn's server, which tells when it is asked to stop, before it waits for open requests."""

    def __init__(self, config: uvicorn.Config, on_exit: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_exit = on_exit

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """On SIGTERM or SIGINT."""
        super().handle_exit(sig, frame)
        self._on_exit()


def make_server(
    app: ASGIApp, host: str, port: int, on_exit: Callable[[], None] = lambda: None
) -> uvicorn.Server:
    """A server for the app, not started; port 0 lets the kernel choose.

    `on_exit` is called when it is asked to stop, so that those who wait for something are let go.
    Without access log: paths carry signed links.
    """
    return _Server(
        uvicorn.Config(
            app,
            host=host,
            port=port,
            http=BoundedHttp,
            ws="none",
            log_config=None,
            access_log=False,
            timeout_keep_alive=_CLOSE_IDLE_AFTER_S,
            timeout_graceful_shutdown=_DRAIN_S,
        ),
        on_exit,
    )
