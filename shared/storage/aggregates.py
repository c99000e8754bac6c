"""Aggregates in MongoDB: load many with one query, decide purely, write all with one bulk write.

What must stay true:
- a document is written only if it still has the version that was loaded;
- its events are in the same write, and go to the relay only after it;
- whoever lost a race is loaded and decided again, from the newest state.
"""

import asyncio
import random
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Protocol, TypeAlias, TypeVar

from pymongo import ASCENDING, IndexModel, InsertOne, UpdateOne
from pymongo.errors import BulkWriteError, DuplicateKeyError, OperationFailure, WTimeoutError

from shared.decisions import Decision, Refusal
from shared.errors import StillContended, StreamUndeclared
from shared.events.payload import Stream
from shared.events.streams import DEAD_LETTERS
from shared.events.wire import Event
from shared.ids import Ids, first_id_at
from shared.storage.changes import Cause, Change, Outcome, Status
from shared.storage.database import Database, Document
from shared.storage.documents import WorkingDocument
from shared.storage.leases import Lease
from shared.storage.reading import PARKED, Reading, due_at

State = TypeVar("State")

_MOST_RACES: Final = 20
_PAUSE_S: Final = 0.005
_DUPLICATE_KEY: Final = 11000
_WRITE_CONFLICT: Final = 112
LONG_AGO: Final = datetime(1970, 1, 1, tzinfo=UTC)

Stored: TypeAlias = Mapping[str, Document]
"""Documents as they were read, by the ids of their aggregates."""

UNSENT: Final[Document] = {"outbox.at": {"$gt": LONG_AGO}}
"""Documents with a non-empty outbox; answered by a partial index of just those."""


@dataclass(frozen=True, slots=True)
class Unsent:
    """The whole outbox of one document, lowest sequence of each stream first."""

    collection: str
    document_id: str
    entries: list[Document]


class Publisher(Protocol):
    """Takes outboxes that were just written and sends them: the process's one relay."""

    def hand_over(self, outboxes: Iterable[Unsent]) -> None:
        """Queues them; returns at once."""

    def send_again(self, outboxes: Iterable[Unsent]) -> None:
        """The same for what may have been sent before."""

    async def flush(self) -> None:
        """Waits until what was queued has been sent, or an attempt has failed."""

    def doubt(self) -> None:
        """A write went wrong: it may have filled outboxes that nobody handed over."""


class Aggregates(Reading[State]):
    """One kind of aggregate, in one collection, below ids that start with `prefix`.

    `state_type` is a frozen dataclass; its fields are found below `state.` in queries. If it has a
    property `wake_at`, that instant is indexed and time calls then. `refusals` says for each unique
    index by name how a violation is refused. `tells` names the streams of its events: after a restore
    that is where a subject's counter is kept.
    """

    def __init__(
        self,
        database: Database,
        publisher: Publisher,
        name: str,
        state_type: type[State],
        *,
        prefix: str = "",
        tells: Sequence[Stream] = (),
        indexes: Sequence[IndexModel] = (),
        refusals: Mapping[str, Refusal] | None = None,
    ) -> None:
        super().__init__(database, name, state_type, prefix)
        # Any kind may have to say that it parked a record.
        self.tells = frozenset(stream.name for stream in (*tells, DEAD_LETTERS))
        self._publisher = publisher
        self._wakes = hasattr(state_type, "wake_at")
        self._indexes = [
            *indexes,
            IndexModel([("outbox.at", ASCENDING)], name="unsent", partialFilterExpression=UNSENT),
            IndexModel([("wake_at", ASCENDING)], name="wake_at", sparse=True),
            # Of the few that ever had to wait, so that counting them is cheap; the key is of no use.
            IndexModel([("version", ASCENDING)], name="parked", partialFilterExpression=PARKED),
        ]
        self._refusals = dict(refusals or {})
        self.writes = 0
        """Goes up before and after each write: what was read of the collection is as old as this."""

    async def prepare(self) -> None:
        """Makes the indexes. Safe to repeat, and from several instances at once."""
        await self._collection.create_indexes(self._indexes)

    # Changing -----------------------------------------------------------------------------------

    async def change(
        self,
        changes: Sequence[Change[State]],
        *,
        fence: Lease | None = None,
        known: Stored | None = None,
    ) -> list[Outcome[State]]:
        """Does all changes; returns their outcomes in the same order.

        Changes of one aggregate are folded into one write, in their order. With a `fence` all is
        written in one transaction that also touches the lease; then `LeaseLost` means that nothing
        was written. Raises `StillContended` if others keep winning, and `STORAGE_AWAY` errors.

        known: what `stored` has read of all these aggregates. It may be old by now: a document that
        was written since loses its race here and is read again.
        """
        if not changes:
            return []
        outcomes: dict[int, Outcome[State]] = {}
        pending = list(range(len(changes)))
        refused: dict[str, Refusal] = {}
        races = 0
        while races < _MOST_RACES:
            if races:
                await asyncio.sleep(random.uniform(0, _PAUSE_S * races))  # noqa: S311
            wanted = {changes[index].id for index in pending}
            if known is None:
                known = await self.stored(wanted)
            documents = self._working(wanted, known)
            for index in pending:
                change = changes[index]
                outcomes[index] = (
                    Outcome(Status.REFUSED, refusal=refused[change.id])
                    if change.id in refused
                    else documents[change.id].apply(change)
                )
            to_write = [
                document
                for document in documents.values()
                if document.is_changed and document.id not in refused
            ]
            before = len(refused)
            self.writes += 1
            try:
                lost = await self._write(to_write, fence, refused)
            except BaseException:
                self._publisher.doubt()
                raise
            finally:
                self.writes += 1
            self._publisher.hand_over(
                Unsent(self.name, self.prefix + document.id, document.unsent)
                for document in to_write
                if document.id not in lost and document.unsent
            )
            pending = [index for index in pending if changes[index].id in lost]
            if not pending:
                return [outcomes[index] for index in range(len(changes))]
            known = None
            if len(refused) == before:
                # A transaction ends at the first refusal: as many may follow as there are changes.
                races += 1
        raise StillContended(
            f"{len(pending)} changes in {self.name!r} lost {_MOST_RACES} races; try again."
        )

    async def change_one(self, change: Change[State]) -> Outcome[State]:
        """The outcome of a single change; raises what the decision raised."""
        (outcome,) = await self.change([change])
        if outcome.error is not None:
            raise outcome.error
        return outcome

    def admitted(self, events: Sequence[Event[Any]], known: Stored) -> list[Event[Any]]:
        """Those of the events that their homes here would apply now: not duplicates, not waiting.

        Only a preview, so that effects are planned for nothing else; `change` decides again.
        known: what `stored` has read of their homes.
        """
        documents = self._working({event.subject for event in events}, known)
        return [event for event in events if documents[event.subject].would_admit(event)]

    async def stored(self, ids: Iterable[str]) -> Stored:
        """The documents of those that exist, by id, for `admitted` and `change`."""
        return await self.stored_that({"_id": {"$in": [self.prefix + one for one in ids]}})

    async def stored_that(
        self, query: Mapping[str, Any], *, sort: Sequence[tuple[str, int]] = (), limit: int = 0
    ) -> Stored:
        """The same for those that fit a MongoDB query (fields below `state.`)."""
        cursor = self._collection.find(self._mine(query), {"last": 0}).limit(limit)
        if sort:
            cursor = cursor.sort(list(sort))
        cut = len(self.prefix)
        return {document["_id"][cut:]: document for document in await cursor.to_list(None)}

    def states_of(self, stored: Stored) -> dict[str, State]:
        """The states of documents that were read, by id."""
        return {one: self._read(each["state"]) for one, each in stored.items() if "state" in each}

    def _working(self, ids: Iterable[str], known: Stored) -> dict[str, WorkingDocument[State]]:
        return {
            document_id: WorkingDocument(
                document_id, known.get(document_id), self._read, self._database.name
            )
            for document_id in ids
        }

    async def _write(
        self,
        documents: list[WorkingDocument[State]],
        fence: Lease | None,
        refused: dict[str, Refusal],
    ) -> set[str]:
        """Writes them; returns the ids that lost a race or must be decided again."""
        if not documents:
            return set()
        write_id = Ids().new()
        operations = [self._operation(document, write_id) for document in documents]
        if fence is not None:
            return await self._write_fenced(documents, operations, fence, refused)
        lost: set[str] = set()
        try:
            result = await self._collection.bulk_write(operations, ordered=False)
            written = result.inserted_count + result.matched_count
        except BulkWriteError as error:
            lost = self._sort_out(documents, error, refused)
            written = error.details["nInserted"] + error.details["nMatched"]
        if written + len(lost) < len(documents):
            lost |= await self._without_our_write(documents, write_id)
        return lost

    async def _write_fenced(
        self,
        documents: list[WorkingDocument[State]],
        operations: list[InsertOne[Document] | UpdateOne],
        fence: Lease,
        refused: dict[str, Refusal],
    ) -> set[str]:
        """All or nothing. A race or refusal aborts, and all are decided again without the refused."""
        everything = {document.id for document in documents}
        async with await self._database.session() as session:
            try:
                async with session.start_transaction():
                    await fence.fence(session)
                    result = await self._collection.bulk_write(
                        operations, ordered=True, session=session
                    )
                    if result.inserted_count + result.matched_count < len(documents):
                        await session.abort_transaction()
                        return everything
            except BulkWriteError as error:
                self._sort_out(documents, error, refused)
                return everything
            except OperationFailure as error:
                if error.has_error_label("TransientTransactionError"):
                    return everything
                raise
        return set()

    def _sort_out(
        self,
        documents: list[WorkingDocument[State]],
        error: BulkWriteError,
        refused: dict[str, Refusal],
    ) -> set[str]:
        """Notes refusals by unique indexes; returns the ids that must be decided again."""
        if error.details.get("writeConcernErrors"):
            # What no majority holds may be given back: nothing of it counts, and it comes again.
            raise WTimeoutError(f"A majority does not hold the writes to {self.name!r} yet.")
        again: set[str] = set()
        for fault in error.details["writeErrors"]:
            document_id = documents[fault["index"]].id
            again.add(document_id)
            if fault["code"] == _WRITE_CONFLICT:
                continue
            if fault["code"] != _DUPLICATE_KEY:
                raise error
            index_name = _index_name(fault["errmsg"])
            if index_name != "_id_":
                refusal = self._refusals.get(index_name)
                if refusal is None:
                    raise DuplicateKeyError(
                        f"{self.name}: the unique index {index_name!r} has no refusal."
                    )
                refused[document_id] = refusal
        return again

    async def _without_our_write(
        self, documents: list[WorkingDocument[State]], write_id: str
    ) -> set[str]:
        ids = [self.prefix + document.id for document in documents]
        cursor = self._collection.find({"_id": {"$in": ids}, "write_id": write_id}, {"_id": 1})
        ours = {document["_id"] for document in await cursor.to_list(None)}
        return {document.id for document in documents if self.prefix + document.id not in ours}

    def _operation(
        self, document: WorkingDocument[State], write_id: str
    ) -> InsertOne[Document] | UpdateOne:
        fields: Document = {"version": document.version + 1, "write_id": write_id}
        gone: Document = {}
        touched = document.touched
        if "state" in touched and document.state is not None:
            fields["state"] = self._adapter.dump_python(document.state)
            if self._wakes:
                wake_at = document.state.wake_at  # type: ignore[attr-defined]
                if wake_at is not None:
                    fields["wake_at"] = wake_at
                elif not document.is_new:
                    gone["wake_at"] = ""
        for kept in ("seen", "parked", "discarded", "answers"):
            if kept in touched:
                fields[kept] = getattr(document, kept)
        if document.new_entries:
            if untold := {entry["stream"] for entry in document.new_entries} - self.tells:
                raise StreamUndeclared(
                    f"{self.name}/{self.prefix} sent an event of {', '.join(sorted(untold))}; "
                    "name the stream in `tells` where this kind of aggregate is made."
                )
            fields["sequences"] = document.sequences
        if document.is_new:
            if document.last_states:
                fields["last"] = document.last_states
            fields["outbox"] = document.new_entries
            return InsertOne({"_id": self.prefix + document.id, **fields})
        for stream, entry in document.last_states.items():
            fields[f"last.{stream}"] = entry
        update: Document = {"$set": fields}
        if document.new_entries:
            update["$push"] = {"outbox": {"$each": document.new_entries}}
        if gone:
            update["$unset"] = gone
        return UpdateOne({"_id": self.prefix + document.id, "version": document.version}, update)

    async def resend(self, ids: Collection[str] | None = None) -> int:
        """Puts the last event of each compacted stream into the outboxes again, ids unchanged.

        For a broker that has lost its data: whoever has seen them drops them, others catch up.
        Returns how many documents sent something. `ids`: of these only, not of all.
        """
        count = 0
        query: Document = {"last": {"$exists": True}}
        if ids is not None:
            query["_id"] = {"$in": [self.prefix + one for one in ids]}
        async for document in self._collection.find(self._mine(query), {"last": 1}):
            self._publisher.send_again(
                [Unsent(self.name, document["_id"], list(document["last"].values()))]
            )
            count += 1
        return count

    # Forgetting ---------------------------------------------------------------------------------

    async def drop_traces(self, ids: Iterable[str]) -> int:
        """Of these drops what is kept beside the state: parked events, answers. How many had any.

        For erasure: what waits there may hold what is to be forgotten.
        """
        beside = ("parked", "answers")
        done = await self._collection.update_many(
            {
                "_id": {"$in": [self.prefix + one for one in ids]},
                "$or": [{field: {"$exists": True}} for field in beside],
            },
            {"$unset": dict.fromkeys(beside, ""), "$inc": {"version": 1}},
        )
        return done.modified_count

    async def delete(self, query: Mapping[str, Any]) -> int:
        """Deletes those that fit a MongoDB query and have nothing to send. How many there were."""
        self.writes += 1
        nothing_to_send = {"outbox.0": {"$exists": False}}
        done = await self._collection.delete_many({**self._mine(query), **nothing_to_send})
        self.writes += 1
        return done.deleted_count

    async def drop_marks(self, written_before: datetime) -> int:
        """Deletes documents that are nothing but marks, last written before an instant (machine time).

        Once a stream's retention is over none of its events can come again. How many there were.
        """
        return await self.delete(
            {
                "write_id": {"$lt": first_id_at(written_before)},
                "state": {"$exists": False},
                "sequences": {"$exists": False},
                "parked": {"$in": [None, {}]},
            }
        )

    async def drop_answers(self, written_before: datetime) -> int:
        """Drops the answers to Idempotency-Keys of documents last written before an instant."""
        done = await self._collection.update_many(
            self._mine(
                {
                    "write_id": {"$lt": first_id_at(written_before)},
                    "answers": {"$exists": True},
                }
            ),
            {"$unset": {"answers": ""}, "$inc": {"version": 1}},
        )
        return done.modified_count

    # Time ---------------------------------------------------------------------------------------

    async def wake(
        self,
        decide: Callable[[State, datetime], Decision[State] | Refusal | None],
        now: datetime,
        at_once: int,
    ) -> datetime | None:
        """Lets time do its work on all whose `wake_at` has come, `at_once` of them in a batch.

        Returns when the next is due, if any. One on which `decide` raises does not stop the others;
        its error is raised at the end.
        """
        earliest = await self.earliest_wake()
        if earliest is None or earliest > now:
            return earliest

        def if_still_due(state: State | None) -> Decision[State] | Refusal | None:
            """Another instance may have been first; then it is not due any more."""
            wake_at: datetime | None = getattr(state, "wake_at", None)
            if state is None or wake_at is None or wake_at > now:
                return None
            return decide(state, now)

        failed: dict[str, Exception] = {}
        cause = Cause.due(now)
        while known := await self._stored_due(now, at_once, failed):
            outcomes = await self.change(
                [Change(name, if_still_due, cause) for name in known], known=known
            )
            for name, outcome in zip(known, outcomes, strict=True):
                if outcome.error is not None:
                    failed[name] = outcome.error
            await self._publisher.flush()
        for error in failed.values():
            raise error
        return await self.next_due(now)

    async def _stored_due(self, now: datetime, limit: int, without: Collection[str]) -> Stored:
        """The documents of those whose `wake_at` has come, the earliest first."""
        query = due_at(now)
        if without:
            query["$nor"] = [{"_id": {"$in": [self.prefix + one for one in without]}}]
        return await self.stored_that(query, sort=[("wake_at", ASCENDING)], limit=limit)


def _index_name(message: str) -> str:
    """The index that a duplicate-key message names: `… index: one_open_match dup key: …`."""
    return message.partition("index: ")[2].partition(" ")[0]
