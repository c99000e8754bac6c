"""The rescue: places mentees whom a stable matching left alone, by moving a few others a little.

A mentee waits although a seat is free elsewhere, because the seats that she could have are taken by
mentees who could also have others. Nobody loses her match by it, nobody is moved to a mentor who is
much less for her (see `least_points`), and nobody is moved if that places no one.

What is promised: as many more are placed as can be under these bounds. That is proved, not hoped:
the search ends when no chain of moves leads from one who waits to a free seat, and then no way of
moving people places more (Berge, 1957). Of the chains that were read the cheapest are made, where a
move costs more than points can make up for; the shortest chains are read first.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from services.matching.domain.acceptance import NOBODY, Matching
from services.matching.domain.chains import Chains, read_chains
from services.matching.domain.pairs import Pairs
from services.matching.domain.pool import Pool
from services.matching.domain.rescue_flow import place
from services.matching.domain.round import Move

MOST_LOST: Final = 400
"""Points that a move may cost a mentee. Measured on `tests.bench.population`, 3,300 to 20,000 people:
with 300 up to 0.16 percentage points fewer are placed than could be, with 400 less than 0.1."""
LEAST_KEPT: Final = 4
"""A mentee who is moved keeps at least one part in so many of her points."""


@dataclass(frozen=True, slots=True)
class Rescue:
    """The matching after the moves; its floors are those of before.

    `rescued`: rows of mentees who were alone, ascending. `moved`: of mentees who have another mentor
    than before, ascending; `before` and `after`: their points, same shape.
    """

    matching: Matching
    rescued: NDArray[np.intp]
    moved: NDArray[np.intp]
    before: NDArray[np.int64]
    after: NDArray[np.int64]


def rescue(pairs: Pairs, stable: Matching, most_lost: int = MOST_LOST) -> Rescue:
    """Places as many more mentees as moves within `most_lost` points can, see above."""
    least = least_points(stable.points.astype(np.int64), most_lost)
    now, read = stable.mentor_of, Chains.none()
    while (more := read_chains(pairs, now, least)) is not None:
        read = Chains.of((read, more))
        now = place(read, stable, pairs.pool.free_seats)
    is_new = now != stable.mentor_of
    rescued = np.flatnonzero(is_new & (stable.mentor_of == NOBODY))
    moved = np.flatnonzero(is_new & (stable.mentor_of != NOBODY))
    points, shared = stable.points.copy(), stable.shared.copy()
    points[is_new], shared[is_new] = pairs.scores_of(np.flatnonzero(is_new), now[is_new])
    return Rescue(
        matching=Matching(now, points, shared, stable.floors),
        rescued=rescued,
        moved=moved,
        before=stable.points[moved].astype(np.int64),
        after=points[moved].astype(np.int64),
    )


def moves_of(done: Rescue, stable: Matching, pool: Pool) -> tuple[Move, ...]:
    """The moves with names, by mentee. `stable`: the matching before them."""
    mentees, mentors = pool.mentees.ids, pool.mentors.ids
    before, after = done.before.tolist(), done.after.tolist()
    return tuple(
        Move(
            mentee_id=mentees[row],
            from_mentor_id=mentors[int(stable.mentor_of[row])],
            to_mentor_id=mentors[int(done.matching.mentor_of[row])],
            points_before=before[place],
            points_after=after[place],
        )
        for place, row in enumerate(done.moved.tolist())
    )


def least_points(points: NDArray[np.int64], most_lost: int) -> NDArray[np.int64]:
    """What a mentor must be worth to a mentee for her to be moved there, from her points now.

    0 for those who are alone: they have nothing to lose.
    """
    kept = -(-points // LEAST_KEPT)
    least: NDArray[np.int64] = np.maximum(points - most_lost, kept)
    return least
