"""The local mail server: takes messages by SMTP, keeps them, shows them. Sends nothing anywhere.

    python -m deploy.local.mail_server      # settings: SMTP_PORT, PORT, MAIL_DIRECTORY, CLOCK

On `PORT`: the pages, `/health/ready`, `/internal/work`, and `POST /internal/refuse` for fault tests.
"""

import asyncio
import os
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import httpx
import structlog
import uvicorn
from aiosmtpd.smtp import SMTP, Envelope, Session
from pydantic import BaseModel, Field, ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from deploy.local.logs import write_json_logs
from deploy.local.mail_bounces import NOBODY, Returns, report
from deploy.local.mail_pages import mail_routes
from deploy.local.mailbox import MailStore
from deploy.local.ports import LOOPBACK
from shared.clock import Clock, open_clock

_HAND_IN_AFTER_S: Final = (0.2, 0.5, 1.0, 2.0, 4.0)
_LARGEST_MESSAGE: Final = 20 * 1024 * 1024
log = structlog.get_logger(service="mail")


class Refusal(BaseModel):
    """For how long to refuse, in seconds of machine time, and with which SMTP status."""

    for_s: float = Field(ge=0, le=3600)
    status: int = Field(default=451, ge=400, le=499)


class MailHandler:
    """What aiosmtpd calls. Counts the deliveries that have begun and were not answered yet.

    A connection that a sender keeps open between two messages is no open work: a pool of them would
    keep the clock from ever moving.
    """

    def __init__(self, store: MailStore, clock: Clock, returns: Returns | None = None) -> None:
        self._store = store
        self._returns = returns
        self._returning: set[asyncio.Task[None]] = set()
        self._clock = clock
        self._refuse_until = 0.0
        self._refuse_status = 451
        self._begun: set[Session] = set()

    @property
    def open(self) -> int:
        """How many deliveries are under way, and reports on what nobody takes."""
        return len(self._begun) + len(self._returning)

    def refuse(self, refusal: Refusal) -> None:
        """Refuses every message for a while; 0 seconds accepts again."""
        self._refuse_until = time.monotonic() + refusal.for_s
        self._refuse_status = refusal.status

    def connection_is_gone(self, session: Session) -> None:
        """A sender left, perhaps in the middle of a delivery."""
        self._begun.discard(session)

    async def handle_MAIL(  # noqa: N802 - the name that aiosmtpd calls
        self, _server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """A delivery begins."""
        if time.monotonic() < self._refuse_until:
            return f"{self._refuse_status} 4.3.0 Told to refuse for a while; try again later"
        self._begun.add(session)
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 OK"

    async def handle_RSET(  # noqa: N802
        self, _server: SMTP, session: Session, _envelope: Envelope
    ) -> str:
        """A delivery is given up."""
        self._begun.discard(session)
        return "250 2.0.0 OK"

    async def handle_DATA(  # noqa: N802
        self, _server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        """A message is here: keep it, then say so."""
        content = envelope.content
        if not isinstance(content, bytes):
            raise TypeError("aiosmtpd decodes messages; start it with decode_data=False")
        sender, to = envelope.mail_from or "", envelope.rcpt_tos
        try:
            number = self._store.keep(sender, to, content, self._clock.now())
            for recipient in to:
                self._send_back(sender, recipient, content)
        finally:
            self._begun.discard(session)
        return f"250 2.0.0 Kept as number {number}"

    def _send_back(self, sender: str, recipient: str, content: bytes) -> None:
        """Nobody lives at one domain: as a real server, this one takes the message and reports later."""
        if self._returns is None or not recipient.lower().endswith(NOBODY):
            return
        made = report(sender, recipient, content)
        task = asyncio.create_task(self._hand_in(self._returns, made))
        self._returning.add(task)
        task.add_done_callback(self._returning.discard)

    async def _hand_in(self, returns: Returns, made: bytes) -> None:
        """A few times: the service may be starting again, or has yet to note that it was sent."""
        for pause_s in _HAND_IN_AFTER_S:
            await asyncio.sleep(pause_s)
            try:
                if await returns.hand_in(made):
                    return
            except httpx.HTTPError as error:
                log.warning("report not taken", error=type(error).__name__)

    async def handle_exception(self, error: Exception) -> str:
        """Anything unforeseen (a full disk): the sender is told to try again later."""
        log.error("mail could not be kept", error=type(error).__name__, exc_info=error)
        return "451 4.3.0 Could not keep it; try again later"


class _Connection(SMTP):
    """aiosmtpd's protocol, which tells the handler when the connection is lost."""

    def connection_lost(self, error: Exception | None) -> None:
        handler = self.event_handler
        if isinstance(handler, MailHandler) and self.session is not None:
            handler.connection_is_gone(self.session)
        super().connection_lost(error)


def mail_app(
    store: MailStore, clock: Clock, smtp: socket.socket | int, returns: Returns | None = None
) -> Starlette:
    """The web side, which also runs the SMTP side. smtp: a bound socket, or a loopback port."""
    handler = MailHandler(store, clock, returns)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        loop = asyncio.get_running_loop()
        place: dict[str, Any] = (
            {"host": LOOPBACK, "port": smtp} if isinstance(smtp, int) else {"sock": smtp}
        )
        server = await loop.create_server(lambda: _connection(handler, loop), **place)
        try:
            yield
        finally:
            server.close()

    async def ready(_request: Request) -> Response:
        return JSONResponse({"status": "ready"})

    async def work(_request: Request) -> Response:
        return JSONResponse({"service": "mail", "open": {"mails": handler.open}})

    async def refuse(request: Request) -> Response:
        try:
            handler.refuse(Refusal.model_validate_json(await request.body()))
        except ValidationError as error:
            return JSONResponse(
                {"title": "Not a refusal", "status": 422, "detail": str(error)},
                status_code=422,
                media_type="application/problem+json",
            )
        return Response(status_code=204)

    routes = [
        Route("/health/live", ready),
        Route("/health/ready", ready),
        Route("/internal/work", work),
        Route("/internal/refuse", refuse, methods=["POST"]),
        *mail_routes(store),
    ]
    return Starlette(routes=routes, lifespan=lifespan)


def _connection(handler: MailHandler, loop: asyncio.AbstractEventLoop) -> SMTP:
    return _Connection(
        handler,
        loop=loop,
        hostname="localhost",
        ident="Common Ground local mail",
        data_size_limit=_LARGEST_MESSAGE,
        enable_SMTPUTF8=True,
        decode_data=False,
    )


def main() -> None:
    """Runs until SIGTERM. Settings come from the environment."""
    write_json_logs()
    store = MailStore(Path(os.environ["MAIL_DIRECTORY"]))
    clock, port = open_clock(os.environ["CLOCK"]), int(os.environ["SMTP_PORT"])
    app = mail_app(store, clock, port, Returns.from_environment())
    uvicorn.run(
        app,
        host=LOOPBACK,
        port=int(os.environ["PORT"]),
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=3,
    )
    store.close()


if __name__ == "__main__":
    main()
