"""The only module that knows intake's documents: collections, indexes, queries."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from pymongo import ASCENDING, IndexModel

from services.intake.domain.participant import Participant, Person, Status
from services.intake.domain.programme import Coordinator, Programme
from services.intake.domain.refusals import AlreadyRegistered
from shared.runtime import Runtime

_IDENTITY: Final = "state.person.hashes.identity"
_ADDRESS: Final = "state.person.hashes.email"
_NAMED: Final = "state.person.hashes.not_with"


@dataclass(frozen=True, slots=True)
class KnownMatch:
    """All that intake keeps of a match is how far its events have been applied."""

    match_id: str


class Store:
    """Intake's collections.

    participants: its reason to be. programmes, coordinators: who runs what, and how to reach her.
    known: how far the events of each match have been applied.
    """

    def __init__(self, runtime: Runtime) -> None:
        self.participants = runtime.aggregates(
            "participants",
            Participant,
            indexes=(
                IndexModel([(_IDENTITY, ASCENDING)], name="identity", unique=True, sparse=True),
                IndexModel([(_ADDRESS, ASCENDING)], name="address", sparse=True),
                IndexModel([(_NAMED, ASCENDING)], name="not_with", sparse=True),
                IndexModel([("state.programme", ASCENDING), ("_id", ASCENDING)], name="programme"),
            ),
            refusals={"identity": AlreadyRegistered()},
        )
        self.programmes = runtime.aggregates("programmes", Programme)
        self.coordinators = runtime.aggregates("coordinators", Coordinator)
        self.matches = runtime.aggregates("known", KnownMatch, prefix="matches/")

    async def ids_by_identity(self, identities: Iterable[str]) -> dict[str, str]:
        """Which of the identities are registered, and as whom. One query."""
        query = {_IDENTITY: {"$in": list(identities)}}
        return {
            state.person.hashes.identity: participant_id
            async for participant_id, state in self.participants.find(query)
            if state.person is not None
        }

    async def around(self, people: Iterable[Person]) -> dict[str, Person]:
        """Everybody whom one of these people named, and everybody who named one of them. One query."""
        addresses: set[str] = set()
        named: set[str] = set()
        for person in people:
            addresses.add(person.hashes.email)
            named.update(person.hashes.not_with)
        query = {
            "$or": [
                {_ADDRESS: {"$in": sorted(addresses | named)}},
                {_NAMED: {"$in": sorted(addresses)}},
            ]
        }
        return {
            participant_id: state.person
            async for participant_id, state in self.participants.find(query)
            if state.person is not None
        }

    async def page_of(
        self, programme: str, *, city: str | None, status: Status | None, after: str, limit: int
    ) -> list[Participant]:
        """Participants of a programme in the order of their ids, from behind `after` on."""
        query: dict[str, Any] = {"state.programme": programme, "_id": {"$gt": after}}
        if city is not None:
            query["state.person.profile.city"] = city
        if status is not None:
            query["state.status"] = status.value
        found = self.participants.find(query, sort=[("_id", ASCENDING)], limit=limit)
        return [state async for _, state in found]
