"""What others solve with, each as its own library is normally used, on one graph of possible pairs.

All give the mentor of each mentee, shape (mentees,), rows or `NOBODY`. Each library is imported only
where it is used: memory is compared too.
"""

import sys
import threading
import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.matching.domain.acceptance import NOBODY
from services.matching.domain.priority import Priorities
from tests.bench.matching.graph import Graph

MOST_POINTS = 1000
Rows = NDArray[np.int64]

# `matching` calls itself once for each step: with Python's usual limits it fails at 500 people.
DEEP = 10_000_000
STACK_BYTES = 512 << 20


def mentees_of(graph: Graph) -> Rows:
    """The mentee of each pair, shape (pairs,)."""
    return np.repeat(np.arange(len(graph.start) - 1), np.diff(graph.start))


def ortools_flow(graph: Graph, seats: Rows) -> Rows:
    """Most placed, and of all such matchings the highest sum of scores: min-cost flow."""
    from ortools.graph.python.min_cost_flow import (  # type: ignore[import-untyped]  # no types
        SimpleMinCostFlow,
    )

    mentees, mentors = mentees_of(graph), graph.mentors.astype(np.int64)
    count, sink = len(graph.start) - 1, len(graph.start) - 1 + len(seats)
    flow = SimpleMinCostFlow()
    pairs = flow.add_arcs_with_capacity_and_unit_cost(
        mentees, count + mentors, np.ones(len(mentees), np.int64),
        MOST_POINTS - graph.points.astype(np.int64),
    )  # fmt: skip
    alone = np.arange(count)
    # More than any chain of changes can save.
    waits = np.full(count, MOST_POINTS * (min(count, int(seats.sum())) + 1))
    flow.add_arcs_with_capacity_and_unit_cost(
        alone, np.full(count, sink), np.ones(count, np.int64), waits
    )
    flow.add_arcs_with_capacity_and_unit_cost(
        np.arange(count, sink), np.full(len(seats), sink), seats, np.zeros(len(seats), np.int64)
    )
    supplies = np.zeros(sink + 1, np.int64)
    supplies[:count], supplies[sink] = 1, -count
    flow.set_nodes_supplies(np.arange(sink + 1), supplies)
    status = flow.solve()
    if status != flow.OPTIMAL:
        raise RuntimeError(f"OR-Tools ended as {status.name}.")
    used = flow.flows(pairs) > 0
    return _matched(count, mentees[used], mentors[used])


def scipy_sparse(graph: Graph, seats: Rows) -> Rows:
    """The same optimum by SciPy's sparse matching: a column a seat, and one to wait for each."""
    from scipy.sparse import csr_array  # type: ignore[import-untyped]  # ships no types
    from scipy.sparse.csgraph import (  # type: ignore[import-untyped]
        min_weight_full_bipartite_matching,
    )

    mentees, count = mentees_of(graph), len(graph.start) - 1
    first_seat = np.concatenate(([0], np.cumsum(seats)))
    copies = seats[graph.mentors]
    rows = np.repeat(mentees, copies)
    within = np.arange(len(rows)) - np.repeat(np.cumsum(copies) - copies, copies)
    columns = np.repeat(first_seat[graph.mentors], copies) + within
    costs = np.repeat(MOST_POINTS + 1 - graph.points.astype(np.float64), copies)
    total = int(first_seat[-1])
    waits = float(MOST_POINTS * (min(count, total) + 1))
    table = csr_array(
        (
            np.concatenate((costs, np.full(count, waits))),
            (
                np.concatenate((rows, np.arange(count))),
                np.concatenate((columns, total + np.arange(count))),
            ),
        ),
        shape=(count, total + count),
    )
    mentee, column = min_weight_full_bipartite_matching(table)
    placed = column < total
    mentor = np.searchsorted(first_seat, column[placed], side="right") - 1
    return _matched(count, mentee[placed], mentor)


def greedy(graph: Graph, seats: Rows) -> Rows:
    """The best pair first, as long as both are free; equals in the order of the lists."""
    mentees, left = mentees_of(graph), seats.tolist()
    mentor_of = [NOBODY] * (len(graph.start) - 1)
    for pair in np.argsort(-graph.points, kind="stable").tolist():
        mentee, mentor = int(mentees[pair]), int(graph.mentors[pair])
        if mentor_of[mentee] == NOBODY and left[mentor]:
            mentor_of[mentee] = mentor
            left[mentor] -= 1
    return np.array(mentor_of, np.int64)


def library_matching(graph: Graph, seats: Rows, priorities: Priorities) -> Rows:
    """`matching` 1.4.3: preferences of both sides as dictionaries, then `HospitalResident`."""
    from matching.games import HospitalResident  # type: ignore[import-untyped]  # ships no types

    mentees, mentors = mentees_of(graph), graph.mentors
    keys = priorities.of_pairs(mentees, graph.shared)
    theirs: dict[int, list[int]] = {}
    order = np.lexsort((-keys, mentors))
    for mentee, mentor in zip(mentees[order].tolist(), mentors[order].tolist(), strict=True):
        theirs.setdefault(mentor, []).append(mentee)
    lists = {
        row: graph.mentors[start:end].tolist()
        for row, (start, end) in enumerate(zip(graph.start, graph.start[1:], strict=False))
        if start < end
    }

    def solve() -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            game = HospitalResident.create_from_dictionaries(
                lists, theirs, {mentor: int(seats[mentor]) for mentor in theirs}
            )
            return game.solve(optimal="resident")

    mentor_of = np.full(len(graph.start) - 1, NOBODY, np.int64)
    for mentor, held in _deep(solve).items():
        mentor_of[[mentee.name for mentee in held]] = mentor.name
    return mentor_of


def _matched(count: int, mentees: Rows, mentors: Rows) -> Rows:
    mentor_of = np.full(count, NOBODY, np.int64)
    mentor_of[mentees] = mentors
    return mentor_of


def _deep(solve: Any) -> Any:
    """Runs it where it may call itself very deep."""
    found: list[Any] = []
    limit, stack = sys.getrecursionlimit(), threading.stack_size(STACK_BYTES)
    sys.setrecursionlimit(DEEP)
    try:
        thread = threading.Thread(target=lambda: found.append(solve()))
        thread.start()
        thread.join()
    finally:
        sys.setrecursionlimit(limit)
        threading.stack_size(stack)
    return found[0]
