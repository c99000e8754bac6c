"""The engine: one round, from people to pairings.

Exact: every possible pair is scored or shown not to matter, and short lists are only read further,
never cut off.
"""

from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from services.matching.domain import lottery, priority
from services.matching.domain.acceptance import NOBODY, Matching
from services.matching.domain.candidates import Draws, Lists
from services.matching.domain.gaps import gaps_of
from services.matching.domain.pairs import Pairs
from services.matching.domain.paths import Path, Way, path_of
from services.matching.domain.pool import MICROSECONDS_A_DAY, Pool, microseconds
from services.matching.domain.priority import Priorities
from services.matching.domain.reasons import pairing_of
from services.matching.domain.rescue import Rescue, moves_of, rescue
from services.matching.domain.round import Certificate, RoundInput, RoundResult
from services.matching.domain.standing import Standing
from services.matching.domain.waiting import who_waits
from shared.events.programmes import ScoreWeights


@dataclass(frozen=True, slots=True)
class Solved:
    """A matching, with what it was found by."""

    pairs: Pairs
    draws: Draws
    path: Path
    priorities: Priorities
    matching: Matching


@dataclass(frozen=True, slots=True)
class ColumnarEngine:
    """See `round.Engine`.

    `list_length`: how many mentors a mentee's list holds at a time; the result does not depend on
    it. `need_depth`: how many of her best mentors tell how few options she has; it does. `way`: how
    it is computed; the result does not depend on it.
    """

    list_length: int = 32
    need_depth: int = 32
    way: Way = "fastest"

    def __post_init__(self) -> None:
        if not 1 <= self.need_depth <= self.list_length:
            raise ValueError(
                f"need_depth is {self.need_depth}; choose 1 to list_length ({self.list_length})."
            )

    def solve(self, round_input: RoundInput) -> RoundResult:
        """See `round.Engine.solve`."""
        pool = Pool.of(round_input)
        return _told(
            round_input, self.match(pool, round_input.weights, round_input.seed, round_input.now)
        )

    def top_up(self, round_input: RoundInput) -> RoundResult:
        """See `round.Engine.top_up`."""
        pool = Pool.of(round_input)
        pairs, draws = Pairs(pool, round_input.weights), draw(pool, round_input.seed)
        path = path_of(pairs, draws, self.way)
        lists = path.first_lists(self.list_length)
        priorities = mentors_order(pool, draws, lists, self.need_depth, round_input.now)
        standing = Standing(pairs, draws, path, priorities, lists)
        standing.begin(_tentative(pool, round_input))
        standing.arrive(standing.away.tolist())
        solved = Solved(pairs, draws, path, priorities, standing.matching())
        return _told(replace(round_input, rescue="off"), solved, tells_who_waits=False)

    def match(self, pool: Pool, weights: ScoreWeights, seed: int, now: datetime) -> Solved:
        """The stable matching of a pool that is best for its mentees."""
        pairs, draws = Pairs(pool, weights), draw(pool, seed)
        path = path_of(pairs, draws, self.way)
        lists = path.first_lists(self.list_length)
        priorities = mentors_order(pool, draws, lists, self.need_depth, now)
        return Solved(pairs, draws, path, priorities, path.accept(lists, priorities))


def _tentative(pool: Pool, round_input: RoundInput) -> NDArray[np.int64]:
    """The tentative pairs by row, shape (mentees,); those of people who are not here are none."""
    mentor_row = {mentor: row for row, mentor in enumerate(pool.mentors.ids)}
    tentative = round_input.tentative
    rows = [mentor_row.get(tentative.get(mentee, ""), NOBODY) for mentee in pool.mentees.ids]
    return np.array(rows, np.int64)


def _told(round_input: RoundInput, solved: Solved, *, tells_who_waits: bool = True) -> RoundResult:
    """The matching in the words of a round."""
    pool, tentative = solved.pairs.pool, round_input.tentative
    blocking_pairs, _ = solved.path.check(solved.priorities, solved.matching)
    rescued = _rescued(round_input, solved)
    matching = solved.matching if rescued is None else rescued.matching
    changed = np.flatnonzero(matching.mentor_of != solved.matching.mentor_of)
    by_rescue = {pool.mentees.ids[row] for row in changed.tolist()}
    people = {person.participant_id: person for person in round_input.people}
    matched = {
        pool.mentees.ids[row]: pool.mentors.ids[mentor]
        for row, mentor in enumerate(matching.mentor_of.tolist())
        if mentor != NOBODY
    }
    return RoundResult(
        pairings=tuple(
            replace(
                pairing_of(people[mentee], people[mentor], round_input.weights),
                by_rescue=mentee in by_rescue,
            )
            for mentee, mentor in matched.items()
            if tentative.get(mentee) != mentor
        ),
        waiting=who_waits(solved.pairs, solved.path, matching) if tells_who_waits else (),
        gaps=gaps_of(pool, np.flatnonzero(matching.mentor_of == NOBODY)) if tells_who_waits else (),
        certificate=_certificate(blocking_pairs, round_input.seed, rescued),
        displaced=tuple(
            pair for pair in sorted(tentative.items()) if matched.get(pair[0]) != pair[1]
        ),
        moves=() if rescued is None else moves_of(rescued, solved.matching, pool),
    )


def _rescued(round_input: RoundInput, solved: Solved) -> Rescue | None:
    if round_input.rescue == "off":
        return None
    return rescue(solved.pairs, solved.matching)


def _certificate(blocking_pairs: int, seed: int, rescued: Rescue | None) -> Certificate:
    if rescued is None:
        return Certificate(blocking_pairs, seed)
    lost = rescued.before - rescued.after
    return Certificate(
        blocking_pairs,
        seed,
        rescued=len(rescued.rescued),
        moved=len(rescued.moved),
        most_lost=max(0, int(lost.max(initial=0))),
    )


def draw(pool: Pool, seed: int) -> Draws:
    """Everybody's lottery numbers."""
    return Draws(
        mentees=lottery.numbers(pool.mentees.ids, seed),
        mentors=lottery.numbers(pool.mentors.ids, seed),
    )


def mentors_order(
    pool: Pool, draws: Draws, lists: Lists, need_depth: int, now: datetime
) -> Priorities:
    """Whom mentors prefer. `lists`: everybody's best mentors, of which `need_depth` are looked at."""
    waited = priority.waiting_points((microseconds(now) - pool.mentees.since) // MICROSECONDS_A_DAY)
    need = priority.need_points(priority.chances_of(lists.mentors[:, :need_depth], pool))
    return Priorities(points=waited + need, tickets=lottery.tickets(draws.mentees))
