"""A coordinator's own choice: another mentor for a mentee whose proposal she looks at.

The choice obeys the hard constraints as every round does. What must stay true: a swap that was cut off
between its two writes is finished by the same command, sent again; and the database's own indexes
refuse whatever a round or top-up was faster to give away.
"""

from datetime import datetime
from itertools import count

from services.matching.domain import life
from services.matching.domain.constraints import Situation, why_not
from services.matching.domain.match import Match
from services.matching.domain.people import KnownPerson
from services.matching.domain.reasons import pairing_of
from services.matching.domain.refusals import (
    DoesNotFit,
    MatchUnknown,
    ParticipantUnknown,
    ProgrammeUnknown,
)
from services.matching.outcomes import settled
from services.matching.store import Store
from shared.clock import Clock
from shared.decisions import Decision, Refusal
from shared.events.matches import TakeBackReason
from shared.events.participants import Role
from shared.ids import repeatable_id
from shared.storage.changes import Cause, Change, Decide, Idempotency, Outcome, Status


class Choosing:
    """Takes one proposal back and makes another one in its place."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def swap(
        self,
        match_id: str,
        mentor: KnownPerson,
        reason: TakeBackReason,
        coordinator_id: str,
        once: Idempotency[Match] | None,
    ) -> Outcome[Match]:
        """The new match, proposed at once: whoever chose it has reviewed it."""
        now = self._clock.now()
        old = await self._store.matches.get(match_id)
        if old is None:
            return _refused(MatchUnknown())
        new = await self._chosen(old, mentor, coordinator_id)
        if isinstance(new, Refusal):
            return _refused(new)

        def take_back(match: Match | None) -> Decision[Match] | Refusal | None:
            if match is None:
                return MatchUnknown()
            return life.take_back(match, coordinator_id, reason, swapped_for=mentor.participant_id)

        taken_back = await self._change(match_id, take_back, now)
        if taken_back.refusal is not None:
            return taken_back
        return await self._change(
            new.match_id,
            lambda kept: None if kept is not None else life.make(new, now, review=False),
            now,
            once,
        )

    async def _chosen(
        self, old: Match, mentor: KnownPerson, coordinator_id: str
    ) -> Match | Refusal:
        """The match that would take the place of the old one; a refusal that says what forbids it."""
        programme = await self._store.programmes.get(old.programme)
        if programme is None:
            return ProgrammeUnknown()
        mentee = await self._store.people.get(old.mentee_id)
        if mentee is None or mentee.person is None or mentor.person is None:
            return ParticipantUnknown()
        if mentor.participant_id == old.mentor_id:
            return DoesNotFit("This mentor is the one who is proposed already; choose another one.")
        if not (mentee.is_in_pool and mentor.is_in_pool and mentor.person.role is Role.MENTOR):
            return DoesNotFit(
                "The mentee or the mentor takes no new match now; choose another one."
            )
        binding = await self._store.binding_with_anyone_of([mentor.participant_id])
        new_id = repeatable_id("chosen", old.match_id, mentor.participant_id)
        others = [match for match in binding if match.match_id not in (old.match_id, new_id)]
        seats = {match.seat for match in others if match.open}
        situation = Situation(
            {mentor.participant_id: mentor.person.seats - len(seats)},
            {(match.mentee_id, match.mentor_id) for match in others},
        )
        if in_the_way := why_not(mentee.person, mentor.person, situation):
            return DoesNotFit(" ".join(in_the_way))
        return Match.of(
            pairing_of(mentee.person, mentor.person, programme.weights),
            match_id=new_id,
            programme=old.programme,
            city=mentee.city,
            seat=next(number for number in count(1) if number not in seats),
            round_id=f"chosen/{old.match_id}",
            rules=programme.answer_rules,
            chosen_by=coordinator_id,
        )

    async def _change(
        self,
        match_id: str,
        decide: Decide[Match],
        now: datetime,
        once: Idempotency[Match] | None = None,
    ) -> Outcome[Match]:
        change = Change(match_id, decide, Cause(now, match_id), idempotency=once)
        (outcome,) = settled(await self._store.matches.change([change]))
        return outcome


def _refused(refusal: Refusal) -> Outcome[Match]:
    return Outcome(Status.REFUSED, refusal=refusal)
