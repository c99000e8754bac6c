"""The ways on which messages go out, behind one port: e-mail today. Another one is another `Channel`.

What a channel needs beside the message (a telephone number, say) comes with the contact, and who gets
which channel is for the claim to decide (`sender.py`); nothing else knows that there are several.
"""

from dataclasses import dataclass
from typing import Protocol

import structlog

from services.notifications.domain.life import Delivery
from services.notifications.domain.message import Addressed, Message
from services.notifications.letters.written import AddressUnusable, Letterhead, write
from services.notifications.mail_server import MailServer

log = structlog.get_logger(__name__)


class Channel(Protocol):
    """One way to people."""

    @property
    def at_once(self) -> int:
        """How many messages it can have on their way at the same time."""

    async def deliver(self, message: Message, addressed: Addressed) -> Delivery:
        """Writes one message and hands it over: the same bytes for the same message, every time.

        Never raises for what the provider, the network or the address does.
        """

    async def close(self) -> None:
        """Ends its connections."""


@dataclass(frozen=True, slots=True)
class Email:
    """By mail."""

    server: MailServer
    letterhead: Letterhead

    @property
    def at_once(self) -> int:
        """A few more than there are connections, so that none of them waits for a letter."""
        return self.server.connections + 2

    async def deliver(self, message: Message, addressed: Addressed) -> Delivery:
        """Writes the letter and gives it to the mail server."""
        try:
            mail = write(message, addressed, self.letterhead)
        except AddressUnusable as error:
            log.warning("address_unusable", message_id=message.message_id, why=str(error))
            return Delivery.REFUSED
        return await self.server.deliver(mail)

    async def close(self) -> None:
        """Ends the connections to the mail server."""
        await self.server.close()
