"""What matching has said itself and a restored database does not know of, taken back."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import count
from typing import Any

import structlog

from services.matching.domain.match import AnswerRules, Match
from services.matching.domain.recalled import recalled
from services.matching.outcomes import settled
from services.matching.store import Store
from shared.clock import Clock
from shared.decisions import Decision
from shared.events.programmes import Policy
from shared.events.wire import Event
from shared.storage.changes import Cause, Change, Decide

log = structlog.get_logger(__name__)


class Recalling:
    """The use case of `Runtime.recall`."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def recall_matches(self, events: Sequence[Event[Any]]) -> None:
        """Brings each match to where its own events have it."""
        told: dict[str, list[Event[Any]]] = {}
        for event in events:
            told.setdefault(event.subject, []).append(event)
        kept = await self._store.matches.load(told)
        programmes = await self._store.programmes.load({event.programme for event in events})
        rules = {name: known.answer_rules for name, known in programmes.items()}
        usual = AnswerRules.of(Policy())
        matches = [
            recalled(kept.get(name), hers, seat=0, rules=rules.get(hers[0].programme, usual))
            for name, hers in told.items()
        ]
        # Each makes room for the next: pairs that may meet again, pairs that may not, seats that are taken.
        closed = [match for match in matches if not match.open]
        await self._write([match for match in closed if not match.never_again])
        await self._write([match for match in closed if match.never_again])
        await self._write(await self._seated([match for match in matches if match.open]))

    async def _seated(self, matches: Sequence[Match]) -> list[Match]:
        """Those that the backup does not have on the lowest free seats of their mentors."""
        taken: dict[str, set[int]] = {}
        for match in await self._store.open_with_anyone_of({match.mentor_id for match in matches}):
            taken.setdefault(match.mentor_id, set()).add(match.seat)
        seated = []
        for match in matches:
            seats = taken.setdefault(match.mentor_id, set())
            seat = match.seat or next(number for number in count(1) if number not in seats)
            seats.add(seat)
            seated.append(replace(match, seat=seat))
        return seated

    async def _write(self, matches: Sequence[Match]) -> None:
        cause = Cause.due(self._clock.now())
        changes = [Change(match.match_id, _becoming(match), cause) for match in matches]
        for change, outcome in zip(
            changes, settled(await self._store.matches.change(changes)), strict=True
        ):
            if outcome.refusal is not None:
                log.error(
                    "match_not_recalled", match_id=change.id, refusal=type(outcome.refusal).__name__
                )


def _becoming(match: Match) -> Decide[Match]:
    return lambda kept: None if kept == match else Decision(match)
