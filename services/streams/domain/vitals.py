"""Whether everything moves: what one look at the platform found, and what an operator must know of it. Pure.

What must stay true: no sentence names a person, and 'yes' is never said of what could not be seen.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import IntEnum
from typing import Final

Figures = Mapping[str, tuple[tuple[Mapping[str, str], float], ...]]
"""What a process told of itself: by metric the values with their labels."""

STANDS_STILL_AFTER: Final = timedelta(seconds=60)
UNSENT_TOO_LONG_S: Final = 60.0
FAR_BEHIND: Final = 10_000


class Gravity(IntEnum):
    """How soon somebody must look."""

    LOOK = 1
    ACT = 2


@dataclass(frozen=True, slots=True)
class Trouble:
    """One thing that an operator must know, as a sentence, and where on the page more of it stands."""

    gravity: Gravity
    sentence: str
    anchor: str


@dataclass(frozen=True, slots=True)
class Lag:
    """How far a consumer (`service.stream`) is in one partition. committed: None if it never said."""

    group: str
    topic: str
    partition: int
    committed: int
    end: int

    @property
    def behind(self) -> int:
        """Records that it has not handled."""
        return max(0, self.end - self.committed)


@dataclass(frozen=True, slots=True)
class Instance:
    """One process of one service, as it answered. figures: None if it did not."""

    name: str
    is_ready: bool
    figures: Figures | None

    @property
    def service(self) -> str:
        """The service that it belongs to: `matching-2` is one of matching's."""
        return self.name.partition("-")[0]

    def value(self, metric: str) -> float | None:
        """The only value of a metric without labels."""
        values = (self.figures or {}).get(metric, ())
        return values[0][1] if values else None


@dataclass(frozen=True, slots=True)
class Flow:
    """How many events of one type in one city: in the last hours (the present one last), hour, minute."""

    type: str
    stream: str
    city: str | None
    hours: tuple[int, ...]
    last_hour: int
    last_minute: int

    @property
    def last_day(self) -> int:
        """All of them."""
        return sum(self.hours)


@dataclass(frozen=True, slots=True)
class Sample:
    """What one look found. lags: None if Kafka did not answer. at: machine time; now: domain time."""

    at: datetime
    now: datetime
    position: int
    letters: int
    instances: tuple[Instance, ...] = ()
    lags: tuple[Lag, ...] | None = None
    flows: tuple[Flow, ...] = ()
    is_flow_cut_off: bool = False
    cities: Mapping[str, str] = field(default_factory=dict)
    """By code the names of the municipalities that programmes have named."""

    def total(self, metric: str, **labels: str) -> float:
        """The sum of a metric over its labels. Of several instances that tell the same, the largest."""
        return sum(self.by(metric, (), **labels).values())

    def by(self, metric: str, names: Sequence[str], **labels: str) -> dict[tuple[str, ...], float]:
        """A metric's sums by some of its labels; each service counts once, whoever of it answers."""
        services: dict[str, dict[tuple[str, ...], float]] = {}
        for instance in self.instances:
            sums: dict[tuple[str, ...], float] = {}
            for found, value in (instance.figures or {}).get(metric, ()):
                if all(found.get(name) == wanted for name, wanted in labels.items()):
                    key = tuple(found.get(name, "") for name in names)
                    sums[key] = sums.get(key, 0.0) + value
            kept = services.setdefault(instance.service, {})
            for key, value in sums.items():
                kept[key] = max(kept.get(key, 0.0), value)
        totals: dict[tuple[str, ...], float] = {}
        for kept in services.values():
            for key, value in kept.items():
                totals[key] = totals.get(key, 0.0) + value
        return totals

    def longest(self, metric: str, **labels: str) -> timedelta | None:
        """The largest of a metric in seconds, None if nobody told it."""
        values = [
            value
            for instance in self.instances
            for found, value in (instance.figures or {}).get(metric, ())
            if all(found.get(name) == wanted for name, wanted in labels.items())
        ]
        return timedelta(seconds=max(values)) if values else None

    def behind(self) -> dict[str, int]:
        """By consumer how many records it has not handled."""
        found: dict[str, int] = {}
        for lag in self.lags or ():
            found[lag.group] = found.get(lag.group, 0) + lag.behind
        return found

    def committed(self) -> dict[str, int]:
        """By consumer how far it has come, all partitions together."""
        found: dict[str, int] = {}
        for lag in self.lags or ():
            found[lag.group] = found.get(lag.group, 0) + lag.committed
        return found


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer to the question whether everything is moving."""

    troubles: tuple[Trouble, ...] = field(default=())

    @property
    def is_moving(self) -> bool:
        """Whether nobody has to act."""
        return all(trouble.gravity < Gravity.ACT for trouble in self.troubles)

    @property
    def sentence(self) -> str:
        """In one breath."""
        if not self.troubles:
            return "Yes, everything is moving."
        if self.is_moving:
            return "Yes, but have a look."
        return "No. Please act."


def verdict(samples: Sequence[Sample]) -> Verdict:
    """What the newest sample says, in the light of those before it."""
    if not samples:
        return Verdict((Trouble(Gravity.LOOK, "Nothing has been looked at yet.", "instances"),))
    newest = samples[-1]
    before = samples[-2] if len(samples) > 1 else newest
    troubles = [
        *_of_instances(newest, before),
        *_of_outboxes(newest),
        *_of_lags(samples),
        *_of_people(newest),
    ]
    if newest.letters:
        were = "record was" if newest.letters == 1 else "records were"
        troubles.append(
            Trouble(
                Gravity.LOOK, f"{newest.letters:,} {were} set aside and wait for you.", "letters"
            )
        )
    return Verdict(tuple(sorted(troubles, key=lambda trouble: -trouble.gravity)))


def _of_instances(sample: Sample, before: Sample) -> Iterable[Trouble]:
    """One answer that was late may be chance; two in a row are not."""
    silent = {one.name for one in before.instances if one.figures is None}
    if not sample.instances:
        yield Trouble(
            Gravity.LOOK, "No service is asked how it is: SERVICE_URLS names none.", "instances"
        )
    for instance in sample.instances:
        if instance.figures is None and instance.name in silent:
            yield Trouble(Gravity.ACT, f"{instance.name} does not answer.", "instances")
        elif instance.figures is None:
            yield Trouble(Gravity.LOOK, f"{instance.name} did not answer just now.", "instances")
        elif not instance.is_ready:
            yield Trouble(Gravity.ACT, f"{instance.name} answers, but is not ready.", "instances")


def _of_outboxes(sample: Sample) -> Iterable[Trouble]:
    seen: set[str] = set()
    for instance in sample.instances:
        age_s = instance.value("outbox_oldest_seconds") or 0.0
        if age_s > UNSENT_TOO_LONG_S and instance.service not in seen:
            seen.add(instance.service)
            aged = duration(timedelta(seconds=age_s))
            yield Trouble(
                Gravity.ACT,
                f"Events of {instance.service} have not left it for {aged}.",
                "instances",
            )


def _of_lags(samples: Sequence[Sample]) -> Iterable[Trouble]:
    newest = samples[-1]
    if newest.lags is None:
        yield Trouble(Gravity.ACT, "Kafka does not answer.", "lag")
        return
    before = next(
        (one for one in samples if one.at <= newest.at - STANDS_STILL_AFTER and one.lags), None
    )
    for group, behind in newest.behind().items():
        if not behind:
            continue
        was = before.committed().get(group) if before is not None else None
        if was is not None and was == newest.committed()[group]:
            minutes = duration(STANDS_STILL_AFTER)
            sentence = f"{group} stands still: {behind:,} unread for {minutes} or more."
            yield Trouble(Gravity.ACT, sentence, "lag")
        elif behind > FAR_BEHIND:
            yield Trouble(Gravity.LOOK, f"{group} is {behind:,} records behind.", "lag")


def _of_people(sample: Sample) -> Iterable[Trouble]:
    if asking := int(sample.total("help_open")):
        who = "Somebody waits" if asking == 1 else f"{asking:,} people wait"
        yield Trouble(Gravity.LOOK, f"{who} for help from a coordinator.", "flow")


def duration(span: timedelta) -> str:
    """A span in its two largest units: `3 d 4 h`, `5 min`, `12 s`."""
    seconds = max(0, int(span.total_seconds()))
    units = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))
    said: list[str] = []
    for name, size in units:
        if seconds >= size and len(said) < 2:
            said.append(f"{seconds // size} {name}")
            seconds %= size
        elif said:
            break
    return " ".join(said) or "0 s"
