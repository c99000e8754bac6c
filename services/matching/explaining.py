"""What coordinators ask about single people: why two are not matched.

It reads only what concerns the two: the mentors of the programme, for the mentee's order of them,
and the matches of those involved.
"""

import asyncio

from services.matching.domain.people import KnownPerson
from services.matching.domain.refusals import NoSuchPair, ParticipantUnknown, ProgrammeUnknown
from services.matching.domain.why_not import Pair, WhyNot, why_not
from services.matching.store import Store
from shared.decisions import Refusal
from shared.events.participants import Role
from shared.security.scopes import Scope


class Explaining:
    """Answers from what the store knows now."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def why_not(
        self, programme: str, mentee_id: str, mentor_id: str, scope: Scope
    ) -> WhyNot | Refusal:
        """Why these two are not matched; a refusal if they are not both known in this scope."""
        known_programme = await self._store.programmes.get(programme)
        if known_programme is None:
            return ProgrammeUnknown()
        known = await self._store.people.load([mentee_id, mentor_id])
        mentee, mentor = known.get(mentee_id), known.get(mentor_id)
        if mentee is None or mentor is None or {mentee.programme, mentor.programme} != {programme}:
            return ParticipantUnknown()
        if not (scope.covers(mentee) and scope.covers(mentor)):
            return ParticipantUnknown()
        if _side(mentee) is Role.MENTOR or _side(mentor) is Role.MENTEE:
            return NoSuchPair()
        theirs = await self._store.binding_with_anyone_of([mentee_id, mentor_id])
        on_her_seats = [
            match.mentee_id for match in theirs if match.open and match.mentor_id == mentor_id
        ]
        pair = Pair(
            mentee,
            mentor,
            mentors=await self._store.active_mentors(programme),
            holders=await self._store.people.load(on_her_seats),
            binding=await self._store.binding_with_anyone_of([mentee_id, mentor_id, *on_her_seats]),
            weights=known_programme.weights,
        )
        # Every mentor is looked at for her rank: at national scale that is a second or so.
        return await asyncio.to_thread(why_not, pair)


def _side(known: KnownPerson) -> Role | None:
    return known.person.role if known.person is not None else None
