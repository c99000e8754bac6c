"""The rescue: places as many more as can be, costs nobody her match, and nobody more than is said."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from services.matching.domain import chains
from services.matching.domain.acceptance import NOBODY, Matching
from services.matching.domain.engine import ColumnarEngine
from services.matching.domain.pairs import IMPOSSIBLE, Block, Pairs
from services.matching.domain.rescue import LEAST_KEPT, MOST_LOST, least_points, rescue
from services.matching.domain.rescue_flow import MOST_POINTS, MOVE
from services.matching.domain.round import RoundInput
from tests.bench.population import a_round as a_large_round
from tests.unit.matching.engine_builders import a_mentee, a_mentor, a_round, rounds
from tests.unit.matching.engine_reference import reference

ENGINE = ColumnarEngine()
LITTLE = 100


@dataclass(frozen=True)
class Table:
    """Pairs whose points are written down: shape (mentees, mentors), below 0 if impossible."""

    points: NDArray[np.int16]
    free_seats: NDArray[np.int64]

    @property
    def pool(self) -> Any:
        return SimpleNamespace(free_seats=self.free_seats)

    def blocks(self, mentees: NDArray[np.bool_], mentors: NDArray[np.bool_]) -> Iterator[Block]:
        columns = np.flatnonzero(mentors)
        for row in np.flatnonzero(mentees):  # one at a time, so that blocks are put together too
            points = self.points[[row]][:, columns]
            yield Block(np.array([row]), columns, points, np.zeros_like(points))

    def scores_of(
        self, mentees: NDArray[np.intp], mentors: NDArray[np.int64]
    ) -> tuple[NDArray[np.int16], NDArray[np.int8]]:
        return self.points[mentees, mentors], np.zeros(len(mentees), np.int8)

    def with_(self, *mentor_of: int) -> Matching:
        """The matching of these."""
        chosen = np.array(mentor_of, np.int64)
        points = np.where(chosen == NOBODY, 0, self.points[np.arange(len(chosen)), chosen])
        nothing = np.zeros(len(chosen), np.int8)
        return Matching(chosen, points.astype(np.int16), nothing, np.zeros(0, np.int64))

    def as_pairs(self) -> Pairs:
        return cast("Pairs", self)


def a_table(*rows: list[int], seats: list[int]) -> Table:
    points = np.array(rows, np.int16)
    return Table(np.where(points < 0, np.int16(IMPOSSIBLE), points), np.array(seats, np.int64))


@st.composite
def crowded(draw: st.DrawFn) -> tuple[Table, NDArray[np.int64]]:
    """A few pairs, and a matching after which nobody alone fits a mentor with a free seat."""
    mentees, mentors = draw(st.integers(1, 5)), draw(st.integers(1, 4))
    cell = st.sampled_from((-1, -1, 0, 150, 240, 300, 420, 900))
    rows = draw(st.lists(st.lists(cell, min_size=mentors, max_size=mentors), min_size=mentees,
                         max_size=mentees))  # fmt: skip
    seats = draw(st.lists(st.integers(0, 2), min_size=mentors, max_size=mentors))
    table = a_table(*rows, seats=seats)
    left, mentor_of = list(seats), np.full(mentees, NOBODY, np.int64)
    for mentee in draw(st.permutations(range(mentees))):
        fits = [one for one in range(mentors) if rows[mentee][one] >= 0 and left[one]]
        if fits:
            mentor_of[mentee] = draw(st.sampled_from(fits))
            left[mentor_of[mentee]] -= 1
    return table, mentor_of


def by_trying_all(
    table: Table, mentor_of: NDArray[np.int64], most_lost: int
) -> tuple[int, int, int]:
    """Most placed; then what the least moves cost, in moves and in points."""
    mentees, mentors = table.points.shape
    before = [
        int(table.points[row, mentor]) if mentor != NOBODY else 0
        for row, mentor in enumerate(mentor_of.tolist())
    ]
    least = least_points(np.array(before), most_lost)
    choices = [
        [mentor for mentor in range(mentors) if table.points[row, mentor] >= least[row]]
        + ([NOBODY] if mentor_of[row] == NOBODY else [])
        for row in range(mentees)
    ]
    best = (-1, 0, 0)
    for chosen in product(*choices):
        held = np.bincount([one for one in chosen if one != NOBODY], minlength=mentors)
        if (held > table.free_seats).any():
            continue
        moved = [
            row for row in range(mentees) if NOBODY not in (mentor_of[row], chosen[row])
            and mentor_of[row] != chosen[row]
        ]  # fmt: skip
        points = sum(max(0, before[row] - int(table.points[row, chosen[row]])) for row in moved)
        new = sum(
            MOST_POINTS - int(table.points[row, chosen[row]])
            for row in range(mentees) if mentor_of[row] == NOBODY and chosen[row] != NOBODY
        )  # fmt: skip
        placed = sum(one != NOBODY for one in chosen)
        best = max(best, (placed, -len(moved), -points - new))
    return best


@given(crowded(), st.sampled_from((0, LITTLE, MOST_LOST, MOST_POINTS)))
@settings(max_examples=200)
def test_nobody_could_place_more_within_the_bound(
    given_table: tuple[Table, NDArray[np.int64]], most_lost: int
) -> None:
    table, mentor_of = given_table
    done = rescue(table.as_pairs(), table.with_(*mentor_of), most_lost)
    placed, _, _ = by_trying_all(table, mentor_of, most_lost)
    assert np.count_nonzero(done.matching.mentor_of != NOBODY) == placed


@given(crowded(), st.sampled_from((0, LITTLE, MOST_LOST, MOST_POINTS)))
@settings(max_examples=200)
def test_nobody_loses_her_match_more_than_the_bound_or_gets_a_seat_that_is_not_there(
    given_table: tuple[Table, NDArray[np.int64]], most_lost: int
) -> None:
    table, mentor_of = given_table
    done = rescue(table.as_pairs(), table.with_(*mentor_of), most_lost)
    placed = np.flatnonzero(done.matching.mentor_of != NOBODY)
    assert set(np.flatnonzero(mentor_of != NOBODY)) <= set(placed)
    assert (table.points[placed, done.matching.mentor_of[placed]] >= 0).all()
    assert (np.bincount(done.matching.mentor_of[placed], minlength=len(table.free_seats))
            <= table.free_seats).all()  # fmt: skip
    assert (done.before - done.after <= most_lost).all()
    assert (LEAST_KEPT * done.after >= done.before).all()
    assert set(done.rescued) == set(placed) - set(np.flatnonzero(mentor_of != NOBODY))
    was_moved = (mentor_of != NOBODY) & (done.matching.mentor_of != mentor_of)
    assert done.moved.tolist() == np.flatnonzero(was_moved).tolist()
    assert len(done.rescued) > 0 or len(done.moved) == 0


@given(crowded())
@settings(max_examples=200)
def test_of_all_ways_to_place_as_many_it_takes_the_fewest_moves(
    given_table: tuple[Table, NDArray[np.int64]],
) -> None:
    table, mentor_of = given_table
    done = rescue(table.as_pairs(), table.with_(*mentor_of))
    _, moves, _ = by_trying_all(table, mentor_of, MOST_LOST)
    assert len(done.moved) == -moves


def test_a_move_costs_more_than_points_can_make_up_for() -> None:
    assert MOVE >= MOST_POINTS >= MOST_LOST


def test_one_who_has_a_choice_makes_room_for_one_who_has_none() -> None:
    table = a_table([500, 450], [300, -1], seats=[1, 1])
    done = rescue(table.as_pairs(), table.with_(0, NOBODY))
    assert done.matching.mentor_of.tolist() == [1, 0]
    assert (done.moved.tolist(), done.before.tolist(), done.after.tolist()) == ([0], [500], [450])


def test_a_chain_goes_over_as_many_as_it_needs() -> None:
    table = a_table([500, 450, -1], [-1, 600, 580], [300, -1, -1], seats=[1, 1, 1])
    done = rescue(table.as_pairs(), table.with_(0, 1, NOBODY))
    assert done.matching.mentor_of.tolist() == [1, 2, 0]


def test_a_longer_chain_is_found_after_a_shorter_one() -> None:
    table = a_table(
        [500, 450, -1, -1, -1],
        [-1, -1, 500, 450, -1],
        [-1, -1, -1, 600, 580],
        [300, -1, -1, -1, -1],
        [-1, -1, 300, -1, -1],
        seats=[1, 1, 1, 1, 1],
    )
    done = rescue(table.as_pairs(), table.with_(0, 2, 3, NOBODY, NOBODY))
    assert done.matching.mentor_of.tolist() == [1, 3, 4, 0, 2]


def test_of_two_who_could_make_room_the_one_who_loses_less_does() -> None:
    table = a_table([500, 300], [500, 480], [300, -1], seats=[2, 1])
    done = rescue(table.as_pairs(), table.with_(0, 0, NOBODY))
    assert done.matching.mentor_of.tolist() == [0, 1, 0]


@pytest.mark.parametrize(("lost", "rescued"), [(MOST_LOST, 1), (MOST_LOST + 1, 0)])
def test_nobody_is_moved_for_more_than_the_bound(lost: int, rescued: int) -> None:
    table = a_table([900, 900 - lost], [1000, -1], seats=[1, 1])
    assert len(rescue(table.as_pairs(), table.with_(0, NOBODY)).rescued) == rescued


@pytest.mark.parametrize(("kept", "rescued"), [(25, 1), (24, 0)])
def test_nobody_who_has_little_is_left_with_almost_nothing(kept: int, rescued: int) -> None:
    table = a_table([100, kept], [1000, -1], seats=[1, 1])
    assert len(rescue(table.as_pairs(), table.with_(0, NOBODY)).rescued) == rescued


def test_one_who_waits_alone_is_not_placed_at_the_cost_of_another() -> None:
    table = a_table([500], [900], seats=[1])
    assert rescue(table.as_pairs(), table.with_(0, NOBODY)).matching.mentor_of.tolist() == [
        0,
        NOBODY,
    ]


def test_where_more_wait_than_there_are_seats_the_search_begins_at_the_seats() -> None:
    table = a_table([500, 450], [300, -1], [310, -1], [320, -1], seats=[1, 1])
    done = rescue(table.as_pairs(), table.with_(0, NOBODY, NOBODY, NOBODY))
    assert done.matching.mentor_of.tolist() == [1, NOBODY, NOBODY, 0]


def test_a_round_says_whom_it_moved_and_what_it_cost_her() -> None:
    ana = a_mentee("ana").speaking("da", "ar").working_as("2512")
    few = a_mentee("few").speaking("ar")
    bea = a_mentor("bea").speaking("da", "ar").working_as("2512")
    other = a_mentor("other").speaking("da").working_as("2511")
    # Need would give bea's seat to `few` at once; here `ana` has waited longer.
    round_input = a_round(ana.waiting_since(400), few, bea, other)
    result = ColumnarEngine(need_depth=1).solve(replace(round_input, rescue="minimal"))
    plain = ColumnarEngine(need_depth=1).solve(round_input)
    assert [(one.mentee_id, one.mentor_id) for one in plain.pairings] == [("ana", "bea")]
    assert [(one.mentee_id, one.mentor_id) for one in result.pairings] == [
        ("ana", "other"),
        ("few", "bea"),
    ]
    (move,) = result.moves
    assert (move.mentee_id, move.from_mentor_id, move.to_mentor_id) == ("ana", "bea", "other")
    assert move.points_before == plain.pairings[0].score
    assert move.points_after == result.pairings[0].score
    told = result.certificate
    assert (told.rescued, told.moved) == (1, 1)
    assert told.most_lost == move.points_before - move.points_after > 0
    assert told.blocking_pairs == 0
    assert "few" not in {one.participant_id for one in result.waiting}
    assert all(one.by_rescue for one in result.pairings)
    assert not any(one.by_rescue for one in plain.pairings)


@given(rounds())
@settings(max_examples=40)
def test_the_rescue_keeps_what_a_round_must_keep(round_input: RoundInput) -> None:
    expected = reference(round_input)
    plain = ENGINE.solve(round_input)
    result = ENGINE.solve(replace(round_input, rescue="minimal"))
    pairs = {one.mentee_id: one.mentor_id for one in result.pairings}
    assert len(pairs) == len(result.pairings) == len(plain.pairings) + result.certificate.rescued
    assert {one.mentee_id for one in plain.pairings} <= set(pairs)
    assert set(pairs.items()) <= set(expected.wanted_by_mentee)
    for mentor, seats in expected.seats.items():
        assert sum(one == mentor for one in pairs.values()) <= seats
    assert result.certificate.blocking_pairs == 0
    assert {one.participant_id for one in result.waiting}.isdisjoint(pairs)


@given(st.randoms(use_true_random=False), st.sampled_from(("usual", "scarce")))
@settings(max_examples=10, deadline=None)
def test_the_order_of_the_people_changes_nothing(random: Any, supply: str) -> None:
    round_input = replace(a_large_round(500, seed=3, supply=supply, cities=40), rescue="minimal")
    result = ENGINE.solve(round_input)
    assert result.moves
    people = list(round_input.people)
    random.shuffle(people)
    seats = list(round_input.free_seats.items())
    random.shuffle(seats)
    assert ENGINE.solve(replace(round_input, people=people, free_seats=dict(seats))) == result


def test_it_is_the_same_however_few_pairs_are_kept_to_choose_among(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    round_input = replace(a_large_round(900, seed=3, cities=5), rescue="minimal")
    result = ENGINE.solve(round_input)
    monkeypatch.setattr(chains, "TO_CHOOSE_AMONG", 1)
    few = ENGINE.solve(round_input)
    assert few.certificate.rescued == result.certificate.rescued > 0
