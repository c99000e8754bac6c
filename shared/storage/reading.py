"""Reading aggregates: by id, by a MongoDB query, by when they are due. Nothing here writes."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Generic, TypeAlias, TypeVar

from pydantic import TypeAdapter
from pymongo import ASCENDING

from shared.storage.database import Database, Document
from shared.storage.parked import Waiting, record_of

State = TypeVar("State")

_TALLIED_IN_MS: Final = 4_000

PARKED: Final[Document] = {"parked": {"$exists": True}}
"""Documents in which events ever waited; a partial index of just those answers who waits now."""

Stamp: TypeAlias = tuple[int, str]
"""A document's version and the id of its last write: another one after each write."""


@dataclass(frozen=True, slots=True)
class Tallied:
    """How many have these values, and the earliest instant among them, if one was asked for."""

    values: tuple[str, ...]
    count: int
    earliest: datetime | None


class Reading(Generic[State]):
    """One kind of aggregate, in one collection, below ids that start with `prefix`."""

    def __init__(
        self, database: Database, name: str, state_type: type[State], prefix: str = ""
    ) -> None:
        self.name = name
        self.prefix = prefix
        self._database = database
        self._collection = database.collection(name)
        self._adapter: TypeAdapter[State] = TypeAdapter(state_type)

    async def get(self, aggregate_id: str) -> State | None:
        """One aggregate's state, or None."""
        return (await self.load([aggregate_id])).get(aggregate_id)

    async def load(self, ids: Iterable[str]) -> dict[str, State]:
        """The states of those that exist, by id."""
        wanted = [self.prefix + aggregate_id for aggregate_id in ids]
        if not wanted:
            return {}
        cursor = self._collection.find({"_id": {"$in": wanted}}, {"state": 1})
        return {
            document["_id"][len(self.prefix) :]: self._read(document["state"])
            for document in await cursor.to_list(None)
            if "state" in document
        }

    async def states_in_collection(self, document_ids: Sequence[str]) -> dict[str, Any]:
        """States as they are stored, of whatever kind, by the ids of their documents."""
        cursor = self._collection.find({"_id": {"$in": document_ids}}, {"state": 1})
        return {
            document["_id"]: document["state"]
            for document in await cursor.to_list(None)
            if "state" in document
        }

    def read(self, stored: Any) -> State:
        """A state from how it is stored."""
        return self._read(stored)

    async def find(
        self,
        query: Mapping[str, Any] | None = None,
        *,
        sort: Sequence[tuple[str, int]] = (),
        limit: int = 0,
        skip: int = 0,
    ) -> AsyncIterator[tuple[str, State]]:
        """Ids and states of those that fit a MongoDB query (fields below `state.`)."""
        cursor = self._collection.find(self._mine(query), {"state": 1}).skip(skip).limit(limit)
        if sort:
            cursor = cursor.sort(list(sort))
        async for document in cursor:
            if "state" in document:
                yield document["_id"][len(self.prefix) :], self._read(document["state"])

    async def ids(self, query: Mapping[str, Any], limit: int = 0) -> list[str]:
        """Ids of those that fit a MongoDB query."""
        cursor = self._collection.find(self._mine(query), {"_id": 1}).limit(limit)
        return [document["_id"][len(self.prefix) :] for document in await cursor.to_list(None)]

    async def stamps(self, query: Mapping[str, Any]) -> dict[str, Stamp]:
        """By id the stamps of those that fit a MongoDB query and have a state."""
        fits = self._mine(query) | {"state": {"$exists": True}}
        cursor = self._collection.find(fits, {"version": 1, "write_id": 1})
        cut = len(self.prefix)
        return {
            document["_id"][cut:]: _stamp_of(document) for document in await cursor.to_list(None)
        }

    async def load_stamped(self, ids: Iterable[str]) -> dict[str, tuple[Stamp, State]]:
        """The states of those that exist, by id, each with its stamp."""
        query = {"_id": {"$in": [self.prefix + aggregate_id for aggregate_id in ids]}}
        cursor = self._collection.find(query, {"state": 1, "version": 1, "write_id": 1})
        cut = len(self.prefix)
        return {
            document["_id"][cut:]: (_stamp_of(document), self._read(document["state"]))
            for document in await cursor.to_list(None)
            if "state" in document
        }

    async def count(self, query: Mapping[str, Any] | None = None) -> int:
        """How many fit a MongoDB query."""
        return await self._collection.count_documents(self._mine(query))

    async def tally(
        self,
        query: Mapping[str, Any],
        by: Sequence[str],
        *,
        earliest: str | None = None,
        each: str | None = None,
        of_these: Mapping[str, Any] | None = None,
    ) -> list[Tallied]:
        """How many fit a query, by the values of some fields, and the earliest instant of another.

        each: a list; then its elements are counted, and `of_these` says which. Every `by` that is
        absent or null counts as "". Reads all that fit: for figures that are kept for a while.
        """
        stages: list[Document] = [{"$match": self._mine(query)}]
        if each is not None:
            stages += [{"$unwind": f"${each}"}, {"$match": dict(of_these or {})}]
        keys = {str(n): {"$ifNull": [f"${field}", ""]} for n, field in enumerate(by)}
        group: Document = {"_id": keys, "count": {"$sum": 1}}
        if earliest is not None:
            group["earliest"] = {"$min": f"${earliest}"}
        cursor = self._collection.aggregate([*stages, {"$group": group}], maxTimeMS=_TALLIED_IN_MS)
        return [
            Tallied(tuple(found["_id"].values()), found["count"], found.get("earliest"))
            for found in await cursor.to_list(None)
        ]

    async def due(self, now: datetime, limit: int) -> list[str]:
        """Ids of those whose `wake_at` has come, the earliest first."""
        cursor = self._collection.find(self._mine(due_at(now)), {"_id": 1})
        cursor = cursor.sort("wake_at", ASCENDING).limit(limit)
        return [document["_id"][len(self.prefix) :] for document in await cursor.to_list(None)]

    async def next_due(self, now: datetime) -> datetime | None:
        """The earliest `wake_at` after `now`."""
        query = self._mine({"wake_at": {"$gt": now}})
        document = await self._collection.find_one(
            query, {"wake_at": 1}, sort=[("wake_at", ASCENDING)]
        )
        return document["wake_at"] if document else None

    async def earliest_wake(self) -> datetime | None:
        """The earliest `wake_at` of all, past or future."""
        query = self._mine({"wake_at": {"$exists": True}})
        document = await self._collection.find_one(
            query, {"wake_at": 1}, sort=[("wake_at", ASCENDING)]
        )
        return document["wake_at"] if document else None

    async def mark_of(self, aggregate_id: str, stream: str) -> tuple[int, int]:
        """Last sequence applied of this stream here, and how many were; (0, 0) if none."""
        document = await self._collection.find_one(
            {"_id": self.prefix + aggregate_id}, {f"seen.{stream}": 1}
        )
        last, count = (document or {}).get("seen", {}).get(stream, (0, 0))
        return last, count

    async def waiting(self) -> list[Waiting]:
        """Of each document and stream the first event that is parked here."""
        fields = {"parked": 1, "seen": 1}
        query = self._mine({**PARKED, "version": {"$gt": 0}})
        cursor = self._collection.find(query, fields, hint="parked")
        return [
            Waiting(
                document["_id"][len(self.prefix) :],
                stream,
                waiting[0]["sequence"],
                record_of(stream, waiting[0]),
                len(waiting) - 1,
                document.get("seen", {}).get(stream, (0, 0))[0],
            )
            async for document in cursor
            for stream, waiting in document["parked"].items()
            if waiting
        ]

    def _read(self, stored: Any) -> State:
        # Not strict, also where a part of the contract is: MongoDB gives back lists for tuples.
        return self._adapter.validate_python(stored, strict=False)

    def _mine(self, query: Mapping[str, Any] | None) -> Document:
        mine = dict(query or {})
        if self.prefix and "_id" not in mine:
            mine["_id"] = {"$gte": self.prefix, "$lt": self.prefix + "\uffff"}
        return mine


async def load_together(*wanted: tuple[Reading[Any], Iterable[str]]) -> list[dict[str, Any]]:
    """As `load` of each, for kinds that are kept in one collection: with one query for all of them."""
    kinds = [(reading, [reading.prefix + one for one in ids]) for reading, ids in wanted]
    everything = [document_id for _, ids in kinds for document_id in ids]
    if not everything:
        return [{} for _ in kinds]
    states = await kinds[0][0].states_in_collection(everything)
    return [
        {
            document_id[len(reading.prefix) :]: reading.read(states[document_id])
            for document_id in ids
            if document_id in states
        }
        for reading, ids in kinds
    ]


def due_at(now: datetime) -> Document:
    """What those fit whose `wake_at` has come."""
    return {"wake_at": {"$lte": now}}


def _stamp_of(document: Mapping[str, Any]) -> Stamp:
    return document["version"], document["write_id"]
