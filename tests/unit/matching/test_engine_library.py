"""The library `matching` finds the same pairs on towns of people, given the same preferences."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.matching.domain.engine import ColumnarEngine
from tests.bench.matching.graph import graph_of
from tests.bench.matching.solvers import library_matching
from tests.bench.population import NOW, SUPPLY, a_pool
from tests.unit.matching.engine_builders import WEIGHTS


def both_find_the_same(people: int, seed: int, supply: str, cities: int) -> bool:
    found = ColumnarEngine().match(a_pool(people, seed, supply, cities), WEIGHTS, seed, NOW)
    graph = graph_of(found.pairs, found.draws)
    theirs = library_matching(graph, found.pairs.pool.free_seats, found.priorities)
    return bool((theirs == found.matching.mentor_of).all())


@given(
    st.integers(4, 60), st.integers(0, 2**32), st.sampled_from(sorted(SUPPLY)), st.integers(1, 4)
)
@settings(max_examples=50)
def test_on_sixty_people_and_fewer(people: int, seed: int, supply: str, cities: int) -> None:
    assert both_find_the_same(people, seed, supply, cities)


@pytest.mark.parametrize("seed", range(5))
def test_on_two_thousand_people(seed: int) -> None:
    assert both_find_the_same(2000, seed, "usual", cities=30)
