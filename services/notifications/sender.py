"""Sending: claim what is due with one bulk write, hand it to the channel, note what came of it.

What must stay true: only the winner of a claim sends; what was claimed and not noted (a crash) is
sent again exactly as it was, since the claim keeps all that its text was made of. Where MongoDB went away
in between and the process lives, nothing is sent again: it notes later what it has sent, and looks for
claims of its own of which it was never told.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import structlog

from services.notifications.channel import Channel
from services.notifications.domain import life
from services.notifications.domain.known import KnownContact, KnownProgramme
from services.notifications.domain.life import DEFAULT_PATIENCE, Delivery, Patience
from services.notifications.domain.message import Addressed, Claim, Message, Stage
from services.notifications.domain.still_meant import Facts, still_meant
from services.notifications.store import Store
from shared.clock import Clock, SystemClock
from shared.decisions import Decision
from shared.errors import StillContended
from shared.events.participants import Role
from shared.ids import Ids
from shared.messaging.work import Work
from shared.storage.aggregates import Stored
from shared.storage.changes import Cause, Change, Outcome, Status
from shared.storage.database import STORAGE_AWAY

_LOOK_EVERY_S: Final = 1.0
_PAUSE_AFTER_FAILURE_S: Final = 1.0
_FINISH_WITHIN_S: Final = 5.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class SenderOptions:
    """Who this sender is among the instances, and its limits."""

    instance: str
    patience: Patience = DEFAULT_PATIENCE
    mails_at_once: int = 200


class Sender:
    """Sends what is due, for ever. Any number of instances may run."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        work: Work,
        channel: Channel,
        options: SenderOptions,
        *,
        machine: Clock | None = None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._work = work
        self._channel = channel
        self._options = options
        self._machine = machine or SystemClock()
        self._life = Ids().new()
        self._unnoted: list[tuple[Sequence[Message], Sequence[Delivery]]] = []
        # Whether a claim may have been written that failed as far as we were told; and since then one
        # was written for certain, so that what was written before it can be seen by now.
        self._is_in_doubt = False
        self._has_written = False
        self._nudged = asyncio.Event()
        self.delivered: Counter[Delivery] = Counter()
        """What the mail server said, how often."""
        # Written just before it is sent, so that the event loop is never held up by writing hundreds
        # of letters in a row.
        self._writing = asyncio.Semaphore(channel.at_once)

    def nudge(self) -> None:
        """There may be something to send: it is looked for at once, and no clock moves on before."""
        self._work.mails = max(1, self._work.mails)
        self._nudged.set()

    async def run(self) -> None:
        """Until cancelled; what is on its way then is still finished, within a few seconds."""
        self.nudge()  # An earlier life may have left something.
        try:
            while True:
                self._nudged.clear()
                sending = asyncio.create_task(self._send_what_is_due())
                try:
                    await asyncio.shield(sending)
                except asyncio.CancelledError:
                    await asyncio.wait({sending}, timeout=_FINISH_WITHIN_S)
                    # What is still not done by then is sent again by the next life, identically.
                    sending.cancel()
                    await asyncio.gather(sending, return_exceptions=True)
                    raise
                await self._rest()
        finally:
            await self.close()

    async def close(self) -> None:
        """Ends the channel's connections."""
        await self._channel.close()

    async def send_once(self) -> int:
        """Claims and sends one batch of what is due. Returns how many were looked at."""
        await self._note()
        by = Claim(self._options.instance, self._life, self._machine.now())
        if self._is_in_doubt:
            await self._send(await self._claimed_in_doubt(by))
        due = await self._store.sendable(
            by.at, by, self._options.patience, self._options.mails_at_once
        )
        if due:
            await self._send(await self._claim(due, by))
        return len(due)

    async def _send(self, claimed: Sequence[Message]) -> None:
        deliveries = await asyncio.gather(*(self._deliver(message) for message in claimed))
        self.delivered.update(deliveries)
        self._unnoted.append((claimed, deliveries))
        await self._note()

    async def _claimed_in_doubt(self, by: Claim) -> list[Message]:
        """What this life has claimed and, since it was not told so, has sent to nobody."""
        found = await self._store.claimed_in_life(by)
        self._is_in_doubt = bool(found) or not self._has_written
        return found

    async def _send_what_is_due(self) -> None:
        try:
            while await self.send_once() >= self._options.mails_at_once:
                pass
            await self.count_open_mails()
        except (*STORAGE_AWAY, StillContended) as error:
            log.warning("sender_waits", error=type(error).__name__)
            await asyncio.sleep(_PAUSE_AFTER_FAILURE_S)
        except Exception:
            log.exception("sender_failed")
            await asyncio.sleep(_PAUSE_AFTER_FAILURE_S)

    async def count_open_mails(self) -> None:
        """Tells the stepped clock how many there are to send or on their way."""
        count = await self._store.count_open()
        # What somebody has nudged for meanwhile may be in this count, or may not.
        self._work.mails = max(1, count) if self._nudged.is_set() else count

    async def _rest(self) -> None:
        """Until there is something new, or a pause after a failed attempt may be over."""
        try:
            async with asyncio.timeout(_LOOK_EVERY_S):
                await self._nudged.wait()
        except TimeoutError:
            pass

    async def _claim(self, due: Stored, by: Claim) -> list[Message]:
        """Those that this sender has won, as they are now."""
        now = self._clock.now()
        messages = list(self._store.messages.states_of(due).values())
        around = await self._store.around(messages)
        changes = []
        for message in messages:
            programme = around.programmes.get(message.programme, KnownProgramme())
            addressed = _addressed(message, around.contacts, programme, now)
            facts = around.facts[message.message_id]
            decide = self._claiming(facts, addressed, programme, by, now)
            changes.append(_change(message, decide, now))
        try:
            outcomes = await self._store.messages.change(changes, known=due)
        except (*STORAGE_AWAY, StillContended):
            self._is_in_doubt, self._has_written = True, False
            raise
        self._remember(outcomes)
        return [
            outcome.state
            for outcome in outcomes
            if outcome.status is Status.CHANGED
            and outcome.state is not None
            and outcome.state.stage is Stage.SENDING
        ]

    def _claiming(
        self,
        facts: Facts,
        addressed: Addressed | None,
        programme: KnownProgramme,
        by: Claim,
        now: datetime,
    ) -> life.Decide:
        patience = self._options.patience

        def decide(message: Message | None) -> Decision[Message] | None:
            if message is None:
                return None
            if not still_meant(message, facts):
                return life.take_back(message, by, patience)
            if facts.contact is None or addressed is None:
                return None
            at = life.send_at(message, facts.contact.time_zone, programme.quiet, now)
            if at > now and message.stage is Stage.QUEUED:
                return life.hold(message, at)
            return life.claim(message, by, addressed, now, patience)

        return decide

    async def _deliver(self, message: Message) -> Delivery:
        """One mail. Whatever is wrong with it must not stop the others."""
        if message.addressed is None or message.claim is None:
            return Delivery.LATER
        if self._machine.now() >= message.claim.at + self._options.patience.claim_for / 2:
            return Delivery.LATER
        try:
            async with self._writing:
                return await self._channel.deliver(message, message.addressed)
        except Exception as error:  # noqa: BLE001  (noted, tried again later, given up in the end)
            # Without the traceback: its lines could quote the letter.
            log.error("mail_not_made", message_id=message.message_id, error=type(error).__name__)  # noqa: TRY400
            return Delivery.LATER

    async def _note(self) -> None:
        """Notes what came of all that was sent; what cannot be noted now is at the next call."""
        now, machine = self._clock.now(), self._machine.now()
        while self._unnoted:
            claimed, deliveries = self._unnoted[0]
            outcomes = await self._store.messages.change(
                [
                    _change(message, self._recording(message.claim, delivery, now, machine), now)
                    for message, delivery in zip(claimed, deliveries, strict=True)
                ]
            )
            self._remember(outcomes)
            del self._unnoted[0]

    def _remember(self, outcomes: Sequence[Outcome[Message]]) -> None:
        self._has_written |= any(outcome.status is Status.CHANGED for outcome in outcomes)

    def _recording(
        self, by: Claim | None, delivery: Delivery, now: datetime, machine: datetime
    ) -> Callable[[Message | None], Decision[Message] | None]:
        chance = random.random()  # noqa: S311  (spreads retries; nothing secret)
        patience = self._options.patience

        def decide(message: Message | None) -> Decision[Message] | None:
            if message is None:
                return None
            return life.record(message, by, delivery, now, machine, chance, patience)

        return decide


def _change(message: Message, decide: life.Decide, now: datetime) -> Change[Message]:
    """The journey of the event that asked for the message goes on."""
    cause = Cause(now, message.correlation_id, message.because_of)
    return Change(message.message_id, decide, cause)


def _addressed(
    message: Message,
    contacts: Mapping[str, KnownContact],
    programme: KnownProgramme,
    now: datetime,
) -> Addressed | None:
    """All that the text needs beside the codes; None if the contact is not known."""
    contact = contacts.get(message.recipient_id)
    if contact is None:
        return None
    other = contacts.get(message.introduces) if message.introduces is not None else None
    is_mentor = message.content is not None and message.content.role is Role.MENTOR
    return Addressed(
        email=contact.email,
        name=contact.name,
        locale=contact.locale,
        programme_name=programme.name,
        city_name=programme.city_name(message.city),
        answer_days=programme.mentor_answer_days if is_mentor else programme.mentee_answer_days,
        dated=now,
        other_name=other.name if other is not None else None,
        other_email=other.email if other is not None else None,
    )
