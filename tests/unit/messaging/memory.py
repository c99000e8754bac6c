"""A MongoDB and a Kafka in memory, just as much as the pipeline uses, that can crash at any step.

Every call is a step. A `Schedule` says at which steps the process dies, before or after the step took
effect, and at which another process gets in between.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from pymongo import InsertOne, UpdateOne
from pymongo.errors import BulkWriteError

Document = dict[str, Any]


class Crash(BaseException):
    """The process dies here."""


@dataclass
class Schedule:
    """Which steps go wrong. Keys are step numbers, counted over the whole life of the system."""

    crash_before: frozenset[int] = frozenset()
    crash_after: frozenset[int] = frozenset()
    interrupt: Mapping[int, Callable[[], Awaitable[None]]] = field(default_factory=dict)
    step: int = 0
    is_quiet: bool = False

    async def around(self, act: Callable[[], Any]) -> Any:
        """Does one step, or dies before or after it."""
        if self.is_quiet:
            return act()
        self.step += 1
        step = self.step
        if step in self.crash_before:
            raise Crash
        if step in self.interrupt:
            self.is_quiet = True
            try:
                await self.interrupt[step]()
            finally:
                self.is_quiet = False
        result = act()
        if step in self.crash_after:
            raise Crash
        return result


class MemoryCursor:
    """What `find` gives: the documents that fit, copied when they are read."""

    def __init__(self, collection: "MemoryCollection", query: Mapping[str, Any]) -> None:
        self._collection = collection
        self._query = query

    def sort(self, *_: Any) -> "MemoryCursor":
        """Order makes no difference to what is tested here."""
        return self

    def limit(self, _: int) -> "MemoryCursor":
        """There are never many."""
        return self

    async def to_list(self, length: int | None) -> list[Document]:
        """All, or the first `length`."""
        found = await self._collection.schedule.around(
            lambda: [deepcopy(kept) for kept in self._collection.fitting(self._query)]
        )
        return list(found[:length])


@dataclass
class Result:
    """What a bulk write says."""

    inserted_count: int = 0
    matched_count: int = 0


class MemoryCollection:
    """One collection."""

    def __init__(self, schedule: Schedule) -> None:
        self.schedule = schedule
        self.documents: dict[str, Document] = {}

    def fitting(self, query: Mapping[str, Any]) -> list[Document]:
        """Documents that fit the few kinds of query that the pipeline asks."""
        return [kept for kept in self.documents.values() if self._fits(kept, query)]

    def find(self, query: Mapping[str, Any], _: Any = None) -> MemoryCursor:
        """As Motor's."""
        return MemoryCursor(self, query)

    async def count_documents(self, query: Mapping[str, Any]) -> int:
        """As Motor's."""
        return int(await self.schedule.around(lambda: len(self.fitting(query))))

    async def bulk_write(
        self, operations: Sequence[InsertOne[Document] | UpdateOne], *, ordered: bool
    ) -> Result:
        """As Motor's: unordered, each operation by itself."""
        assert not ordered
        result, faults = await self.schedule.around(lambda: self._write(operations))
        if faults:
            raise BulkWriteError(
                {
                    "writeErrors": faults,
                    "nInserted": result.inserted_count,
                    "nMatched": result.matched_count,
                }
            )
        return result  # type: ignore[no-any-return]

    async def update_many(self, query: Mapping[str, Any], update: Mapping[str, Any]) -> None:
        """As Motor's, for `$pull` of outbox entries by their ids."""
        gone = set(update["$pull"]["outbox"]["id"]["$in"])

        def pull() -> None:
            for kept in self.fitting(query):
                kept["outbox"] = [entry for entry in kept["outbox"] if entry["id"] not in gone]

        await self.schedule.around(pull)

    def _write(
        self, operations: Sequence[InsertOne[Document] | UpdateOne]
    ) -> tuple[Result, list[Document]]:
        result, faults = Result(), []
        for index, operation in enumerate(operations):
            if isinstance(operation, InsertOne):
                document = deepcopy(operation._doc)
                if document["_id"] in self.documents:
                    message = "E11000 duplicate key error index: _id_ dup key"
                    faults.append({"index": index, "code": 11000, "errmsg": message})
                    continue
                self.documents[document["_id"]] = document
                result.inserted_count += 1
            else:
                result.matched_count += self._update(operation._filter, operation._doc)
        return result, faults

    def _update(self, query: Mapping[str, Any], update: Any) -> int:
        kept = self.documents.get(query["_id"])
        if kept is None or kept["version"] != query["version"]:
            return 0
        for name, value in deepcopy(update.get("$set", {})).items():
            place, _, last = name.rpartition(".")
            (kept.setdefault(place, {}) if place else kept)[last] = value
        for name in update.get("$unset", {}):
            kept.pop(name, None)
        for name, entries in deepcopy(update.get("$push", {})).items():
            kept.setdefault(name, []).extend(entries["$each"])
        return 1

    def _fits(self, kept: Document, query: Mapping[str, Any]) -> bool:
        if "outbox.at" in query and not kept.get("outbox"):
            return False
        wanted = query.get("_id")
        if isinstance(wanted, Mapping) and "$in" in wanted and kept["_id"] not in wanted["$in"]:
            return False
        return "write_id" not in query or kept.get("write_id") == query["write_id"]


class MemoryDatabase:
    """One service's database."""

    def __init__(self, name: str, schedule: Schedule) -> None:
        self.name = name
        self._schedule = schedule
        self._collections: dict[str, MemoryCollection] = {}

    def collection(self, name: str) -> MemoryCollection:
        """A collection, made when it is first asked for."""
        return self._collections.setdefault(name, MemoryCollection(self._schedule))


@dataclass(frozen=True)
class Delivered:
    """A record of the topic."""

    key: bytes
    headers: tuple[tuple[str, bytes], ...]
    value: bytes


class MemoryTopic:
    """One partition, to which producers append."""

    def __init__(self, schedule: Schedule) -> None:
        self._schedule = schedule
        self.records: list[Delivered] = []

    async def send(
        self, _: str, *, value: bytes, key: bytes, headers: Sequence[tuple[str, bytes]]
    ) -> Awaitable[None]:
        """As aiokafka's: hands over now, acknowledges when awaited."""

        async def acknowledge() -> None:
            await self._schedule.around(
                lambda: self.records.append(Delivered(key, tuple(headers), value))
            )

        return acknowledge()
