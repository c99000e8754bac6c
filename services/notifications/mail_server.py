"""The mail server, by SMTP over a few connections that are kept open.

What must stay true: `UNSURE` is answered when the connection broke after the command DATA and before
the answer; a connection that broke earlier means `LATER`, since nobody can have the message.
"""

import asyncio
import ssl
from dataclasses import dataclass
from functools import cached_property
from typing import Final
from urllib.parse import unquote, urlsplit

import aiosmtplib
import structlog
from aiosmtplib import SMTP, SMTPException, SMTPResponseException

from services.notifications.domain.life import Delivery
from services.notifications.letters.mail import Mail
from shared.errors import SettingsInvalid

log = structlog.get_logger(__name__)

_PORTS: Final = {"smtp": 25, "smtps": 465, "smtp+starttls": 587}
_PERMANENT: Final = 500
_CLOSING: Final = 421


@dataclass(frozen=True, slots=True)
class MailServerAddress:
    """Where the mail server is, and how to speak with it."""

    host: str
    port: int
    user: str | None
    password: str | None
    tls: bool
    starttls: bool

    @classmethod
    def read(cls, url: str) -> "MailServerAddress":
        """From `smtp://user:password@host:port`. Raises `SettingsInvalid`, without the password."""
        parts = urlsplit(url)
        if parts.scheme not in _PORTS or not parts.hostname:
            raise SettingsInvalid(
                f"SMTP_URL has the scheme {parts.scheme!r} and the host {parts.hostname!r}; write it "
                "as smtp://, smtps:// or smtp+starttls://, then [user:password@]host[:port]."
            )
        return cls(
            host=parts.hostname,
            port=parts.port or _PORTS[parts.scheme],
            user=unquote(parts.username) if parts.username else None,
            password=unquote(parts.password) if parts.password else None,
            tls=parts.scheme == "smtps",
            starttls=parts.scheme == "smtp+starttls",
        )


class MailServer:
    """Delivers mails, at most `connections` at once. Safe to use from many tasks."""

    def __init__(
        self, address: MailServerAddress, *, hello: str, connections: int, timeout_s: float
    ) -> None:
        """`hello` is the name by which we greet; `timeout_s` is for each step of a delivery."""
        self._address = address
        self._hello = hello
        self.connections = connections
        self._timeout_s = timeout_s
        self._free = asyncio.Semaphore(connections)
        self._open: list[SMTP] = []
        self._is_away = False

    async def deliver(self, mail: Mail) -> Delivery:
        """Hands over one mail. Never raises for what the mail server or the network does."""
        async with self._free:
            connection, delivery = await self._begin(mail)
            if connection is None:
                return delivery
            try:
                delivery = await self._hand_over(connection, mail)
            except (SMTPException, OSError, TimeoutError) as error:
                log.warning("mail_lost_on_the_way", error=type(error).__name__)
                connection.close()
                return Delivery.UNSURE
            if connection.is_connected:
                self._open.append(connection)
            if self._is_away:
                log.info("mail_server_back")
            self._is_away = False
            return delivery

    async def close(self) -> None:
        """Ends all connections."""
        while self._open:
            connection = self._open.pop()
            try:
                await connection.quit(timeout=1)
            except (SMTPException, OSError, TimeoutError):
                connection.close()

    async def _begin(self, mail: Mail) -> tuple[SMTP | None, Delivery]:
        """A connection that has accepted sender and recipient; or none, and what that means.

        A kept connection may have been closed by the other side meanwhile: then a fresh one is tried,
        which harms nobody, since nothing has been sent yet.
        """
        while True:
            kept = self._open.pop() if self._open else None
            connection = kept
            try:
                connection = connection or await self._connect()
                return await self._address_to(connection, mail)
            except SMTPResponseException as error:
                if kept is not None and error.code == _CLOSING:
                    kept.close()
                    continue
                # Greeting, login or sender: nothing that this recipient could mend.
                self._note_away(f"{type(error).__name__} {error.code}")
            except (SMTPException, OSError, TimeoutError) as error:
                if kept is not None:
                    kept.close()
                    continue
                self._note_away(type(error).__name__)
            if connection is not None:
                connection.close()
            return None, Delivery.LATER

    def _note_away(self, why: str) -> None:
        """Once for each time that it goes away, not once for each mail."""
        if not self._is_away:
            log.warning("mail_server_away", why=why)
        self._is_away = True

    async def _connect(self) -> SMTP:
        address = self._address
        connection = SMTP(
            hostname=address.host,
            port=address.port,
            username=address.user,
            password=address.password,
            use_tls=address.tls,
            start_tls=address.starttls,
            local_hostname=self._hello,
            tls_context=self._tls if address.tls or address.starttls else None,
            timeout=self._timeout_s,
        )
        await connection.connect()
        await connection.ehlo()
        return connection

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        """Made once: to read all authorities' certificates takes 50 ms, and nothing else is done meanwhile."""
        return ssl.create_default_context()

    async def _address_to(self, connection: SMTP, mail: Mail) -> tuple[SMTP | None, Delivery]:
        """MAIL and RCPT. Raises what is no fault of the recipient's."""
        options: tuple[str, ...] = ()
        encoding = "ascii"
        if not mail.recipient.isascii():
            if not connection.supports_extension("smtputf8"):
                self._open.append(connection)
                return None, Delivery.REFUSED
            options, encoding = ("SMTPUTF8",), "utf-8"
        await connection.mail(mail.sender, options=options, encoding=encoding)
        try:
            await connection.rcpt(mail.recipient, encoding=encoding)
        except aiosmtplib.SMTPRecipientRefused as error:
            delivery = _delivery_of(error.code)
            if error.code == _CLOSING:
                connection.close()
            else:
                await connection.rset()
                self._open.append(connection)
            return None, delivery
        return connection, Delivery.LATER

    async def _hand_over(self, connection: SMTP, mail: Mail) -> Delivery:
        try:
            await connection.data(mail.content)
        except SMTPResponseException as error:
            if error.code <= 0:
                raise
            log.warning("mail_not_taken", code=error.code)
            return _delivery_of(error.code)
        return Delivery.TAKEN


def _delivery_of(code: int) -> Delivery:
    """5xx: not to this address, now or later. 4xx: another time."""
    return Delivery.REFUSED if code >= _PERMANENT else Delivery.LATER
