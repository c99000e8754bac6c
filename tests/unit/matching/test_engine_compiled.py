"""The compiled path gives what NumPy gives, to the last bit, and columns what people give."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.matching.domain.acceptance import NOBODY
from services.matching.domain.engine import ColumnarEngine, Solved
from services.matching.domain.pool import Pool
from services.matching.domain.round import RoundInput
from shared.events.participants import KindOfHelp
from tests.bench.population import NOW, a_pool
from tests.bench.population import a_round as a_large_round
from tests.unit.matching.engine_builders import WEIGHTS, a_mentee, a_mentor, a_round, rounds

FIELDS = ("mentor_of", "points", "shared", "floors")


@given(rounds(most=7), st.integers(1, 3))
@settings(max_examples=200)
def test_a_compiled_round_is_the_round_of_numpy(round_input: RoundInput, length: int) -> None:
    numpy = ColumnarEngine(list_length=length, need_depth=1, way="numpy").solve(round_input)
    compiled = ColumnarEngine(list_length=length, need_depth=1, way="compiled").solve(round_input)
    assert compiled == numpy


@given(rounds(most=7))
@settings(max_examples=50)
def test_a_compiled_top_up_is_the_top_up_of_numpy(round_input: RoundInput) -> None:
    whole = ColumnarEngine(way="numpy").solve(round_input)
    some = {one.mentee_id: one.mentor_id for one in whole.pairings[::2]}
    asked = replace(round_input, tentative=some, seed=round_input.seed + 1)
    numpy = ColumnarEngine(list_length=2, need_depth=1, way="numpy").top_up(asked)
    compiled = ColumnarEngine(list_length=2, need_depth=1, way="compiled").top_up(asked)
    assert compiled == numpy


@pytest.mark.parametrize("supply", ["usual", "scarce"])
@pytest.mark.parametrize("cities", [1, 8])
def test_a_compiled_round_is_that_of_numpy_in_a_whole_country(supply: str, cities: int) -> None:
    pool = a_pool(1500, 7, supply, cities)
    numpy, compiled = solved(pool, "numpy"), solved(pool, "compiled")
    for field in FIELDS:
        assert (getattr(compiled.matching, field) == getattr(numpy.matching, field)).all()
    lists, others = numpy.path.first_lists(32), compiled.path.first_lists(32)
    for field in ("mentors", "shared", "points", "count"):
        assert (getattr(others, field) == getattr(lists, field)).all()
    blocking, ranks = numpy.path.check(numpy.priorities, numpy.matching)
    same_blocking, same_ranks = compiled.path.check(numpy.priorities, numpy.matching)
    assert (same_blocking, same_ranks.tolist()) == (blocking, ranks.tolist())
    waiting = np.flatnonzero(numpy.matching.mentor_of == NOBODY)
    newest = np.random.default_rng(1).permutation(pool.mentors.since)
    for one, other in zip(
        numpy.path.count_before(waiting, newest),
        compiled.path.count_before(waiting, newest),
        strict=True,
    ):
        assert (one == other).all()


def solved(pool: Pool, way: str) -> Solved:
    return ColumnarEngine(way=way).match(pool, WEIGHTS, 3, NOW)  # type: ignore[arg-type]


def test_a_wrong_matching_is_seen_by_the_compiled_certificate() -> None:
    pool = a_pool(800, 2, cities=2)
    found = solved(pool, "compiled")
    matching = found.matching
    assert found.path.check(found.priorities, matching)[0] == 0
    row = int(np.flatnonzero(matching.mentor_of != NOBODY)[5])
    matching.floors[matching.mentor_of[row]] = -1
    matching.mentor_of[row], matching.points[row] = NOBODY, 0
    assert found.path.check(found.priorities, matching)[0] > 0
    numpy = solved(pool, "numpy").path.check(found.priorities, matching)
    assert found.path.check(found.priorities, matching)[0] == numpy[0]


def test_of_equals_the_lottery_decides_wherever_they_stand() -> None:
    """They offer different things that she did not ask for, so all give her the most there is."""
    kinds = tuple(KindOfHelp)
    people = [a_mentee(f"mentee-{number}") for number in range(5)]
    people += [
        a_mentor(f"mentor-{number:02}").with_help(kinds[number % 8], kinds[number % 7])
        for number in range(40)
    ]
    pool = Pool.of(a_round(*people))
    numpy, compiled = solved(pool, "numpy"), solved(pool, "compiled")
    for length in (1, 3, 32):
        expected = numpy.path.first_lists(length).mentors
        assert (compiled.path.first_lists(length).mentors == expected).all()


def test_columns_made_directly_are_matched_as_the_same_people_one_by_one() -> None:
    asked = a_large_round(700, seed=11, cities=4)
    of_columns = solved(a_pool(700, 11, cities=4), "numpy").matching
    people = ColumnarEngine(way="numpy").match(Pool.of(asked), WEIGHTS, 3, NOW).matching
    assert (of_columns.mentor_of == people.mentor_of).all()
    assert (of_columns.points == people.points).all()


def test_a_round_of_nobody_compiles() -> None:
    compiled = ColumnarEngine(way="compiled")
    assert compiled.solve(a_round()).pairings == ()
    assert compiled.solve(a_round(a_mentee())).pairings == ()
    assert compiled.solve(a_round(a_mentor())).pairings == ()
