"""Deferred acceptance: stable, within seats, best for mentees, and the same with short lists."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from matching.games import HospitalResident  # type: ignore[import-untyped]  # ships no types

from services.matching.domain.acceptance import NOBODY
from services.matching.domain.engine import ColumnarEngine, draw, mentors_order
from services.matching.domain.pairs import Pairs
from services.matching.domain.paths import NumpyPath, Way
from services.matching.domain.pool import Pool
from services.matching.domain.round import RoundInput
from tests.bench.population import a_round as a_large_round
from tests.unit.matching.engine_builders import a_mentee, a_mentor, a_round, rounds
from tests.unit.matching.engine_reference import Pair, reference

ENGINE = ColumnarEngine()


def matched(round_input: RoundInput, engine: ColumnarEngine = ENGINE) -> set[Pair]:
    return {(one.mentee_id, one.mentor_id) for one in engine.solve(round_input).pairings}


@given(rounds())
def test_no_two_people_would_both_rather_have_each_other(round_input: RoundInput) -> None:
    assert reference(round_input).blocking(matched(round_input)) == set()


@given(rounds())
def test_the_matching_is_that_of_plain_deferred_acceptance(round_input: RoundInput) -> None:
    assert matched(round_input) == reference(round_input).stable()


@given(rounds())
def test_nobody_has_two_mentors_no_mentor_too_many_mentees_and_only_possible_pairs_are_made(
    round_input: RoundInput,
) -> None:
    expected = reference(round_input)
    pairs = [(one.mentee_id, one.mentor_id) for one in ENGINE.solve(round_input).pairings]
    assert len({mentee for mentee, _ in pairs}) == len(pairs)
    for mentor, seats in expected.seats.items():
        assert sum(held_by == mentor for _, held_by in pairs) <= seats
    assert set(pairs) <= set(expected.wanted_by_mentee)


@given(rounds(most=7))
@settings(max_examples=50)
def test_short_lists_read_on_give_what_full_lists_give(round_input: RoundInput) -> None:
    full = matched(round_input, ColumnarEngine(list_length=1000, need_depth=1))
    for length in (1, 2, 3):
        assert matched(round_input, ColumnarEngine(list_length=length, need_depth=1)) == full


@pytest.mark.parametrize("supply", ["usual", "scarce"])
def test_short_lists_read_on_give_what_full_lists_give_in_a_whole_town(supply: str) -> None:
    round_input = a_large_round(400, seed=5, supply=supply, cities=3)
    full = ENGINE.solve(round_input)
    full_lists = ColumnarEngine(list_length=1000, need_depth=32)
    assert full_lists.solve(round_input) == full
    assert full.certificate.blocking_pairs == 0
    assert reference(round_input).blocking(matched(round_input)) == set()


@pytest.mark.parametrize("way", ["numpy", "compiled"])
def test_whoever_is_refused_at_the_end_of_a_short_list_asks_on(way: Way) -> None:
    people = [a_mentee(f"mentee-{number}") for number in range(6)]
    people += [a_mentor(f"mentor-{number}") for number in range(6)]
    engine = ColumnarEngine(list_length=1, need_depth=1, way=way)
    for seed in range(4):
        assert len(matched(a_round(*people, seed=seed), engine)) == 6


@given(rounds())
@settings(max_examples=50)
def test_the_certificate_counts_blocking_pairs_and_ranks(round_input: RoundInput) -> None:
    expected = reference(round_input)
    pool = Pool.of(round_input)
    pairs, draws = Pairs(pool, round_input.weights), draw(pool, round_input.seed)
    path = NumpyPath(pairs, draws)
    lists = path.first_lists(32)
    order = mentors_order(pool, draws, lists, 32, round_input.now)
    matching = path.accept(lists, order)
    blocking, ranks = path.check(order, matching)
    assert blocking == 0
    for row, mentee in enumerate(pool.mentees.ids):
        wanted = {
            mentor: key for (one, mentor), key in expected.wanted_by_mentee.items() if one == mentee
        }
        if (mine := int(matching.mentor_of[row])) == NOBODY:
            assert ranks[row] == 0
        else:
            key = wanted[pool.mentors.ids[mine]]
            assert ranks[row] == 1 + sum(other > key for other in wanted.values())
    # Whoever is sent away from her mentor blocks with her again, so the count cannot stay 0.
    if (held := np.flatnonzero(matching.mentor_of != NOBODY)).size:
        mentor = matching.mentor_of[held[0]]
        matching.mentor_of[held[0]] = NOBODY
        matching.floors[mentor] = -1
        matching.points[held[0]] = 0
        assert path.check(order, matching)[0] > 0


@given(rounds())
@settings(max_examples=50)
def test_the_library_matching_finds_the_same(round_input: RoundInput) -> None:
    expected = reference(round_input)
    mentees = {mentee for mentee, _ in expected.wanted_by_mentee}
    mentors = {mentor for _, mentor in expected.wanted_by_mentee}
    if not mentees:
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        game = HospitalResident.create_from_dictionaries(
            {one: best_first(expected.wanted_by_mentee, one, side=0) for one in mentees},
            {one: best_first(expected.wanted_by_mentor, one, side=1) for one in mentors},
            {one: expected.seats[one] for one in mentors},
        )
        solved = game.solve(optimal="resident")
    assert matched(round_input) == {
        (mentee.name, mentor.name) for mentor, held in solved.items() for mentee in held
    }


def best_first(wanted: dict[Pair, tuple[int, int]], one: str, side: int) -> list[str]:
    own = sorted((pair for pair in wanted if pair[side] == one), key=wanted.__getitem__)
    return [pair[1 - side] for pair in reversed(own)]


def test_a_mentor_with_two_seats_takes_two() -> None:
    people = [a_mentee(f"mentee-{number}") for number in range(3)]
    assert len(matched(a_round(*people, a_mentor(seats=2)))) == 2


def test_a_mentor_has_no_more_seats_than_her_capacity_whatever_is_said_to_be_free() -> None:
    people = [a_mentee(f"mentee-{number}") for number in range(3)]
    assert len(matched(a_round(*people, a_mentor(seats=1), free_seats={"mentor": 3}))) == 1


def test_of_two_equals_the_one_who_waits_longer_gets_the_seat() -> None:
    new, old = a_mentee("new").waiting_since(3), a_mentee("old").waiting_since(60)
    assert matched(a_round(new, old, a_mentor())) == {("old", "mentor")}


def test_of_two_who_wait_the_one_with_common_ground_gets_the_seat() -> None:
    mentor = a_mentor().liking("films", "gardens")
    plain, shared = a_mentee("plain"), a_mentee("shared").liking("films", "gardens")
    assert matched(a_round(plain, shared, mentor)) == {("shared", "mentor")}


def test_a_mentee_with_few_options_comes_before_one_with_many() -> None:
    """Both want bea most; only the one who speaks Arabic alone has nobody else."""
    bea = a_mentor("bea").speaking("da", "ar").working_as("2512")
    others = [a_mentor(f"mentor-{number}").speaking("da") for number in range(4)]
    many = a_mentee("many").speaking("da").working_as("2512")
    few = a_mentee("few").speaking("ar").working_as("2512")
    for seed in range(8):
        assert ("few", "bea") in matched(a_round(bea, *others, many, few, seed=seed))


def test_the_lottery_among_equals_goes_by_the_seed() -> None:
    people = [a_mentee(f"mentee-{number}") for number in range(4)]
    winners = {frozenset(matched(a_round(*people, a_mentor(), seed=seed))) for seed in range(40)}
    assert len(winners) == 4


def test_equal_mentors_are_spread_over_the_mentees() -> None:
    people = [a_mentee(f"mentee-{number}") for number in range(30)]
    people += [a_mentor(f"mentor-{number}", seats=5) for number in range(30)]
    assert len({mentor for _, mentor in matched(a_round(*people))}) > 10


def test_lists_shorter_than_what_need_looks_at_are_refused() -> None:
    with pytest.raises(ValueError, match="need_depth is 32"):
        ColumnarEngine(list_length=8)
