"""The use cases: follow each stream, release what waited, let time pass. Sending is in `sender`."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar

import structlog

from services.notifications.domain import life
from services.notifications.domain.asks import Ask, CoordinatorsOf, asked, asks
from services.notifications.domain.known import (
    Known,
    KnownCare,
    KnownCheckIns,
    KnownContact,
    KnownMatch,
    KnownParticipant,
    KnownProgramme,
    KnownWaiting,
)
from services.notifications.domain.message import Message
from services.notifications.domain.recalled import recalled
from services.notifications.rights import MessagesData
from services.notifications.store import Store
from shared.decisions import Decision
from shared.errors import CommonGroundError
from shared.events import streams
from shared.events.contacts import ContactErased
from shared.events.messages import FailureReason, MessageState
from shared.events.payload import Payload, Stream
from shared.events.wire import Event
from shared.messaging.reactions import Effect, Effects, Reaction
from shared.messaging.timers import Ticker
from shared.runtime import Batch, Runtime
from shared.storage.aggregates import Aggregates
from shared.storage.changes import Cause, Change
from shared.storage.reading import load_together

KnownT = TypeVar("KnownT", bound=Known)

_AT_ONCE: Final = 500
_LOOK_FOR_OLD_EVERY: Final = timedelta(days=1)

log = structlog.get_logger(__name__)


class ProgrammeNotKnownYet(CommonGroundError):
    """Coordinators are to be told, but their programme's event has not come: the event is retried."""


class Notifications:
    """What the service does, but for the sending itself."""

    def __init__(self, runtime: Runtime, store: Store, nudge: Callable[[], None]) -> None:
        """`nudge` is called when there may be something to send."""
        self._runtime = runtime
        self._store = store
        self._ticker: Ticker | None = None
        self._nudge = nudge
        self._effects_planned = 0
        self._looked_for_old_at: datetime | None = None
        self._reactions: Mapping[Stream, Reaction[Any]] = {
            streams.PARTICIPANTS: self._reaction(
                streams.PARTICIPANTS, store.participants, KnownParticipant
            ),
            streams.CONTACTS: self._reaction(streams.CONTACTS, store.contacts, KnownContact),
            streams.PROGRAMMES: self._reaction(
                streams.PROGRAMMES, store.programmes, KnownProgramme
            ),
            streams.MATCHES: self._reaction(streams.MATCHES, store.matches, KnownMatch),
            streams.POOL: self._reaction(streams.POOL, store.waiting, KnownWaiting),
            streams.CHECK_INS: self._reaction(streams.CHECK_INS, store.check_ins, KnownCheckIns),
            streams.CARE: self._reaction(streams.CARE, store.care, KnownCare),
        }

        self._answer = runtime.answer_for(MessagesData(store), also=self._asks_of_rights)

    @property
    def follows(self) -> tuple[Stream, ...]:
        """The streams that this service consumes."""
        return (*self._reactions, streams.RIGHTS)

    def tick_by(self, ticker: Ticker) -> None:
        """Names the timer that is to look again when something new may be due."""
        self._ticker = ticker

    async def follow(self, stream: Stream, batch: Batch) -> None:
        """Notes what the events say, asks for the messages they ask for, releases what waited."""
        before = self._planned()
        if stream is streams.RIGHTS:
            await self._answer(batch)
        else:
            await self._runtime.pipeline.apply(batch, self._reactions[stream])
        has_planned = self._planned() != before
        if has_planned:
            self._nudge()
        if stream is streams.CONTACTS:
            waiting = await self._store.waiting_for({event.subject for event in batch})
        elif has_planned:
            # A contact may have come between the look at it and the writing of the message.
            waiting = await self._store.waiting_because_of({event.id for event in batch})
        else:
            waiting = []
        if waiting:
            await self._release(waiting)
            self._nudge()
        if self._ticker is not None and (has_planned or waiting):
            self._ticker.poke()  # Something may have been held back until an hour of its own.

    async def recall_messages(self, events: Batch) -> None:
        """After a restore: what has been sent since the backup is not sent again. May be repeated."""
        now = self._runtime.clock.now()
        changes = [Change(event.subject, _recalling(event), Cause.due(now)) for event in events]
        for outcome in await self._store.messages.change(changes):
            if outcome.error is not None:
                raise outcome.error

    def _planned(self) -> tuple[int, int]:
        """Another one after messages were asked for, or events came again that may have asked for some."""
        return self._effects_planned, self._runtime.pipeline.counts.duplicates

    async def let_time_pass(self, now: datetime) -> datetime | None:
        """Queues what the quiet hours held back, fails what waited too long; says when next."""
        before = self._store.messages.writes
        next_at = await self._store.messages.wake(life.on_time, now, _AT_ONCE)
        if self._store.messages.writes != before:
            self._nudge()
        if self._looked_for_old_at is None or now - self._looked_for_old_at >= _LOOK_FOR_OLD_EVERY:
            await self._delete_old(now)
            self._looked_for_old_at = now
        return next_at

    async def _delete_old(self, now: datetime) -> None:
        """Deletes what is kept of messages longer than each programme's policy says."""
        for name, programme in (await self._store.all_programmes()).items():
            kept = timedelta(days=programme.keep_messages_days)
            deleted = await self._store.delete_older(name, now - kept)
            if deleted:
                log.info("old_messages_deleted", programme=name, messages=deleted)

    async def _release(self, waiting: Sequence[Message]) -> None:
        """Lets those go whose contacts are known by now."""
        now = self._runtime.clock.now()
        around = await self._store.around(waiting)
        changes = []
        for message in waiting:
            send_at = _send_at(message, around.contacts, around.programmes, now)
            if send_at is not None:
                changes.append(_change(message, _releasing(now, send_at), now))
        await self._store.messages.change(changes)

    def _reaction(
        self, stream: Stream, home: Aggregates[KnownT], known: type[KnownT]
    ) -> Reaction[KnownT]:
        def decide(
            before: KnownT | None, event: Event[Any], _: datetime
        ) -> Decision[KnownT] | None:
            after = known.after(before, event)  # type: ignore[arg-type]
            return None if after is None else Decision(after)  # type: ignore[arg-type]

        return Reaction(stream, home, decide, self._effects(home))

    def _effects(self, home: Aggregates[KnownT]) -> Effects:
        async def effects(events: Sequence[Event[Any]], now: datetime) -> Sequence[Effect[Any]]:
            before, programmes = await load_together(
                (home, {event.subject for event in events}),
                (self._store.programmes, {event.programme for event in events}),
            )
            wanted = [
                (ask, event) for event in events for ask in asks(event, before.get(event.subject))
            ]
            erased = {event.subject: event for event in events if _erases(event)}
            planned = [
                *await self._asking(wanted, programmes, now),
                *await self._taking_back(erased),
            ]
            self._effects_planned += len(planned)
            return planned

        return effects

    async def _asks_of_rights(
        self, events: Sequence[Event[Any]], now: datetime
    ) -> Sequence[Effect[Any]]:
        programmes = await self._store.programmes.load({event.programme for event in events})
        wanted = [(ask, event) for event in events for ask in asks(event)]
        planned = await self._asking(wanted, programmes, now)
        self._effects_planned += len(planned)
        return planned

    async def _asking(
        self,
        wanted: Sequence[tuple[Ask, Event[Payload]]],
        programmes: Mapping[str, KnownProgramme],
        now: datetime,
    ) -> list[Effect[Message]]:
        """Each ask becomes a message for each recipient, which goes at once if it can."""
        if not wanted:
            return []
        messages = [
            (message, event)
            for ask, event in wanted
            for message in _messages_of(ask, event, programmes)
        ]
        contacts = await self._store.contacts_of(message for message, _ in messages)
        return [
            Effect(
                event,
                self._store.messages,
                message.message_id,
                _creating(message, _send_at(message, contacts, programmes, now), now),
            )
            for message, event in messages
        ]

    async def _taking_back(self, erased: Mapping[str, Event[Payload]]) -> list[Effect[Message]]:
        """Nothing more goes to somebody who is forgotten, and nobody is sent her address."""
        if not erased:
            return []
        return [
            Effect(
                erased.get(message.recipient_id) or erased[message.introduces or ""],
                self._store.messages,
                message.message_id,
                lambda state: None if state is None else life.take_back(state),
            )
            for message in await self._store.unsent_about(erased)
        ]


def _erases(event: Event[Payload]) -> bool:
    return isinstance(event.payload, ContactErased)


def _messages_of(
    ask: Ask, event: Event[Payload], programmes: Mapping[str, KnownProgramme]
) -> Iterable[Message]:
    if isinstance(ask.recipient, str):
        return [asked(ask, ask.recipient, event)]
    programme = programmes.get(event.programme)
    if programme is None:
        raise ProgrammeNotKnownYet(
            f"{event.id} is for the coordinators of {event.programme!r}, whose event has not come "
            "yet; it is tried again, then parked until replayed."
        )
    return [asked(ask, one, event) for one in _coordinators(ask.recipient, programme, event)]


def _coordinators(
    of: CoordinatorsOf, programme: KnownProgramme, event: Event[Payload]
) -> tuple[str, ...]:
    found = of.resolved(programme)
    if not found:
        log.error("nobody_to_tell", event_id=event.id, programme=event.programme, city=of.city)
    return found or (_nobody(event.programme),)


def _nobody(programme: str) -> str:
    """Stands as the recipient where a programme has no coordinator, so that the failure is seen."""
    return f"coordinators-of.{programme}"


def _creating(message: Message, send_at: datetime | None, now: datetime) -> life.Decide:
    def decide(existing: Message | None) -> Decision[Message] | None:
        if existing is not None:
            return None
        if message.recipient_id == _nobody(message.programme):
            return life.fail(message, FailureReason.NO_CONTACT)
        released = None if send_at is None else life.release(message, now, send_at)
        return released or Decision(message)

    return decide


def _recalling(event: Event[MessageState]) -> life.Decide:
    def decide(kept: Message | None) -> Decision[Message] | None:
        after = recalled(kept, event)
        return None if after is None or after == kept else Decision(after)

    return decide


def _releasing(now: datetime, send_at: datetime) -> life.Decide:
    return lambda state: None if state is None else life.release(state, now, send_at)


def _change(message: Message, decide: life.Decide, now: datetime) -> Change[Message]:
    cause = Cause(now, message.correlation_id, message.because_of)
    return Change(message.message_id, decide, cause)


def _send_at(
    message: Message,
    contacts: Mapping[str, KnownContact],
    programmes: Mapping[str, KnownProgramme],
    now: datetime,
) -> datetime | None:
    """When it may go: now, or when the quiet hours are over; None while a contact is missing."""
    contact = contacts.get(message.recipient_id)
    if contact is None or (message.introduces is not None and message.introduces not in contacts):
        return None
    programme = programmes.get(message.programme, KnownProgramme())
    return life.send_at(message, contact.time_zone, programme.quiet, now)
