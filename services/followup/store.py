"""The only module that knows followup's documents: collections, indexes, queries."""

from collections.abc import AsyncIterator, Collection
from enum import StrEnum
from typing import Any, Final

from pymongo import ASCENDING, IndexModel

from services.followup.domain.known import KnownMessage, KnownParticipant, KnownProgramme
from services.followup.domain.mentorship import Mentorship
from shared.events.check_ins import CheckInStatus
from shared.events.streams import CARE, CHECK_INS
from shared.runtime import Runtime
from shared.security.scopes import in_cities
from shared.storage.reading import Tallied

_BY_CITY: Final = ("state.programme", "state.city")


class Filter(StrEnum):
    """Which mentorships a coordinator wants to see."""

    RUNNING = "running"
    CLOSED = "closed"
    OVERDUE = "overdue"
    ESCALATED = "escalated"
    NEEDS_HELP = "needs_help"


def _open(status: CheckInStatus) -> dict[str, Any]:
    kept = {"status": status.value, "is_settled": False}
    return {"state.check_ins": {"$elemMatch": kept}}


_QUERIES: Final[dict[Filter, dict[str, Any]]] = {
    Filter.RUNNING: {"state.closure": None},
    Filter.CLOSED: {"state.closure": {"$ne": None}},
    Filter.OVERDUE: _open(CheckInStatus.OVERDUE),
    Filter.ESCALATED: _open(CheckInStatus.ESCALATED),
    Filter.NEEDS_HELP: {"state.help_requests": {"$elemMatch": {"handled_at": None}}},
}


class Store:
    """Followup's collections.

    mentorships: its reason to be, and the home of all events about a match. A match that was never
    accepted has a document without a state there: only the mark of what has been applied.
    known: participants, programmes, and the marks of messages.
    """

    def __init__(self, runtime: Runtime) -> None:
        self.mentorships = runtime.aggregates(
            "mentorships",
            Mentorship,
            tells=(CHECK_INS, CARE),
            indexes=(
                IndexModel([("state.mentee_id", ASCENDING)], name="mentee", sparse=True),
                IndexModel([("state.mentor_id", ASCENDING)], name="mentor", sparse=True),
                IndexModel([("state.programme", ASCENDING), ("_id", ASCENDING)], name="programme"),
            ),
        )
        self.participants = runtime.aggregates("known", KnownParticipant, prefix="participants/")
        self.programmes = runtime.aggregates("known", KnownProgramme, prefix="programmes/")
        self.messages = runtime.aggregates("known", KnownMessage, prefix="messages/")

    async def of_people(self, participant_ids: Collection[str]) -> list[Mentorship]:
        """All mentorships, running and closed, of any of these people."""
        ids = sorted(participant_ids)
        query = {"$or": [{"state.mentee_id": {"$in": ids}}, {"state.mentor_id": {"$in": ids}}]}
        return [mentorship async for _, mentorship in self.mentorships.find(query)]

    async def tally_running(self) -> list[Tallied]:
        """Mentorships that have not ended, by programme and city."""
        running = {"state": {"$exists": True}, **_QUERIES[Filter.RUNNING]}
        return await self.mentorships.tally(running, _BY_CITY)

    async def tally_overdue(self) -> list[Tallied]:
        """Check-ins that are overdue or escalated and not settled, by programme and city."""
        late = [CheckInStatus.OVERDUE.value, CheckInStatus.ESCALATED.value]
        return await self.mentorships.tally(
            {"state.check_ins": {"$elemMatch": {"status": {"$in": late}, "is_settled": False}}},
            _BY_CITY,
            earliest="state.check_ins.overdue_at",
            each="state.check_ins",
            of_these={"state.check_ins.status": {"$in": late}, "state.check_ins.is_settled": False},
        )

    async def tally_help(self) -> list[Tallied]:
        """Requests for help that nobody has handled, by programme and city."""
        return await self.mentorships.tally(
            _QUERIES[Filter.NEEDS_HELP],
            _BY_CITY,
            earliest="state.help_requests.asked_at",
            each="state.help_requests",
            of_these={"state.help_requests.handled_at": None},
        )

    def page(
        self,
        programme: str,
        which: Filter | None,
        cities: frozenset[str] | None,
        after: str,
        limit: int,
    ) -> AsyncIterator[tuple[str, Mentorship]]:
        """Mentorships of a programme in these cities, by their ids, from behind `after`."""
        query: dict[str, Any] = {"state.programme": programme, "_id": {"$gt": after}}
        query |= in_cities("state.city", cities)
        if which is not None:
            query |= _QUERIES[which]
        return self.mentorships.find(query, sort=[("_id", ASCENDING)], limit=limit)
