"""Domain time. One setting for all processes: the system's clock, or a stepped one for demo and tests.

Domain time (deadlines, links, quiet hours, `ce_time`) comes from here and is passed into the pure
domain as `now`. Machine time (leases, backoff, Kafka timestamps) never does.
"""

import mmap
import struct
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

from shared.errors import SettingsInvalid

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_INSTANT = struct.Struct("<q")


class Clock(Protocol):
    """Tells the domain's time."""

    def now(self) -> datetime:
        """The present instant: UTC, whole milliseconds (what MongoDB can keep)."""


class SystemClock:
    """The machine's own time."""

    def now(self) -> datetime:
        """The present instant: UTC, whole milliseconds."""
        now = datetime.now(UTC)
        return now.replace(microsecond=now.microsecond // 1000 * 1000)


class SteppedClock:
    """A time that stands still until someone sets it, seen by all processes at once.

    The instant is eight bytes in a memory-mapped file (milliseconds since 1970, little endian): an
    aligned eight-byte store is atomic on every processor we run on, so a reader sees the old instant
    or the new one.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(_INSTANT.pack(0))
        with path.open("r+b") as file:
            self._memory = mmap.mmap(file.fileno(), _INSTANT.size)

    def now(self) -> datetime:
        """The instant that was set last: UTC, whole milliseconds."""
        milliseconds: int = _INSTANT.unpack(self._memory[: _INSTANT.size])[0]
        return _EPOCH + milliseconds * _MILLISECOND

    def set(self, instant: datetime) -> None:
        """Moves the time to `instant`; every process that maps the file sees it at once."""
        self._memory[: _INSTANT.size] = _INSTANT.pack((instant - _EPOCH) // _MILLISECOND)


def open_clock(setting: str) -> Clock:
    """The clock that the setting `CLOCK` names: `system`, or `stepped:<path of its file>`."""
    if setting == "system":
        return SystemClock()
    kind, _, path = setting.partition(":")
    if kind == "stepped" and path:
        return SteppedClock(Path(path))
    raise SettingsInvalid(
        f"CLOCK is {setting!r}; set it to 'system' or 'stepped:<path of a file>'."
    )
