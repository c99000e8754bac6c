"""How a service reacts to a stream: what it remembers at home, and what it does to others.

`Pipeline.apply` is steps 3 to 6 of docs/architecture.md. What must stay true: an event's effects are
written before its home's mark, its subject's later events wait behind it if it fails, and the batch
ends only when each event is applied, known already, or parked.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Generic, TypeAlias, TypeVar

import structlog

from shared.clock import Clock
from shared.decisions import Decision
from shared.errors import StillContended
from shared.events.payload import Payload, Stream
from shared.events.wire import Event, decode
from shared.messaging.relay import Relay
from shared.storage.aggregates import Aggregates
from shared.storage.changes import Cause, Change, Decide, Outcome, Parking, Status
from shared.storage.database import STORAGE_AWAY

Home = TypeVar("Home")
State = TypeVar("State")

ATTEMPTS: Final = 4
_BACKOFF_S: Final = 0.2
_COUNTED_AS: Final = {
    Status.CHANGED: "applied",
    Status.UNCHANGED: "applied",
    Status.REFUSED: "applied",
    Status.DUPLICATE: "duplicate",
    Status.PARKED: "parked",
}

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Effect(Generic[State]):
    """What an event does to an aggregate that is not its home.

    `decide` must be idempotent: after a crash before the home's mark it is asked again.
    """

    event: Event[Payload]
    collection: Aggregates[State]
    id: str
    decide: Decide[State]


Effects: TypeAlias = Callable[[Sequence[Event[Any]], datetime], Awaitable[Sequence[Effect[Any]]]]


@dataclass(frozen=True, slots=True)
class Reaction(Generic[Home]):
    """One service's reaction to one stream. The home's id is the event's subject."""

    stream: Stream
    home: Aggregates[Home]
    decide: Callable[[Home | None, Event[Any], datetime], Decision[Home] | None]
    effects: Effects | None = None


@dataclass(frozen=True, slots=True)
class Counts:
    """What became of events, for metrics and the books: how many, by stream and outcome."""

    by_stream: Counter[tuple[str, str]] = field(default_factory=Counter)

    @property
    def applied(self) -> int:
        """Handled, whether or not anything was to be changed."""
        return self._of("applied")

    @property
    def duplicates(self) -> int:
        """Known already, and dropped."""
        return self._of("duplicate")

    @property
    def parked(self) -> int:
        """Set aside."""
        return self._of("parked")

    def _of(self, wanted: str) -> int:
        return sum(n for (_, outcome), n in self.by_stream.items() if outcome == wanted)


class Pipeline:
    """Applies batches of events to aggregates."""

    def __init__(self, clock: Clock, relay: Relay) -> None:
        self._clock = clock
        self._relay = relay
        self.counts = Counts()

    async def apply(self, batch: Sequence[Event[Any]], reaction: Reaction[Any]) -> None:
        """Applies a batch of one stream and sees what follows published.

        Raises `STORAGE_AWAY` errors and `StillContended`: then the batch is to be given again.
        """
        waiting = list(batch)
        for attempt in range(1, ATTEMPTS + 1):
            failed = await _Attempt(self, reaction, self._clock.now()).run(waiting)
            if not failed:
                break
            if attempt == ATTEMPTS:
                await self._park(failed, reaction)
                break
            waiting = [event for event, _ in failed]
            await asyncio.sleep(_BACKOFF_S * 2 ** (attempt - 1) * random.uniform(0.5, 1.5))  # noqa: S311
        await self._relay.flush()

    async def _park(
        self, failed: Sequence[tuple[Event[Any], Exception | None]], reaction: Reaction[Any]
    ) -> None:
        """Sets the events aside that keep failing; the ones behind them follow into the queue."""
        now = self._clock.now()
        changes = []
        reasons = {event.subject: _reason_of(error) for event, error in failed if error is not None}
        for event, error in failed:
            # Also those behind, and repeats of the same event: whatever failed here may not slip by.
            why = reasons.get(event.subject, "an earlier event of this subject failed")
            parking = Parking(why, ATTEMPTS)
            if error is not None:
                log.error("event_parked", event_id=event.id, stream=event.stream.name, why=why)
            changes.append(
                Change(
                    event.subject,
                    _home_decision(reaction, event, now),
                    Cause.of(event, now),
                    mark=event,
                    parking=parking,
                )
            )
        for outcome in await reaction.home.change(changes):
            self.count(reaction, outcome)

    def count(self, reaction: Reaction[Any], outcome: Outcome[Any]) -> None:
        """Counts what became of an event, if that is settled."""
        counted = _COUNTED_AS.get(outcome.status)
        if counted is not None:
            self.counts.by_stream[reaction.stream.name, counted] += 1


class _Attempt:
    """One go at a batch: effects first, homes last."""

    def __init__(self, pipeline: Pipeline, reaction: Reaction[Any], now: datetime) -> None:
        self._pipeline = pipeline
        self._reaction = reaction
        self._now = now
        self._errors: dict[str, Exception] = {}

    async def run(self, events: Sequence[Event[Any]]) -> list[tuple[Event[Any], Exception | None]]:
        """Returns what is left to do: events that failed with their error, and those behind them."""
        queue = list(events)
        left: list[tuple[Event[Any], Exception | None]] = []
        while queue:
            # Read once for the preview and for the writing: whatever is written in between, by our own
            # effects too, loses its race there and is read again.
            known = await self._reaction.home.stored({event.subject for event in queue})
            if self._reaction.effects is not None:
                admitted = self._reaction.home.admitted(queue, known)
                for layer in _layers(admitted):
                    await self._do_effects(layer, self._reaction.effects)
            stopped = {event.subject for event in queue if event.id in self._errors}
            left += [
                (event, self._errors.get(event.id)) for event in queue if event.subject in stopped
            ]
            going = [event for event in queue if event.subject not in stopped]
            outcomes = await self._reaction.home.change(
                [
                    Change(
                        event.subject,
                        _home_decision(self._reaction, event, self._now),
                        Cause.of(event, self._now),
                        mark=event,
                    )
                    for event in going
                ],
                known=known,
            )
            queue = []
            for event, outcome in zip(going, outcomes, strict=True):
                self._pipeline.count(self._reaction, outcome)
                if outcome.status in (Status.FAILED, Status.BEHIND_FAILED):
                    left.append((event, outcome.error))
                queue += [decode(record) for record in outcome.unblocked]
        return left

    async def _do_effects(self, events: Sequence[Event[Any]], effects: Effects) -> None:
        stopped = {event_id.rpartition(":")[0] for event_id in self._errors}
        going = [event for event in events if event.id.rpartition(":")[0] not in stopped]
        planned = await self._plan(going, effects)
        by_collection: dict[int, list[Effect[Any]]] = {}
        for effect in planned:
            by_collection.setdefault(id(effect.collection), []).append(effect)
        for group in by_collection.values():
            outcomes = await group[0].collection.change(
                [
                    Change(effect.id, effect.decide, Cause.of(effect.event, self._now))
                    for effect in group
                ]
            )
            for effect, outcome in zip(group, outcomes, strict=True):
                if outcome.status is Status.FAILED and outcome.error is not None:
                    self._errors.setdefault(effect.event.id, outcome.error)

    async def _plan(self, events: Sequence[Event[Any]], effects: Effects) -> list[Effect[Any]]:
        """The effects of all; if planning fails, each event alone, so that one cannot stop others."""
        if not events:
            return []
        try:
            return list(await effects(events, self._now))
        except (*STORAGE_AWAY, StillContended):
            raise
        except Exception as error:  # noqa: BLE001  (attributed to its event, retried, then parked)
            if len(events) == 1:
                self._errors[events[0].id] = error
                return []
        return [effect for event in events for effect in await self._plan([event], effects)]


def _layers(events: Sequence[Event[Any]]) -> list[list[Event[Any]]]:
    """The first event of each subject, then the second of each, …: a failure stops what is behind."""
    layers: list[list[Event[Any]]] = []
    depth: dict[str, int] = {}
    for event in events:
        level = depth.get(event.subject, 0)
        depth[event.subject] = level + 1
        if level == len(layers):
            layers.append([])
        layers[level].append(event)
    return layers


def _home_decision(reaction: Reaction[Any], event: Event[Any], now: datetime) -> Decide[Any]:
    return lambda state: reaction.decide(state, event, now)


def _reason_of(error: Exception) -> str:
    """The kind of error and where it came from, as `module:line`: enough to find it, no data."""
    trace = error.__traceback__
    place = "?"
    while trace is not None:
        place = f"{trace.tb_frame.f_globals.get('__name__', '?')}:{trace.tb_lineno}"
        trace = trace.tb_next
    return f"{type(error).__name__} in {place}"
