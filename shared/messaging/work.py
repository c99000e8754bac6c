"""What a process has open. The stepped clock advances only when all of it is zero, everywhere."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime


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

    @contextmanager
    def one(self, kind: str) -> Iterator[None]:
        """Counts one open piece of work of a kind (`requests`, `handling`, `mails`, `rounds`)."""
        setattr(self, kind, getattr(self, kind) + 1)
        try:
            yield
        finally:
            setattr(self, kind, getattr(self, kind) - 1)
