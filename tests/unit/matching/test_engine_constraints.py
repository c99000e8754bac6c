"""The hard constraints, one pair at a time."""

from services.matching.domain.constraints import Situation, why_no_longer, why_not
from shared.events.participants import TimeOfWeek
from tests.unit.matching.engine_builders import Builder, a_mentee, a_mentor

FREE = Situation(free_seats={"mentor": 1}, never_again=())


def refusals(mentee: Builder, mentor: Builder, situation: Situation = FREE) -> tuple[str, ...]:
    return why_not(mentee.person, mentor.person, situation)


def test_people_of_one_city_with_a_language_a_time_and_a_seat_can_be_matched() -> None:
    assert refusals(a_mentee(), a_mentor()) == ()


def test_without_a_shared_language_there_is_no_pair() -> None:
    (why,) = refusals(a_mentee().speaking("ar"), a_mentor().speaking("da"))
    assert "language" in why


def test_two_cities_are_fine_only_if_both_meet_online() -> None:
    there = a_mentor().in_("101")
    assert refusals(a_mentee(), there)
    assert refusals(a_mentee().online(), there)
    assert refusals(a_mentee(), there.online())
    assert not refusals(a_mentee().online(), there.online())


def test_two_who_named_no_city_do_not_live_in_the_same_one() -> None:
    assert refusals(a_mentee().in_(None), a_mentor().in_(None))


def test_without_a_common_time_there_is_no_pair() -> None:
    (why,) = refusals(a_mentee().free_at(TimeOfWeek.SAT_MORNING), a_mentor())
    assert "time" in why


def test_either_side_can_ask_to_be_kept_apart_and_the_sentence_does_not_say_who() -> None:
    hers = refusals(a_mentee().apart_from("mentor"), a_mentor())
    theirs = refusals(a_mentee(), a_mentor().apart_from("mentee"))
    assert hers == theirs != ()


def test_a_pair_of_before_is_not_matched_again() -> None:
    before = Situation(free_seats={"mentor": 1}, never_again={("mentee", "mentor")})
    assert refusals(a_mentee(), a_mentor(), before)


def test_a_mentor_without_a_free_seat_is_not_matched() -> None:
    assert refusals(a_mentee(), a_mentor(), Situation({}, ()))
    assert refusals(a_mentee(), a_mentor(seats=0), FREE)


def test_every_broken_constraint_is_told() -> None:
    mentee = a_mentee().speaking("ar").in_("101").free_at()
    assert len(refusals(mentee, a_mentor(), Situation({}, ()))) == 4


def test_an_open_proposal_is_broken_by_profiles_but_not_by_its_own_seat() -> None:
    assert why_no_longer(a_mentee().person, a_mentor().person) == ()
    moved = a_mentor().in_("101")
    assert why_no_longer(a_mentee().person, moved.person) == refusals(a_mentee(), moved)
