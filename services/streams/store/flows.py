"""How many events of each type each city had in the last day, from an index alone.

A nation's day has some tens of thousands of events; what is beyond `MOST_COUNTED` is not counted, and said.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from services.streams.domain.entries import short_name
from services.streams.domain.vitals import Flow
from shared.events.payload import Payload
from shared.storage.database import Database

HOURS: Final = 24
MOST_COUNTED: Final = 200_000
_INDEX: Final = "flow"
FIELDS: Final = ("time", "type", "city")
_WITHIN_MS: Final = 5_000


class Flows:
    """Reads the journal's index over `FIELDS`, which the journal makes under the name `flow`."""

    def __init__(self, database: Database) -> None:
        self._journal = database.collection("journal")

    async def until(self, now: datetime) -> tuple[tuple[Flow, ...], bool]:
        """By type and city the hours up to now, and whether there was more than could be counted.

        Hours and minutes are the domain's: those of `ce_time`. Raises `STORAGE_AWAY` errors.
        """
        since = now - timedelta(hours=HOURS)
        ago_ms = {"$subtract": [now, "$time"]}
        stages: list[dict[str, Any]] = [
            {"$match": {"time": {"$gt": since, "$lte": now}}},
            {"$project": {"_id": 0, **dict.fromkeys(FIELDS, 1)}},
            {"$limit": MOST_COUNTED},
            {
                "$group": {
                    "_id": {
                        "type": "$type",
                        "city": "$city",
                        "hour": {"$toInt": {"$divide": [ago_ms, 3_600_000]}},
                    },
                    "count": {"$sum": 1},
                    "minute": {"$sum": {"$cond": [{"$lt": [ago_ms, 60_000]}, 1, 0]}},
                }
            },
        ]
        cursor = self._journal.aggregate(stages, hint=_INDEX, maxTimeMS=_WITHIN_MS)
        rows = await cursor.to_list(None)
        return _flows(rows), sum(row["count"] for row in rows) >= MOST_COUNTED


def _flows(rows: Sequence[dict[str, Any]]) -> tuple[Flow, ...]:
    hours: dict[tuple[str, str | None], list[int]] = {}
    minutes: dict[tuple[str, str | None], int] = {}
    for row in rows:
        key = row["_id"]["type"], row["_id"].get("city")
        ago = min(HOURS - 1, row["_id"]["hour"])
        hours.setdefault(key, [0] * HOURS)[HOURS - 1 - ago] += row["count"]
        minutes[key] = minutes.get(key, 0) + row["minute"]
    return tuple(
        Flow(
            type=short_name(wire_name),
            stream=_stream_of(wire_name),
            city=city,
            hours=tuple(counted),
            last_hour=counted[-1],
            last_minute=minutes[wire_name, city],
        )
        for (wire_name, city), counted in sorted(
            hours.items(), key=lambda one: (one[0][0], one[0][1] or "")
        )
    )


def _stream_of(wire_name: str) -> str:
    payload = Payload.of_name(wire_name)
    return payload.stream.name if payload else "unknown"
