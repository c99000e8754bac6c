"""Writes what a round or top-up came to: first what it takes back, then what it proposes.

What must stay true: all is written in chunks, each a transaction that touches the lease; and a seat is
given to nobody while it is not known that whoever held it has lost it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from typing import TypeVar

from services.matching.domain import life
from services.matching.domain.match import Match
from services.matching.domain.programmes import KnownProgramme
from services.matching.domain.round import Pairing, RoundResult
from services.matching.ground import Ground
from services.matching.outcomes import settled
from shared.events.matches import WithdrawReason
from shared.ids import repeatable_id
from shared.storage.aggregates import Aggregates
from shared.storage.changes import Cause, Change, Decide, Status
from shared.storage.leases import Lease

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Written:
    """What became of a result. `displaced`: how many proposals were taken back.

    `answered_meanwhile`: some were not, since the mentee had said yes by then.
    """

    proposed: Sequence[Match]
    displaced: int
    answered_meanwhile: bool


@dataclass(frozen=True, slots=True)
class Proposing:
    """Writes the matches of one round, under its lease."""

    matches: Aggregates[Match]
    programme: KnownProgramme
    round_id: str
    lease: Lease
    now: datetime

    async def write(self, result: RoundResult, ground: Ground, *, at_once: int) -> Written:
        """Writes it, `at_once` matches a transaction. Raises `LeaseLost`.

        Where a proposal that was to be taken back has been answered meanwhile, its two are left out.
        """
        better = {pairing.mentee_id: pairing.score for pairing in result.pairings}
        by_pair = {(match.mentee_id, match.mentor_id): match for match in ground.displaceable}
        going = [by_pair[pair] for pair in result.displaced]
        answered = await self._change(
            [
                (match, self._displacing(life.why_displaced(match, better.get(match.mentee_id))))
                for match in going
            ],
            at_once,
        )
        gone = {match.match_id for match in going} - {match.match_id for match in answered}
        busy = {person for match in answered for person in (match.mentee_id, match.mentor_id)}
        pairings = [
            pairing
            for pairing in result.pairings
            if not busy & {pairing.mentee_id, pairing.mentor_id}
        ]
        made = list(self._matches_of(pairings, ground, gone))
        refused = {
            match.match_id
            for match in await self._change(
                [(match, self._making(match)) for match in made], at_once
            )
        }
        return Written(
            proposed=[match for match in made if match.match_id not in refused],
            displaced=len(gone),
            answered_meanwhile=bool(answered),
        )

    async def _change(
        self, changes: Sequence[tuple[Match, Decide[Match]]], at_once: int
    ) -> list[Match]:
        """Changes them; returns those for which that was refused: somebody else was faster."""
        refused: list[Match] = []
        for chunk in chunks(changes, at_once):
            outcomes = await self.matches.change(
                [
                    Change(match.match_id, decide, Cause(self.now, match.match_id))
                    for match, decide in chunk
                ],
                fence=self.lease,
            )
            refused += [
                match
                for (match, _), outcome in zip(chunk, settled(outcomes), strict=True)
                if outcome.status is Status.REFUSED
            ]
        return refused

    def _matches_of(
        self, pairings: Iterable[Pairing], ground: Ground, gone: set[str]
    ) -> Iterable[Match]:
        """The pairings as matches: each on the mentor's lowest free seat, named for pair and round."""
        taken = ground.seats_taken(gone)
        for pairing in pairings:
            seats = taken.setdefault(pairing.mentor_id, set())
            seat = next(number for number in count(1) if number not in seats)
            seats.add(seat)
            mentee = ground.people[pairing.mentee_id].person
            yield Match.of(
                pairing,
                match_id=repeatable_id(
                    "match", self.round_id, pairing.mentee_id, pairing.mentor_id
                ),
                programme=self.programme.programme,
                city=mentee.city if mentee is not None else None,
                seat=seat,
                round_id=self.round_id,
                rules=self.programme.answer_rules,
            )

    def _making(self, match: Match) -> Decide[Match]:
        review = self.programme.review_before_proposing
        return lambda kept: None if kept is not None else life.make(match, self.now, review=review)

    def _displacing(self, reason: WithdrawReason) -> Decide[Match]:
        return lambda kept: None if kept is None else life.displace(kept, self.round_id, reason)


def chunks(items: Sequence[Item], size: int) -> Iterable[Sequence[Item]]:
    """The items, at most `size` at a time."""
    return (items[start : start + size] for start in range(0, len(items), size))
