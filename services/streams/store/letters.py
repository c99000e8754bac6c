"""The letters about records that were set aside, each as it stands now: a projection of the journal.

What must stay true: the newest that was said of a letter counts, in whatever order it comes, and saying it
again changes nothing. So it can be made anew from the journal at any time.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from pymongo import ASCENDING, DESCENDING, IndexModel, UpdateOne
from pymongo.errors import BulkWriteError

from services.streams.domain.entries import Entry, short_name
from shared.events.dead_letters import RecordDiscarded, RecordParked, RecordReleased
from shared.storage.database import Database, Document

_DUPLICATE_KEY: Final = 11000
_STATES: Final = {
    RecordParked.wire_name: "open",
    RecordReleased.wire_name: "released",
    RecordDiscarded.wire_name: "discarded",
}
TYPES: Final = tuple(_STATES)


@dataclass(frozen=True, slots=True)
class Letter:
    """One record that was set aside. type: of the record, where the letter may say it."""

    letter_id: str
    state: str
    service: str
    stream: str
    reason: str
    type: str | None
    why: str
    at: datetime
    event_id: str


@dataclass(frozen=True, slots=True)
class Group:
    """Open letters that are alike: one cause, most likely, and one cure."""

    service: str
    stream: str
    reason: str
    type: str | None
    why: str
    count: int
    oldest: datetime
    newest: datetime


class Letters:
    """The collection `letters`."""

    def __init__(self, database: Database) -> None:
        self._collection = database.collection("letters")

    async def prepare(self) -> None:
        """Makes the indexes. Safe to repeat."""
        await self._collection.create_indexes(
            [IndexModel([("state", ASCENDING), ("at", DESCENDING)], name="state")]
        )

    async def note(self, entries: Sequence[Entry]) -> None:
        """Takes in what was said of letters; other entries are passed over."""
        updates = [_update(entry) for entry in entries if entry.type in _STATES]
        if not updates:
            return
        try:
            await self._collection.bulk_write(updates, ordered=False)
        except BulkWriteError as error:
            # The filter finds nothing where something newer is kept, and then the insert collides.
            if any(fault["code"] != _DUPLICATE_KEY for fault in error.details["writeErrors"]):
                raise

    async def count_open(self) -> int:
        """How many are open."""
        return await self._collection.count_documents({"state": "open"})

    async def groups(self) -> list[Group]:
        """Open letters by where and why, the largest group first."""
        alike = ("service", "stream", "reason", "type", "why")
        stages: list[dict[str, Any]] = [
            {"$match": {"state": "open"}},
            {
                "$group": {
                    "_id": {name: f"${name}" for name in alike},
                    "count": {"$sum": 1},
                    "oldest": {"$min": "$at"},
                    "newest": {"$max": "$at"},
                }
            },
            {"$sort": {"count": -1, "oldest": 1}},
        ]
        rows = await self._collection.aggregate(stages).to_list(None)
        return [
            Group(
                **{name: row["_id"].get(name) for name in alike},
                count=row["count"],
                oldest=row["oldest"],
                newest=row["newest"],
            )
            for row in rows
        ]

    async def find(self, *, limit: int, **fields: str | None) -> list[Letter]:
        """Letters whose fields (`state`, `service`, `stream`, …) are these, the newest first."""
        query = {name: value for name, value in fields.items() if value is not None}
        cursor = self._collection.find(query).sort("at", DESCENDING).limit(limit)
        return [_letter(document) for document in await cursor.to_list(None)]

    async def get(self, letter_id: str) -> Letter | None:
        """One letter."""
        found = await self._collection.find_one({"_id": letter_id})
        return _letter(found) if found else None

    async def forget_all(self) -> None:
        """Removes all, for a rebuild."""
        await self._collection.delete_many({})


def _update(entry: Entry) -> UpdateOne:
    payload = entry.payload
    fields: Document = {"state": _STATES[entry.type], "sequence": entry.sequence, "at": entry.time}
    about = {"service": payload["consumer"].partition(".")[0], "stream": payload["topic"]}
    if entry.type == RecordParked.wire_name:
        kinds = [value for name, value in payload.get("headers", ()) if name == "ce_type"]
        fields |= about | {
            "reason": payload["reason"],
            "why": payload["why"],
            "type": short_name(kinds[0]) if kinds else None,
            "event_id": entry.id,
        }
        return UpdateOne(_older(entry), {"$set": fields}, upsert=True)
    unsaid = about | {"reason": "", "why": "", "type": None, "event_id": entry.id}
    return UpdateOne(_older(entry), {"$set": fields, "$setOnInsert": unsaid}, upsert=True)


def _older(entry: Entry) -> Document:
    return {"_id": entry.subject, "sequence": {"$lt": entry.sequence}}


def _letter(document: Document) -> Letter:
    return Letter(
        letter_id=document["_id"],
        state=document["state"],
        service=document["service"],
        stream=document["stream"],
        reason=document["reason"],
        type=document["type"],
        why=document["why"],
        at=document["at"],
        event_id=document["event_id"],
    )
