"""Which cities propose between the rounds: by what the last round left them, unless the policy says."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.matching.domain.person import Person
from services.matching.domain.supply import (
    PLENTY_FROM,
    BetweenRoundsRules,
    CitySupply,
    supply_after,
)
from shared.events.participants import Role
from shared.events.programmes import BetweenRounds, BetweenRoundsIn
from tests.unit.matching.builders import a_person

CITIES = ("461", "751", "851")
MENTEES = st.lists(st.tuples(st.sampled_from(CITIES), st.booleans()), min_size=1, max_size=12)
MENTORS = st.lists(
    st.tuples(st.sampled_from(CITIES), st.booleans(), st.integers(0, 4)), max_size=12
)


def mentees(*lives: tuple[str, bool]) -> list[Person]:
    return [
        a_person(f"mentee{number}", city=city, meets_online=online)
        for number, (city, online) in enumerate(lives)
    ]


def mentors(*lives: tuple[str, bool, int]) -> list[Person]:
    return [
        a_person(f"mentor{number}", Role.MENTOR, city=city, meets_online=online, seats=seats)
        for number, (city, online, seats) in enumerate(lives)
    ]


def after(people: Sequence[Person], *, waiting: bool = True) -> dict[str, CitySupply]:
    """The supply if nobody was placed, or if every mentee was and these seats are still free."""
    seats = {one.participant_id: one.seats for one in people if one.role is Role.MENTOR}
    wait = {one.participant_id for one in people if one.role is Role.MENTEE and waiting}
    return {supply.city: supply for supply in supply_after(people, wait, seats)}


@given(MENTEES, MENTORS)
def test_the_shares_of_all_who_want_a_seat_add_up_to_the_seats(
    lives: list[tuple[str, bool]], offers: list[tuple[str, bool, int]]
) -> None:
    found = after([*mentees(*lives), *mentors(*offers)])
    shares = sum((supply.waiting + 1) * supply.seats_each for supply in found.values())
    assert shares == pytest.approx(sum(seats for _, _, seats in offers), abs=0.1)


@given(MENTEES, MENTORS)
def test_the_order_of_the_people_changes_nothing(
    lives: list[tuple[str, bool]], offers: list[tuple[str, bool, int]]
) -> None:
    people = [*mentees(*lives), *mentors(*offers)]
    assert after(people) == after(people[::-1])


def test_a_city_with_seats_to_spare_is_plentiful_and_its_neighbour_is_not() -> None:
    people = [*mentees(("461", False), ("751", False)), *mentors(("461", False, 4))]
    found = after(people)
    assert found["461"] == CitySupply("461", waiting=1, seats=4, seats_each=2.0)
    assert found["461"].is_plentiful
    assert found["751"] == CitySupply("751", waiting=1, seats=0, seats_each=0.0)
    assert not found["751"].is_plentiful


def test_seats_of_mentors_who_meet_online_are_in_reach_of_all_who_do() -> None:
    everybody_online = [
        *mentees(("461", True), ("751", True)),
        *mentors(("851", True, 5), ("851", True, 5)),
    ]
    found = after(everybody_online, waiting=False)
    assert {supply.seats_each for supply in found.values()} == {3.333}
    nobody_online = [*mentees(("461", False), ("751", False)), *mentors(("851", True, 5))]
    assert after(nobody_online)["461"].seats_each == 0


def test_who_could_not_be_matched_for_want_of_any_mentor_takes_no_seat_from_who_comes() -> None:
    people = [*mentees(("461", False)), *mentors(("461", False, 2))]
    assert after(people, waiting=False)["461"].seats_each == PLENTY_FROM


def test_by_scarcity_a_city_proposes_at_once_if_the_last_round_left_it_plenty() -> None:
    rules = BetweenRoundsRules()
    assert rules.proposes_in("461", ("461",))
    assert not rules.proposes_in("751", ("461",))
    assert not rules.proposes_in(None, ("461",))


def test_a_city_may_do_otherwise_than_its_programme() -> None:
    rules = BetweenRoundsRules(
        BetweenRounds.BY_SCARCITY,
        (
            BetweenRoundsIn(city="461", mode=BetweenRounds.ROUNDS_ONLY),
            BetweenRoundsIn(city="751", mode=BetweenRounds.AT_ONCE),
        ),
    )
    assert not rules.proposes_in("461", ("461",))
    assert rules.proposes_in("751", ())
    assert rules.proposes_in("851", ("851",))
    everywhere = BetweenRoundsRules(BetweenRounds.AT_ONCE)
    assert everywhere.proposes_in(None, ())
