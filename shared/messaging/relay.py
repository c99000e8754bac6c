"""The one relay of a process: sends what lies in outboxes, and clears it when Kafka has it.

What must stay true:
- of one document and stream, a later event is never sent before an earlier one is acknowledged. (If
  each writer sent only its own events, a later one could overtake an earlier one, and consumers
  would then drop the earlier as a duplicate.)
- an event is cleared only after all in-sync replicas acknowledged it.
Sending twice is harmless: same id, same sequence, dropped by every consumer.
"""

import asyncio
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from pymongo import ASCENDING

from shared.events.wire import encode_headers
from shared.observability.traces import OFF, Traces
from shared.storage.aggregates import LONG_AGO, UNSENT, Unsent
from shared.storage.database import STORAGE_AWAY, Database, Document

_SWEEP_EVERY_S: Final = 2.0
_SWEPT_AFTER: Final = timedelta(seconds=5)
_SWEPT_AT_ONCE: Final = 1_000
_REMEMBERED: Final = 20_000
_FLUSH_S: Final = 20.0
_PAUSE_AFTER_FAILURE_S: Final = 1.0

log = structlog.get_logger(__name__)


class Relay:
    """Publishes outboxes in the background, many documents at a time."""

    def __init__(self, database: Database, most_unsent: int, traces: Traces = OFF) -> None:
        self._database = database
        self._traces = traces
        self._most_unsent = most_unsent
        self._producer: AIOKafkaProducer | None = None
        self._waiting: dict[tuple[str, str], dict[str, Document]] = {}
        self._acknowledged: dict[str, None] = {}
        self._collections: set[str] = set()
        self._last_seen_unsent = 0
        self._doubted_at: float | None = time.monotonic()
        self._is_sending = False
        self._submitted = 0
        self._settled = 0
        self._wake = asyncio.Event()
        self._progress = asyncio.Condition()
        self._tasks: list[asyncio.Task[None]] = []
        self.published = 0
        self.published_by_stream: Counter[str] = Counter()
        self.failures = 0
        """Attempts that ended with an event unsent."""
        self.swept_at = 0.0
        """When the sweeper last got through (Unix time)."""

    # For those who write ---------------------------------------------------------------------

    def hand_over(self, outboxes: Iterable[Unsent]) -> None:
        """Queues outboxes that were just written; returns at once."""
        for outbox in outboxes:
            entries = self._waiting.setdefault((outbox.collection, outbox.document_id), {})
            entries.update((entry["id"], entry) for entry in outbox.entries)
            self._submitted += 1
        self._wake.set()

    def send_again(self, outboxes: Iterable[Unsent]) -> None:
        """Queues them also where Kafka has acknowledged them before: it may have lost them since."""
        again = list(outboxes)
        for outbox in again:
            for entry in outbox.entries:
                self._acknowledged.pop(entry["id"], None)
        self.hand_over(again)

    async def flush(self) -> None:
        """Waits until what was handed over so far has been sent, or an attempt has failed.

        A failure is not the caller's trouble: the events are safe in their outboxes, and the
        sweeper comes back to them.
        """
        target = self._submitted
        try:
            async with asyncio.timeout(_FLUSH_S), self._progress:
                await self._progress.wait_for(lambda: self._settled >= target)
        except TimeoutError:
            log.warning("flush_timed_out", waiting_documents=len(self._waiting))

    def doubt(self) -> None:
        """Something went wrong: outboxes may hold what is not in this relay's hands."""
        self._doubted_at = time.monotonic()

    @property
    def is_full(self) -> bool:
        """Whether so much is unsent that new work should be refused."""
        return self._last_seen_unsent + len(self._waiting) > self._most_unsent

    @property
    def is_idle(self) -> bool:
        """Whether this process has nothing in its hands (outboxes may hold what others left)."""
        return not self._waiting and not self._is_sending

    @property
    def turns(self) -> tuple[int, int, int]:
        """What changes whenever something was handed over, sent or cleared."""
        return self._submitted, self._settled, self.published

    async def unsent(self) -> int:
        """How many documents have a non-empty outbox."""
        counts = [
            await self._database.collection(name).count_documents(UNSENT)
            for name in sorted(self._collections)
        ]
        return sum(counts)

    async def left_behind(self) -> int:
        """As `unsent`, but asks only where there can be any: after a start, after something went wrong,
        or when there were some at the last look. What this process wrote, it has else sent and cleared.
        """
        doubted_at = self._doubted_at
        if doubted_at is None and not self._last_seen_unsent:
            return 0
        unsent = await self.unsent()
        self._last_seen_unsent = unsent
        if unsent:
            self.doubt()
        elif doubted_at is not None and doubted_at == self._doubted_at:
            # A write that was given up on may still come through for a moment.
            is_over = time.monotonic() - doubted_at > _SWEPT_AFTER.total_seconds()
            self._doubted_at = None if is_over else doubted_at
        return unsent

    async def oldest_unsent_s(self) -> float:
        """Age in seconds (machine time) of the oldest event that waits in an outbox; 0 if none."""
        oldest = 0.0
        for name in sorted(self._collections):
            found = await self._database.collection(name).find_one(
                UNSENT, {"outbox.at": 1}, sort=[("outbox.at", ASCENDING)]
            )
            if found and found.get("outbox"):
                age = datetime.now(UTC) - min(entry["at"] for entry in found["outbox"])
                oldest = max(oldest, age.total_seconds())
        return oldest

    # Life --------------------------------------------------------------------------------------

    def watch(self, collection: str) -> None:
        """Lets the sweeper look after a collection with outboxes."""
        self._collections.add(collection)

    def use(self, producer: AIOKafkaProducer) -> None:
        """Sends through this producer, which is started and has `acks="all"`."""
        self._producer = producer

    async def start(self) -> None:
        """Begins to send in the background, and to sweep."""
        self._tasks = [
            asyncio.create_task(self._send_for_ever(), name="relay"),
            asyncio.create_task(self._sweep_for_ever(), name="sweeper"),
        ]

    async def stop(self) -> None:
        """Sends what is queued, as far as Kafka takes it now, and ends."""
        if self._tasks:
            await self.flush()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []

    # Nothing that goes wrong once may end these two: events would lie in outboxes for good.

    async def _send_for_ever(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            target = self._submitted
            try:
                await self.send_waiting()
            except (KafkaError, *STORAGE_AWAY) as error:
                self.failures += 1
                log.warning("relay_failed", error=type(error).__name__)
                await asyncio.sleep(_PAUSE_AFTER_FAILURE_S)
            except Exception:
                self.failures += 1
                log.exception("relay_failed")
                await asyncio.sleep(_PAUSE_AFTER_FAILURE_S)
            finally:
                async with self._progress:
                    self._settled = target
                    self._progress.notify_all()

    async def send_waiting(self) -> None:
        """Sends and clears what is queued now; raises what kept an event from being acknowledged."""
        if not self._waiting:
            return
        batch, self._waiting = self._waiting, {}
        self._is_sending = True
        try:
            await self._send(batch)
        except BaseException:
            self.doubt()
            raise
        finally:
            self._is_sending = False

    async def _send(self, batch: Mapping[tuple[str, str], Mapping[str, Document]]) -> None:
        """Sends in waves: of each document and stream one event a wave, the next once that is in."""
        queues: dict[tuple[str, str, str], list[Document]] = defaultdict(list)
        for (collection, document_id), entries in batch.items():
            for entry in sorted(entries.values(), key=lambda entry: entry["sequence"]):
                queues[collection, document_id, entry["stream"]].append(entry)
        acknowledged: dict[str, tuple[list[str], list[str]]] = defaultdict(lambda: ([], []))
        failure: BaseException | None = None
        wave = 0
        while queues:
            keys = list(queues)
            results = await self._send_wave([queues[key][wave] for key in keys])
            for key, error in zip(keys, results, strict=True):
                collection, document_id, _ = key
                if error is not None:
                    failure = error
                    del queues[key]
                    continue
                documents, events = acknowledged[collection]
                documents.append(document_id)
                events.append(queues[key][wave]["id"])
                if wave + 1 == len(queues[key]):
                    del queues[key]
            wave += 1
        for collection, (documents, events) in acknowledged.items():
            await self._clear(collection, documents, events)
        if failure is not None:
            raise failure

    async def _send_wave(self, entries: Sequence[Document]) -> list[BaseException | None]:
        if self._producer is None:
            raise RuntimeError("The relay has not been started.")
        # Whoever wrote a document again before it was cleared handed its earlier events over again.
        fresh = [entry for entry in entries if entry["id"] not in self._acknowledged]
        with self._traces.publishing(fresh):
            deliveries = [
                await self._producer.send(
                    entry["stream"],
                    value=bytes(entry["value"]),
                    key=entry["key"].encode(),
                    headers=encode_headers(entry["headers"]),
                )
                for entry in fresh
            ]
            results = await asyncio.gather(*deliveries, return_exceptions=True)
        errors: dict[str, BaseException] = {}
        for entry, result in zip(fresh, results, strict=True):
            if isinstance(result, BaseException):
                errors[entry["id"]] = result
            else:
                self._remember(entry["id"])
                self.published_by_stream[entry["stream"]] += 1
        return [errors.get(entry["id"]) for entry in entries]

    def _remember(self, event_id: str) -> None:
        """That Kafka has it; the oldest are forgotten, which costs a repeat at most."""
        self.published += 1
        self._acknowledged[event_id] = None
        if len(self._acknowledged) > _REMEMBERED:
            del self._acknowledged[next(iter(self._acknowledged))]

    async def _clear(
        self, collection: str, document_ids: Sequence[str], event_ids: Sequence[str]
    ) -> None:
        await self._database.collection(collection).update_many(
            {"_id": {"$in": list(document_ids)}},
            {"$pull": {"outbox": {"id": {"$in": list(event_ids)}}}},
        )

    # What others, or an earlier life, left behind ---------------------------------------------

    async def _sweep_for_ever(self) -> None:
        while True:
            try:
                await self.sweep(_SWEPT_AFTER)
            except STORAGE_AWAY as error:
                log.warning("sweeper_waits", error=type(error).__name__)
            except Exception:
                log.exception("sweeper_failed")
            await asyncio.sleep(_SWEEP_EVERY_S)

    async def sweep(self, older_than: timedelta) -> None:
        """Queues what has lain in outboxes for longer than this (machine time)."""
        unsent = 0
        for name in sorted(self._collections):
            collection = self._database.collection(name)
            left = await collection.count_documents(UNSENT)
            unsent += left
            if not left:
                continue
            before = datetime.now(UTC) - older_than
            old = {"outbox.at": {"$gt": LONG_AGO, "$lt": before}}
            cursor = collection.find(old, {"outbox": 1}).sort("outbox.at", ASCENDING)
            self.hand_over(
                Unsent(name, document["_id"], document["outbox"])
                for document in await cursor.to_list(_SWEPT_AT_ONCE)
            )
        self._last_seen_unsent = unsent
        self.swept_at = time.time()
