"""The use cases of matching but for the rounds: events in batches, requests as a batch of one, time."""

import asyncio
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Any, Final, TypeAlias

from services.matching.domain import life, people, programmes
from services.matching.domain.match import Match
from services.matching.domain.people import KnownPerson
from services.matching.domain.programmes import KnownProgramme
from services.matching.domain.refusals import MatchUnknown, ProgrammeUnknown
from services.matching.fitting import Fitting
from services.matching.outcomes import settled
from services.matching.store import Store
from shared.clock import Clock
from shared.decisions import Decision, Refusal
from shared.events.check_ins import MentorshipClosed
from shared.events.matches import DeclineReason, TakeBackReason
from shared.events.messages import (
    FailureReason,
    MessageBounced,
    MessageFailed,
    MessageKind,
    MessageSent,
)
from shared.events.participants import ParticipantErased, Role
from shared.events.streams import CHECK_INS, MESSAGES, PARTICIPANTS, PROGRAMMES
from shared.events.wire import Event
from shared.messaging.reactions import Effect, Pipeline, Reaction
from shared.messaging.timers import Ticker
from shared.storage.changes import Cause, Change, Idempotency, Outcome, Status

Batch: TypeAlias = Sequence[Event[Any]]

_ASKS: Final = {
    MessageKind.PROPOSAL_TO_MENTEE: Role.MENTEE,
    MessageKind.PROPOSAL_TO_MENTOR: Role.MENTOR,
}
_DUE_AT_ONCE: Final = 500


class Matching:
    """Keeps what is known, and leads every match from proposal to end."""

    def __init__(self, store: Store, pipeline: Pipeline, clock: Clock, fitting: Fitting) -> None:
        self._store = store
        self._pipeline = pipeline
        self._clock = clock
        self._fitting = fitting
        self._ticker: Ticker | None = None

    def tick_by(self, ticker: Ticker) -> None:
        """What is to look again when something may have got another deadline."""
        self._ticker = ticker

    # Events -------------------------------------------------------------------------------------

    async def follow_programmes(self, batch: Batch) -> None:
        """Keeps each programme's policy; its rounds begin if there are people already."""
        reaction = Reaction(PROGRAMMES, self._store.programmes, programmes.hear_of_programme)
        await self._pipeline.apply(batch, reaction)
        heard = {event.programme for event in batch}
        await self._note_for_top_up(heard, self._clock.now())
        await self._begin_rounds(heard)

    async def follow_participants(self, batch: Batch) -> None:
        """Keeps what matching may see of everybody, and takes back proposals that no longer hold."""

        def decide(
            known: KnownPerson | None, event: Event[Any], _: datetime
        ) -> Decision[KnownPerson] | None:
            return people.hear_of_participant(known, event)

        await self._pipeline.apply(batch, Reaction(PARTICIPANTS, self._store.people, decide))
        # From here on also for events that were applied before: a crash may have come between.
        now = self._clock.now()
        await self._note_for_top_up({event.programme for event in batch}, now)
        # Forgotten first, so that what is told of a proposal that falls tells nothing of her.
        await self._forget(
            [event.subject for event in batch if isinstance(event.payload, ParticipantErased)]
        )
        await self._fitting.check_people(
            {event.subject: Cause.of(event, now) for event in batch}, now
        )
        await self._begin_rounds({event.programme for event in batch})

    async def follow_messages(self, batch: Batch) -> None:
        """Answer times run from the moment her message was sent; whom none reaches is not waited for."""

        def decide(_: object, __: Event[Any], ___: datetime) -> None:
            return None

        reaction = Reaction(MESSAGES, self._store.messages, decide, self._effects_of_messages)
        before = self._written()
        await self._pipeline.apply(batch, reaction)
        if self._written() != before:
            self._look_again()

    async def follow_check_ins(self, batch: Batch) -> None:
        """A mentorship that was closed frees both."""

        def decide(match: Match | None, event: Event[Any], _: datetime) -> Decision[Match] | None:
            if match is None or not isinstance(event.payload, MentorshipClosed):
                return None
            return life.end(match)

        reaction = Reaction(CHECK_INS, self._store.matches, decide, self._effects_of_closing)
        await self._pipeline.apply(batch, reaction)

    # Requests -----------------------------------------------------------------------------------

    async def forget_person(self, participant_id: str, cause: Cause) -> int:
        """Forgets somebody, as her event in `participants` would. How many records of her were known."""
        known = await self._store.people.get(participant_id)
        if known is not None:
            await self._note_for_top_up({known.programme}, cause.time)
        (outcome,) = settled(
            await self._store.people.change(
                [Change(participant_id, _if_known(people.forget_person), cause)]
            )
        )
        await self._forget([participant_id])
        await self._fitting.check_people({participant_id: cause}, cause.time)
        return int(outcome.status is Status.CHANGED)

    async def answer(
        self,
        match_id: str,
        participant_id: str,
        *,
        says_yes: bool,
        reason: DeclineReason,
        once: Idempotency[Match] | None,
    ) -> Outcome[Match]:
        """One side's answer. Whoever answers is no longer counted as silent."""
        now = self._clock.now()
        if not says_yes:
            await self._note_match_for_top_up(match_id, now)

        def decide(match: Match) -> Decision[Match] | Refusal | None:
            side = match.side_of(participant_id)
            if side is None:
                return MatchUnknown()
            return life.answer(match, side, now, says_yes=says_yes, reason=reason)

        outcome = await self._change_match(match_id, decide, now, once)
        if outcome.refusal is None:
            settled(
                await self._store.people.change(
                    [Change(participant_id, _if_known(people.give_an_answer), Cause(now, match_id))]
                )
            )
        return outcome

    async def ask_question(
        self, match_id: str, participant_id: str, text: str, once: Idempotency[Match] | None
    ) -> Outcome[Match]:
        """Whoever is asked would like to know more first."""
        now = self._clock.now()

        def decide(match: Match) -> Decision[Match] | Refusal | None:
            side = match.side_of(participant_id)
            return MatchUnknown() if side is None else life.ask_question(match, side, text, now)

        return await self._change_match(match_id, decide, now, once)

    async def answer_question(
        self,
        match_id: str,
        question_id: str,
        coordinator_id: str,
        once: Idempotency[Match] | None,
    ) -> Outcome[Match]:
        """A coordinator has come back to whoever asked."""
        now = self._clock.now()
        return await self._change_match(
            match_id,
            lambda match: life.answer_question(match, question_id, coordinator_id, now),
            now,
            once,
        )

    async def approve(
        self, match_id: str, coordinator_id: str, once: Idempotency[Match] | None
    ) -> Outcome[Match]:
        """A coordinator lets a held match go out."""
        now = self._clock.now()
        return await self._change_match(
            match_id, lambda match: life.approve(match, coordinator_id, now), now, once
        )

    async def take_back(
        self,
        match_id: str,
        coordinator_id: str,
        reason: TakeBackReason,
        once: Idempotency[Match] | None,
    ) -> Outcome[Match]:
        """A coordinator takes a proposal back."""
        now = self._clock.now()
        await self._note_match_for_top_up(match_id, now)
        return await self._change_match(
            match_id, lambda match: life.take_back(match, coordinator_id, reason), now, once
        )

    async def ask_for_round(
        self, programme: str, once: Idempotency[KnownProgramme] | None
    ) -> Outcome[KnownProgramme]:
        """A coordinator wants a round now; the timer runs it at once."""
        now = self._clock.now()

        def decide(known: KnownProgramme | None) -> Decision[KnownProgramme] | Refusal:
            return ProgrammeUnknown() if known is None else programmes.ask_for_round(known, now)

        change = Change(programme, decide, Cause.http(now), idempotency=once)
        (outcome,) = settled(await self._store.programmes.change([change]))
        self._look_again()
        return outcome

    # Time ---------------------------------------------------------------------------------------

    async def let_time_pass(self, now: datetime) -> None:
        """Reminds and expires what is due, and tells those who wait why."""
        while match_ids := await self._store.matches.due(now, _DUE_AT_ONCE):
            in_a_row = await self._count_silence(match_ids, now)
            settled(
                await self._store.matches.change(
                    [
                        Change(
                            match_id,
                            _at_deadline(now, in_a_row.get(match_id, 1)),
                            Cause(now, match_id),
                        )
                        for match_id in match_ids
                    ]
                )
            )
        tell = people.tell_why_she_waits
        await self._store.people.wake(tell, now, _DUE_AT_ONCE)

    async def earliest_deadline(self) -> datetime | None:
        """When time has something to do, now or later."""
        instants = await asyncio.gather(
            self._store.matches.earliest_wake(),
            self._store.people.earliest_wake(),
            self._store.programmes.earliest_wake(),
        )
        return min((instant for instant in instants if instant is not None), default=None)

    async def next_deadline(self, now: datetime) -> datetime | None:
        """When time has something to do after this instant."""
        instants = await asyncio.gather(
            self._store.matches.next_due(now),
            self._store.people.next_due(now),
            self._store.programmes.next_due(now),
        )
        return min((instant for instant in instants if instant is not None), default=None)

    # Inside -------------------------------------------------------------------------------------

    async def _change_match(
        self,
        match_id: str,
        decide: Callable[[Match], Decision[Match] | Refusal | None],
        now: datetime,
        once: Idempotency[Match] | None,
    ) -> Outcome[Match]:
        def of_known(match: Match | None) -> Decision[Match] | Refusal | None:
            return MatchUnknown() if match is None else decide(match)

        change = Change(match_id, of_known, Cause(now, match_id), idempotency=once)
        (outcome,) = settled(await self._store.matches.change([change]))
        return outcome

    async def _count_silence(self, match_ids: Sequence[str], now: datetime) -> dict[str, int]:
        """For each match that expires now, how many its silent side has left unanswered in a row.

        Noted with the person first: done again after a crash, it comes to the same count.
        """
        found = await self._store.matches.load(match_ids)
        over = sorted(
            (match for match in found.values() if life.is_over(match, now)),
            key=lambda match: match.match_id,
        )
        await self._note_for_top_up({match.programme for match in over}, now)
        silent = {
            match.match_id: match.person(match.whose_turn)
            for match in over
            if match.whose_turn is not None
        }
        outcomes = settled(
            await self._store.people.change(
                [
                    Change(person, _leaving_unanswered(match_id), Cause(now, match_id))
                    for match_id, person in silent.items()
                ]
            )
        )
        counts = {}
        for match_id, outcome in zip(silent, outcomes, strict=True):
            unanswered = outcome.state.unanswered if outcome.state is not None else ()
            if match_id in unanswered:
                counts[match_id] = unanswered.index(match_id) + 1
        return counts

    async def _effects_of_messages(self, events: Batch, now: datetime) -> Sequence[Effect[Any]]:
        effects: list[Effect[Any]] = []
        for event in events:
            effects += self._effects_of_message(event)
        reached = {e.payload.recipient_id: e for e in events if isinstance(e.payload, MessageSent)}
        back = await self._store.unreached_among(reached)
        effects += (
            Effect(reached[person], self._store.people, person, _if_known(people.regain_contact))
            for person in back
        )
        lost = [e for e in events if isinstance(e.payload, MessageFailed | MessageBounced)]
        changing = [*lost, *(reached[person] for person in back)]
        await self._note_for_top_up({event.programme for event in changing}, now)
        return effects

    def _effects_of_message(self, event: Event[Any]) -> list[Effect[Any]]:
        message = event.payload
        side, match_id = _ASKS.get(message.kind), message.match_id
        if side is None or match_id is None:
            return []
        if isinstance(message, MessageSent):
            sent_at = message.sent_at
            decide = _if_known(lambda match: life.asked(match, side, sent_at))
            return [Effect(event, self._store.matches, match_id, decide)]
        if not isinstance(message, MessageFailed | MessageBounced) or _was_not_meant(message):
            return []
        lost = _if_known(people.lose_contact)
        return [
            Effect(
                event,
                self._store.matches,
                match_id,
                _if_known(lambda match: life.not_reached(match, side)),
            ),
            Effect(event, self._store.people, message.recipient_id, lost),
        ]

    async def _effects_of_closing(self, events: Batch, now: datetime) -> Sequence[Effect[Any]]:
        closings = [event for event in events if isinstance(event.payload, MentorshipClosed)]
        await self._note_for_top_up({event.programme for event in closings}, now)
        return [
            Effect(event, self._store.people, person, _freeing(closed, side))
            for event in closings
            for closed in [event.payload]
            for side, person in ((Role.MENTEE, closed.mentee_id), (Role.MENTOR, closed.mentor_id))
        ]

    async def _forget(self, erased: Sequence[str]) -> None:
        """What erased people shared with others is forgotten, in all their matches."""
        if not erased:
            return
        match_ids = await self._store.ever_with_anyone_of(erased)
        cause = Cause.due(self._clock.now())
        settled(
            await self._store.matches.change(
                [Change(match_id, _if_known(life.forget), cause) for match_id in match_ids]
            )
        )

    async def _note_for_top_up(self, programme_ids: Collection[str], now: datetime) -> None:
        """Has the next top-up look at what is about to be done; see `programmes.note_for_top_up`."""
        noting = _if_known(lambda known: programmes.note_for_top_up(known, now))
        changes = [Change(name, noting, Cause.due(now)) for name in sorted(programme_ids)]
        outcomes = settled(await self._store.programmes.change(changes))
        if any(outcome.status is Status.CHANGED for outcome in outcomes):
            self._look_again()

    async def _note_match_for_top_up(self, match_id: str, now: datetime) -> None:
        match = await self._store.matches.get(match_id)
        if match is not None:
            await self._note_for_top_up({match.programme}, now)

    async def _begin_rounds(self, programme_ids: set[str]) -> None:
        known = await self._store.programmes.load(programme_ids)
        now = self._clock.now()
        waiting = [
            programme
            for programme, state in sorted(known.items())
            if state.next_round_at is None and await self._store.has_active_people(programme)
        ]
        settled(
            await self._store.programmes.change(
                [
                    Change(
                        programme,
                        _if_known(lambda state: programmes.begin_rounds(state, now)),
                        Cause.due(now),
                    )
                    for programme in waiting
                ]
            )
        )
        self._look_again()

    def _written(self) -> tuple[int, int, int]:
        """Another one after deadlines were written, or events came again whose deadlines may have been."""
        duplicates = self._pipeline.counts.duplicates
        return self._store.matches.writes, self._store.people.writes, duplicates

    def _look_again(self) -> None:
        if self._ticker is not None:
            self._ticker.poke()


def _if_known(decide: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda state: None if state is None else decide(state)


def _leaving_unanswered(match_id: str) -> Callable[[Any], Any]:
    return _if_known(lambda known: people.leave_unanswered(known, match_id))


def _at_deadline(now: datetime, in_a_row: int) -> Callable[[Any], Any]:
    return _if_known(lambda match: life.expire(match, now, in_a_row) or life.remind(match, now))


def _freeing(closed: MentorshipClosed, side: Role) -> Callable[[Any], Any]:
    return _if_known(
        lambda known: people.become_free(
            known, closed.closed_at, match_again=side in closed.match_again
        )
    )


def _was_not_meant(message: MessageFailed | MessageBounced) -> bool:
    """It was not sent because nobody wanted it sent any more: that says nothing of her address."""
    return isinstance(message, MessageFailed) and message.reason is FailureReason.NO_LONGER_MEANT
