"""The metrics of one process, all in one registry, as Prometheus reads them at `/metrics`.

What must stay true: names follow Prometheus' conventions, labels are bounded (never an id of anybody or
anything that grows), and nothing is asked of a database more often than its `fresh_for_s` allows,
however many ask for the metrics. What only counts in memory is read at each scrape, and costs an event
nothing.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

import structlog
from prometheus_client import (
    CollectorRegistry,
    Counter,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

PREFIX: Final = "commonground_"
FRESH_FOR_S: Final = 15.0
_ANSWER_WITHIN_S: Final = 5.0

Values: TypeAlias = Mapping[tuple[str, ...], float]
"""By the values of the labels, in their order; `{(): 3.0}` where there are none."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Described:
    """A metric's name (without prefix), meaning and labels."""

    name: str
    meaning: str
    labels: tuple[str, ...] = ()


class Metrics:
    """Makes metrics, and writes them all out."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        GCCollector(registry=self.registry)
        self._measured: list[_Measured] = []
        self._unanswered = self.counter(
            "figures_unanswered_total",
            "Figures that a scrape asked for and that storage did not give in time",
            "figure",
        )

    def counter(self, name: str, meaning: str, *labels: str) -> Counter:
        """Something that is counted as it happens. The name ends in `_total`."""
        return Counter(PREFIX + name, meaning, labels, registry=self.registry)

    def histogram(
        self, name: str, meaning: str, *labels: str, buckets: Sequence[float]
    ) -> Histogram:
        """Something that is observed as it happens, in base units: `_seconds`, `_records`."""
        return Histogram(PREFIX + name, meaning, labels, registry=self.registry, buckets=buckets)

    def count(self, described: Described, read: Callable[[], Values]) -> None:
        """A counter that somebody keeps in memory anyway; read at each scrape."""
        self.registry.register(_Read(described, read, CounterMetricFamily))

    def gauge(self, described: Described, read: Callable[[], Values]) -> None:
        """A value that is known in memory; read at each scrape."""
        self.registry.register(_Read(described, read, GaugeMetricFamily))

    def measure(
        self,
        described: Described,
        ask: Callable[[], Awaitable[Values]],
        *,
        fresh_for_s: float = FRESH_FOR_S,
    ) -> None:
        """A value that takes a query. Asked when somebody scrapes and the last answer is too old.

        Where no answer comes in time the metric is left out, so that an old value is never taken for
        a new one.
        """
        measured = _Measured(described, ask, fresh_for_s)
        self._measured.append(measured)
        self.registry.register(measured)

    async def text(self, accept: str = "") -> tuple[bytes, str]:
        """All metrics and the content type, in the format that `Accept` asks for."""
        await asyncio.gather(*(self._look(measured) for measured in self._measured))
        encode, content_type = choose_encoder(accept)
        return encode(self.registry), content_type

    async def _look(self, measured: "_Measured") -> None:
        try:
            await measured.look()
        except Exception as error:  # noqa: BLE001  (one figure must not keep all others from being told)
            self._unanswered.labels(measured.described.name).inc()
            log.warning(
                "figure_unanswered", figure=measured.described.name, error=type(error).__name__
            )


class _Read(Collector):
    """A metric whose values are read when they are asked for."""

    def __init__(
        self,
        described: Described,
        read: Callable[[], Values],
        family: type[CounterMetricFamily] | type[GaugeMetricFamily],
    ) -> None:
        self._described = described
        self._read = read
        self._family = family

    def describe(self) -> list[CounterMetricFamily | GaugeMetricFamily]:
        """The metric without values: the registry refuses a second one of its name."""
        described = self._described
        return [self._family(PREFIX + described.name, described.meaning, labels=described.labels)]

    def collect(self) -> Iterator[CounterMetricFamily | GaugeMetricFamily]:
        """The metric with its values."""
        (family,) = self.describe()
        for labels, value in self._read().items():
            family.add_metric(labels, value)
        yield family


@dataclass(eq=False, slots=True)
class _Measured(Collector):
    """A gauge whose values are asked of storage, and kept for a while."""

    described: Described
    ask: Callable[[], Awaitable[Values]]
    fresh_for_s: float
    values: Values = field(default_factory=dict)
    fresh_until: float = 0.0
    one_at_a_time: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def look(self) -> None:
        """Asks again if the last answer is too old. Raises whatever kept it from being answered."""
        async with self.one_at_a_time:
            if time.monotonic() < self.fresh_until:
                return
            self.values = {}
            async with asyncio.timeout(_ANSWER_WITHIN_S):
                self.values = await self.ask()
            self.fresh_until = time.monotonic() + self.fresh_for_s

    def describe(self) -> list[GaugeMetricFamily]:
        """The gauge without values."""
        described = self.described
        return [
            GaugeMetricFamily(PREFIX + described.name, described.meaning, labels=described.labels)
        ]

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The gauge with what was answered last."""
        (family,) = self.describe()
        for labels, value in self.values.items():
            family.add_metric(labels, value)
        yield family
