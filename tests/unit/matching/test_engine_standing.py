"""Between rounds: chains of arrivals and of freed seats keep the matching stable."""

from dataclasses import replace
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.matching.domain.acceptance import NOBODY
from services.matching.domain.engine import ColumnarEngine, Solved
from services.matching.domain.pool import Pool
from services.matching.domain.round import RoundInput, RoundResult
from services.matching.domain.standing import Standing
from tests.bench.population import a_round as a_large_round
from tests.unit.matching.engine_builders import (
    a_mentee,
    a_mentor,
    a_round,
    mentees_of,
    mentors_of,
    rounds,
)
from tests.unit.matching.engine_reference import Pair, reference

ENGINE = ColumnarEngine()


def solved(round_input: RoundInput, engine: ColumnarEngine) -> Solved:
    pool = Pool.of(round_input)
    return engine.match(pool, round_input.weights, round_input.seed, round_input.now)


def standing(of: Solved, length: int) -> Standing:
    lists = of.path.first_lists(length)
    return Standing(of.pairs, of.draws, of.path, of.priorities, lists)


def pairs_in(one: Standing, round_input: RoundInput) -> set[Pair]:
    mentees, mentors = mentees_of(round_input), mentors_of(round_input)
    return {
        (mentees[row].participant_id, mentors[mentor].participant_id)
        for row, mentor in enumerate(one.mentor_of.tolist())
        if mentor != NOBODY
    }


@given(rounds(most=7), st.randoms(use_true_random=False), st.integers(1, 3))
def test_who_arrives_one_by_one_in_any_order_is_matched_as_if_all_had_been_there(
    round_input: RoundInput, random: Random, length: int
) -> None:
    engine = ColumnarEngine(list_length=length, need_depth=1)
    of = solved(round_input, engine)
    one = standing(of, length)
    order = list(range(len(of.matching.mentor_of)))
    random.shuffle(order)
    for mentee in order:
        one.arrive([mentee])
    found = one.matching()
    for field in ("mentor_of", "points", "shared", "floors"):
        assert (getattr(found, field) == getattr(of.matching, field)).all()


@given(rounds(most=7), st.data(), st.integers(1, 3))
@settings(max_examples=200)
def test_nobody_would_rather_have_somebody_else_after_any_comings_goings_and_declines(
    round_input: RoundInput, data: st.DataObject, length: int
) -> None:
    expected = reference(round_input, need_depth=1)
    one = standing(solved(round_input, ColumnarEngine(list_length=length, need_depth=1)), length)
    mentees, mentors = mentees_of(round_input), mentors_of(round_input)
    here: set[int] = set()
    declined: set[Pair] = set()
    for _ in range(data.draw(st.integers(0, 12))):
        matched = [row for row in sorted(here) if one.mentor_of[row] != NOBODY]
        steps = [("arrive", row) for row in range(len(mentees)) if row not in here]
        steps += [("leave", row) for row in sorted(here)] + [("decline", row) for row in matched]
        if not steps:
            break
        step, row = data.draw(st.sampled_from(steps))
        if step == "arrive":
            one.arrive([row])
            here.add(row)
        elif step == "leave":
            one.leave(row)
            here.discard(row)
        else:
            mentor = mentors[one.mentor_of[row]].participant_id
            declined.add((mentees[row].participant_id, mentor))
            one.decline(row)
        names = {mentees[row].participant_id for row in here}
        left = {
            pair: key
            for pair, key in expected.wanted_by_mentee.items()
            if pair[0] in names and pair not in declined
        }
        now = replace(expected, wanted_by_mentee=left)
        pairs = pairs_in(one, round_input)
        assert pairs <= set(left)
        assert now.blocking(pairs) == set()
        for mentor, seats in expected.seats.items():
            assert sum(held_by == mentor for _, held_by in pairs) <= seats


@pytest.mark.parametrize("length", [2, 32])
@pytest.mark.parametrize("supply", ["usual", "scarce"])
def test_who_leaves_frees_a_chain_that_nobody_loses_by_and_finds_her_place_again(
    supply: str, length: int
) -> None:
    round_input = a_large_round(500, seed=4, supply=supply, cities=3)
    of = solved(round_input, ColumnarEngine(list_length=length, need_depth=1))
    one = standing(of, length)
    one.arrive(range(len(of.matching.mentor_of)))
    for mentee in np.flatnonzero(one.mentor_of != NOBODY)[::7].tolist():
        before = one.mentor_of.copy()
        one.leave(mentee)
        changed = np.flatnonzero((one.mentor_of != before) & (np.arange(len(before)) != mentee))
        assert (one.mentor_of[changed] != NOBODY).all()
        one.arrive([mentee])
        assert (one.mentor_of == before).all()


@pytest.mark.parametrize("supply", ["usual", "scarce"])
def test_after_many_left_at_once_and_came_back_nobody_would_rather_have_somebody_else(
    supply: str,
) -> None:
    of = solved(
        a_large_round(600, 1, supply, cities=2), ColumnarEngine(list_length=2, need_depth=1)
    )
    one = standing(of, 2)
    one.begin(of.matching.mentor_of)
    one.arrive(one.away.tolist())
    assert (one.mentor_of == of.matching.mentor_of).all()
    left = np.flatnonzero(one.mentor_of != NOBODY)[::2].tolist()
    for mentee in left:
        one.leave(mentee)
    one.arrive(left)
    assert of.path.check(of.priorities, one.matching())[0] == 0


def test_only_a_pair_can_be_declined() -> None:
    one = standing(solved(a_round(a_mentee()), ENGINE), 32)
    with pytest.raises(ValueError, match="has no mentor"):
        one.decline(0)


def after(round_input: RoundInput, result: RoundResult) -> set[Pair]:
    """The matching that a top-up leaves."""
    kept = set(round_input.tentative.items()) - set(result.displaced)
    new = {(one.mentee_id, one.mentor_id) for one in result.pairings}
    assert not kept & new
    return kept | new


@st.composite
def tentative_rounds(draw: st.DrawFn) -> RoundInput:
    """Rounds with tentative pairs of any kind, some of them impossible by now."""
    round_input = draw(rounds(most=7))
    mentees = [one.participant_id for one in mentees_of(round_input)]
    mentors = [one.participant_id for one in mentors_of(round_input)]
    if not mentees or not mentors:
        return round_input
    pairs = st.dictionaries(st.sampled_from(mentees), st.sampled_from([*mentors, "gone"]))
    return replace(round_input, tentative=draw(pairs))


@given(tentative_rounds(), st.integers(1, 3))
@settings(max_examples=200)
def test_a_top_up_from_any_tentative_pairs_leaves_no_blocking_pair(
    round_input: RoundInput, length: int
) -> None:
    result = ColumnarEngine(list_length=length, need_depth=1).top_up(round_input)
    expected = reference(round_input, need_depth=1)
    pairs = after(round_input, result)
    assert pairs <= set(expected.wanted_by_mentee)
    assert len({mentee for mentee, _ in pairs}) == len(pairs)
    assert expected.blocking(pairs) == set()
    assert result.certificate.blocking_pairs == 0
    for mentor, seats in expected.seats.items():
        assert sum(held_by == mentor for _, held_by in pairs) <= seats


@pytest.mark.parametrize("length", [2, 32])
@pytest.mark.parametrize("supply", ["usual", "scarce"])
def test_a_top_up_from_the_proposals_of_another_lottery_leaves_no_blocking_pair(
    supply: str, length: int
) -> None:
    round_input = a_large_round(400, 9, supply, cities=3)
    other = ENGINE.solve(replace(round_input, seed=5))
    tentative = {one.mentee_id: one.mentor_id for one in other.pairings}
    asked = replace(round_input, tentative=tentative)
    result = ColumnarEngine(list_length=length, need_depth=1).top_up(asked)
    assert result.displaced
    assert result.certificate.blocking_pairs == 0


@given(rounds(most=7), st.data())
def test_arrivals_beside_a_matching_of_the_others_end_where_the_whole_round_ends(
    round_input: RoundInput, data: st.DataObject
) -> None:
    """Equal to `solve` as far as the priorities are: those of everybody who is here now."""
    expected = reference(round_input)
    newcomers = data.draw(st.sets(st.sampled_from(mentee_ids(round_input) or ["nobody"])))
    others = {
        pair: key for pair, key in expected.wanted_by_mentee.items() if pair[0] not in newcomers
    }
    before = replace(expected, wanted_by_mentee=others).stable()
    result = ENGINE.top_up(replace(round_input, tentative=dict(before)))
    whole = {(one.mentee_id, one.mentor_id) for one in ENGINE.solve(round_input).pairings}
    assert after(replace(round_input, tentative=dict(before)), result) == whole


def mentee_ids(round_input: RoundInput) -> list[str]:
    return [one.participant_id for one in mentees_of(round_input)]


@given(rounds())
def test_where_nothing_changed_a_top_up_changes_nothing(round_input: RoundInput) -> None:
    whole = ENGINE.solve(round_input)
    tentative = {one.mentee_id: one.mentor_id for one in whole.pairings}
    result = ENGINE.top_up(replace(round_input, tentative=tentative))
    assert (result.pairings, result.displaced) == ((), ())
    assert result.certificate == whole.certificate


def test_an_arrival_with_few_options_displaces_one_who_then_gets_her_next() -> None:
    bea = a_mentor("bea").working_as("2512")
    kirsten = a_mentor("kirsten")
    settled, newcomer = a_mentee("settled"), a_mentee("newcomer").waiting_since(100)
    people = [
        bea.speaking("da", "ar"),
        kirsten,
        settled.working_as("2512"),
        newcomer.working_as("2512").speaking("ar"),
    ]
    result = ENGINE.top_up(replace(a_round(*people), tentative={"settled": "bea"}))
    assert {(one.mentee_id, one.mentor_id) for one in result.pairings} == {
        ("newcomer", "bea"),
        ("settled", "kirsten"),
    }
    assert result.displaced == (("settled", "bea"),)


def test_a_freed_seat_goes_to_who_would_rather_have_it_and_hers_to_the_next() -> None:
    best, second = a_mentor("best").working_as("2512"), a_mentor("second")
    first, other = a_mentee("first").working_as("2512"), a_mentee("other")
    result = ENGINE.top_up(
        replace(a_round(best, second, first, other), tentative={"first": "second"})
    )
    assert {(one.mentee_id, one.mentor_id) for one in result.pairings} == {
        ("first", "best"),
        ("other", "second"),
    }
    assert result.displaced == (("first", "second"),)
