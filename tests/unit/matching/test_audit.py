"""The audit: everybody counted once, nobody to be recognised, and no mentor no blame."""

from collections.abc import Sequence
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from services.matching.domain.audit import FEWEST, Audit, Table, audit_of
from services.matching.domain.constraints import Situation, why_not
from services.matching.domain.engine import ColumnarEngine
from services.matching.domain.options import options_of
from services.matching.domain.round import RoundInput
from tests.unit.matching.engine_builders import (
    Builder,
    a_mentee,
    a_mentor,
    a_round,
    mentees_of,
    mentors_of,
    rounds,
)

ENGINE = ColumnarEngine()


def audited(*people: Builder) -> Audit:
    return audit_in(a_round(*people))


def audit_in(round_input: RoundInput) -> Audit:
    return audit_of(round_input, ENGINE.solve(round_input), ("da",))


def several(count: int, one: Builder, name: str) -> list[Builder]:
    return [one.having(participant_id=f"{name}-{number}") for number in range(count)]


def groups(table: Table) -> dict[str, tuple[int, int]]:
    return {cell.group: (cell.people, cell.placed) for cell in table.cells}


def table(tables: Sequence[Table], by: str) -> Table:
    return next(table for table in tables if table.by == by)


@given(rounds())
def test_options_are_the_mentors_who_meet_every_hard_constraint_but_the_free_seat(
    round_input: RoundInput,
) -> None:
    options = options_of(round_input.people, round_input.never_again)
    for mentee in mentees_of(round_input):
        fitting = [
            mentor
            for mentor in mentors_of(round_input)
            if mentor.seats
            and not why_not(
                mentee,
                mentor,
                Situation({mentor.participant_id: mentor.seats}, round_input.never_again),
            )
        ]
        assert options[mentee.participant_id] == len(fitting)


def test_a_mentor_who_is_near_and_online_is_one_option() -> None:
    people = [a_mentee().online().person, a_mentor().online().person]
    assert options_of(people, ()) == {"mentee": 1}


@st.composite
def crowds(draw: st.DrawFn) -> RoundInput:
    """Rounds with groups of every size around the threshold."""
    sizes = draw(st.lists(st.integers(1, 9), min_size=1, max_size=6))
    languages = ("da", "ar", "uk", "fa", "so", "ti")
    people = [
        mentee
        for language, size in zip(languages, sizes, strict=False)
        for mentee in several(size, a_mentee().speaking(language), f"mentee-{language}")
    ]
    people += [
        a_mentor(f"mentor-{language}", seats=draw(st.integers(0, 5))).speaking(language)
        for language in languages
    ]
    return a_round(*people)


@given(crowds())
def test_no_cell_counts_fewer_than_five_and_all_cells_add_up(round_input: RoundInput) -> None:
    audit = audit_in(round_input)
    assert audit.everybody.people + audit.unmatchable == len(mentees_of(round_input))
    for tables, people in (
        (audit.tables, audit.everybody.people),
        (audit.unmatchable_tables, audit.unmatchable),
    ):
        for each in tables:
            assert all(cell.people >= FEWEST for cell in each.cells)
            # Either nothing is told, or everybody: no remainder is left to be worked out.
            counted = sum(cell.people for cell in each.cells)
            assert counted == people or (counted == 0 and people < FEWEST)


@given(crowds())
def test_waiting_and_score_are_of_five_at_least_and_no_fewer_can_be_worked_out(
    round_input: RoundInput,
) -> None:
    audit = audit_in(round_input)
    for each in audit.tables:
        shown = [cell for cell in each.cells if cell.score is not None]
        assert all(cell.placed >= FEWEST for cell in shown)
        hidden = sum(cell.placed for cell in each.cells if cell.score is None)
        if shown and audit.everybody.score is not None:
            assert hidden == 0 or hidden >= FEWEST


def test_small_groups_are_put_together_under_no_name_of_theirs() -> None:
    people = [
        *several(9, a_mentee().speaking("da"), "danish"),
        *several(3, a_mentee().speaking("ar"), "arabic"),
        *several(4, a_mentee().speaking("ti"), "tigrinya"),
        a_mentor("mentor", seats=5).speaking("da", "ar", "ti"),
    ]
    audit = audited(*people)
    assert groups(table(audit.tables, "first_language")).keys() == {"da", "too few, together"}


def test_a_group_joins_the_small_ones_where_they_are_too_few_together() -> None:
    people = [
        *several(9, a_mentee().speaking("da"), "danish"),
        *several(6, a_mentee().speaking("uk"), "ukrainian"),
        *several(1, a_mentee().speaking("ti"), "tigrinya"),
        a_mentor("mentor", seats=5).speaking("da", "uk", "ti"),
    ]
    counted = groups(table(audited(*people).tables, "first_language"))
    assert {group: people for group, (people, _) in counted.items()} == {
        "da": 9,
        "too few, together": 7,
    }


def test_those_whom_no_mentor_fits_are_counted_apart() -> None:
    people = [
        *several(6, a_mentee().speaking("da"), "danish"),
        *several(7, a_mentee().speaking("ti"), "tigrinya"),
        a_mentor("mentor", seats=5).speaking("da"),
    ]
    audit = audited(*people)
    assert (audit.everybody.people, audit.everybody.placed, audit.unmatchable) == (6, 5, 7)
    assert groups(table(audit.unmatchable_tables, "host_language")) == {"does not": (7, 0)}


def test_waiting_is_told_in_quartiles_of_days_and_the_score_as_a_mean() -> None:
    people = [
        *(a_mentee(f"mentee-{days}").waiting_since(days) for days in (10, 20, 30, 40, 50)),
        a_mentor("mentor", seats=5),
    ]
    everybody = audited(*people).everybody
    assert everybody.waited is not None
    assert (everybody.waited.lower, everybody.waited.median, everybody.waited.upper) == (20, 30, 40)
    # A shared first language (60 points) and the same city (50).
    assert everybody.score == 110


def test_the_order_of_people_changes_nothing_in_the_audit() -> None:
    people = [*several(8, a_mentee(), "mentee"), *several(2, a_mentor(seats=3), "mentor")]
    round_input = a_round(*people)
    turned = replace(round_input, people=tuple(reversed(round_input.people)))
    assert audit_in(round_input) == audit_in(turned)
