"""Whom each mentee asks, in which order: her best mentors first, by score, then by her own lottery.

Lists are short, since nearly everybody is matched near the top; `more` gives those whose list ran
out the next part of theirs. It leaves out mentors who would say no: a mentor's seats only ever go
to mentees she prefers more, so her no is final and the matching is the same as with full lists.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.matching.domain import factors, lottery
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
    items of common ground with each; `points`: the score. `count`: shape (mentees,), how many there
    are.
    """

    mentors: NDArray[np.int32]
    shared: NDArray[np.int8]
    points: NDArray[np.int16]
    count: NDArray[np.int32]

    @classmethod
    def empty(cls, mentees: int, length: int) -> "Lists":
        """No candidates yet."""
        return cls(
            np.full((mentees, length), -1, np.int32),
            np.zeros((mentees, length), np.int8),
            np.zeros((mentees, length), np.int16),
            np.zeros(mentees, np.int32),
        )

    def only_cut_off(self, rows: NDArray[np.intp]) -> NDArray[np.intp]:
        """Those of `rows` whose list is full, so that there may be more: a shorter one names all."""
        full: NDArray[np.bool_] = self.count[rows] == self.mentors.shape[1]
        return rows[full]

    def write(self, block: Block, points: NDArray[np.int16], draws: Draws) -> None:
        """Replaces the lists of the block's mentees by their best with `points` of at least 0."""
        row, column, place = ordered(block, points, draws, self.mentors.shape[1])
        self.mentors[block.mentees] = -1
        self.mentors[block.mentees[row], place] = block.mentors[column]
        self.shared[block.mentees[row], place] = block.shared[row, column]
        self.points[block.mentees[row], place] = block.points[row, column]
        self.count[block.mentees] = np.bincount(row, minlength=len(block.mentees))


def write_lists(pairs: Pairs, draws: Draws, lists: Lists, rows: NDArray[np.intp]) -> None:
    """Writes the best mentors with a free seat of some mentees into their lists."""
    wanted = np.zeros(len(pairs.pool.mentees), np.bool_)
    wanted[rows] = True
    lists.count[rows] = 0
    lists.mentors[rows] = -1
    for block in pairs.blocks(wanted, pairs.pool.free_seats > 0):
        lists.write(block, block.points, draws)


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


def count_before(
    pairs: Pairs, rows: NDArray[np.intp], newest: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """How many mentors with a free seat fit each of some mentees, and how many of these are `before`.

    `newest`: shape (mentors,), a time in microseconds; a mentor is before a mentee if it is earlier
    than that from which she waits. Shapes (rows,).
    """
    since = pairs.pool.mentees.since
    wanted = np.zeros(len(since), np.bool_)
    wanted[rows] = True
    fitting, before = np.zeros(len(since), np.int64), np.zeros(len(since), np.int64)
    for block in pairs.blocks(wanted, pairs.pool.free_seats > 0):
        fits = block.points >= 0
        earlier = newest[block.mentors] < since[block.mentees, None]
        fitting[block.mentees] = np.count_nonzero(fits, axis=1)
        before[block.mentees] = np.count_nonzero(fits & earlier, axis=1)
    return fitting[rows], before[rows]


def first_of(
    pairs: Pairs,
    draws: Draws,
    priorities: Priorities,
    mentor: int,
    mentees: NDArray[np.intp],
    wishes: NDArray[np.int64],
    refusing: NDArray[np.intp],
    above: int,
) -> tuple[int, int, int]:
    """Whom of some mentees a mentor would take first: her key, her row, and how much she wants it.

    Only who fits, wants the mentor more than `wishes`, shape (all mentees,), is not among those
    `refusing`, and has a key `above` the one given; else that key, -1 and -1.
    """
    most = priorities.of_pairs(mentees, np.full(len(mentees), factors.ENOUGH_SHARED))
    mentees = pairs.in_reach_of(mentor, mentees[most > above])
    column = np.full(len(mentees), mentor)
    points, shared = pairs.scores_of(mentees, column)
    wanted = draws.preference(points, mentees, column)
    keys = priorities.of_pairs(mentees, shared)
    takes = (points >= 0) & (wanted > wishes[mentees]) & (keys > above)
    takes &= ~np.isin(mentees, refusing)
    if not takes.any():
        return above, -1, -1
    at = int(np.where(takes, keys, -1).argmax())
    return int(keys[at]), int(mentees[at]), int(wanted[at])


def ordered(
    block: Block, points: NDArray[np.int16], draws: Draws, length: int
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
    """Each mentee's best `length` mentors with `points` of at least 0, in her order.

    Rows and columns of the block and the place on her list, sorted by row and then by place.
    """
    row, column = _best(points, length)
    mentees, mentors = block.mentees[row], block.mentors[column]
    wanted = draws.preference(points[row, column], mentees, mentors)
    order = np.lexsort((-wanted, row))  # stable: equal preferences stay in the order of ids
    row, column = row[order], column[order]
    counts = np.bincount(row, minlength=len(block.mentees))
    place = np.arange(len(row)) - np.repeat(np.cumsum(counts) - counts, counts)
    kept = place < length
    return row[kept], column[kept], place[kept]


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
