"""What a process still has open, as it tells at `/internal/work`, and when all of them are quiet.

Pure: no I/O. The driver of the stepped clock takes the readings, `still_open` judges one.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from pydantic import BaseModel, ConfigDict

from deploy.local.broker import EndOffsets


class Work(BaseModel):
    """The answer of one process.

    looked_at: the domain time up to which its timers have done everything due; None while they are
    at it. One that has no timers does not give it.
    next_at: the earliest future instant at which something is due.
    open: how much of what is unfinished (outbox, requests, handling, mails, rounds).
    consumed: for each topic and partition the next offset to read, committed.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    service: str
    instance: str = ""
    looked_at: datetime | None = None
    next_at: datetime | None = None
    open: dict[str, int] = {}
    consumed: dict[str, dict[int, int]] = {}

    @property
    def has_timers(self) -> bool:
        """Whether time ever has something to do there."""
        return "looked_at" in self.model_fields_set


@dataclass(frozen=True, slots=True)
class Away:
    """A process that gave no answer, and why."""

    reason: str


@dataclass(frozen=True, slots=True)
class Reading:
    """What everybody said at about one moment; `ends` was read after all the answers."""

    answers: Mapping[str, Work | Away]
    ends: EndOffsets | Away

    def next_at(self) -> Iterator[datetime]:
        """Every instant at which some process has something due."""
        for answer in self.answers.values():
            if isinstance(answer, Work) and answer.next_at is not None:
                yield answer.next_at

    def open_total(self) -> int:
        """How many things are open, over all processes that answered."""
        works = (answer for answer in self.answers.values() if isinstance(answer, Work))
        return sum(sum(work.open.values()) for work in works)

    def offsets(self) -> object:
        """Where Kafka ends and how far each process has read: another one where something has moved."""
        works = self.answers.items()
        read = {name: work.consumed if isinstance(work, Work) else None for name, work in works}
        return read, self.ends

    def looked_at(self) -> object:
        """How far the timers of each process have looked."""
        works = self.answers.items()
        return {name: work.looked_at if isinstance(work, Work) else None for name, work in works}


def still_open(
    reading: Reading,
    now: datetime | None,
    topics_of: Mapping[str, frozenset[str]],
) -> list[str]:
    """What keeps this reading from being quiet, in words; empty if nothing does.

    now: the stepped clock's instant, up to which all timers must have looked; None on the system's
    clock, where nobody can wait for that.
    topics_of: the topics that the processes of each service have ever said they read. One that has
    just come back and has no partitions yet names none, and must not pass for one that has read
    everything. The processes of one service share the partitions, so they are judged together.
    """
    found: list[str] = []
    read_by: dict[str, dict[str, dict[int, int]]] = {}
    for name, answer in reading.answers.items():
        if isinstance(answer, Away):
            found.append(f"{name}: away ({answer.reason})")
            continue
        found += [f"{name}: {count} {what} open" for what, count in answer.open.items() if count]
        if now is not None and answer.has_timers and answer.looked_at != now:
            found.append(f"{name}: timers looked up to {answer.looked_at}, it is {now}")
        shared = read_by.setdefault(answer.service, {})
        for topic, offsets in answer.consumed.items():
            shared[topic] = _furthest(shared.get(topic, {}), offsets)
    for service, consumed in read_by.items():
        missing = topics_of.get(service, frozenset()) - consumed.keys()
        found += [f"{service}: reads {topic} not yet" for topic in sorted(missing)]
        if not isinstance(reading.ends, Away):
            found += _unread(service, consumed, reading.ends)
    if isinstance(reading.ends, Away):
        found.append(f"kafka: away ({reading.ends.reason})")
    return found


def _furthest(some: Mapping[int, int], others: Mapping[int, int]) -> dict[int, int]:
    """For each partition how far it was read by whoever read further."""
    numbers = some.keys() | others.keys()
    return {number: max(some.get(number, 0), others.get(number, 0)) for number in numbers}


def _unread(
    name: str,
    consumed: Mapping[str, Mapping[int, int]],
    ends: EndOffsets,
) -> Iterator[str]:
    for topic, offsets in consumed.items():
        for partition, end in ends.get(topic, {}).items():
            at = offsets.get(partition, 0)
            if at != end:
                yield f"{name}: at {at} of {end} in {topic}/{partition}"
