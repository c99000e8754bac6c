"""Whom each mentee asks, in which order: her best mentors first, by score, then by her own lottery.

Lists are short, since nearly everybody is matched near the top; `more` gives those whose list ran
out the next part of theirs. It leaves out mentors who would say no: a mentor's seats only ever go
to mentees she prefers more, so her no is final and the matching is the same as with full lists.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.matching.domain import lottery
from services.matching.domain.pairs import IMPOSSIBLE, Block, Pairs
from services.matching.domain.priority import Priorities


@dataclass(frozen=True, slots=True)
class Draws:
    """The lottery numbers of both sides, by row."""

    mentees: NDArray[np.uint64]
    mentors: NDArray[np.uint64]

    def preference(
        self, points: NDArray[np.int16], mentees: NDArray[np.intp], mentors: NDArray[np.intp]
    ) -> NDArray[np.int64]:
        """How much each mentee wants each mentor, shapes (n,): score first, then her lottery."""
        ties = lottery.ties(self.mentees[mentees], self.mentors[mentors])
        return points.astype(np.int64) << lottery.TIE_BITS | ties


@dataclass(frozen=True, slots=True)
class Lists:
    """The part of each mentee's list that is worked through now. Rows are overwritten by `more`.

    `mentors`: shape (mentees, length), rows of mentors, best first, -1 after the end. `shared`:
    items of common ground with each. `count`: shape (mentees,), how many there are.
    """

    mentors: NDArray[np.int32]
    shared: NDArray[np.int8]
    count: NDArray[np.int32]

    @classmethod
    def empty(cls, mentees: int, length: int) -> "Lists":
        """No candidates yet."""
        return cls(
            np.full((mentees, length), -1, np.int32),
            np.zeros((mentees, length), np.int8),
            np.zeros(mentees, np.int32),
        )

    def write(self, block: Block, points: NDArray[np.int16], draws: Draws) -> None:
        """Replaces the lists of the block's mentees by their best with `points` of at least 0."""
        row, column = _best(points, self.mentors.shape[1])
        mentees, mentors = block.mentees[row], block.mentors[column]
        wanted = draws.preference(points[row, column], mentees, mentors)
        order = np.lexsort((-wanted, row))  # stable: equal preferences stay in the order of ids
        row, column = row[order], column[order]
        counts = np.bincount(row, minlength=len(block.mentees))
        place = np.arange(len(row)) - np.repeat(np.cumsum(counts) - counts, counts)
        kept = place < self.mentors.shape[1]
        row, column, place = row[kept], column[kept], place[kept]
        self.mentors[block.mentees] = -1
        self.mentors[block.mentees[row], place] = block.mentors[column]
        self.shared[block.mentees[row], place] = block.shared[row, column]
        self.count[block.mentees] = np.minimum(counts, self.mentors.shape[1])


@dataclass(frozen=True, slots=True)
class Reach:
    """Who fits whom at all.

    `mentors_of`: shape (mentees,), how many mentors fit her, seats left aside. `has_options`: shape
    (mentees,), whether one of them has a free seat. `fits_someone`: shape (mentors,).
    """

    mentors_of: NDArray[np.int64]
    has_options: NDArray[np.bool_]
    fits_someone: NDArray[np.bool_]


def first_lists(pairs: Pairs, draws: Draws, length: int) -> tuple[Lists, Reach]:
    """Everybody's best `length` mentors with a free seat, and who fits whom at all."""
    pool = pairs.pool
    lists = Lists.empty(len(pool.mentees), length)
    mentors_of = np.zeros(len(pool.mentees), np.int64)
    fits_someone = np.zeros(len(pool.mentors), np.bool_)
    for block in pairs.blocks():
        possible = block.points >= 0
        mentors_of[block.mentees] = np.count_nonzero(possible, axis=1)
        fits_someone[block.mentors] |= possible.any(axis=0)
        block.points[:, pool.free_seats[block.mentors] == 0] = IMPOSSIBLE
        lists.write(block, block.points, draws)
    return lists, Reach(mentors_of, lists.count > 0, fits_someone)


def more(
    pairs: Pairs,
    draws: Draws,
    lists: Lists,
    priorities: Priorities,
    exhausted: NDArray[np.intp],
    floors: NDArray[np.int64],
) -> None:
    """Gives mentees whose list ran out the best mentors who would take them as things stand.

    `exhausted`: rows of mentees. `floors`: shape (mentors,), the key that a mentee must exceed.
    """
    wanted = np.zeros(len(pairs.pool.mentees), np.bool_)
    wanted[exhausted] = True
    for block in pairs.blocks(wanted):
        keys = priorities.of_pairs(block.mentees[:, None], block.shared)
        block.points[keys <= floors[block.mentors]] = IMPOSSIBLE
        lists.write(block, block.points, draws)


def _best(points: NDArray[np.int16], length: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Where at least the `length` highest points of each row stand, none of them below 0.

    Rows and columns, ascending; all that equal the last are included.
    """
    width = points.shape[1]
    if width <= length:
        row, column = np.nonzero(points >= 0)
        return row, column
    last = np.partition(points, width - length, axis=1)[:, width - length]
    flat = np.flatnonzero(points >= np.maximum(last, 0)[:, None])
    row, column = np.divmod(flat, width)
    return row, column
