"""What each service process runs on: clock, database, relay, consumers, timers, web app, log.

A service's `app.py` makes one `Runtime`, says what it consumes and what time should do, and gets back
one ASGI app. Start and stop have one order: storage, relay, consumers, timers; and back.
"""

import asyncio
import gc
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any, Final, TypeVar, cast

import structlog
from aiokafka import TopicPartition
from fastapi import APIRouter, FastAPI
from faststream.kafka.subscriber.usecase import BatchSubscriber
from pymongo import IndexModel

from shared.clock import SteppedClock, open_clock
from shared.decisions import Decision, Refusal
from shared.events.payload import Stream
from shared.events.rights import Service as RightsService
from shared.events.streams import ALL_STREAMS, DEAD_LETTERS, RIGHTS
from shared.events.wire import Event, rfc3339
from shared.ids import Ids
from shared.messaging.broker import make_broker, make_producer, start_broker, subscribe
from shared.messaging.consumption import Batch, Consumption, Letter, UseCase
from shared.messaging.reactions import Effects, Pipeline
from shared.messaging.relay import Relay
from shared.messaging.release import Parking
from shared.messaging.rights import Answered, PersonalData, RequestMark, Rights
from shared.messaging.timers import Tick, Ticker
from shared.messaging.topics_read import Published, read_back, read_published
from shared.messaging.watchdog import Consumer, Watchdog
from shared.messaging.work import Offsets, Work
from shared.observability.figures import tell_of
from shared.observability.logs import set_up_logs
from shared.observability.metrics import Metrics
from shared.observability.traces import open_traces
from shared.security.hashing import KeyedHash
from shared.security.links import Links
from shared.security.sessions import Sessions
from shared.settings import ServiceSettings
from shared.storage.aggregates import Aggregates
from shared.storage.database import STORAGE_AWAY, Database
from shared.storage.restored import Place, raise_sequences, sequences_known
from shared.web.app import make_app
from shared.web.operations import operator_routes
from shared.web.server import make_server

State = TypeVar("State")

_DUE_AT_ONCE: Final = 500
_STUCK_AFTER_S: Final = 240.0
_OLDEST_UNSENT_S: Final = 900.0
_TRY_STORAGE_EVERY_S: Final = 1.0
_TIDY_EVERY_S: Final = 6 * 3600.0
_MARKS_KEPT: Final = 2 * max(s.retention for s in ALL_STREAMS if s is not DEAD_LETTERS)
"""Well beyond the time that Kafka keeps an event which could come again."""
_ANSWERS_KEPT: Final = timedelta(days=7)
"""Whoever repeats a request under its Idempotency-Key does so within minutes."""
_LOOK_AGAIN_S: Final = 0.004
NO_OFFSETS: Final[Offsets] = MappingProxyType({})

Background = Callable[[], Awaitable[None]]


class Runtime:
    """One process of one service."""

    def __init__(self, service: str, settings: ServiceSettings) -> None:
        self.service = service
        self.settings = settings
        set_up_logs(service, settings.instance)
        self.log = structlog.get_logger(service)
        self.clock = open_clock(settings.clock)
        self._is_stepped = isinstance(self.clock, SteppedClock)
        self.ids = Ids(settings.seed if settings.clock != "system" else None)
        self.database = Database(settings.mongodb_url)
        self.traces = open_traces(service, settings.instance)
        self.relay = Relay(self.database, settings.most_unsent_events, self.traces)
        self.pipeline = Pipeline(self.clock, self.relay)
        self.work = Work()
        self.metrics = Metrics()
        self.links = Links(settings.link_secret.get_secret_value(), self.clock)
        self.sessions = Sessions(settings.session_key)
        self.hashes = KeyedHash(settings.hash_secret.get_secret_value())
        self._letters: Aggregates[Letter] = self.aggregates("known", Letter, prefix="letters/")
        servers = settings.kafka_url.split(",")
        client_id = f"{service}-{settings.instance}"
        self._broker = make_broker(servers, client_id, self.metrics.registry)
        self._servers, self._client_id = servers, client_id
        self._aggregates: list[Aggregates[Any]] = [self._letters]
        self._consumptions: dict[str, Consumption] = {}
        self._recalls: list[tuple[tuple[Stream, ...], UseCase]] = []
        self.parking = Parking(
            self.database.name,
            self._consumptions,
            self._aggregates,
            self._letters,
            self.clock,
            servers,
        )
        self._watchdog = Watchdog(self._consumers)
        self._waking: list[tuple[Aggregates[Any], Ticker]] = []
        self.tickers: list[Ticker] = []
        self._backgrounds: list[tuple[str, Background]] = []
        self._before_start: list[Background] = []
        self._when_asked_to_stop: list[Callable[[], None]] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._handling_since: float | None = None
        self._looked_into_storage_at: tuple[int, ...] = ()
        self.erased_in_topics: frozenset[str] = frozenset()
        """After a restore: subjects of this service's own streams whose last word is that."""
        self._storage_says: tuple[int, list[tuple[Ticker, datetime]]] = (0, [])
        self.is_started = False
        tell_of(self, self.metrics)

    # What a service says about itself -----------------------------------------------------------

    def aggregates(
        self,
        name: str,
        state_type: type[State],
        *,
        prefix: str = "",
        tells: Sequence[Stream] = (),
        indexes: Sequence[IndexModel] = (),
        refusals: dict[str, Refusal] | None = None,
    ) -> Aggregates[State]:
        """A kind of aggregate of this service; its indexes are made and its outboxes swept."""
        made = Aggregates(
            self.database,
            self.relay,
            name,
            state_type,
            prefix=prefix,
            tells=tells,
            indexes=indexes,
            refusals=refusals,
        )
        if hasattr(self, "_aggregates"):
            self._aggregates.append(made)
        return made

    def on(self, stream: Stream) -> Callable[[UseCase], UseCase]:
        """Registers the handler of a stream, which gets it in batches, as the consumer `service.stream`."""

        def register(use_case: UseCase) -> UseCase:
            consumer = f"{self.service}.{stream.name}"
            self._consumptions[stream.name] = Consumption(
                consumer, self._letters, self.clock, use_case, self.traces
            )
            return use_case

        return register

    def subscribe(self) -> None:
        """Subscribes to all streams that have a handler by now, in the consumer group of the service."""
        subscribe(
            self._broker,
            {name: one.handle for name, one in self._consumptions.items()},
            group=self.service,
            instance=self.settings.instance if self.settings.static_members else None,
            batch_size=self.settings.batch_size,
            work=self.work,
            from_start=self.settings.after_restore,
        )

    def recall(self, *streams: Stream) -> Callable[[UseCase], UseCase]:
        """Registers how this service takes back what it has said itself, in streams of its own.

        Only after the database came back from a backup. The use case gets the events that Kafka has
        and the restored documents do not know of, all at once in order of time (in one instant in
        the order of the streams); it says nothing and may be repeated.
        """

        def register(use_case: UseCase) -> UseCase:
            self._recalls.append((streams, use_case))
            return use_case

        return register

    def answer_for(
        self, data: PersonalData, *, also: Effects | None = None
    ) -> Callable[[Batch], Awaitable[None]]:
        """What follows `rights`: answers for all that this service holds about one person."""
        rights = Rights(
            RightsService(self.service),
            self.aggregates("known", RequestMark, prefix="rights/"),
            self.aggregates("known", Answered, prefix="answers/", tells=(RIGHTS,)),
            data,
            self.pipeline,
            self.clock,
            also=also,
        )
        return rights.follow

    def every_tick(
        self,
        collection: Aggregates[State],
        decide: Callable[[State, datetime], Decision[State] | Refusal | None],
    ) -> Ticker:
        """Calls `decide` for each aggregate of the collection whose `wake_at` has come."""

        async def tick(now: datetime) -> datetime | None:
            return await collection.wake(decide, now, _DUE_AT_ONCE)

        ticker = self.every_tick_call(tick, name=collection.name + collection.prefix)
        self._waking.append((collection, ticker))
        return ticker

    def every_tick_call(self, tick: Tick, *, name: str) -> Ticker:
        """Calls `tick(now)` whenever time moves on; it returns when it next has something to do."""
        ticker = Ticker(name, self.clock, self.work, tick)
        self.tickers.append(ticker)
        return ticker

    def in_background(self, run: Background, *, name: str) -> None:
        """Runs `run()` from start to stop; it is cancelled at stop, and its end is an error."""
        self._backgrounds.append((name, run))

    def before_start(self, act: Background) -> None:
        """Does `act()` once, when storage is ready and before anything is consumed."""
        self._before_start.append(act)

    def when_asked_to_stop(self, act: Callable[[], None]) -> None:
        """Calls `act()` at once when the process is to stop: before open requests are waited for."""
        self._when_asked_to_stop.append(act)

    def asked_to_stop(self) -> None:
        """The process is to stop: lets go those who wait for something."""
        for act in self._when_asked_to_stop:
            act()

    def web_app(self, *routers: APIRouter) -> FastAPI:
        """The one ASGI app: the service's routes, health, `/internal/work`, `/metrics`."""
        return make_app(self, [*routers, operator_routes(self.parking, self.service)], self.life)

    # Life ---------------------------------------------------------------------------------------

    @asynccontextmanager
    async def life(self, _: FastAPI | None = None) -> AsyncIterator[None]:
        """Starts everything, and stops it at the end. The app's lifespan; tests use it directly."""
        await self._start()
        try:
            yield
        finally:
            await self._stop()

    async def _start(self) -> None:
        await self._wait_for_storage()
        for collection in self._aggregates:
            await collection.prepare()
            self.relay.watch(collection.name)
        if self.settings.after_restore:
            await self._go_on_after_restore()
        self._producer = make_producer(self._servers, self._client_id)
        await self._producer.start()
        self.relay.use(self._producer)
        await self.relay.start()
        if self.settings.resend_state:
            await self._resend()
        for act in self._before_start:
            await act()
        if self._consumptions:
            self.subscribe()
        await start_broker(self._broker)
        for ticker in self.tickers:
            self._tasks.append(asyncio.create_task(ticker.run()))
        self._tasks.append(asyncio.create_task(self._watchdog.run(), name="watchdog"))
        self._tasks.append(asyncio.create_task(self._tidy_for_ever(), name="tidying"))
        for name, run in self._backgrounds:
            self._tasks.append(asyncio.create_task(self._run_background(name, run), name=name))
        self.is_started = True
        self.log.info("started")

    async def _stop(self) -> None:
        self.is_started = False
        self.log.info("stopping")
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._broker.stop()
        await self.relay.stop()
        await self._producer.stop()
        self.database.close()
        await asyncio.to_thread(self.traces.stop)
        self.log.info("stopped")

    async def _wait_for_storage(self) -> None:
        while True:
            try:
                return await self.database.ping()
            except STORAGE_AWAY as error:
                self.log.warning("waiting_for_storage", error=type(error).__name__)
                await asyncio.sleep(_TRY_STORAGE_EVERY_S)

    async def read_published(self, *streams: Stream) -> Published:
        """What Kafka holds now of these streams, from end to end, headers only."""
        return await read_published(self._servers, streams)

    async def _resend(self) -> None:
        """The broker has lost its data: puts the last state of each compacted stream out again."""
        for collection in self._aggregates:
            sent = await collection.resend()
            if sent:
                self.log.info("state_sent_again", collection=collection.name, documents=sent)

    async def _go_on_after_restore(self) -> None:
        """The database is older than Kafka: what was said since is taken back, then gone on from.

        No sequence that Kafka has seen may be used again. The sequences are raised last: what is cut
        off before is begun anew.
        """
        mine = [stream for stream in ALL_STREAMS if stream.owner == self.service]
        published = await read_published(self._servers, mine)
        self.erased_in_topics = frozenset(published.erased)
        recalled: dict[str, dict[str, Event[Any]]] = {}
        for streams, use_case in self._recalls:
            events: list[Event[Any]] = []
            for stream in streams:
                highest = published.highest[stream.name]
                known = await sequences_known(self._places(stream), stream.name, highest)
                read = await read_back(self._servers, stream, known) if known else []
                recalled[stream.name] = {event.subject: event for event in read}
                events += read
            if events:
                await use_case(sorted(events, key=lambda event: event.time))
        raised = await raise_sequences(
            {stream.name: self._places(stream) for stream in mine},
            {
                stream.name: {
                    subject: sequence
                    for subject, sequence in published.highest[stream.name].items()
                    if stream.is_counted_by_owner(subject)
                }
                for stream in mine
            },
            self.erased_in_topics,
            recalled,
        )
        self.log.warning(
            "gone_on_after_restore",
            recalled=sum(len(subjects) for subjects in recalled.values()),
            documents=raised.documents,
            states_sent=raised.states_sent,
        )

    def _places(self, stream: Stream) -> list[Place]:
        """Where this service counts the subjects of a stream."""
        return [
            Place(self.database.collection(kind.name), kind.prefix)
            for kind in self._aggregates
            if stream.name in kind.tells
        ]

    async def _tidy_for_ever(self) -> None:
        """Now and then drops marks and answers that no repeat can need any more."""
        while True:
            await asyncio.sleep(_TIDY_EVERY_S)
            try:
                await self.tidy(datetime.now(UTC))
            except STORAGE_AWAY as error:
                self.log.warning("tidying_waits", error=type(error).__name__)

    async def tidy(self, machine: datetime) -> int:
        """Drops what is only kept against repeats, and too old for one. How many documents changed."""
        dropped = 0
        for collection in self._aggregates:
            dropped += await collection.drop_marks(machine - _MARKS_KEPT)
            dropped += await collection.drop_answers(machine - _ANSWERS_KEPT)
        return dropped

    async def _run_background(self, name: str, run: Background) -> None:
        try:
            await run()
        except asyncio.CancelledError:
            raise
        except Exception:
            self.log.exception("background_failed", background=name)
            raise

    # What the process says of itself ------------------------------------------------------------

    async def is_ready(self) -> bool:
        """Connected, consuming, able to write, and no event waits for very long to be published.

        The bound on the age is generous: while Kafka is away people are still answered.
        """
        if not self.is_started:
            return False
        try:
            await self.database.ping()
        except STORAGE_AWAY:
            return False
        if self.relay.is_full:
            return False
        return await self.relay.oldest_unsent_s() < _OLDEST_UNSENT_S

    @property
    def ends(self) -> Mapping[TopicPartition, int]:
        """Where the partitions end that this process reads, as the watchdog last saw."""
        return self._watchdog.ends

    def is_alive(self) -> bool:
        """Whether all of its tasks run, its consumers read, and no batch is stuck for minutes.

        What is not alive is to be restarted by whatever runs it: `/health/live` then says 503.
        """
        if any(task.done() for task in self._tasks) and self.is_started:
            return False
        if self._watchdog.is_anyone_stuck:
            return False
        if self.work.handling == 0:
            self._handling_since = None
            return True
        if self._handling_since is None:
            self._handling_since = time.monotonic()
        return time.monotonic() - self._handling_since < _STUCK_AFTER_S

    def _consumers(self) -> list[Consumer]:
        subscribers = cast("Iterable[BatchSubscriber]", self._broker.subscribers)
        return [one.consumer for one in subscribers if one.consumer is not None]

    async def describe_work(
        self, wait_s: float = 0.0, read_to: Offsets = NO_OFFSETS
    ) -> dict[str, Any]:
        """What `/internal/work` answers: see docs/architecture.md, 'The clock'.

        wait_s: the answer may wait so long for all to be done, and read up to `read_to`. Whoever
        waits for quiet would else have to ask again and again.
        """
        for ticker in self.tickers:
            ticker.notice(self.clock.now())
        until = time.monotonic() + wait_s
        while self._is_at_work(self.clock.now()) or not self.work.has_read_to(read_to):
            if time.monotonic() >= until:
                break
            await asyncio.sleep(_LOOK_AGAIN_S)
        now = self.clock.now()
        next_at = [instant for instant in self.work.next_at.values() if instant and instant > now]
        unsent, wakes = (0, []) if self._is_at_work(now) else await self._look_into_storage()
        for ticker, earliest in wakes:
            if earliest <= now:
                ticker.poke()
                # Another instance may be the one that does it: then only the stored tells that it is done.
                self._looked_into_storage_at = ()
            else:
                next_at.append(earliest)
        looked_at = list(self.work.looked_at.values())
        is_done = all(instant == now for instant in looked_at)
        outbox = 0 if self.relay.is_idle else 1
        consumed: dict[str, dict[str, int]] = {}
        for (topic, partition), offset in sorted(self.work.consumed.items()):
            consumed.setdefault(topic, {})[str(partition)] = offset
        return {
            "service": self.service,
            "instance": self.settings.instance,
            "looked_at": rfc3339(now) if is_done and self.is_started else None,
            "next_at": rfc3339(min(next_at)) if next_at else None,
            "open": {
                "outbox": outbox or unsent,
                "requests": self.work.requests,
                "handling": self.work.handling,
                "mails": self.work.mails,
                "rounds": self.work.rounds,
            },
            "consumed": consumed,
        }

    def _is_at_work(self, now: datetime) -> bool:
        """Whether there is something to wait for anyhow, so that storage need not be asked for more."""
        behind = any(looked_at != now for looked_at in self.work.looked_at.values())
        return not self.relay.is_idle or self.work.is_any or (behind and self._is_stepped)

    async def _look_into_storage(self) -> tuple[int, list[tuple[Ticker, datetime]]]:
        """How many outboxes are not empty, and for each timer the earliest instant that is stored.

        Looked up again only when this process has written since: the stepped clock asks for it a
        hundred times a second. What another instance left behind, the sweeper notices.
        """
        at = (*self.relay.turns, *(collection.writes for collection in self._aggregates))
        if at != self._looked_into_storage_at:
            unsent = await self.relay.left_behind()
            wakes = [
                (ticker, earliest)
                for collection, ticker in self._waking
                if (earliest := await collection.earliest_wake()) is not None
            ]
            self._storage_says = unsent, wakes
            if not unsent:
                # Else whoever left them may clear them without a word to us.
                self._looked_into_storage_at = at
        return self._storage_says


def run(app: FastAPI, settings: ServiceSettings) -> None:
    """Serves the app until SIGTERM or SIGINT, then drains: requests, batches, outboxes."""
    # uvicorn raises the signal again when it has drained; to have been asked to stop is no failure.
    for asked in (signal.SIGTERM, signal.SIGINT):
        signal.signal(asked, lambda *_: sys.exit(0))
    # Batches make many objects that all die young: collecting less often costs memory, not safety.
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
    runtime: Runtime = app.state.runtime
    make_server(app, settings.host, settings.port, runtime.asked_to_stop).run()


__all__ = ["Batch", "Runtime", "run"]
