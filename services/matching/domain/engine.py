"""The engine: one round from people to pairings, on NumPy alone.

Exact: every possible pair is scored, and short lists are only read further, never cut off.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np

from services.matching.domain import acceptance, candidates, certificate, lottery, priority
from services.matching.domain.acceptance import NOBODY
from services.matching.domain.candidates import Draws
from services.matching.domain.gaps import gaps_of
from services.matching.domain.pairs import Pairs
from services.matching.domain.pool import Pool
from services.matching.domain.priority import Priorities
from services.matching.domain.reasons import pairing_of
from services.matching.domain.round import Certificate, RoundInput, RoundResult
from services.matching.domain.waiting import who_waits


@dataclass(frozen=True, slots=True)
class NumpyEngine:
    """See `round.Engine`.

    `list_length`: how many mentors a mentee's list holds at a time; the result does not depend on
    it. `need_depth`: how many of her best mentors tell how few options she has; it does.
    """

    list_length: int = 32
    need_depth: int = 32

    def __post_init__(self) -> None:
        if not 1 <= self.need_depth <= self.list_length:
            raise ValueError(
                f"need_depth is {self.need_depth}; choose 1 to list_length ({self.list_length})."
            )

    def solve(self, round_input: RoundInput) -> RoundResult:
        """See `round.Engine.solve`."""
        pool = Pool.of(round_input)
        pairs = Pairs(pool, round_input.weights)
        draws = draw(pool, round_input.seed)
        lists, reach = candidates.first_lists(pairs, draws, self.list_length)
        priorities = mentors_order(pool, draws, lists.mentors[:, : self.need_depth], round_input)
        more = partial(candidates.more, pairs, draws, lists, priorities)
        matching = acceptance.accept(lists, priorities, pool.free_seats, more)
        blocking_pairs, _ = certificate.check(pairs, draws, priorities, matching)
        mentees, mentors = pool.mentees.people, pool.mentors.people
        return RoundResult(
            pairings=tuple(
                pairing_of(mentees[row], mentors[mentor], round_input.weights)
                for row, mentor in enumerate(matching.mentor_of.tolist())
                if mentor != NOBODY
            ),
            waiting=who_waits(pairs, reach, matching),
            gaps=gaps_of(mentees[row] for row in np.flatnonzero(matching.mentor_of == NOBODY)),
            certificate=Certificate(blocking_pairs, round_input.seed),
        )


def draw(pool: Pool, seed: int) -> Draws:
    """Everybody's lottery numbers."""
    return Draws(
        mentees=lottery.numbers([one.participant_id for one in pool.mentees.people], seed),
        mentors=lottery.numbers([one.participant_id for one in pool.mentors.people], seed),
    )


def mentors_order(
    pool: Pool, draws: Draws, best: np.ndarray[tuple[int, int], np.dtype[np.int32]],
    round_input: RoundInput,
) -> Priorities:  # fmt: skip
    """Whom mentors prefer in this round; `best` as in `priority.chances_of`."""
    days = [(round_input.now - one.available_since).days for one in pool.mentees.people]
    waited = priority.waiting_points(np.array(days, np.int64))
    need = priority.need_points(priority.chances_of(best, pool))
    return Priorities(points=waited + need, tickets=lottery.tickets(draws.mentees))
