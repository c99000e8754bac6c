"""A municipality's receiver: a real HTTP server that verifies, keeps and answers as it is told."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from standardwebhooks import Webhook


@dataclass
class Receiver:
    """What came to one endpoint. `answer` says what is answered to the n-th request (from 0)."""

    url: str = ""
    secret: str = ""
    received: list[dict[str, Any]] = field(default_factory=list)
    """Each event that was verified and answered with 204, as often as it came."""
    message_ids: list[str] = field(default_factory=list)
    requests: int = 0
    answer: Callable[[int], Awaitable[int]] | None = None
    came: asyncio.Event = field(default_factory=asyncio.Event)

    async def handle(self, request: web.Request) -> web.Response:
        """One request."""
        body = await request.read()
        number, self.requests = self.requests, self.requests + 1
        event = Webhook(self.secret).verify(body, dict(request.headers)) if self.secret else None
        status = await self.answer(number) if self.answer is not None else 204
        if status == 204 and event is not None:
            self.message_ids.append(request.headers["webhook-id"])
            self.received.append(event)
            self.came.set()
        return web.Response(status=status)


def always(status: int) -> Callable[[int], Awaitable[int]]:
    """Whatever comes is answered with this status: a `Receiver.answer`."""

    async def answer(_: int) -> int:
        return status

    return answer


@asynccontextmanager
async def a_receiver() -> AsyncIterator[Receiver]:
    """A receiver that listens on a free port."""
    receiver = Receiver()
    app = web.Application()
    app.router.add_post("/hooks", receiver.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        receiver.url = f"http://127.0.0.1:{port}/hooks"
        yield receiver
    finally:
        await runner.cleanup()
