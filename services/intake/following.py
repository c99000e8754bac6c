"""What intake does with the events of others: remembers what its pages show, and pauses the silent."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from services.intake.domain import life
from services.intake.domain.heard import follow_gap, follow_message, follow_waiting
from services.intake.domain.journeys import follow_care, follow_check_in, follow_match
from services.intake.domain.participant import Participant
from services.intake.store import Store
from shared.events.matches import MatchExpired
from shared.events.participants import Role
from shared.events.pool import RecruitmentGap, StillWaiting
from shared.events.streams import CARE, CHECK_INS, MATCHES, MESSAGES, POOL
from shared.events.wire import Event
from shared.messaging.reactions import Effect, Pipeline, Reaction
from shared.storage.changes import Decide


class Following:
    """One use case for each stream that intake follows."""

    def __init__(self, store: Store, pipeline: Pipeline) -> None:
        self._store = store
        self._pipeline = pipeline

    async def matches(self, batch: Sequence[Event[Any]]) -> None:
        """Where each match stands. Whoever has let several proposals pass is paused, kindly."""
        reaction = Reaction(
            MATCHES, self._store.matches, follow_match, effects=self._pauses_for_silence
        )
        await self._pipeline.apply(batch, reaction)

    async def pool(self, batch: Sequence[Event[Any]]) -> None:
        """Why people wait, and where mentors are missing."""
        waiting = [event for event in batch if isinstance(event.payload, StillWaiting)]
        gaps = [event for event in batch if isinstance(event.payload, RecruitmentGap)]
        await self._pipeline.apply(waiting, Reaction(POOL, self._store.waiting, follow_waiting))
        await self._pipeline.apply(gaps, Reaction(POOL, self._store.gaps, follow_gap))

    async def check_ins(self, batch: Sequence[Event[Any]]) -> None:
        """How each mentorship goes."""
        reaction = Reaction(CHECK_INS, self._store.matches, follow_check_in)
        await self._pipeline.apply(batch, reaction)

    async def care(self, batch: Sequence[Event[Any]]) -> None:
        """Where a coordinator is needed."""
        await self._pipeline.apply(batch, Reaction(CARE, self._store.matches, follow_care))

    async def messages(self, batch: Sequence[Event[Any]]) -> None:
        """What did not reach somebody."""
        reaction = Reaction(MESSAGES, self._store.unreached, follow_message)
        await self._pipeline.apply(batch, reaction)

    async def _pauses_for_silence(
        self, events: Sequence[Event[Any]], now: datetime
    ) -> list[Effect[Participant]]:
        expired = [event for event in events if isinstance(event.payload, MatchExpired)]
        programmes = await self._store.programmes.load({event.programme for event in expired})
        return [
            Effect(
                event, self._store.participants, _silent_one(event.payload), _pausing(event, now)
            )
            for event in expired
            if event.programme in programmes
            and event.payload.unanswered_in_a_row
            >= programmes[event.programme].policy.pause_after_unanswered
        ]


def _silent_one(match: MatchExpired) -> str:
    return match.mentee_id if match.unanswered_by is Role.MENTEE else match.mentor_id


def _pausing(event: Event[MatchExpired], now: datetime) -> Decide[Participant]:
    return lambda state: life.pause_for_silence(state, event.time, now)
