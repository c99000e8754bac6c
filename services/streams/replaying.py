"""Sends ranges of the journal to their topics again, one page after another, until all is sent.

What must stay true: a page counts as sent when all in-sync replicas have acknowledged it, and how far it is
lies in the database. So a crash repeats a page at most, which everybody drops as duplicates. It runs on
machine time, and one process does a replay at a time as long as none dies; two would only send twice.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from services.streams.domain.entries import Entry
from services.streams.domain.replaying import (
    Replay,
    ReplayState,
    advanced,
    headers_again,
    payload_of,
    refused,
    stopped,
)
from services.streams.store.journal import Journal, Search
from shared.clock import Clock
from shared.decisions import Decision, Refusal
from shared.events.wire import encode_headers
from shared.ids import Ids
from shared.messaging.broker import make_producer
from shared.storage.aggregates import Aggregates
from shared.storage.changes import Cause, Change
from shared.storage.database import STORAGE_AWAY

_AT_ONCE: Final = 500
_LOOK_EVERY_S: Final = 1.0
_LOOK_AFTER_OTHERS_S: Final = 30.0
"""What another process began and did not end, since it died, is gone on with after so long."""
_PAUSE_S: Final = 2.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Asked:
    """What an operator asks for. until: None for all that the journal has now."""

    stream: str
    to: str | None = None
    after: int = 0
    until: int | None = None
    start: datetime | None = None
    stop: datetime | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What would be sent: how many events, up to which position."""

    events: int
    until: int


class Replaying:
    """All replays of this service, and the task that works on them."""

    def __init__(
        self,
        journal: Journal,
        replays: Aggregates[Replay],
        clock: Clock,
        servers: Sequence[str],
        client_id: str,
    ) -> None:
        self._journal = journal
        self._replays = replays
        self._clock = clock
        self._servers = list(servers)
        self._client_id = client_id
        self._asked = asyncio.Event()

    async def plan(self, asked: Asked) -> Plan | Refusal:
        """What `begin` would send, and nothing sent."""
        if refusal := refused(asked.stream, asked.to):
            return refusal
        until = await self._until(asked)
        return Plan(await self._journal.count(_search(asked), asked.after, until), until)

    async def begin(self, asked: Asked, by: str) -> str | Refusal:
        """Begins a replay; its id. It goes on in the background, also after a restart."""
        if refusal := refused(asked.stream, asked.to):
            return refusal
        until = await self._until(asked)
        replay = Replay(
            asked.stream,
            asked.to,
            asked.after,
            until,
            by,
            asked.after,
            state=ReplayState.RUNNING if until > asked.after else ReplayState.DONE,
            start=asked.start,
            stop=asked.stop,
        )
        replay_id = Ids().new()
        cause = Cause.http(self._clock.now())
        await self._replays.change_one(Change(replay_id, lambda _: Decision(replay), cause))
        log.warning("replay_asked_for", replay=replay_id, stream=asked.stream, to=asked.to, by=by)
        self._asked.set()
        return replay_id

    async def end(self, replay_id: str) -> Replay | None:
        """Stops a replay; what was sent stays sent. None if there is no such replay."""
        cause = Cause.http(self._clock.now())
        outcome = await self._replays.change_one(Change(replay_id, stopped, cause))
        return outcome.state

    async def get(self, replay_id: str) -> Replay | None:
        """One replay."""
        return await self._replays.get(replay_id)

    async def newest(self, limit: int) -> list[tuple[str, Replay]]:
        """The last replays, the newest first: their ids rise with time."""
        return [one async for one in self._replays.find(sort=[("_id", -1)], limit=limit)]

    async def run(self) -> None:
        """Works on what is asked for, for ever, until cancelled."""
        while True:
            running: list[str] = []
            try:
                running = await self._replays.ids({"state.state": ReplayState.RUNNING.value})
                if running:
                    await self._work_on(running)
            except (KafkaError, *STORAGE_AWAY) as error:
                log.warning("replay_waits", error=type(error).__name__)
                await asyncio.sleep(_PAUSE_S)
            except Exception:
                # It stays where it is and is tried again; the journal goes on meanwhile.
                log.exception("replay_waits")
                await asyncio.sleep(_PAUSE_S)
            self._asked.clear()
            try:
                async with asyncio.timeout(_LOOK_EVERY_S if running else _LOOK_AFTER_OTHERS_S):
                    await self._asked.wait()
            except TimeoutError:
                pass

    async def _work_on(self, running: Sequence[str]) -> None:
        producer = make_producer(self._servers, f"{self._client_id}-replay")
        await producer.start()
        try:
            for replay_id in running:
                while await self._send_a_page(producer, replay_id):
                    pass
        finally:
            await producer.stop()

    async def _send_a_page(self, producer: AIOKafkaProducer, replay_id: str) -> bool:
        """Whether there is more to send."""
        replay = await self._replays.get(replay_id)
        if replay is None or replay.state is not ReplayState.RUNNING:
            return False
        what = Search(stream=replay.stream, start=replay.start, stop=replay.stop)
        page = await self._journal.page(what, replay.position, replay.until, _AT_ONCE)
        sent = await _send(producer, page, replay.to)
        position = page[-1].position if len(page) == _AT_ONCE else replay.until
        change: Change[Replay] = Change(
            replay_id,
            lambda kept: advanced(kept, replay.position, position, sent),
            Cause.due(self._clock.now()),
        )
        await self._replays.change_one(change)
        if position >= replay.until:
            log.info("replay_done", replay=replay_id, stream=replay.stream)
        return position < replay.until

    async def _until(self, asked: Asked) -> int:
        last = await self._journal.last_position()
        return last if asked.until is None else min(asked.until, last)


async def _send(producer: AIOKafkaProducer, page: Sequence[Entry], to: str | None) -> int:
    """Sends a page in its order and waits for all acknowledgements. Raises `KafkaError`."""
    deliveries = []
    for entry in page:
        try:
            payload = payload_of(entry)
        except ValueError:
            log.warning("replay_skips", event_id=entry.id, why="no longer an event of the contract")
            continue
        deliveries.append(
            await producer.send(
                entry.stream,
                value=payload.model_dump_json(exclude_none=True).encode(),
                key=payload.partition_key.encode(),
                headers=encode_headers(headers_again(entry, payload, to)),
            )
        )
    await asyncio.gather(*deliveries)
    return len(deliveries)


def _search(asked: Asked) -> Search:
    return Search(stream=asked.stream, start=asked.start, stop=asked.stop)
