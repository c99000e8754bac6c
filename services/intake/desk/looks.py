"""Who was shown whose contact data: append-only, in the order in which it happened."""

from dataclasses import asdict
from typing import Any

from pymongo import ASCENDING, IndexModel

from services.intake.domain.desk import Look, Seen, Why
from shared.runtime import Runtime
from shared.storage.append_log import AppendLog
from shared.storage.database import Document


class Looks:
    """The collection `looks`. It has no way to change or remove an entry."""

    def __init__(self, runtime: Runtime) -> None:
        self._log = AppendLog(
            runtime.database,
            "looks",
            indexes=(
                IndexModel([("people", ASCENDING), ("position", ASCENDING)], name="people"),
                IndexModel([("programme", ASCENDING), ("position", ASCENDING)], name="programme"),
            ),
        )
        runtime.before_start(self._log.prepare)

    async def put_down(self, look: Look) -> None:
        """Puts it down; returns when a majority of the database holds it."""
        entry = asdict(look) | {"why": look.why and look.why.value}
        # Not `seen`: in a document that is the mark of what has been applied.
        entry |= {"_id": entry.pop("look_id"), "shown": entry.pop("seen").value}
        await self._log.append([entry])

    async def of(
        self, programme: str, *, participant: str | None, after: int, limit: int
    ) -> list[tuple[int, Look]]:
        """Looks at a programme's people (or at one of them) with their positions, oldest first."""
        query: dict[str, Any] = {"programme": programme}
        if participant is not None:
            query["people"] = participant
        found = await self._log.read(query, after=after, limit=limit)
        return [(document["position"], _look(document)) for document in found]


def _look(document: Document) -> Look:
    return Look(
        look_id=document["_id"],
        programme=document["programme"],
        by=document["by"],
        role=document["role"],
        people=tuple(document["people"]),
        seen=Seen(document["shown"]),
        where=document["where"],
        why=Why(document["why"]) if document["why"] else None,
        at=document["at"],
    )
