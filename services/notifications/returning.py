"""Messages that come back: which of ours it was, and that she cannot be reached there."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

import structlog

from services.notifications.domain import life
from services.notifications.domain.bounces import Bounce, read_bounce
from services.notifications.domain.message import Message
from services.notifications.letters.returns import who_returned
from services.notifications.letters.written import message_id_header
from services.notifications.store import Store
from shared.clock import Clock
from shared.storage.changes import Cause, Change, Status

log = structlog.get_logger(__name__)


class Returned(StrEnum):
    """What came of a mail that a mail server sent back."""

    NOTED = "noted"
    NO_REPORT = "no_report"
    NOT_FINAL = "not_final"
    NOT_OURS = "not_ours"


@dataclass(frozen=True, slots=True)
class Returning:
    """Takes delivery reports. `address` and `secret` are those that messages are sent with."""

    store: Store
    clock: Clock
    address: str
    secret: str

    async def take(self, raw: bytes) -> Returned:
        """Notes one report; the same report again changes nothing."""
        bounce = read_bounce(raw)
        if bounce is None:
            return Returned.NO_REPORT
        if not bounce.is_final:
            return Returned.NOT_FINAL
        message = await self._message_of(bounce)
        if message is None:
            log.warning("bounce_of_nobody", status=bounce.status)
            return Returned.NOT_OURS
        now = self.clock.now()
        cause = Cause(now, message.correlation_id, message.because_of)
        outcome = await self.store.messages.change_one(
            Change(
                message.message_id,
                lambda state: None if state is None else life.come_back(state, bounce.status),
                cause,
            )
        )
        if outcome.status is Status.CHANGED:
            log.info("message_came_back", message_id=message.message_id, status=bounce.status)
        return Returned.NOTED

    async def _message_of(self, bounce: Bounce) -> Message | None:
        """The message that it quotes; if it quotes none, the last one sent to whom the address names."""
        people = [who_returned(address, self.secret) for address in bounce.came_back_to]
        for recipient_id in filter(None, people):
            sent = await self.store.sent_to(recipient_id)
            return self._quoted(bounce, sent) if bounce.message_ids else next(iter(sent), None)
        return None

    def _quoted(self, bounce: Bounce, sent: Iterable[Message]) -> Message | None:
        return next(
            (
                message
                for message in sent
                if message_id_header(message.message_id, self.address) in bounce.message_ids
            ),
            None,
        )
