"""States kept in memory: of what a query finds, only what was written since last time is read again.

What must stay true: `find` returns what MongoDB held after it was called, whoever wrote it. Nothing is
trusted but the stamp of each document's last write, which is asked for every time.
"""

from collections.abc import Mapping
from typing import Any, Final, Generic, TypeVar

from shared.storage.reading import Reading, Stamp

State = TypeVar("State")

_READ_AT_ONCE: Final = 10_000
"""A query that names more ids than about 300,000 is too large for MongoDB."""


class Kept(Generic[State]):
    """The aggregates of one query, as they were found last."""

    def __init__(self, reading: Reading[State], query: Mapping[str, Any]) -> None:
        self._reading = reading
        self._query = query
        self._kept: dict[str, tuple[Stamp, State]] = {}

    async def find(self) -> dict[str, State]:
        """Those that fit the query now, by id.

        One that is written while this reads may be in its newest state, even if that no longer fits.
        """
        stamps = await self._reading.stamps(self._query)
        kept = self._kept
        changed = [
            found for found, stamp in stamps.items() if found not in kept or kept[found][0] != stamp
        ]
        read: dict[str, tuple[Stamp, State]] = {}
        for start in range(0, len(changed), _READ_AT_ONCE):
            read |= await self._reading.load_stamped(changed[start : start + _READ_AT_ONCE])
        kept = {
            found: read[found] if found in read else kept[found]
            for found in stamps
            if found in read or found in kept
        }
        self._kept = kept
        return {found: state for found, (_, state) in kept.items()}
