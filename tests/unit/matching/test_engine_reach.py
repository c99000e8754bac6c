"""Counting by classes gives what looking at every pair gives."""

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from services.matching.domain.constraints import in_one_city, shared_languages
from services.matching.domain.pairs import Pairs
from services.matching.domain.person import Person
from services.matching.domain.pool import Pool
from services.matching.domain.reach import Counted, Reach
from services.matching.domain.round import RoundInput
from tests.unit.matching.engine_builders import mentees_of, mentors_of, rounds


@st.composite
def rounds_with_many_apart(draw: st.DrawFn) -> RoundInput:
    round_input = draw(rounds(most=6))
    pairs = [
        (mentee.participant_id, mentor.participant_id)
        for mentee in mentees_of(round_input)
        for mentor in mentors_of(round_input)
    ]
    apart = draw(st.sets(st.sampled_from(pairs))) if pairs else set()
    return replace(round_input, never_again=apart)


def counted(one: Person, others: list[Person], apart: set[tuple[str, str]]) -> Counted:
    """One by one, from the rules for one pair; every number of shape ()."""
    found = dict.fromkeys(Counted.__dataclass_fields__, 0)
    for other in others:
        language = bool(shared_languages(one, other))
        place = in_one_city(one, other) or (one.meets_online and other.meets_online)
        time = bool(set(one.availability) & set(other.availability))
        ids = (one.participant_id, other.participant_id)
        allowed = ids not in apart and ids[::-1] not in apart
        found["language"] += language
        found["place"] += language and place
        found["time"] += language and place and time
        found["fitting"] += language and place and time and allowed
        found["online"] += allowed and language and time and not place and other.meets_online
        found["times"] += allowed and language and place and not time and bool(other.availability)
        found["languages"] += allowed and place and time and not language and bool(other.languages)
    return Counted(**{name: np.array(number) for name, number in found.items()})


@given(rounds_with_many_apart(), st.data())
@settings(max_examples=300)
def test_the_numbers_are_those_of_looking_at_every_pair(
    round_input: RoundInput, data: st.DataObject
) -> None:
    pool = Pool.of(round_input)
    reach = Reach(pool, Pairs(pool, round_input.weights).tables)
    mentees, mentors = mentees_of(round_input), mentors_of(round_input)
    apart = set(round_input.never_again)
    for one in round_input.people:
        apart |= {(one.participant_id, other) for other in one.apart_from}
    some_mentees = data.draw(st.sets(st.integers(0, 5)).map(sorted))
    some_mentors = data.draw(st.sets(st.integers(0, 5)).map(sorted))
    rows = np.array([row for row in some_mentees if row < len(mentees)], np.intp)
    columns = np.array([row for row in some_mentors if row < len(mentors)], np.intp)
    of_mentees, of_mentors = reach.of_mentees(rows, columns), reach.of_mentors(columns, rows)
    for index, row in enumerate(rows.tolist()):
        expected = counted(mentees[row], [mentors[other] for other in columns], apart)
        assert_equal(of_mentees, index, expected)
    for index, column in enumerate(columns.tolist()):
        expected = counted(mentors[column], [mentees[other] for other in rows], apart)
        assert_equal(of_mentors, index, expected)


def assert_equal(found: Counted, index: int, expected: Counted) -> None:
    for name in Counted.__dataclass_fields__:
        assert getattr(found, name)[index] == getattr(expected, name), name
