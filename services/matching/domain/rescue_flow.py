"""Which moves to make, as a flow of least cost: every mentee sends one unit to a mentor's seat.

Solved by OR-Tools (cost scaling push-relabel; Goldberg, 1997). All numbers are integers and all arcs
come in the order of the rows, which is that of the ids, so the same people give the same moves.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from ortools.graph.python.min_cost_flow import (  # type: ignore[import-untyped]  # ships no types
    SimpleMinCostFlow,
)

from services.matching.domain.acceptance import NOBODY, Matching
from services.matching.domain.chains import Chains

MOST_POINTS: Final = 1000
MOVE: Final = MOST_POINTS
"""What moving a mentee costs, in points, besides those that she loses: more than she can lose, so
that of two ways to place as many the one that moves fewer is taken."""


def place(chains: Chains, stable: Matching, seats: NDArray[np.int64]) -> NDArray[np.int64]:
    """Whose mentor is whose, shape (mentees,), to place most with these pairs at the least cost.

    `stable`: the matching before anybody is moved. `seats`: shape (mentors,), taken or not. Whoever was matched stays matched. Raises RuntimeError if the solver gives up, which it has no
    reason to: leaving everybody where she is solves the problem too.
    """
    mentor_of = stable.mentor_of
    others = chains.mentors != mentor_of[chains.mentees]
    mentees, mentors = chains.mentees[others], chains.mentors[others]
    movable = np.unique(mentees)
    matched = movable[mentor_of[movable] != NOBODY]
    alone = movable[mentor_of[movable] == NOBODY]
    staying = mentor_of.copy()
    staying[movable] = NOBODY
    open_to_these = np.unique(np.concatenate((mentors, mentor_of[matched])))
    room = seats - np.bincount(staying[staying != NOBODY], minlength=len(seats))

    sink = len(movable) + len(open_to_these)
    flow = SimpleMinCostFlow()
    of_chains = flow.add_arcs_with_capacity_and_unit_cost(
        np.searchsorted(movable, mentees),
        len(movable) + np.searchsorted(open_to_these, mentors),
        np.ones(len(mentees), np.int64),
        _costs(
            chains.points[others],
            stable.points[mentees].astype(np.int64),
            mentor_of[mentees] == NOBODY,
        ),
    )
    flow.add_arcs_with_capacity_and_unit_cost(
        np.searchsorted(movable, matched),
        len(movable) + np.searchsorted(open_to_these, mentor_of[matched]),
        np.ones(len(matched), np.int64),
        np.zeros(len(matched), np.int64),
    )
    waits = len(movable) * (MOVE + MOST_POINTS) + 1  # more than any way of placing her costs
    flow.add_arcs_with_capacity_and_unit_cost(
        np.searchsorted(movable, alone),
        np.full(len(alone), sink),
        np.ones(len(alone), np.int64),
        np.full(len(alone), waits),
    )
    flow.add_arcs_with_capacity_and_unit_cost(
        np.arange(len(movable), sink),
        np.full(len(open_to_these), sink),
        room[open_to_these],
        np.zeros(len(open_to_these), np.int64),
    )
    supplies = np.zeros(sink + 1, np.int64)
    supplies[: len(movable)] = 1
    supplies[sink] = -len(movable)
    flow.set_nodes_supplies(np.arange(sink + 1), supplies)
    status = flow.solve()
    if status != flow.OPTIMAL:
        raise RuntimeError(f"The rescue's flow ended as {status.name}; report its round's seed.")
    used = flow.flows(of_chains) > 0
    placed = mentor_of.copy()
    placed[mentees[used]] = mentors[used]
    return placed


def _costs(
    points: NDArray[np.int64], before: NDArray[np.int64], alone: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """In points: what she does not get if she was alone, else the move and what it loses her."""
    return np.where(alone, MOST_POINTS - points, MOVE + np.maximum(0, before - points))
