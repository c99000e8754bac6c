"""The check of a finished round against every possible pair, whatever lists it was found with."""

import numpy as np
from numpy.typing import NDArray

from services.matching.domain.acceptance import NOBODY, Matching
from services.matching.domain.candidates import Draws
from services.matching.domain.pairs import IMPOSSIBLE, Pairs
from services.matching.domain.priority import Priorities


def check(
    pairs: Pairs, draws: Draws, priorities: Priorities, matching: Matching
) -> tuple[int, NDArray[np.int64]]:
    """How many pairs would both rather have each other, and each mentee's rank of her mentor.

    Ranks, shape (mentees,): 1 if there is no mentor with a free seat whom she prefers, 0 if she is
    unmatched.
    """
    blocking = 0
    wanted = how_much_wanted(draws, matching)
    ranks = np.zeros(len(pairs.pool.mentees), np.int64)
    for block in pairs.blocks():
        block.points[:, pairs.pool.free_seats[block.mentors] == 0] = IMPOSSIBLE
        mine = matching.mentor_of[block.mentees]
        row, other = np.nonzero(block.points >= matching.points[block.mentees, None])
        preference = draws.preference(
            block.points[row, other], block.mentees[row], block.mentors[other]
        )
        better = preference > wanted[block.mentees[row]]
        row, other = row[better], other[better]
        keys = priorities.of_pairs(block.mentees[row], block.shared[row, other])
        blocking += int(np.count_nonzero(keys > matching.floors[block.mentors[other]]))
        ranks[block.mentees] = np.bincount(row, minlength=len(mine)) + 1
        ranks[block.mentees[mine == NOBODY]] = 0
    return blocking, ranks


def how_much_wanted(draws: Draws, matching: Matching) -> NDArray[np.int64]:
    """How much each mentee wants whom she got, as `Draws.preference`, -1 for nobody."""
    matched = np.flatnonzero(matching.mentor_of != NOBODY)
    wanted = np.full(len(matching.mentor_of), -1, np.int64)
    wanted[matched] = draws.preference(
        matching.points[matched], matched, matching.mentor_of[matched]
    )
    return wanted
