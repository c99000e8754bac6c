"""Who has seen what is masked, and why: a log that only grows.

What must stay true: it is written, by a majority and journaled, before anything is shown.
"""

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime

from shared.storage.append_log import AppendLog
from shared.storage.database import Database, Document


@dataclass(frozen=True, slots=True)
class Unmasking:
    """One look. what: the id of an event, or `export after <position>`. at: machine time."""

    who: str
    what: str
    reason: str
    at: datetime
    position: int = 0


class Unmaskings:
    """The collection `unmaskings`."""

    def __init__(self, database: Database) -> None:
        self._log = AppendLog(database, "unmaskings")

    async def prepare(self) -> None:
        """Makes the index."""
        await self._log.prepare()

    async def note(self, who: str, what: str, reason: str) -> None:
        """Writes one down. Whoever calls this shows nothing unless it returns."""
        entry: Document = {
            "_id": uuid.uuid4().hex,
            "who": who,
            "what": what,
            "reason": reason,
            "at": datetime.now(UTC),
        }
        await self._log.append([entry])

    async def newest(self, limit: int) -> list[Unmasking]:
        """The last ones, the newest first."""
        last = await self._log.last_position()
        found = await self._log.read({}, after=max(0, last - limit), limit=limit)
        return [
            Unmasking(one["who"], one["what"], one["reason"], one["at"], one["position"])
            for one in reversed(found)
        ]
