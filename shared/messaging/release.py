"""Giving parked events another try, once what they failed on has been mended; or giving them up.

What must stay true: an event is released in its subject's order, through the same handler as ever, and
one that fails again stays exactly where it was. Nothing is given up without a name and a reason. Both can
be asked again: what is done already is not done twice.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import structlog

from shared.clock import Clock
from shared.decisions import Decision
from shared.errors import EventUnreadable
from shared.events.dead_letters import ParkReason, RecordDiscarded, RecordReleased
from shared.events.wire import Record, decode
from shared.messaging.consumption import Consumption, Letter
from shared.messaging.parking import (
    Alone,
    Fate,
    Home,
    Selection,
    Then,
    fetch,
    place_of,
    type_of,
    with_those_before,
)
from shared.storage.aggregates import Aggregates
from shared.storage.changes import Cause, Change, Status
from shared.storage.parked import Discarding, letter_id_of

MOST_AT_ONCE: Final = 500
"""One request stays bounded; who wants more asks again, until nothing is left."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Parked:
    """What waits in one service.

    waiting: subjects behind an event that failed, or that has not come. letters: records set aside
    alone, since they could not be read or their handler failed as a whole.
    """

    waiting: int
    letters: int


@dataclass(frozen=True, slots=True)
class Released:
    """What came of another try. gone: no longer in Kafka, so nobody can try it again.

    left: beyond what one request does; ask again. letters: what was, or would be, tried.
    """

    released: int
    still_parked: int
    gone: int
    left: int = 0
    letters: list[Fate] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Discarded:
    """What was given up. left: beyond what one request does; ask again."""

    discarded: int
    left: int = 0
    letters: list[Fate] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Meant:
    """What a selection comes to now."""

    homes: list[Home]
    alone: list[Alone]
    left: int

    def fates(self) -> list[Fate]:
        """Each with what another try would come to."""
        return [_fate_at_home(home) for home in self.homes] + [
            _fate_alone(one) for one in self.alone
        ]


class Parking:
    """All that is parked in this service, and the ways out."""

    def __init__(
        self,
        service: str,
        consumptions: Mapping[str, Consumption],
        homes: Sequence[Aggregates[Any]],
        letters: Aggregates[Letter],
        clock: Clock,
        servers: Sequence[str],
    ) -> None:
        self._service = service
        self._consumptions = consumptions
        self._homes = homes
        self._letters = letters
        self._clock = clock
        self._servers = list(servers)
        self._one_at_a_time = asyncio.Lock()

    async def parked(self) -> Parked:
        """What waits now."""
        return Parked(len(await self._waiting()), len(await self._open_letters()))

    async def plan(self, selection: Selection, *, in_order: bool = True) -> Released:
        """What `release` would do now, and nothing done. in_order: False for `discard`."""
        meant = await self._meant(selection, in_order=in_order)
        gone = sum(one.record is None for one in meant.alone)
        still = sum(home.waiting.is_missing_something for home in meant.homes)
        tried = len(meant.homes) + len(meant.alone) - gone - still
        return Released(tried, still, gone, meant.left, meant.fates())

    async def release(self, selection: Selection | None = None) -> Released:
        """Hands what is meant to its handler once more, at most `MOST_AT_ONCE`.

        Of each subject the first that waits; those behind it follow by themselves. Raises `KafkaError`
        and `STORAGE_AWAY` errors.
        """
        async with self._one_at_a_time:
            meant = await self._meant(selection or Selection())
            await self._handle([home.waiting.record for home in meant.homes])
            after = {home.waiting.place for home in await self._waiting()}
            still = [home for home in meant.homes if home.waiting.place in after]
            done = await self._retry(meant.alone)
            await self._close(done)
        gone = sum(one.record is None for one in meant.alone)
        released = Released(
            released=len(meant.homes) - len(still) + len(done),
            still_parked=len(still) + len(meant.alone) - gone - len(done),
            gone=gone,
            left=meant.left,
            letters=meant.fates(),
        )
        log.info(
            "parked_released",
            released=released.released,
            still_parked=released.still_parked,
            gone=released.gone,
        )
        return released

    async def discard(self, selection: Selection, discarding: Discarding) -> Discarded:
        """Gives up what is meant, at most `MOST_AT_ONCE`; the events behind it follow.

        Where events are missing before one that waits, the missing ones are given up, and it is handled.
        """
        async with self._one_at_a_time:
            meant = await self._meant(selection, in_order=False)
            cause = Cause.due(self._clock.now())
            count = 0
            free: list[Record] = []
            for home in meant.homes:
                event = decode(home.waiting.record)
                change = Change(
                    home.waiting.id, _unchanged, cause, mark=event, discarding=discarding
                )
                outcome = await home.collection.change_one(change)
                count += outcome.status is Status.CHANGED
                free += outcome.unblocked
            count += await self._give_up_alone(meant.alone, discarding, cause)
            await self._handle(free)
        log.warning(
            "parked_discarded", discarded=count, by=discarding.by, reason=discarding.reason.value
        )
        return Discarded(count, meant.left, meant.fates())

    async def _meant(self, selection: Selection, *, in_order: bool = True) -> _Meant:
        """in_order: with the records before the selected ones that are of the same subject."""
        homes = [
            home
            for home in await self._waiting()
            if selection.fits(home.letter_id, home.waiting.record, home.waiting.reason)
        ]
        everybody = await self._alone(selection.letters)
        selected = [one for one in everybody if _is_meant(one, selection)]
        alone = with_those_before(selected, everybody) if in_order else selected
        room = max(0, MOST_AT_ONCE - len(homes))
        left = max(0, len(homes) - MOST_AT_ONCE) + max(0, len(alone) - room)
        return _Meant(homes[:MOST_AT_ONCE], alone[:room], left)

    async def _waiting(self) -> list[Home]:
        """The first record that waits of each subject, over all homes."""
        return [
            Home(collection, waiting, letter_id_of(self._service, waiting.record))
            for collection in self._homes
            for waiting in await collection.waiting()
        ]

    async def _alone(self, only: frozenset[str] | None) -> list[Alone]:
        """Records set aside alone; where some are named, those and all that share their partitions."""
        reasons = dict(await self._open_letters())
        if only is not None:
            partitions = {place_of(name)[:2] for name in only & reasons.keys()}
            reasons = {
                name: why for name, why in reasons.items() if place_of(name)[:2] in partitions
            }
        records = await fetch(self._servers, list(reasons))
        return [Alone(name, reason, records.get(name)) for name, reason in reasons.items()]

    async def _open_letters(self) -> list[tuple[str, ParkReason]]:
        query = {"state.released": {"$ne": True}, "state.discarded": {"$ne": True}}
        return [(name, letter.reason) async for name, letter in self._letters.find(query)]

    async def _handle(self, records: Sequence[Record]) -> None:
        """Gives records to the handlers of their streams, a batch of each stream."""
        by_stream: dict[str, list[Record]] = {}
        for record in records:
            by_stream.setdefault(record.topic, []).append(record)
        for stream, batch in by_stream.items():
            await self._consumptions[stream].handle(batch)

    async def _retry(self, alone: Sequence[Alone]) -> list[str]:
        """Tries records that were set aside alone, in their topic's order; which of them went well.

        What has the same key as one that failed is not tried: it is later. One that still cannot be read
        holds nobody up, as it did not when it came.
        """
        done: list[str] = []
        stopped: set[tuple[str, bytes | None]] = set()
        for one in alone:
            record = one.record
            if record is None or (record.topic, record.key) in stopped:
                continue
            if await self._consumptions[record.topic].retry(record):
                done.append(one.letter_id)
            elif _is_readable(record):
                stopped.add((record.topic, record.key))
        return done

    async def _close(self, letters: Sequence[str]) -> None:
        cause = Cause.due(self._clock.now())
        await self._letters.change(
            [Change(name, lambda kept, name=name: _released(name, kept), cause) for name in letters]  # type: ignore[misc]
        )

    async def _give_up_alone(
        self, alone: Sequence[Alone], discarding: Discarding, cause: Cause
    ) -> int:
        changes = [
            Change(
                one.letter_id,
                lambda kept, one=one: _discarded(one, kept, discarding),  # type: ignore[misc]
                cause,
            )
            for one in alone
        ]
        outcomes = await self._letters.change(changes)
        return sum(outcome.status is Status.CHANGED for outcome in outcomes)


def _is_readable(record: Record) -> bool:
    try:
        decode(record)
    except EventUnreadable:
        return False
    return True


def _is_meant(one: Alone, selection: Selection) -> bool:
    if one.record is not None:
        return selection.fits(one.letter_id, one.record, one.reason)
    topic = place_of(one.letter_id)[0]
    unread = Record(topic, 0, 0, None, (), None)
    return selection.fits(one.letter_id, unread, one.reason)


def _fate_at_home(home: Home) -> Fate:
    waiting = home.waiting
    then = Then.WAITS_FOR_MISSING if waiting.is_missing_something else Then.TRIED
    kind = type_of(waiting.record)
    return Fate(home.letter_id, waiting.stream, waiting.reason, kind, then, waiting.behind)


def _fate_alone(one: Alone) -> Fate:
    then = Then.TRIED if one.record is not None else Then.GONE
    kind = type_of(one.record) if one.record is not None else None
    return Fate(one.letter_id, place_of(one.letter_id)[0], one.reason, kind, then)


def _unchanged(_: object) -> None:
    """Giving up changes no state, only marks."""


def _settled(letter_id: str, letter: Letter) -> dict[str, str | None]:
    consumer, topic, _, _ = letter_id.rsplit(".", 3)
    return {"letter_id": letter_id, "consumer": consumer, "topic": topic, "key": letter.key}


def _released(letter_id: str, letter: Letter | None) -> Decision[Letter] | None:
    if letter is None or letter.released:
        return None
    event = RecordReleased.model_validate(_settled(letter_id, letter))
    return Decision(replace(letter, released=True), (event,))


def _discarded(
    one: Alone, letter: Letter | None, discarding: Discarding
) -> Decision[Letter] | None:
    if letter is None or letter.discarded or letter.released:
        return None
    event = RecordDiscarded(
        letter_id=one.letter_id,
        consumer=_settled(one.letter_id, letter)["consumer"] or "",
        topic=place_of(one.letter_id)[0],
        key=letter.key,
        by=discarding.by,
        reason=discarding.reason,
        reference=discarding.reference,
    )
    return Decision(replace(letter, discarded=True), (event,))
