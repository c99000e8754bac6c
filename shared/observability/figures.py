"""What every process tells of itself: its events, outboxes, consumers, timers and clock."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final, Protocol

from aiokafka import TopicPartition

from shared.clock import Clock
from shared.messaging.reactions import Pipeline
from shared.messaging.relay import Relay
from shared.messaging.release import Parking
from shared.messaging.timers import Ticker
from shared.messaging.work import Work
from shared.observability.metrics import Described, Metrics, Values

_PARKED_FRESH_FOR_S: Final = 30.0


class Process(Protocol):
    """What is told of; `shared.runtime.Runtime` is one."""

    service: str
    clock: Clock
    relay: Relay
    pipeline: Pipeline
    parking: Parking
    work: Work

    @property
    def tickers(self) -> Sequence[Ticker]:
        """What calls when time moves on."""

    @property
    def ends(self) -> Mapping[TopicPartition, int]:
        """Where the partitions end that it reads, as it last saw."""

    async def is_ready(self) -> bool:
        """Whether it can take work."""


def tell_of(process: Process, metrics: Metrics) -> None:
    """Adds what every process tells."""
    _tell_of_events(process, metrics)
    _tell_of_outboxes(process.relay, metrics)
    _tell_of_time(process, metrics)
    metrics.gauge(
        Described("work_open", "Pieces of work begun and not ended, by kind", ("kind",)),
        lambda: {
            (kind,): getattr(process.work, kind)
            for kind in ("requests", "handling", "mails", "rounds")
        },
    )

    async def ready() -> Values:
        return {(): float(await process.is_ready())}

    metrics.measure(Described("ready", "1 if this process can take work"), ready, fresh_for_s=5.0)


def _tell_of_events(process: Process, metrics: Metrics) -> None:
    metrics.count(
        Described(
            "events_total",
            "Events that came in, by what became of them: applied, duplicate, parked",
            ("stream", "outcome"),
        ),
        lambda: {
            (stream, outcome): n
            for (stream, outcome), n in dict(process.pipeline.counts.by_stream).items()
        },
    )
    metrics.gauge(
        Described(
            "consumer_lag_records",
            "Records of a partition that this process has not handled, as it sees it",
            ("group", "topic", "partition"),
        ),
        lambda: {
            (
                f"{process.service}.{partition.topic}",
                partition.topic,
                str(partition.partition),
            ): max(0, end - process.work.consumed.get((partition.topic, partition.partition), 0))
            for partition, end in process.ends.items()
        },
    )
    for name, meaning in (
        ("subjects", "Subjects whose events wait behind one that failed or is missing"),
        ("records", "Records that were set aside alone, and not released yet"),
    ):
        ask = _asking(process.parking, name)
        described = Described(f"parked_{name}", meaning)
        metrics.measure(described, ask, fresh_for_s=_PARKED_FRESH_FOR_S)


def _asking(parking: Parking, name: str) -> Callable[[], Awaitable[Values]]:
    async def ask() -> Values:
        parked = await parking.parked()
        return {(): parked.waiting if name == "subjects" else parked.letters}

    return ask


def _tell_of_outboxes(relay: Relay, metrics: Metrics) -> None:
    async def documents() -> Values:
        return {(): await relay.unsent()}

    async def oldest() -> Values:
        return {(): await relay.oldest_unsent_s()}

    metrics.measure(
        Described("outbox_documents", "Documents of this service with unsent events"),
        documents,
        fresh_for_s=5.0,
    )
    metrics.measure(
        Described(
            "outbox_oldest_seconds", "Age of the oldest unsent event of this service; 0 if none"
        ),
        oldest,
        fresh_for_s=5.0,
    )
    metrics.count(
        Described("events_published_total", "Events that Kafka has acknowledged", ("stream",)),
        lambda: {(stream,): n for stream, n in dict(relay.published_by_stream).items()},
    )
    metrics.count(
        Described("relay_failures_total", "Attempts to publish that left an event unsent"),
        lambda: {(): relay.failures},
    )
    metrics.gauge(
        Described("sweeper_last_success_timestamp_seconds", "When outboxes were last swept"),
        lambda: {(): relay.swept_at},
    )
    metrics.gauge(
        Described(
            "refuses_writes", "1 while so much is unsent that HTTP writes are answered with 503"
        ),
        lambda: {(): float(relay.is_full)},
    )


def _tell_of_time(process: Process, metrics: Metrics) -> None:
    metrics.gauge(
        Described("clock_timestamp_seconds", "The domain's time; the machine's, in production"),
        lambda: {(): process.clock.now().timestamp()},
    )
    metrics.gauge(
        Described(
            "timer_last_success_timestamp_seconds", "When a timer last got through", ("timer",)
        ),
        lambda: {(ticker.name,): ticker.done_at for ticker in process.tickers},
    )
    metrics.count(
        Described("timer_failures_total", "Times a timer was cut off and tried again", ("timer",)),
        lambda: {(ticker.name,): ticker.failures for ticker in process.tickers},
    )
