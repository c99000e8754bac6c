"""The use cases of followup. Events come in batches, requests as a batch of one."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, TypeAlias

from services.followup.domain import agreement, care, check_ins, closing, known, survey
from services.followup.domain.mentorship import Answer, Mentorship
from services.followup.domain.recalled import recalled
from services.followup.domain.refusals import MentorshipUnknown
from services.followup.store import Filter, Store
from shared.clock import Clock
from shared.decisions import Decision, Refusal
from shared.events.matches import MatchAccepted
from shared.events.messages import MessageBounced, MessageFailed, MessageKind, MessageSent
from shared.events.streams import MATCHES, MESSAGES, PARTICIPANTS, PROGRAMMES
from shared.events.wire import Event
from shared.messaging.reactions import Effect, Pipeline, Reaction
from shared.storage.changes import Cause, Change, Idempotency, Outcome

Decided: TypeAlias = "Decision[Mentorship] | Refusal | None"
Batch: TypeAlias = Sequence[Event[Any]]
Once: TypeAlias = "Idempotency[Mentorship] | None"


class Followup:
    """What happens after both have said yes."""

    def __init__(self, store: Store, pipeline: Pipeline, clock: Clock) -> None:
        self._store = store
        self._pipeline = pipeline
        self._clock = clock

    # Events -------------------------------------------------------------------------------------

    async def follow_programmes(self, batch: Batch) -> None:
        """Keeps each programme's terms."""
        home = self._store.programmes
        await self._pipeline.apply(batch, Reaction(PROGRAMMES, home, known.know_programme))

    async def follow_matches(self, batch: Batch) -> None:
        """Begins a mentorship for each accepted match, on the terms of its programme as they are now."""
        programmes = await self._store.programmes.load({event.programme for event in batch})

        def decide(
            mentorship: Mentorship | None, event: Event[Any], _: datetime
        ) -> Decision[Mentorship] | None:
            programme = programmes.get(event.programme, known.DEFAULT_PROGRAMME)
            return known.begin(mentorship, event, programme)

        await self._pipeline.apply(batch, Reaction(MATCHES, self._store.mentorships, decide))
        # Somebody may have left while her match was on its way here. The mentorship is written
        # before we look, and whoever leaves is marked before we look for her mentorships (below):
        # so of the two, at least one sees the other.
        because = {
            person: event
            for event in batch
            if isinstance(event.payload, MatchAccepted)
            for person in (event.payload.mentee_id, event.payload.mentor_id)
        }
        await self._close_for(because)

    async def follow_participants(self, batch: Batch) -> None:
        """Notes who has left, and ends what runs with her."""
        home = self._store.participants
        await self._pipeline.apply(batch, Reaction(PARTICIPANTS, home, known.know_participant))
        # Also for events that were applied before: a crash may have come between.
        await self._close_for({event.subject: event for event in batch})

    async def follow_messages(self, batch: Batch) -> None:
        """Notes when each side was asked: the grace runs from there."""
        home = self._store.messages
        reaction = Reaction(MESSAGES, home, known.know_message, effects=self._on_messages)
        await self._pipeline.apply(batch, reaction)

    async def recall(self, events: Batch) -> None:
        """After a restore: takes back what followup has said itself. Says nothing, may be repeated."""
        told: dict[str, list[Event[Any]]] = {}
        for event in events:
            told.setdefault(event.subject, []).append(event)
        programmes = await self._store.programmes.load({event.programme for event in events})
        cause = Cause.due(self._clock.now())
        changes = [
            Change(match_id, _recalling(hers, programmes), cause) for match_id, hers in told.items()
        ]
        for outcome in await self._store.mentorships.change(changes):
            if outcome.error is not None:
                raise outcome.error

    async def _on_messages(
        self, events: Sequence[Event[Any]], _: datetime
    ) -> list[Effect[Mentorship]]:
        effects = (self._on_message(event) for event in events)
        return [effect for effect in effects if effect is not None]

    def _on_message(self, event: Event[Any]) -> Effect[Mentorship] | None:
        message = event.payload
        if message.kind is not MessageKind.CHECK_IN or message.match_id is None:
            return None
        if not isinstance(message, MessageSent | MessageFailed | MessageBounced):
            return None
        at = message.sent_at if isinstance(message, MessageSent) else event.time
        reached = isinstance(message, MessageSent)
        number = message.check_in_number or 0

        def decide(mentorship: Mentorship | None) -> Decision[Mentorship] | None:
            return check_ins.asked(mentorship, number, message.recipient_id, at, reached=reached)

        return Effect(event, self._store.mentorships, message.match_id, decide)

    async def _close_for(self, because: dict[str, Event[Any]]) -> None:
        """Ends the mentorships of those of these people who have left. Safe to repeat."""
        people = await self._store.participants.load(because)
        gone = {person: known for person, known in people.items() if known.has_left}
        if not gone:
            return
        now = self._clock.now()
        changes = [
            Change(mentorship.match_id, decide, Cause.of(because[person], now))
            for mentorship in await self._store.of_people(gone)
            for person in (mentorship.mentee_id, mentorship.mentor_id)
            if person in gone
            for decide in [_leaving(person, now, erased=gone[person].is_erased)]
        ]
        await self._store.mentorships.change(changes)

    # People -------------------------------------------------------------------------------------

    async def answer(
        self, match_id: str, number: int, participant_id: str, said: Answer, once: Once
    ) -> Outcome[Mentorship]:
        """One side answers a check-in."""
        now = self._clock.now()
        return await self._change(
            match_id, lambda m: check_ins.answer(m, number, participant_id, said, now), now, once
        )

    async def ask_for_help(
        self, match_id: str, participant_id: str, text: str, once: Once
    ) -> Outcome[Mentorship]:
        """One side says 'I need help'."""
        now = self._clock.now()
        return await self._change(
            match_id, lambda m: care.ask_for_help(m, participant_id, text, now), now, once
        )

    async def close_by_wish(
        self,
        match_id: str,
        participant_id: str,
        *,
        goals_reached: bool,
        match_again: bool,
        once: Once,
    ) -> Outcome[Mentorship]:
        """One side ends it."""
        now = self._clock.now()

        def decide(mentorship: Mentorship | None) -> Decided:
            return closing.close_by_wish(
                mentorship,
                participant_id,
                goals_reached=goals_reached,
                match_again=match_again,
                now=now,
            )

        return await self._change(match_id, decide, now, once)

    async def agree(
        self,
        match_id: str,
        participant_id: str,
        terms: Callable[[Mentorship], agreement.Terms],
        seen: int,
        once: Once,
    ) -> Outcome[Mentorship]:
        """One side writes what the two agree on. `terms` reads it on the mentorship's own wall clock."""
        now = self._clock.now()

        def decide(mentorship: Mentorship | None) -> Decided:
            if mentorship is None:
                return MentorshipUnknown()
            return agreement.agree(mentorship, participant_id, terms(mentorship), seen, now)

        return await self._change(match_id, decide, now, once)

    async def affirm(
        self, match_id: str, participant_id: str, seen: int, once: Once
    ) -> Outcome[Mentorship]:
        """The other side stands by it, too."""
        now = self._clock.now()
        return await self._change(
            match_id, lambda m: agreement.affirm(m, participant_id, seen, now), now, once
        )

    async def rate(
        self, match_id: str, participant_id: str, said: survey.Survey, once: Once
    ) -> Outcome[Mentorship]:
        """One side says at the end how it was."""
        now = self._clock.now()
        return await self._change(
            match_id, lambda m: survey.rate(m, participant_id, said, now), now, once
        )

    async def extend(
        self, match_id: str, participant_id: str, months: int, once: Once
    ) -> Outcome[Mentorship]:
        """The mentee makes it longer."""
        now = self._clock.now()
        return await self._change(
            match_id, lambda m: closing.extend(m, participant_id, months, now), now, once
        )

    # Coordinators -------------------------------------------------------------------------------

    async def handle_help(
        self, match_id: str, help_id: str, coordinator_id: str, once: Once
    ) -> Outcome[Mentorship]:
        """A coordinator took care of a request for help."""
        now = self._clock.now()
        return await self._change(
            match_id, lambda m: care.handle_help(m, help_id, coordinator_id, now), now, once
        )

    async def close_by_coordinator(self, match_id: str, once: Once) -> Outcome[Mentorship]:
        """A coordinator ends it."""
        now = self._clock.now()
        return await self._change(
            match_id, lambda m: closing.close_by_coordinator(m, now), now, once
        )

    async def mentorship(self, match_id: str) -> Mentorship | None:
        """One mentorship."""
        return await self._store.mentorships.get(match_id)

    async def page(
        self,
        programme: str,
        which: Filter | None,
        cities: frozenset[str] | None,
        after: str,
        limit: int,
    ) -> list[Mentorship]:
        """Mentorships of a programme in these cities, in the order of their ids."""
        found = self._store.page(programme, which, cities, after, limit)
        return [mentorship async for _, mentorship in found]

    async def _change(
        self,
        match_id: str,
        decide: Callable[[Mentorship | None], Decided],
        now: datetime,
        once: Once,
    ) -> Outcome[Mentorship]:
        change = Change(match_id, decide, Cause.http(now), once)
        return await self._store.mentorships.change_one(change)


def _recalling(
    events: Batch, programmes: dict[str, known.KnownProgramme]
) -> Callable[[Mentorship | None], Decision[Mentorship] | None]:
    programme = programmes.get(events[0].programme, known.DEFAULT_PROGRAMME)

    def decide(mentorship: Mentorship | None) -> Decision[Mentorship] | None:
        after = recalled(mentorship, events, programme)
        return None if after is None or after == mentorship else Decision(after)

    return decide


def _leaving(
    person: str, now: datetime, *, erased: bool
) -> Callable[[Mentorship | None], Decision[Mentorship] | None]:
    return lambda mentorship: closing.somebody_left(mentorship, person, now, erased=erased)
