"""Others, measured beside us: the same population, the same points, the same pairs to choose among.

`total_s` is scoring and solving: our own scoring of their lists, and what each library needs besides.
`solve_s` is what the library is normally called with, to what it gives back. `deferred-acceptance-k50`
is our own solver on the graph that OR-Tools and SciPy get; its lists are not read on.
"""

import statistics
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np

from services.matching.domain import seating
from services.matching.domain.acceptance import NO_SEAT, NOBODY, Matching
from services.matching.domain.candidates import Lists
from services.matching.domain.compiled import keys_of, no_one_seated
from services.matching.domain.engine import ColumnarEngine, Solved
from shared.events.programmes import ScoreWeights
from tests.bench.matching.graph import Graph, graph_of
from tests.bench.matching.memory import peak_mb
from tests.bench.matching.solvers import (
    Rows,
    greedy,
    library_matching,
    ortools_flow,
    scipy_sparse,
)
from tests.bench.population import NOW, a_pool

SEED = 1
WEIGHTS = ScoreWeights()


def case(people: int, supply: str) -> Solved:
    """The population, with our own matching of it, from which priorities are taken."""
    return ColumnarEngine().match(a_pool(people, SEED, supply), WEIGHTS, SEED, NOW)


def as_it_is(graph: Graph) -> Graph:
    """Most libraries want other things anyway, and making these is part of calling them."""
    return graph


def lists_of(graph: Graph) -> Lists:
    count = np.diff(graph.start).astype(np.int32)
    lists = Lists.empty(len(count), int(count.max(initial=1)))
    listed = np.arange(lists.mentors.shape[1]) < count[:, None]
    lists.mentors[listed], lists.shared[listed] = graph.mentors, graph.shared
    lists.points[listed], lists.count[:] = graph.points, count
    return lists


@dataclass(frozen=True, slots=True)
class Peer:
    """`length` of everybody's list, None for all who fit. `most_people`: more takes too long.

    `form`: what `solve` is given, made from the graph.
    """

    solve: Callable[[Solved, Any], Rows]
    length: int | None
    most_people: int
    once: bool = False
    form: Callable[[Graph], Any] = as_it_is


def on_the_same_graph(found: Solved, lists: Lists) -> Rows:
    """Our deferred acceptance on these pairs, compiled."""
    keys, seats = keys_of(found.priorities), no_one_seated(found.pairs.pool.free_seats)
    asked, asking = np.zeros(len(lists.count), np.int32), np.arange(len(lists.count))
    seating.ask(
        keys, seats, asking, len(asking), asked, lists.mentors, lists.shared, lists.count
    )  # fmt: skip
    matched = seats.mentees[seats.mentees >= 0]
    mentor_of = np.full(len(lists.count), NOBODY, np.int64)
    mentor_of[matched] = lists.mentors[matched, asked[matched] - 1]
    return mentor_of


def _seats(found: Solved) -> Rows:
    return found.pairs.pool.free_seats


def _library(found: Solved, graph: Graph) -> Rows:
    return library_matching(graph, _seats(found), found.priorities)


PEERS = {
    "deferred-acceptance-k50": Peer(on_the_same_graph, 50, 1_000_000, form=lists_of),
    "matching-full": Peer(_library, None, 5_000, once=True),
    "matching-k32": Peer(_library, 32, 5_000, once=True),
    "ortools-k50": Peer(lambda found, graph: ortools_flow(graph, _seats(found)), 50, 1_000_000),
    "scipy-k50": Peer(lambda found, graph: scipy_sparse(graph, _seats(found)), 50, 100_000),
    "greedy-k50": Peer(lambda found, graph: greedy(graph, _seats(found)), 50, 1_000_000),
}


def measure(people: int, supply: str, method: str, runs: int) -> dict[str, Any]:
    """One row of `matching.json`; the times are medians of `runs`, or of 1 where that is long."""
    peer, found = PEERS[method], case(people, supply)
    before_mb = peak_mb()
    totals, solves = [], []
    runs = 1 if peer.once or people > 100_000 else runs
    if method == "deferred-acceptance-k50":  # loads what was compiled before
        peer.solve(found, peer.form(graph_of_best(found, 1)))
    for _ in range(runs):
        started = perf_counter()
        formed = peer.form(graph_of_best(found, peer.length))
        scored = perf_counter()
        mentor_of = peer.solve(found, formed)
        solves.append(perf_counter() - scored)
        totals.append(perf_counter() - started)
    return {
        "people": people,
        "method": method,
        "supply": supply,
        "total_s": round(statistics.median(totals), 4),
        "solve_s": round(statistics.median(solves), 5),
        "peak_mb": round(peak_mb()),
        "before_mb": round(before_mb),
        "runs": runs,
        **worth(found, mentor_of),
    }


def graph_of_best(found: Solved, length: int | None) -> Graph:
    """Everybody's best `length` mentors, or all, scored the fastest way."""
    if length is None:
        return graph_of(found.pairs, found.draws)
    lists = found.path.first_lists(length)
    listed = np.arange(lists.mentors.shape[1]) < lists.count[:, None]
    start = np.concatenate(([0], np.cumsum(lists.count))).astype(np.int64)
    return Graph(start, lists.mentors[listed], lists.points[listed], lists.shared[listed])


def worth(found: Solved, mentor_of: Rows) -> dict[str, Any]:
    """How many are placed, how well, and how many pairs would both rather have each other."""
    matching = matching_of(found, mentor_of)
    blocking_pairs, ranks = found.path.check(found.priorities, matching)
    placed = mentor_of != NOBODY
    return {
        "placed": int(placed.sum()),
        "mean_score": round(float(matching.points[placed].mean()), 1) if placed.any() else 0.0,
        "mean_rank": round(float(ranks[placed].mean()), 2) if placed.any() else 0.0,
        "blocking_pairs": blocking_pairs,
    }


def matching_of(found: Solved, mentor_of: Rows) -> Matching:
    """Anybody's matching, as the certificate reads it."""
    pool, rows = found.pairs.pool, np.flatnonzero(mentor_of != NOBODY)
    points, shared = np.zeros(len(mentor_of), np.int16), np.zeros(len(mentor_of), np.int8)
    points[rows], shared[rows] = found.pairs.scores_of(rows, mentor_of[rows])
    floors = np.full(len(pool.free_seats), NO_SEAT)
    np.minimum.at(floors, mentor_of[rows], found.priorities.of_pairs(rows, shared[rows]))
    held = np.bincount(mentor_of[rows], minlength=len(floors))
    floors[(held < pool.free_seats) & (pool.free_seats > 0)] = -1
    return Matching(mentor_of, points, shared, floors)
