"""Against solvers that others wrote: on populations of some thousand, and all of them on one graph."""

from dataclasses import replace

import numpy as np
import pytest

from services.matching.domain.acceptance import NOBODY
from services.matching.domain.engine import ColumnarEngine, Solved
from services.matching.domain.pool import Pool
from services.matching.domain.rescue import LEAST_KEPT, MOST_LOST, rescue
from services.matching.domain.round import RoundInput
from tests.bench.matching.graph import Graph, graph_of
from tests.bench.matching.solvers import (
    Rows,
    greedy,
    library_matching,
    mentees_of,
    ortools_flow,
    scipy_sparse,
)
from tests.bench.population import a_round

WITHIN = 0.001  # of the mentees who have anybody at all: 0.1 percentage points


def solved(round_input: RoundInput) -> Solved:
    pool = Pool.of(round_input)
    return ColumnarEngine().match(pool, round_input.weights, round_input.seed, round_input.now)


def full_graph(found: Solved) -> Graph:
    return graph_of(found.pairs, found.draws)


def placed(mentor_of: Rows) -> int:
    return int(np.count_nonzero(mentor_of != NOBODY))


def score(graph: Graph, mentor_of: Rows) -> int:
    chosen = graph.mentors == mentor_of[mentees_of(graph)]
    return int(graph.points[chosen].sum())


@pytest.mark.parametrize("supply", ["usual", "scarce"])
@pytest.mark.parametrize(
    ("people", "seed"), [(3300, 1), (3300, 4), (5000, 2), (5000, 7), (8000, 3)]
)
def test_the_rescue_places_nearly_as_many_as_can_be_placed_at_all(
    people: int, seed: int, supply: str
) -> None:
    found = solved(a_round(people, seed, supply))
    done = rescue(found.pairs, found.matching)
    best = placed(ortools_flow(full_graph(found), found.pairs.pool.free_seats))
    mentees = len(found.matching.mentor_of)
    assert placed(found.matching.mentor_of) < placed(done.matching.mentor_of) <= best
    assert best - placed(done.matching.mentor_of) <= WITHIN * mentees
    assert (done.matching.mentor_of[found.matching.mentor_of != NOBODY] != NOBODY).all()
    assert (done.before - done.after).max() <= MOST_LOST
    assert (LEAST_KEPT * done.after >= done.before).all()


@pytest.mark.parametrize("supply", ["usual", "scarce"])
def test_without_a_bound_the_rescue_places_as_many_as_the_optimum(supply: str) -> None:
    found = solved(a_round(2000, 5, supply))
    done = rescue(found.pairs, found.matching, most_lost=1000)
    best = ortools_flow(full_graph(found), found.pairs.pool.free_seats)
    kept = (LEAST_KEPT * done.after >= done.before).all()
    assert kept
    assert placed(done.matching.mentor_of) >= placed(best) - 1


@pytest.mark.parametrize("supply", ["usual", "scarce"])
def test_or_tools_and_scipy_find_the_same_optimum(supply: str) -> None:
    found = solved(a_round(900, 3, supply, cities=9))
    graph, seats = full_graph(found), found.pairs.pool.free_seats
    one, other = ortools_flow(graph, seats), scipy_sparse(graph, seats)
    assert (placed(one), score(graph, one)) == (placed(other), score(graph, other))
    assert placed(one) >= placed(found.matching.mentor_of)
    assert score(graph, one) > score(graph, found.matching.mentor_of)
    for mentor_of in (one, other, greedy(graph, seats)):
        chosen = graph.mentors == mentor_of[mentees_of(graph)]
        assert np.count_nonzero(chosen) == placed(mentor_of)
        taken = np.bincount(mentor_of[mentor_of != NOBODY], minlength=len(seats))
        assert (taken <= seats).all()


@pytest.mark.parametrize("supply", ["usual", "scarce"])
def test_the_library_matching_finds_our_matching_on_a_town(supply: str) -> None:
    round_input = a_round(700, 6, supply, cities=5)
    found = solved(round_input)
    seats = found.pairs.pool.free_seats
    theirs = library_matching(full_graph(found), seats, found.priorities)
    assert theirs.tolist() == found.matching.mentor_of.tolist()


def test_the_engine_and_the_rescue_say_the_same() -> None:
    round_input = replace(a_round(2000, 5), rescue="minimal")
    result = ColumnarEngine().solve(round_input)
    found = solved(round_input)
    done = rescue(found.pairs, found.matching)
    ids = found.pairs.pool.mentees.ids
    assert {one.mentee_id for one in result.pairings} == {
        ids[row] for row in np.flatnonzero(done.matching.mentor_of != NOBODY).tolist()
    }
    assert result.certificate.moved == len(result.moves) == len(done.moved) > 0
    assert [one.points_after for one in result.moves] == done.after.tolist()
    by_mentee = {one.mentee_id: one for one in result.pairings}
    for move in result.moves:
        pairing = by_mentee[move.mentee_id]
        assert (pairing.mentor_id, pairing.score) == (move.to_mentor_id, move.points_after)
