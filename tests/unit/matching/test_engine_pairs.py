"""Whole blocks of pairs follow the same rules as one pair."""

import numpy as np
import pytest
from hypothesis import given

from services.matching.domain.constraints import HARD_CONSTRAINTS, FreeSeat, MeetingPlace, Situation
from services.matching.domain.factors import ENOUGH_SHARED
from services.matching.domain.pairs import Pairs
from services.matching.domain.person import Person
from services.matching.domain.pool import Pool, items_of
from services.matching.domain.reasons import reasons_for
from services.matching.domain.round import RoundInput
from shared.events.programmes import ScoreWeights
from tests.unit.matching.engine_builders import (
    a_mentee,
    a_mentor,
    a_round,
    mentees_of,
    mentors_of,
    rounds,
)

Found = dict[tuple[int, int], tuple[int, int]]


def found_by_blocks(pairs: Pairs, wanted: np.ndarray | None = None) -> Found:
    """(points, shared items) of every pair in the blocks, none of which may come twice."""
    found: Found = {}
    for block in pairs.blocks(wanted):
        for row, mentee in enumerate(block.mentees.tolist()):
            for column, mentor in enumerate(block.mentors.tolist()):
                assert (mentee, mentor) not in found
                found[mentee, mentor] = (
                    int(block.points[row, column]),
                    int(block.shared[row, column]),
                )
    return found


def can_meet(mentee: Person, mentor: Person, round_input: RoundInput) -> bool:
    situation = Situation(round_input.free_seats, round_input.never_again)
    return not any(
        rule.explain(mentee, mentor, situation)
        for rule in HARD_CONSTRAINTS
        if not isinstance(rule, FreeSeat)
    )


@given(rounds())
def test_a_pair_is_possible_in_a_block_when_no_hard_constraint_forbids_it(
    round_input: RoundInput,
) -> None:
    pool = Pool.of(round_input)
    found = found_by_blocks(Pairs(pool, round_input.weights))
    for row, mentee in enumerate(mentees_of(round_input)):
        for column, mentor in enumerate(mentors_of(round_input)):
            points, _ = found.get((row, column), (-1, 0))
            assert (points >= 0) == can_meet(mentee, mentor, round_input)


@given(rounds())
def test_a_block_gives_every_possible_pair_the_sum_of_its_reasons(round_input: RoundInput) -> None:
    pool = Pool.of(round_input)
    for (row, column), (points, shared) in found_by_blocks(
        Pairs(pool, round_input.weights)
    ).items():
        mentee, mentor = mentees_of(round_input)[row], mentors_of(round_input)[column]
        assert shared == min(ENOUGH_SHARED, len(items_of(mentee) & items_of(mentor)))
        if points >= 0:
            reasons = reasons_for(mentee, mentor, round_input.weights)
            assert points == sum(reason.points for reason in reasons)
            assert points <= 1000


@given(rounds())
def test_pairs_outside_all_blocks_cannot_meet(round_input: RoundInput) -> None:
    pool = Pool.of(round_input)
    found = found_by_blocks(Pairs(pool, round_input.weights))
    situation = Situation({}, ())
    for row, mentee in enumerate(mentees_of(round_input)):
        for column, mentor in enumerate(mentors_of(round_input)):
            if (row, column) not in found:
                assert MeetingPlace().explain(mentee, mentor, situation)


def test_common_ground_is_counted_beyond_the_first_sixty_four_items() -> None:
    many = tuple(f"interest-{number:03}" for number in range(150))
    few = a_mentee("few").liking(many[3], many[70], many[149], "hers alone")
    none = a_mentee("none").liking("hers alone")
    whole = a_mentee("whole").liking(*many)
    pool = Pool.of(a_round(few, none, whole, a_mentor().liking(*many)))
    assert pool.mentees.common_ground.shape == (3, 3)
    found = found_by_blocks(Pairs(pool, ScoreWeights()))
    assert [shared for _, shared in found.values()] == [3, 0, ENOUGH_SHARED]


def test_blocks_of_wanted_mentees_are_the_same_pairs() -> None:
    people = [a_mentee(f"mentee-{number}") for number in range(5)] + [a_mentor()]
    pairs = Pairs(Pool.of(a_round(*people)), ScoreWeights())
    wanted = np.array([False, True, False, True, True])
    everything = found_by_blocks(pairs)
    assert found_by_blocks(pairs, wanted) == {
        pair: found for pair, found in everything.items() if wanted[pair[0]]
    }


def test_a_pool_larger_than_a_block_is_cut_without_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    people = [a_mentee(f"mentee-{number}") for number in range(7)]
    people += [a_mentor(f"mentor-{number}") for number in range(3)]
    pairs = Pairs(Pool.of(a_round(*people)), ScoreWeights())
    whole = found_by_blocks(pairs)
    monkeypatch.setattr("services.matching.domain.pairs.CELLS", 6)
    assert len(list(pairs.blocks())) == 4
    assert found_by_blocks(pairs) == whole
    assert len(whole) == 21


@given(rounds())
def test_single_pairs_are_scored_as_in_a_block(round_input: RoundInput) -> None:
    pool = Pool.of(round_input)
    pairs = Pairs(pool, round_input.weights)
    rows = [(one, other) for one in range(len(pool.mentees)) for other in range(len(pool.mentors))]
    mentees, mentors = np.array(rows, np.intp).reshape(-1, 2).T
    points, shared = pairs.scores_of(mentees, mentors)
    found = found_by_blocks(pairs)
    for (mentee, mentor), score, common in zip(rows, points, shared, strict=True):
        expected = found.get((mentee, mentor), (-1, 0))
        assert (score >= 0) == (expected[0] >= 0)
        if score >= 0:
            assert (score, common) == expected


def test_somebody_twice_in_a_round_is_refused_by_id() -> None:
    with pytest.raises(ValueError, match="amal"):
        Pool.of(a_round(a_mentee("amal"), a_mentor("amal")))
