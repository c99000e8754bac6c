"""Possible pairs as one sparse graph: what solvers other than deferred acceptance work on."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.matching.domain.candidates import Draws, ordered
from services.matching.domain.pairs import IMPOSSIBLE, Pairs


@dataclass(frozen=True, slots=True)
class Graph:
    """Lists of possible pairs with mentors who have a free seat, one after another.

    The list of mentee `row` is `start[row]:start[row + 1]` of the other arrays, her best mentor
    first. `start`: shape (mentees + 1,). `mentors`, `points` (the score), `shared` (items of common
    ground, counted up to `factors.ENOUGH_SHARED`): shape (edges,).
    """

    start: NDArray[np.int64]
    mentors: NDArray[np.int32]
    points: NDArray[np.int16]
    shared: NDArray[np.int8]


def graph_of(pairs: Pairs, draws: Draws) -> Graph:
    """All of everybody's mentors, pair by pair in NumPy."""
    seats = pairs.pool.free_seats
    found = []
    for block in pairs.blocks():
        block.points[:, seats[block.mentors] == 0] = IMPOSSIBLE
        row, column, _ = ordered(block, block.points, draws, len(block.mentors))
        found.append(
            (
                block.mentees[row],
                block.mentors[column].astype(np.int32),
                block.points[row, column],
                block.shared[row, column].astype(np.int8),
            )
        )
    count = len(pairs.pool.mentees)
    if not found:
        return Graph(
            np.zeros(count + 1, np.int64),
            np.zeros(0, np.int32),
            np.zeros(0, np.int16),
            np.zeros(0, np.int8),
        )
    mentees, mentors, points, shared = map(np.concatenate, zip(*found, strict=True))
    by_mentee = np.argsort(mentees, kind="stable")  # a mentee is in one block, in order there
    lengths = np.bincount(mentees, minlength=count)
    start = np.concatenate(([0], np.cumsum(lengths))).astype(np.int64)
    return Graph(start, mentors[by_mentee], points[by_mentee], shared[by_mentee])
