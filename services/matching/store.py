"""The only module that knows matching's documents: collections, indexes, queries."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from pymongo import ASCENDING, DESCENDING, IndexModel

from services.matching.domain.gap_reports import GapReport
from services.matching.domain.match import UNANSWERED, Match
from services.matching.domain.people import KnownPerson
from services.matching.domain.programmes import KnownProgramme
from services.matching.domain.refusals import PairKnown, SeatTaken
from services.matching.domain.schedule import RoundRecord
from shared.events.matches import MatchStatus
from shared.events.participants import ParticipantStatus, Role
from shared.events.streams import MATCHES, POOL
from shared.runtime import Runtime
from shared.security.scopes import in_cities
from shared.storage.kept import Kept
from shared.storage.leases import Lease
from shared.storage.reading import Tallied

_OPEN: Final = "state.open"
_NEVER_AGAIN: Final = "state.never_again"
_MENTEE: Final = "state.mentee_id"
_MENTOR: Final = "state.mentor_id"
_PROGRAMME: Final = "state.programme"
_STATUS: Final = "state.status"
_DISPLACED_BY: Final = "state.displaced_by"
_ROUNDS: Final = "rounds"


@dataclass(frozen=True, slots=True)
class MessageMark:
    """The home of a message's events. It has no state of its own: the mark is all that is kept."""


class Store:
    """Matching's collections.

    matches: its reason to be. known: participants, programmes, and the marks of messages. rounds: a
    record of each round and top-up, what was told of each city's gap, and the leases of those who
    run them.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._leases = runtime.database.collection(_ROUNDS)
        self.matches = runtime.aggregates(
            "matches",
            Match,
            tells=(MATCHES,),
            indexes=(
                _unique("one_open_match", _OPEN, _MENTEE),
                _unique("one_mentee_a_seat", _OPEN, _MENTOR, "state.seat"),
                _unique("never_again", _NEVER_AGAIN, _MENTEE, _MENTOR),
                IndexModel([(_MENTEE, ASCENDING)], name="mentee"),
                IndexModel([(_MENTOR, ASCENDING)], name="mentor"),
                IndexModel([(_PROGRAMME, ASCENDING), (_STATUS, ASCENDING)], name="programme"),
                IndexModel(
                    [(_DISPLACED_BY, ASCENDING)],
                    name="displaced",
                    partialFilterExpression={_DISPLACED_BY: {"$gt": ""}},
                ),
            ),
            refusals={
                "one_open_match": SeatTaken(),
                "one_mentee_a_seat": SeatTaken(),
                "never_again": PairKnown(),
            },
        )
        self.people = runtime.aggregates(
            "known",
            KnownPerson,
            prefix="participants/",
            tells=(POOL,),
            indexes=(IndexModel([(_PROGRAMME, ASCENDING), (_STATUS, ASCENDING)], name="pool"),),
        )
        self.programmes = runtime.aggregates("known", KnownProgramme, prefix="programmes/")
        self.messages = runtime.aggregates("known", MessageMark, prefix="messages/")
        self.rounds = runtime.aggregates(
            _ROUNDS,
            RoundRecord,
            prefix="rounds/",
            indexes=(
                IndexModel(
                    [(_PROGRAMME, ASCENDING), ("state.instant", DESCENDING)], name="history"
                ),
            ),
        )
        self.gaps = runtime.aggregates(_ROUNDS, GapReport, prefix="gaps/", tells=(POOL,))
        # By programme: top-ups read them every quarter of an hour, and little changes in between.
        self._kept_people: dict[str, Kept[KnownPerson]] = {}
        self._kept_matches: dict[str, Kept[Match]] = {}

    async def lease(self, programme: str, holder: str, ttl: timedelta) -> Lease | None:
        """The right to run the programme's rounds; None while another instance has it."""
        return await Lease.acquire(self._leases, f"leases/{programme}", holder, ttl)

    # What a round reads: one query each ---------------------------------------------------------

    async def active_people(self, programme: str) -> dict[str, KnownPerson]:
        """Everybody active in a programme, by id."""
        query = {_PROGRAMME: programme, _STATUS: ParticipantStatus.ACTIVE.value}
        return await self._kept_people.setdefault(programme, Kept(self.people, query)).find()

    async def active_mentors(self, programme: str) -> list[KnownPerson]:
        """The active mentors of a programme."""
        active = {_PROGRAMME: programme, _STATUS: ParticipantStatus.ACTIVE.value}
        query = {**active, "state.person.role": Role.MENTOR.value}
        return [known async for _, known in self.people.find(query)]

    async def matches_that_bind(self, programme: str, round_id: str) -> list[Match]:
        """Open matches, and those that keep a pair from another proposal.

        What this very round or top-up has written before it was cut off is taken as not written: run
        again on the same people, it comes to the same pairings.
        """
        query = {_PROGRAMME: programme, _NEVER_AGAIN: True}
        kept = self._kept_matches.setdefault(programme, Kept(self.matches, query))
        binding = [match for match in (await kept.find()).values() if match.round_id != round_id]
        return [*binding, *await self._matches({_DISPLACED_BY: round_id})]

    # Figures ------------------------------------------------------------------------------------

    async def tally_waiting(self) -> list[Tallied]:
        """Who waits, by programme, city and role, and since when. The index on `wake_at` finds them."""
        by = (_PROGRAMME, "state.person.city", "state.person.role")
        waits = {"wake_at": {"$exists": True}, "state.wait": {"$ne": None}}
        return await self.people.tally(waits, by, earliest="state.wait.since")

    async def tally_unanswered(self) -> list[Tallied]:
        """Proposals that not both have answered, by programme and status."""
        open_ones = {_OPEN: True, _STATUS: {"$in": sorted(status.value for status in UNANSWERED)}}
        return await self.matches.tally(
            open_ones, (_PROGRAMME, _STATUS), earliest="state.proposed_at"
        )

    async def lease_epochs(self) -> dict[str, int]:
        """By programme how often the right to run its rounds has changed hands."""
        cursor = self._leases.find({"_id": {"$gte": "leases/", "$lt": "leases0"}}, {"epoch": 1})
        return {
            found["_id"].removeprefix("leases/"): found["epoch"]
            for found in await cursor.to_list(None)
        }

    # Who is in which match ----------------------------------------------------------------------

    async def unanswered_of_programme(self, programme: str) -> list[Match]:
        """Proposals of a programme that not both have answered."""
        statuses = sorted(status.value for status in UNANSWERED)
        return await self._matches({_PROGRAMME: programme, _STATUS: {"$in": statuses}})

    async def open_with_anyone_of(self, people: Iterable[str]) -> list[Match]:
        """Open matches in which one of these people is."""
        return await self._matches({_OPEN: True, **_with_anyone_of(people)})

    async def binding_with_anyone_of(self, people: Iterable[str]) -> list[Match]:
        """Of these people, open matches and those that keep a pair from another proposal."""
        return await self._matches({_NEVER_AGAIN: True, **_with_anyone_of(people)})

    async def ever_with_anyone_of(self, people: Iterable[str]) -> list[str]:
        """Ids of all matches, open or not, in which one of these people is."""
        return await self.matches.ids(_with_anyone_of(people))

    async def unreached_among(self, people: Iterable[str]) -> list[str]:
        """Those of the people to whom a proposal could not be brought."""
        ids = [self.people.prefix + person_id for person_id in people]
        return await self.people.ids({"_id": {"$in": ids}, "state.unreached": True})

    async def has_active_people(self, programme: str) -> bool:
        """Whether there is anybody to match."""
        query = {_PROGRAMME: programme, _STATUS: ParticipantStatus.ACTIVE.value}
        return bool(await self.people.ids(query, limit=1))

    # What coordinators look at ------------------------------------------------------------------

    async def page_of_matches(
        self,
        programme: str,
        cities: frozenset[str] | None,
        status: MatchStatus | None,
        after: str,
        limit: int,
    ) -> list[Match]:
        """A page of a programme's matches in these cities, in the order of their ids."""
        query: dict[str, Any] = {_PROGRAMME: programme, "_id": {"$gt": after}}
        query |= in_cities("state.city", cities)
        if status is not None:
            query[_STATUS] = status.value
        return await self._matches(query, sort=[("_id", ASCENDING)], limit=limit)

    async def latest_rounds(self, programme: str, limit: int) -> list[RoundRecord]:
        """The records of a programme's rounds, the newest first."""
        newest = [("state.instant", DESCENDING)]
        found = self.rounds.find({_PROGRAMME: programme}, sort=newest, limit=limit)
        return [record async for _, record in found]

    async def open_gaps(self, programme: str) -> dict[str, GapReport]:
        """What was last told of each city where somebody waited, by the report's id."""
        query = {_PROGRAMME: programme, "state.waiting": {"$gt": 0}}
        return {report_id: report async for report_id, report in self.gaps.find(query)}

    async def _matches(
        self, query: Mapping[str, Any], *, sort: Sequence[tuple[str, int]] = (), limit: int = 0
    ) -> list[Match]:
        return [match async for _, match in self.matches.find(query, sort=sort, limit=limit)]


def _unique(name: str, where: str, *fields: str) -> IndexModel:
    """A unique index of just the documents in which the field `where` is true."""
    keys = [(field, ASCENDING) for field in fields]
    return IndexModel(keys, name=name, unique=True, partialFilterExpression={where: True})


def _with_anyone_of(people: Iterable[str]) -> dict[str, Any]:
    ids = list(people)
    return {"$or": [{_MENTEE: {"$in": ids}}, {_MENTOR: {"$in": ids}}]}
