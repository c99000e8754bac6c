"""Between FastStream and a use case: read each record alone, retry with backoff, park what is poison.

What must stay true: this returns only when every record is applied or parked, and raises (so that
nothing is committed and the batch comes again) only when storage or Kafka stayed away too long.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import structlog
from aiokafka.errors import KafkaError

from shared.clock import Clock
from shared.decisions import Decision
from shared.errors import EventUnreadable, StillContended
from shared.events.dead_letters import ParkReason
from shared.events.wire import REPLAY_TO, Event, Record, decode
from shared.observability import journey
from shared.observability.traces import OFF, Traces
from shared.storage.aggregates import Aggregates
from shared.storage.changes import Cause, Change
from shared.storage.database import STORAGE_AWAY
from shared.storage.parked import dead_letter

ATTEMPTS: Final = 4
_BACKOFF_S: Final = 0.2
_LONGEST_BACKOFF_S: Final = 10.0
_GIVE_BACK_AFTER_S: Final = 60.0
"""Well below max.poll.interval; then the batch goes back to Kafka and comes again."""

LATER: Final = (*STORAGE_AWAY, KafkaError, StillContended)
"""Errors that say nothing about the event: the consumer waits, nothing is parked."""

Batch: TypeAlias = Sequence[Event[Any]]
UseCase: TypeAlias = Callable[[Batch], Awaitable[None]]

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Letter:
    """That a record was parked; its own document, since it may have no readable subject.

    released: it was handled after all, at a later try. discarded: an operator gave it up.
    """

    reason: ParkReason
    released: bool = False
    discarded: bool = False
    key: str | None = None


class Consumption:
    """One subscription's way from records to a use case."""

    def __init__(
        self,
        group: str,
        letters: Aggregates[Letter],
        clock: Clock,
        use_case: UseCase,
        traces: Traces = OFF,
    ) -> None:
        self._group = group
        self._letters = letters
        self._clock = clock
        self._use_case = use_case
        self._traces = traces

    async def handle(self, records: Sequence[Record]) -> None:
        """Sees every record applied or parked, or raises one of `LATER`."""
        events: list[Event[Any]] = []
        unreadable: list[tuple[Record, ParkReason, str, int]] = []
        for record in records:
            if self._is_for_another(record):
                continue
            try:
                events.append(decode(record))
            except EventUnreadable as error:
                unreadable.append((record, ParkReason.UNREADABLE, error.reason, 1))
        with journey.handling(self._group, (event.correlation_id for event in events)):
            if unreadable:
                await self._patiently(lambda: self._park(unreadable))
            if events:
                with self._traces.consuming(self._group, events) as traced:
                    await self._use(traced)

    def _is_for_another(self, record: Record) -> bool:
        """Whether it was sent again for another group. It would be dropped as a duplicate anyway."""
        if not record.headers:
            return False
        name, value = record.headers[-1]
        return name == REPLAY_TO and value != self._group.encode()

    async def retry(self, record: Record) -> bool:
        """Another try at a record that was parked alone. False if it fails again; raises `LATER`."""
        try:
            await self._use_case([decode(record)])
        except LATER:
            raise
        except Exception as error:  # noqa: BLE001  (it stays parked, and whoever asked is told)
            log.warning("retry_failed", group=self._group, why=type(error).__name__)
            return False
        return True

    async def _use(self, events: Sequence[Event[Any]]) -> None:
        """The use case on the batch; if that fails twice, on each event alone."""
        if len(events) > 1:
            try:
                await self._patiently(lambda: self._use_case(events), attempts=2)
            except LATER:
                raise
            except Exception as error:  # noqa: BLE001  (which event it was is found right here)
                log.warning("batch_failed", group=self._group, why=type(error).__name__)
            else:
                return
        await self._use_each(events)

    async def _use_each(self, events: Sequence[Event[Any]]) -> None:
        """Each event alone; those that fail wait together for their next try, and are parked after the last.

        What has the same key as one that is to be tried again waits behind it.
        """
        tries = Counter[str]()
        while events:
            left: list[Event[Any]] = []
            held: set[str] = set()
            for event in events:
                if event.subject in held:
                    left.append(event)
                    continue
                tries[event.id] += 1
                if not await self._use_one(event, is_last=tries[event.id] == ATTEMPTS):
                    held.add(event.subject)
                    left.append(event)
            if failed := [tries[event.id] for event in left if tries[event.id]]:
                await asyncio.sleep(_pause_s(max(failed)))
            events = left

    async def _use_one(self, event: Event[Any], *, is_last: bool) -> bool:
        """Whether nothing is left to do about it: it was handled, or is parked if this was its last try."""
        try:
            with journey.within(event.traceparent):
                await self._patiently(lambda: self._use_case([event]), attempts=1)
        except LATER:
            raise
        except Exception as error:
            if not is_last:
                return False
            if event.record is None:
                raise
            why = type(error).__name__
            log.exception("event_parked", event_id=event.id, why=why)
            poison = (event.record, ParkReason.HANDLER_FAILED, why, ATTEMPTS)
            await self._patiently(lambda: self._park([poison]))
        return True

    async def _patiently(
        self, act: Callable[[], Awaitable[None]], *, attempts: int = ATTEMPTS
    ) -> None:
        """Repeats with jittered backoff: a while if something is away, a few times if it fails."""
        loop = asyncio.get_running_loop()
        give_back_at = loop.time() + _GIVE_BACK_AFTER_S
        attempt = failures = 0
        while True:
            attempt += 1
            pause = _pause_s(attempt)
            try:
                return await act()
            except LATER as error:
                if loop.time() + pause > give_back_at:
                    raise
                log.warning(
                    "consumer_waits", group=self._group, error=type(error).__name__, attempt=attempt
                )
            except Exception:
                failures += 1
                if failures >= attempts:
                    raise
            await asyncio.sleep(pause)

    async def _park(self, records: Sequence[tuple[Record, ParkReason, str, int]]) -> None:
        now = self._clock.now()
        changes = []
        for record, reason, why, attempts in records:
            letter = dead_letter(record, self._group, reason, why, attempts, now)
            changes.append(
                Change(
                    letter.letter_id,
                    lambda kept, letter=letter: (  # type: ignore[misc]
                        None if kept else Decision(Letter(letter.reason, key=letter.key), (letter,))
                    ),
                    Cause.due(now),
                )
            )
            log.error(
                "record_parked",
                group=self._group,
                record=f"{record.topic}-{record.partition}@{record.offset}",
                reason=reason.value,
                why=why,
            )
        await self._letters.change(changes)


def _pause_s(attempt: int) -> float:
    longest: float = min(_BACKOFF_S * 2 ** (attempt - 1), _LONGEST_BACKOFF_S)
    return longest * random.uniform(0.5, 1.5)  # noqa: S311  (jitter)
