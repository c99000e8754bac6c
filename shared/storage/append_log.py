"""A collection that only grows, in which every entry has a contiguous `position` from 1.

What must stay true: position q exists only if q - 1 does, whoever writes. A writer gives q only after
it has read q - 1, or written it in the same ordered insert; of two that give the same position the
unique index lets one through, and the other reads again. So no reader that goes by position can skip
an entry, and no lease is needed.
"""

import asyncio
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from pymongo import ASCENDING, DESCENDING, IndexModel
from pymongo.errors import BulkWriteError, WTimeoutError

from shared.errors import StillContended
from shared.storage.database import Database, Document

_MOST_ATTEMPTS: Final = 50
_PAUSE_S: Final = 0.005
_DUPLICATE_KEY: Final = 11000
_ID: Final = "_id"
_POSITION: Final = "position"


@dataclass(frozen=True, slots=True)
class Appended:
    """What an append did. `first_position` is that of the first new entry, None if none was new.

    The new entries are contiguous unless another writer came between; positions as a whole always are.
    """

    first_position: int | None
    appended: int
    duplicates: int


class AppendLog:
    """Entries are documents with an `_id` that says what they are: the same `_id` is kept once."""

    def __init__(self, database: Database, name: str, indexes: Sequence[IndexModel] = ()) -> None:
        self._name = name
        self._collection = database.collection(name)
        position = IndexModel([(_POSITION, ASCENDING)], name=_POSITION, unique=True)
        self._indexes = [position, *indexes]
        self._last = 0
        # Tasks of one process take turns, so that they do not race one another for positions.
        self._turn = asyncio.Lock()

    async def prepare(self) -> None:
        """Makes the indexes. Safe to repeat, and from several instances at once."""
        await self._collection.create_indexes(self._indexes)

    async def append(self, entries: Sequence[Mapping[str, Any]]) -> Appended:
        """Appends those whose `_id` is new, in their order. They must not name a position.

        Raises `StillContended` if other writers keep coming between, and `STORAGE_AWAY` errors; then
        some may have been appended, and the same call again appends the rest.
        """
        left = list({entry[_ID]: entry for entry in entries}.values())
        first: int | None = None
        appended = 0
        async with self._turn:
            for attempt in range(_MOST_ATTEMPTS):
                if not left:
                    return Appended(first, appended, len(entries) - appended)
                if attempt:
                    await asyncio.sleep(random.uniform(0, _PAUSE_S * attempt))  # noqa: S311
                inserted = await self._insert(left)
                if inserted and first is None:
                    first = self._last - inserted + 1
                appended += inserted
                left = left[inserted:]
                if left:
                    left = await self._without_known(left)
                    self._last = await self.last_position()
        raise StillContended(
            f"{len(left)} entries for {self._name!r} lost {_MOST_ATTEMPTS} races; try again."
        )

    async def _insert(self, entries: Sequence[Mapping[str, Any]]) -> int:
        """Inserts in order behind the last known position; how many went in before a collision.

        What is not known to be held by a majority never counts: its position could be given back.
        """
        documents = [
            {**entry, _POSITION: position}
            for position, entry in enumerate(entries, start=self._last + 1)
        ]
        try:
            await self._collection.insert_many(documents, ordered=True)
            inserted = len(documents)
        except BulkWriteError as error:
            if error.details["writeConcernErrors"]:
                raise WTimeoutError(
                    f"A majority does not hold the entries of {self._name!r} yet; append them again."
                ) from None
            if any(fault["code"] != _DUPLICATE_KEY for fault in error.details["writeErrors"]):
                raise
            inserted = error.details["nInserted"]
        self._last += inserted
        return inserted

    async def _without_known(self, entries: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        ids = [entry[_ID] for entry in entries]
        cursor = self._collection.find({_ID: {"$in": ids}}, {_ID: 1})
        known = {document[_ID] for document in await cursor.to_list(None)}
        return [entry for entry in entries if entry[_ID] not in known]

    # Reading ------------------------------------------------------------------------------------

    async def last_position(self) -> int:
        """The highest position; 0 while it is empty."""
        last = await self._collection.find_one({}, {_POSITION: 1}, sort=[(_POSITION, DESCENDING)])
        return last[_POSITION] if last else 0

    async def first_position(self) -> int:
        """The lowest position that is kept; 1 while it is empty."""
        first = await self._collection.find_one({}, {_POSITION: 1}, sort=[(_POSITION, ASCENDING)])
        return first[_POSITION] if first else 1

    async def read(
        self,
        query: Mapping[str, Any],
        *,
        after: int = 0,
        until: int | None = None,
        limit: int,
        within: timedelta = timedelta(seconds=10),
    ) -> list[Document]:
        """Entries that fit a MongoDB query, by rising position, from behind `after` to `until`.

        Raises `ExecutionTimeout` if it takes longer than `within`.
        """
        bounds = {"$gt": after} if until is None else {"$gt": after, "$lte": until}
        cursor = self._collection.find({**query, _POSITION: bounds})
        ordered = cursor.sort(_POSITION, ASCENDING).limit(limit)
        bounded = ordered.max_time_ms(int(within.total_seconds() * 1000))
        return await bounded.to_list(None)

    async def read_back(
        self,
        query: Mapping[str, Any],
        *,
        before: int | None = None,
        limit: int,
        within: timedelta = timedelta(seconds=10),
    ) -> list[Document]:
        """Entries that fit a MongoDB query, by falling position: the newest first.

        Raises `ExecutionTimeout` if it takes longer than `within`.
        """
        bounds = {} if before is None else {_POSITION: {"$lt": before}}
        cursor = self._collection.find({**query, **bounds}).sort(_POSITION, DESCENDING).limit(limit)
        return await cursor.max_time_ms(int(within.total_seconds() * 1000)).to_list(None)

    async def count(self, query: Mapping[str, Any], *, after: int = 0, until: int) -> int:
        """How many entries fit a MongoDB query, from behind `after` to `until`."""
        bounds = {_POSITION: {"$gt": after, "$lte": until}}
        return await self._collection.count_documents({**query, **bounds})

    async def get(self, entry_id: str) -> Document | None:
        """One entry."""
        return await self._collection.find_one({_ID: entry_id})

    async def values(self, field: str, query: Mapping[str, Any]) -> list[Any]:
        """The different values of a field among the entries that fit a query."""
        return await self._collection.distinct(field, dict(query))

    async def counts(self, field: str) -> dict[str, int]:
        """How many entries there are for each value of a field. Reads an index that begins with it."""
        stages: list[Mapping[str, Any]] = [
            {"$sort": {field: 1}},
            {"$group": {_ID: f"${field}", "count": {"$sum": 1}}},
        ]
        rows = await self._collection.aggregate(stages).to_list(None)
        return {row[_ID]: row["count"] for row in rows}

    # The one change that is allowed ---------------------------------------------------------------

    async def redact(self, query: Mapping[str, Any], replacement: Mapping[str, Any]) -> int:
        """Overwrites fields of all entries that fit a query, for erasure; how many were changed."""
        done = await self._collection.update_many(dict(query), {"$set": dict(replacement)})
        return done.modified_count
