"""Simulated people: the same on every run, whoever else there is and in whichever order mail comes."""

from collections import Counter
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from deploy.local.simulation.chance import between, choose, draw
from deploy.local.simulation.people import SITS_DOWN_AT, Habit, Person, WishKind, sitting

NOW = datetime(2026, 1, 6, 7, tzinfo=UTC)
SATURDAY, MONDAY = 5, 0
INSTANTS = st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


def person(
    number: int = 0, *, seed: int = 1, roles: frozenset[str] = frozenset({"mentee"})
) -> Person:
    return Person(seed, f"person{number}@example.org", roles)


@given(st.integers(), st.text(), st.text())
def test_a_draw_is_a_fraction_and_always_the_same(seed: int, one: str, other: str) -> None:
    assert 0 <= draw(seed, one, other) < 1
    assert draw(seed, one, other) == draw(seed, one, other)
    assert 2 <= between(2, 5, seed, one) <= 5
    assert choose({"a": 1.0, "b": 0.0}, seed, one) == "a"


def test_parts_of_a_question_are_kept_apart() -> None:
    assert draw("ab", "c") != draw("a", "bc")


def test_draws_are_spread_evenly() -> None:
    tenths = Counter(int(draw(1, number) * 10) for number in range(10_000))
    assert all(900 < tenths[tenth] < 1_100 for tenth in range(10))


@given(INSTANTS, st.integers(0, 9), st.text(max_size=8))
def test_what_she_answers_depends_on_the_seed_herself_and_the_question_only(
    arrived: datetime, number: int, words: str
) -> None:
    her, again = person(number), person(number)
    for other in range(5):
        person(other).answers_proposal(arrived, words)
    assert her.answers_proposal(arrived, words) == again.answers_proposal(arrived, words)
    assert her.answers_check_in(1, arrived) == again.answers_check_in(1, arrived)
    assert her.wishes(arrived) == again.wishes(arrived)


def test_another_seed_is_another_life() -> None:
    def answers(seed: int) -> list[object]:
        return [person(n, seed=seed).answers_proposal(NOW, "") for n in range(50)]

    assert answers(1) != answers(2)


@given(INSTANTS, st.integers(0, 40))
def test_people_see_to_their_mail_at_a_fixed_time_after_it_came(
    arrived: datetime, days: int
) -> None:
    at = sitting(arrived, days)
    assert at.timetz().replace(tzinfo=None) == SITS_DOWN_AT
    assert at.weekday() < SATURDAY
    weekend = timedelta(days=2 if at.weekday() == MONDAY else 0)
    assert timedelta(days=days) < at - arrived <= timedelta(days=days + 1) + weekend


def test_mail_of_a_weekend_is_read_on_monday() -> None:
    monday_before, monday = (
        datetime(2026, 1, 5, 17, tzinfo=UTC),
        datetime(2026, 1, 12, 17, tzinfo=UTC),
    )
    assert sitting(monday_before, 3) == datetime(2026, 1, 9, 17, tzinfo=UTC)
    assert [sitting(monday_before, days) for days in (4, 5, 6)] == [monday] * 3


def test_who_gets_mail_at_the_very_moment_takes_the_next_one() -> None:
    evening = NOW.replace(hour=17)
    assert sitting(NOW.replace(hour=10), 0) == evening
    assert sitting(evening, 0) == evening + timedelta(days=1)


def test_there_are_people_of_every_kind() -> None:
    everybody = [person(number) for number in range(2_000)]
    habits = Counter(each.habit for each in everybody)
    assert set(habits) == set(Habit)
    proposals = [each.answers_proposal(NOW, "") for each in everybody]
    answers = [answer for answer in proposals if answer is not None]
    assert 0.05 < proposals.count(None) / 2_000 < 0.2
    assert 0.05 < sum(not answer.says_yes for answer in answers) / len(answers) < 0.2
    assert len({answer.reason for answer in answers}) == 6
    check_ins = [each.answers_check_in(3, NOW) for each in everybody]
    assert {said.going for said in check_ins if said} == {"hard", "mixed", "well"}
    assert any(said and said.help_words is not None for said in check_ins)
    assert any(said and said.closes and said.goals_reached for said in check_ins)
    assert any(said and said.closes and not said.goals_reached for said in check_ins)
    assert any(said is None for said in check_ins)
    wishes = Counter(wish.kind for each in everybody for wish in each.wishes(NOW))
    assert set(wishes) == set(WishKind)
    assert wishes[WishKind.PAUSE] == wishes[WishKind.RESUME]


def test_only_who_is_a_mentee_alone_speaks_of_goals_reached() -> None:
    for roles in (frozenset({"mentor"}), frozenset({"mentee", "mentor"})):
        said = [person(n, roles=roles).answers_check_in(5, NOW) for n in range(500)]
        assert not any(answer and answer.goals_reached for answer in said)


def test_who_takes_a_break_comes_back_after_it() -> None:
    pauses = [w for n in range(500) if len(w := person(n).wishes(NOW)) == 2]
    assert pauses
    for pause, back in pauses:
        assert back.at - pause.at >= timedelta(days=14)
