"""The only module that knows intake's documents: collections, indexes, queries."""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any, Final

from pymongo import ASCENDING, IndexModel

from services.intake.domain.desk import Draft
from services.intake.domain.heard import Gap, Unreached, Waiting
from services.intake.domain.journeys import KnownMatch
from services.intake.domain.participant import Participant, Person, Status
from services.intake.domain.programme import Coordinator, Programme
from services.intake.domain.refusals import AlreadyRegistered
from services.intake.domain.requests import Kind, Request
from shared.events.streams import CONTACTS, PARTICIPANTS, PROGRAMMES, RIGHTS
from shared.runtime import Runtime
from shared.security.scopes import in_cities
from shared.storage.aggregates import LONG_AGO

_IDENTITY: Final = "state.person.hashes.identity"
_ADDRESS: Final = "state.person.hashes.email"
_LEFT: Final = "state.person.left_at"
_UNCONFIRMED: Final = {"state.status": Status.UNCONFIRMED.value}
_CITY: Final = "state.person.profile.city"
_DRAFT_KEPT_S: Final = 3_600
_NAMED: Final = "state.person.hashes.not_with"


class Store:
    """Intake's collections.

    participants: its reason to be. programmes, coordinators: who runs what, and how to reach her.
    known: what the pages show of the other streams, each below a prefix of its own: `matches/` (a
    match with its mentorship), `waiting/` (by participant), `cities/` (recruitment gaps, by
    `<programme>.<city>`), `messages/` (the mark of each; of those that reached nobody, what it was).
    requests: who asked for her data or to be forgotten, and what each service answered; afterwards the
    proof that she was.
    """

    def __init__(self, runtime: Runtime) -> None:
        self.participants = runtime.aggregates(
            "participants",
            Participant,
            tells=(PARTICIPANTS, CONTACTS),
            indexes=(
                IndexModel([(_IDENTITY, ASCENDING)], name="identity", unique=True, sparse=True),
                IndexModel([(_ADDRESS, ASCENDING)], name="address", sparse=True),
                IndexModel([(_NAMED, ASCENDING)], name="not_with", sparse=True),
                IndexModel([("state.programme", ASCENDING), ("_id", ASCENDING)], name="programme"),
                IndexModel(
                    [(_LEFT, ASCENDING)],
                    name="left",
                    partialFilterExpression={_LEFT: {"$gt": LONG_AGO}},
                ),
                IndexModel(
                    [("state.person.registered_at", ASCENDING)],
                    name="unconfirmed",
                    partialFilterExpression=_UNCONFIRMED,
                ),
                IndexModel([("state.programme", ASCENDING), (_CITY, ASCENDING)], name="city"),
            ),
            refusals={"identity": AlreadyRegistered()},
        )
        self.programmes = runtime.aggregates("programmes", Programme, tells=(PROGRAMMES,))
        self.coordinators = runtime.aggregates("coordinators", Coordinator, tells=(CONTACTS,))
        self.drafts = runtime.aggregates(
            "drafts",
            Draft,
            indexes=(
                IndexModel(
                    [("state.made_at", ASCENDING)], name="an_hour", expireAfterSeconds=_DRAFT_KEPT_S
                ),
            ),
        )
        self.matches = runtime.aggregates(
            "known",
            KnownMatch,
            prefix="matches/",
            indexes=(
                IndexModel([("state.mentee_id", ASCENDING)], name="mentee", sparse=True),
                IndexModel([("state.mentor_id", ASCENDING)], name="mentor", sparse=True),
                IndexModel([("state.recipient_id", ASCENDING)], name="recipient", sparse=True),
                IndexModel(
                    [("state.programme", ASCENDING), ("state.city", ASCENDING)],
                    name="city",
                    partialFilterExpression={"state.programme": {"$gt": ""}},
                ),
            ),
        )
        self.waiting = runtime.aggregates("known", Waiting, prefix="waiting/")
        self.gaps = runtime.aggregates("known", Gap, prefix="cities/")
        self.unreached = runtime.aggregates("known", Unreached, prefix="messages/")
        self.requests = runtime.aggregates(
            "requests",
            Request,
            tells=(RIGHTS,),
            indexes=(
                IndexModel([("state.participant_id", ASCENDING)], name="participant", sparse=True),
            ),
        )

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

    async def coordinators_who_are(
        self, email: str | None, subject: str
    ) -> list[tuple[Coordinator, Programme]]:
        """Coordinators with this address, or whom their programme calls by this subject."""
        query = {"$or": [{"state.email": email}, {"state.sign_in_as": subject}]}
        found = [coordinator async for _, coordinator in self.coordinators.find(query)]
        programmes = await self.programmes.load({each.programme for each in found})
        return [
            (each, programmes[each.programme]) for each in found if each.programme in programmes
        ]

    async def erased_among(self, participant_ids: Iterable[str]) -> list[str]:
        """Those of them of whom only the id is left."""
        query = {"_id": {"$in": sorted(participant_ids)}, "state.status": Status.ERASED.value}
        return await self.participants.ids(query)

    async def kept_long_enough(
        self, programme: str, *, left_before: datetime, registered_before: datetime, limit: int
    ) -> list[str]:
        """Who left before an instant, or has not confirmed her address since another."""
        of_programme = {"state.programme": programme}
        left = {_LEFT: {"$gt": LONG_AGO, "$lt": left_before}}
        registered = {"state.person.registered_at": {"$lt": registered_before}}
        found = await self.participants.ids(of_programme | left, limit)
        found += await self.participants.ids(of_programme | _UNCONFIRMED | registered, limit)
        return found

    async def requests_of(self, participant_id: str, kind: Kind | None = None) -> list[Request]:
        """What she has asked for."""
        query: dict[str, Any] = {"state.participant_id": participant_id}
        if kind is not None:
            query["state.kind"] = kind.value
        return [request async for _, request in self.requests.find(query)]

    async def requests_due(self, now: datetime, limit: int) -> list[Request]:
        """Requests to which time has something to do."""
        due = await self.requests.due(now, limit)
        return list((await self.requests.load(due)).values())

    async def page_of_requests(self, *, unfinished: bool, after: str, limit: int) -> list[Request]:
        """Requests in the order of their ids, from behind `after` on."""
        query: dict[str, Any] = {"_id": {"$gt": after}}
        if unfinished:
            query["state.finished_at"] = None
        found = self.requests.find(query, sort=[("_id", ASCENDING)], limit=limit)
        return [request async for _, request in found]

    async def page_of(
        self,
        programme: str,
        *,
        cities: frozenset[str] | None,
        status: Status | None,
        after: str,
        limit: int,
    ) -> list[Participant]:
        """Participants of a programme in these cities by their ids, from behind `after` on."""
        query: dict[str, Any] = {"state.programme": programme, "_id": {"$gt": after}}
        query |= in_cities(_CITY, cities)
        if status is not None:
            query["state.status"] = status.value
        found = self.participants.find(query, sort=[("_id", ASCENDING)], limit=limit)
        return [state async for _, state in found]

    async def matches_of(self, participant_id: str) -> list[KnownMatch]:
        """Every match that somebody was ever in, the oldest first. One query."""
        query = {"$or": [{"state.mentee_id": participant_id}, {"state.mentor_id": participant_id}]}
        found = [match async for _, match in self.matches.find(query)]
        return sorted(found, key=lambda match: (match.proposed_at or LONG_AGO, match.match_id))

    # What coordinators look at: by programme and cities (None: every one), one query each ---------

    async def people_in(
        self, programme: str, cities: frozenset[str] | None, **fields: Any
    ) -> list[Participant]:
        """Participants whose `state.<field>` has these values (`person__role` is `person.role`)."""
        query = {"state.programme": programme} | in_cities(_CITY, cities) | _states(fields)
        return [state async for _, state in self.participants.find(query)]

    async def matches_in(
        self, programme: str, cities: frozenset[str] | None, **fields: Any
    ) -> list[KnownMatch]:
        """Matches of these cities whose `state.<field>` has these values."""
        place = {"state.programme": programme} | in_cities("state.city", cities)
        return [state async for _, state in self.matches.find(place | _states(fields))]

    async def people_in_open_matches(self, people: Collection[str]) -> set[str]:
        """Those of these people who are in a match that is open."""
        either = [
            {"state.mentee_id": {"$in": list(people)}},
            {"state.mentor_id": {"$in": list(people)}},
        ]
        found = self.matches.find({"state.open": True, "$or": either})
        return {each async for _, match in found for each in (match.mentee_id, match.mentor_id)}

    async def gaps_in(self, programme: str, cities: frozenset[str] | None) -> list[Gap]:
        """What was last told of each city that lacks mentors, the largest gap first."""
        query = {"state.programme": programme, "state.waiting": {"$gt": 0}}
        found = self.gaps.find(query | in_cities("state.city", cities))
        return sorted([state async for _, state in found], key=lambda gap: -gap.waiting)

    async def unreached_among(self, people: Iterable[str]) -> list[Unreached]:
        """Messages that did not reach these people, the newest first."""
        query = {"state.recipient_id": {"$in": list(people)}}
        found = [state async for _, state in self.unreached.find(query)]
        return sorted(found, key=lambda message: message.at, reverse=True)


def _states(fields: dict[str, Any]) -> dict[str, Any]:
    """As a query: `status=[…]` is one of these, `person__role=…` is a field of a field."""
    return {
        f"state.{name.replace('__', '.')}": {"$in": list(value)}
        if isinstance(value, list | tuple | set | frozenset)
        else value
        for name, value in fields.items()
    }
