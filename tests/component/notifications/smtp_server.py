"""A real SMTP server in the test's own loop, which keeps what it takes and misbehaves on request."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session

HANG_UP = "hang up"
"""Takes the message, then closes the connection instead of answering."""


@dataclass
class Taken:
    """One message that the server has."""

    sender: str
    recipient: str
    content: bytes

    @property
    def mail(self) -> EmailMessage:
        parsed = message_from_bytes(self.content, policy=default)
        assert isinstance(parsed, EmailMessage)
        return parsed

    @property
    def message_id(self) -> str:
        return str(self.mail["Message-ID"])

    @property
    def text(self) -> str:
        body = self.mail.get_body(("plain",))
        assert body is not None
        return str(body.get_content())

    @property
    def html(self) -> str:
        body = self.mail.get_body(("html",))
        assert body is not None
        return str(body.get_content())


@dataclass
class MailServerInTest:
    """Answers to RCPT and DATA are taken from the queues first, then it is `250`."""

    port: int = 0
    taken: list[Taken] = field(default_factory=list)
    to_rcpt: list[str] = field(default_factory=list)
    to_data: list[str] = field(default_factory=list)
    connections: int = 0
    at_once: int = 0
    most_at_once: int = 0
    slow_s: float = 0.0
    transports: list[Any] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    def to(self, recipient: str) -> list[Taken]:
        return [one for one in self.taken if one.recipient == recipient]

    def hang_up_on_all(self) -> None:
        for transport in self.transports:
            transport.abort()
        self.transports.clear()

    async def handle_RCPT(  # noqa: N802  (the name that aiosmtpd calls)
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.to_rcpt:
            answer = self.to_rcpt.pop(0)
            if not answer.startswith("250"):
                return answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await asyncio.sleep(self.slow_s)
        finally:
            self.at_once -= 1
        answer = self.to_data.pop(0) if self.to_data else "250 OK"
        if answer.startswith("250") or answer == HANG_UP:
            content = envelope.content
            assert isinstance(content, bytes)
            self.taken += [Taken(envelope.mail_from or "", to, content) for to in envelope.rcpt_tos]
        if answer == HANG_UP:
            self.hang_up_on_all()
        return answer


class _Connection(SMTP):
    def connection_made(self, transport: Any) -> None:
        assert isinstance(self.event_handler, MailServerInTest)
        self.event_handler.connections += 1
        self.event_handler.transports.append(transport)
        super().connection_made(transport)


@asynccontextmanager
async def smtp_server(
    server: MailServerInTest | None = None,
) -> AsyncIterator[MailServerInTest]:
    """Listens on a free port, or on the one that `server` had before."""
    ours = server or MailServerInTest()
    loop = asyncio.get_running_loop()
    listening = await loop.create_server(
        lambda: _Connection(
            ours, loop=loop, hostname="localhost", decode_data=False, enable_SMTPUTF8=True
        ),
        host="127.0.0.1",
        port=ours.port,
    )
    ours.port = listening.sockets[0].getsockname()[1]
    try:
        yield ours
    finally:
        listening.close()
        ours.hang_up_on_all()
        await asyncio.sleep(0)
