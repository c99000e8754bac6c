"""Where one more mentor would place the most."""

import numpy as np

from services.matching.domain.engine import ColumnarEngine
from services.matching.domain.gaps import gaps_of
from services.matching.domain.pool import Pool
from services.matching.domain.round import Gap
from tests.unit.matching.engine_builders import Builder, a_mentee, a_mentor, a_round


def gaps(*mentees: Builder) -> tuple[Gap, ...]:
    """The gaps if all of these mentees wait."""
    pool = Pool.of(a_round(*mentees))
    return gaps_of(pool, np.arange(len(pool.mentees)))


def carpenters(count: int) -> list[Builder]:
    return [a_mentee(f"mentee-{number}").wishing_for("7115") for number in range(count)]


def test_one_carpenter_would_place_three_women() -> None:
    nurse = a_mentee("nurse").working_as("2221")
    assert gaps(*carpenters(3), nurse) == (Gap("461", 4, "7115", 3),)


def test_what_she_wishes_for_counts_before_what_she_did() -> None:
    assert gaps(a_mentee().working_as("2221").wishing_for("7115"))[0].profession == "7115"


def test_only_mentees_who_share_a_language_can_share_the_new_mentor() -> None:
    one, two, three = carpenters(3)
    (gap,) = gaps(one.speaking("ar"), two.speaking("uk", "da"), three.speaking("da"))
    assert gap == Gap("461", 3, "7115", 2)


def test_nobody_places_more_than_a_mentor_may_have_seats() -> None:
    assert gaps(*carpenters(9)) == (Gap("461", 9, "7115", 5),)


def test_without_any_profession_the_language_alone_counts() -> None:
    assert gaps(a_mentee("one"), a_mentee("two")) == (Gap("461", 2, None, 2),)
    assert gaps(a_mentee().speaking()) == (Gap("461", 1, None, 0),)


def test_cities_come_in_order_and_nobody_without_one_is_counted() -> None:
    found = gaps(a_mentee("b").in_("751"), a_mentee("a").in_("101"), a_mentee("c").in_(None))
    assert [gap.city for gap in found] == ["101", "751"]


def test_only_mentees_who_are_not_matched_make_a_gap() -> None:
    result = ColumnarEngine().solve(a_round(a_mentee("one"), a_mentee("two"), a_mentor()))
    assert result.gaps == (Gap("461", 1, None, 1),)
