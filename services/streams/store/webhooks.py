"""The only module that knows the documents of webhooks: endpoints, their leases, the log of deliveries."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from pymongo import ASCENDING, DESCENDING, IndexModel, ReplaceOne

from services.streams.domain.deliveries import Attempt, Run
from services.streams.domain.subscriptions import Endpoint, EndpointState, PlaceTaken
from shared.decisions import Decision
from shared.runtime import Runtime
from shared.storage.changes import Cause, Change, Outcome
from shared.storage.database import Document
from shared.storage.kept import Kept
from shared.storage.leases import Lease

_ENDPOINTS: Final = "webhooks"
_PREFIX: Final = "endpoints/"
KEPT_DELIVERIES: Final = 500
"""Attempts that the log remembers of each endpoint; the next one takes the place of the oldest."""


@dataclass(frozen=True, slots=True)
class Logged:
    """One attempt, as the log has it. `number` rises by one with each attempt of the endpoint."""

    number: int
    at: datetime
    event_id: str
    type: str
    position: int
    attempt: int
    verdict: str
    status: int | None
    error: str | None
    seconds: float


class Webhooks:
    """The collections `webhooks` (endpoints, and the leases of those who serve them) and `deliveries`."""

    def __init__(self, runtime: Runtime) -> None:
        self._endpoints = runtime.aggregates(
            _ENDPOINTS,
            Endpoint,
            prefix=_PREFIX,
            indexes=(
                IndexModel([("state.grant_id", ASCENDING)], name="grant", sparse=True),
                IndexModel([("state.state", ASCENDING)], name="state", sparse=True),
                IndexModel(
                    [("state.grant_id", ASCENDING), ("state.place", ASCENDING)],
                    name="place",
                    unique=True,
                    partialFilterExpression={"state.place": {"$type": "number"}},
                ),
            ),
            refusals={"place": PlaceTaken("Another request was faster; ask again.")},
        )
        self._active = Kept(self._endpoints, {"state.state": EndpointState.ACTIVE.value})
        self._leases = runtime.database.collection(_ENDPOINTS)
        self._deliveries = runtime.database.collection("deliveries")

    async def prepare(self) -> None:
        """Makes the indexes of the log."""
        by_endpoint = [("endpoint_id", ASCENDING), ("number", DESCENDING)]
        await self._deliveries.create_indexes([IndexModel(by_endpoint, name="endpoint")])

    # Endpoints ----------------------------------------------------------------------------------

    async def get(self, endpoint_id: str) -> Endpoint | None:
        """One endpoint, removed ones too."""
        return await self._endpoints.get(endpoint_id)

    async def of_grant(self, grant_id: str) -> list[Endpoint]:
        """A grant's endpoints, the oldest first, without those that were removed."""
        query = {"state.grant_id": grant_id, "state.state": {"$ne": EndpointState.REMOVED.value}}
        found = self._endpoints.find(query, sort=[("_id", ASCENDING)])
        return [endpoint async for _, endpoint in found]

    async def page(self, after: str, limit: int) -> list[Endpoint]:
        """All grants' endpoints in the order of their ids, which is that of their making."""
        query = {
            "_id": {"$gt": _PREFIX + after, "$lt": _PREFIX + "\uffff"},
            "state.state": {"$ne": EndpointState.REMOVED.value},
        }
        found = self._endpoints.find(query, sort=[("_id", ASCENDING)], limit=limit)
        return [endpoint async for _, endpoint in found]

    async def active(self) -> dict[str, Endpoint]:
        """Every endpoint to which something may be sent, by id; one caller at a time."""
        return await self._active.find()

    async def by_state(self) -> dict[str, int]:
        """How many endpoints there are in each state that is not removed."""
        states = (state.value for state in EndpointState if state is not EndpointState.REMOVED)
        return {state: await self._endpoints.count({"state.state": state}) for state in states}

    async def change(self, changes: Sequence[Change[Endpoint]]) -> list[Outcome[Endpoint]]:
        """Changes several in one write."""
        return await self._endpoints.change(changes)

    async def change_one(self, change: Change[Endpoint]) -> Outcome[Endpoint]:
        """Changes one."""
        return await self._endpoints.change_one(change)

    async def add(self, endpoint: Endpoint, now: datetime) -> bool:
        """Puts down a new endpoint. False if its place was taken meanwhile."""
        change = Change(endpoint.endpoint_id, lambda _: Decision(endpoint), Cause.http(now))
        return (await self.change_one(change)).refusal is None

    async def lease(self, endpoint_id: str, holder: str, ttl: timedelta) -> Lease | None:
        """Takes or renews the lease on serving an endpoint; None while another instance has it."""
        return await Lease.acquire(self._leases, f"leases/{endpoint_id}", holder, ttl)

    # The log ------------------------------------------------------------------------------------

    async def log(self, turns: Sequence[tuple[Endpoint, Sequence[Run]]]) -> None:
        """Notes the attempts of turns, of each endpoint as it is after its turn."""
        operations = [
            ReplaceOne({"_id": document["_id"]}, document, upsert=True)
            for endpoint, runs in turns
            for document in _documents(endpoint, runs)
        ]
        if operations:
            await self._deliveries.bulk_write(operations, ordered=False)

    async def deliveries(self, endpoint_id: str, before: int | None, limit: int) -> list[Logged]:
        """The newest attempts of an endpoint, from before this number on."""
        query: dict[str, Any] = {"endpoint_id": endpoint_id}
        if before is not None:
            query["number"] = {"$lt": before}
        cursor = self._deliveries.find(query).sort("number", DESCENDING).limit(limit)
        return [_logged(document) for document in await cursor.to_list(None)]

    async def forget_deliveries(self, endpoint_id: str) -> None:
        """Empties the log of an endpoint."""
        await self._deliveries.delete_many({"endpoint_id": endpoint_id})


def _documents(endpoint: Endpoint, runs: Sequence[Run]) -> list[Document]:
    attempts = sorted((one for run in runs for one in run.attempts), key=lambda one: one.at)
    first = endpoint.progress.attempted - len(attempts)
    return [
        _document(endpoint.endpoint_id, number, attempt)
        for number, attempt in enumerate(attempts, start=first)
    ]


def _document(endpoint_id: str, number: int, attempt: Attempt) -> Document:
    return {
        "_id": f"{endpoint_id}/{number % KEPT_DELIVERIES}",
        "endpoint_id": endpoint_id,
        "number": number,
        "at": attempt.at,
        "event_id": attempt.event_id,
        "type": attempt.type,
        "position": attempt.position,
        "attempt": attempt.number,
        "verdict": attempt.verdict.value,
        "status": attempt.answer.status,
        "error": attempt.answer.error,
        "seconds": attempt.seconds,
    }


def _logged(document: Document) -> Logged:
    return Logged(
        number=document["number"],
        at=document["at"],
        event_id=document["event_id"],
        type=document["type"],
        position=document["position"],
        attempt=document["attempt"],
        verdict=document["verdict"],
        status=document["status"],
        error=document["error"],
        seconds=document["seconds"],
    )
