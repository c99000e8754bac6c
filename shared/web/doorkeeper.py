"""Who gets in: bounds on what one request, and all open requests together, may cost a service.

What must stay true: a refusal costs less than the work would have, it is a problem document, and the
machine's own questions (`/internal`, `/health`, `/metrics`) are answered whatever the crowd.
"""

import asyncio
from typing import Final

from fastapi import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.errors import OutboxFull
from shared.messaging.relay import Relay
from shared.messaging.work import Work
from shared.security.sessions import StaffRole
from shared.web.access import admit_staff
from shared.web.problems import Problem

MOST_BODY_BYTES: Final = 1024 * 1024
MOST_IMPORT_BYTES: Final = 256 * 1024 * 1024
"""Only for coordinators; what is read of it lies on disk, not in memory."""
MOST_UNANSWERED: Final = 256
"""Requests at work at once. With the largest bodies they hold a quarter of a gigabyte; with ordinary
ones the last of them waits a second or two, and the next is better asked to come again."""
BODY_SILENCE_S: Final = 20.0
LEAST_BODY_BYTES_PER_S: Final = 1024
"""A body may take `BODY_SILENCE_S` and a second more for each of these: a trickle is no body."""
_PLACE: Final = "commonground.place"
_WRITES: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_FOR_THE_MACHINE: Final = ("/internal/", "/health/", "/metrics")
_HEADERS_OF_ALL_ANSWERS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
)


def only_waits(request: Request) -> None:
    """From here on the request waits for what may come, and does nothing: a long poll, a stream of events.

    It takes nobody's place any more, and no clock waits for it. Whoever calls this bounds how many wait.
    """
    place: _Place = request.scope[_PLACE]
    place.leave()


class Doorkeeper:
    """Counts open requests, bounds bodies in size and time, refuses writes while Kafka is away."""

    def __init__(self, app: ASGIApp, *, relay: Relay, work: Work) -> None:
        self._app = app
        self._relay = relay
        self.work = work
        self.unanswered = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Lets the request in, or answers it here."""
        if scope["type"] != "http" or scope["path"].startswith(_FOR_THE_MACHINE):
            await self._app(scope, receive, send)
            return
        place = _Place(self)
        scope[_PLACE] = place
        try:
            most_bytes = self._admit(scope)
        except Problem as problem:
            await problem.response()(scope, receive, _hardened(send))
        else:
            await self._serve(scope, _Body(receive, most_bytes), _hardened(send), place)
        finally:
            place.leave()

    def _admit(self, scope: Scope) -> int:
        """How many bytes its body may have. Raises the `Problem` that keeps the request out."""
        if self.unanswered >= MOST_UNANSWERED:
            raise _later("Too many requests are at work here; please try again.", 1)
        if scope["method"] in _WRITES and self._relay.is_full:
            full = OutboxFull("Too many events wait to be published; please try again.")
            raise _later(str(full), 5)
        most_bytes = MOST_BODY_BYTES
        if scope["path"].endswith("/imports"):
            # Before the file is taken in, not after.
            admit_staff(Request(scope), StaffRole.COORDINATOR, StaffRole.OPERATOR)
            most_bytes = MOST_IMPORT_BYTES
        if _announced_bytes(scope) > most_bytes:
            raise _too_large(most_bytes)
        return most_bytes

    async def _serve(self, scope: Scope, body: "_Body", send: Send, place: "_Place") -> None:
        has_started = False
        place.work()

        async def answer(message: Message) -> None:
            nonlocal has_started
            if body.refused is not None and not has_started:
                return  # The framework's own word on a body that it could not read to its end.
            place.answer()
            has_started = True
            await send(message)

        try:
            await self._app(scope, body, answer)
        except _BodyRefused:
            pass
        finally:
            place.answer()
        if body.refused is not None and not has_started:
            await body.refused.response()(scope, body, send)


class _Place:
    """The place that one request takes: among the open ones, and until it is answered at work."""

    def __init__(self, doorkeeper: Doorkeeper) -> None:
        self._doorkeeper = doorkeeper
        self._is_open = True
        self._is_at_work = False
        doorkeeper.work.requests += 1

    def work(self) -> None:
        """It is let in."""
        self._is_at_work = True
        self._doorkeeper.unanswered += 1

    def answer(self) -> None:
        """Its answer begins, or it has ended without one."""
        self._doorkeeper.unanswered -= self._is_at_work
        self._is_at_work = False

    def leave(self) -> None:
        """It is over, or only waits."""
        self.answer()
        self._doorkeeper.work.requests -= self._is_open
        self._is_open = False


class _BodyRefused(Exception):
    """The body is too large or too slow: nobody reads it any further."""


class _Body:
    """Reads a request's body, and refuses one that is too large or comes too slowly."""

    def __init__(self, receive: Receive, most_bytes: int) -> None:
        self._receive = receive
        self._most_bytes = most_bytes
        self._read_bytes = 0
        self._waited_s = 0.0
        self._is_whole = False
        self.refused: Problem | None = None

    async def __call__(self) -> Message:
        """The next part, as ASGI's `receive`."""
        if self._is_whole:  # Whoever streams an answer listens on for the client's going away.
            return await self._receive()
        clock = asyncio.get_running_loop().time
        began = clock()
        may_wait_s = BODY_SILENCE_S + self._read_bytes / LEAST_BODY_BYTES_PER_S - self._waited_s
        try:
            async with asyncio.timeout(min(may_wait_s, BODY_SILENCE_S)):
                message = await self._receive()
        except TimeoutError:
            detail = "The body came too slowly to go on waiting for it; please send it again."
            self._refuse(Problem(408, "Too slow", detail, headers={"Connection": "close"}))
        self._waited_s += clock() - began
        self._read_bytes += len(message.get("body", b""))
        self._is_whole = not message.get("more_body", False)
        if self._read_bytes > self._most_bytes:
            self._refuse(_too_large(self._most_bytes))
        return message

    def _refuse(self, problem: Problem) -> None:
        self.refused = problem
        raise _BodyRefused


def _announced_bytes(scope: Scope) -> int:
    """What `Content-Length` says; the server has refused what is no number."""
    return int(dict(scope["headers"]).get(b"content-length", 0))


def _too_large(most_bytes: int) -> Problem:
    return Problem(413, "Too large", f"The body is larger than {most_bytes} bytes.")


def _later(detail: str, seconds: int) -> Problem:
    return Problem(503, "Not available just now", detail, headers={"Retry-After": str(seconds)})


def _hardened(send: Send) -> Send:
    """Adds the headers that every answer has."""

    async def hardened(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = [*message.get("headers", []), *_HEADERS_OF_ALL_ANSWERS]
            message = {**message, "headers": headers}
        await send(message)

    return hardened
