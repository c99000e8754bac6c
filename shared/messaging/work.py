"""What a process has open. The stepped clock advances only when all of it is zero, everywhere."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, TypeAlias

Offsets: TypeAlias = Mapping[tuple[str, int], int]
"""By topic and partition an offset."""

OFFSETS_PATTERN: Final = r"^([\w.-]+/\d+:\d+(,[\w.-]+/\d+:\d+)*)?$"
"""How offsets are written in a URL: `matches/0:12,matches/1:7`."""


@dataclass(slots=True)
class Work:
    """Counts of open work, and how far each partition has been handled."""

    requests: int = 0
    handling: int = 0
    mails: int = 0
    rounds: int = 0
    consumed: dict[tuple[str, int], int] = field(default_factory=dict)
    """Next offset to handle, by topic and partition, of the partitions assigned to this process."""
    looked_at: dict[str, datetime | None] = field(default_factory=dict)
    """By timer: the domain time up to which it has done everything due."""
    next_at: dict[str, datetime | None] = field(default_factory=dict)
    """By timer: when it next has something to do."""

    @property
    def is_any(self) -> bool:
        """Whether anything is open."""
        return bool(self.requests or self.handling or self.mails or self.rounds)

    def has_read_to(self, ends: Offsets) -> bool:
        """Whether the partitions assigned to this process are handled up to these offsets."""
        return all(offset >= ends.get(place, 0) for place, offset in self.consumed.items())

    @contextmanager
    def one(self, kind: str) -> Iterator[None]:
        """Counts one open piece of work of a kind (`requests`, `handling`, `mails`, `rounds`)."""
        setattr(self, kind, getattr(self, kind) + 1)
        try:
            yield
        finally:
            setattr(self, kind, getattr(self, kind) - 1)


def offsets_of(written: str) -> Offsets:
    """Offsets from a text that fits `OFFSETS_PATTERN`."""
    offsets: dict[tuple[str, int], int] = {}
    for one in written.split(",") if written else ():
        place, _, offset = one.rpartition(":")
        topic, _, partition = place.rpartition("/")
        offsets[topic, int(partition)] = int(offset)
    return offsets
