"""The soft score: seven factors, each a small rule, in whole points that add up to at most 1000.

Each factor has the rule twice: `points` for one pair, with what the two share, and `table` for all
pairs of classes at once, shape (mentees' classes, mentors' classes). A property test compares them.
Common ground has too many distinct values for a table; `pairs` counts it pair by pair.

A part of a factor's weight is counted in thousandths and rounded down, on every machine alike.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from services.matching.domain.constraints import in_one_city, language_rank, shared_languages
from services.matching.domain.person import Person
from services.matching.domain.pool import Pool, items_of, occurrence
from shared.events.matches import Factor

Table = NDArray[np.int16]
Points = tuple[int, tuple[str, ...]]  # points, and the codes of what is shared

NONE: Final[Points] = (0, ())


class FactorRule(Protocol):
    """One factor; `weight` is the most points it can give (0 to 1000)."""

    @property
    def factor(self) -> Factor:
        """Its name in the contract."""
        ...

    def points(self, weight: int, mentee: Person, mentor: Person) -> Points:
        """Points for one pair, with the codes of what the two share in this factor."""
        ...


@dataclass(frozen=True, slots=True)
class KindsOfHelp:
    """The share of what the mentee asks for that the mentor offers.

    Her needs come first, so what a mentor offers beyond them counts nothing; where a mentee asks
    for nothing in particular, nobody gets points.
    """

    factor: ClassVar[Factor] = Factor.KINDS_OF_HELP

    def points(self, weight: int, mentee: Person, mentor: Person) -> Points:
        """See `FactorRule.points`."""
        asked = set(mentee.kinds_of_help)
        offered = asked & set(mentor.kinds_of_help)
        if not offered:
            return NONE
        return weight * len(offered) // len(asked), tuple(sorted(offered))

    def table(self, weight: int, pool: Pool) -> Table:
        """Classes: the mentees' and the mentors' `kinds_of_help`."""
        asked, offered = pool.mentees.kinds_of_help.values, pool.mentors.kinds_of_help.values
        sizes = np.array([max(1, len(kinds)) for kinds in asked], np.int64)
        return (weight * overlap(asked, offered) // sizes[:, None]).astype(np.int16)


@dataclass(frozen=True, slots=True)
class Profession:
    """How close the two professions are in ISCO-08 (ILO, 2012), whose codes are hierarchical.

    The same unit group (four digits) 1000 thousandths, minor group 700, sub-major 400, major 150.
    """

    factor: ClassVar[Factor] = Factor.PROFESSION

    def points(self, weight: int, mentee: Person, mentor: Person) -> Points:
        """See `FactorRule.points`. Shared is the code of the smallest group that holds both."""
        return _closeness(weight, mentee.profession, mentor.profession)

    def table(self, weight: int, pool: Pool) -> Table:
        """Classes: the mentees' and the mentors' `professions`."""
        return _closeness_table(
            weight, pool.mentees.professions.values, pool.mentors.professions.values
        )


@dataclass(frozen=True, slots=True)
class WishedProfession:
    """How close the mentor's profession is to the one that the mentee wants to work in, as above.

    Many look for work outside what they were trained for, and a mentor there opens the door.
    """

    factor: ClassVar[Factor] = Factor.WISHED_PROFESSION

    def points(self, weight: int, mentee: Person, mentor: Person) -> Points:
        """See `FactorRule.points`. Shared is the code of the smallest group that holds both."""
        return _closeness(weight, mentee.wished_profession, mentor.profession)

    def table(self, weight: int, pool: Pool) -> Table:
        """Classes: the mentees' `wished_professions` and the mentors' `professions`."""
        return _closeness_table(
            weight, pool.mentees.wished_professions.values, pool.mentors.professions.values
        )


@dataclass(frozen=True, slots=True)
class Education:
    """How alike field (ISCED-F 2013) and level (ISCED 2011) of their education are.

    The same broad field 600 thousandths; the same level 400, one apart 250, two apart 100. A field
    says more about a working life than a level does.
    """

    factor: ClassVar[Factor] = Factor.EDUCATION

    def points(self, weight: int, mentee: Person, mentor: Person) -> Points:
        """See `FactorRule.points`. Shared: the field (two digits), the level (one digit)."""
        part, shared = 0, []
        if mentee.education_field is not None and mentee.education_field == mentor.education_field:
            part += SAME_FIELD
            shared.append(mentee.education_field)
        if mentee.education_level is not None and mentor.education_level is not None:
            apart = abs(mentee.education_level - mentor.education_level)
            part += BY_LEVELS_APART[min(apart, len(BY_LEVELS_APART) - 1)]
            if apart == 0:
                shared.append(str(mentee.education_level))
        return weight * part // 1000, tuple(shared)

    def table(self, weight: int, pool: Pool) -> Table:
        """Classes: the mentees' and the mentors' `education`."""
        mentees, mentors = pool.mentees.education.values, pool.mentors.education.values
        same_field = _same([field for _, field in mentees], [field for _, field in mentors])
        # Somebody without a level is far from every level, and as far from somebody else without.
        levels = np.array([-100 if level is None else level for level, _ in mentees], np.int64)
        others = np.array([-200 if level is None else level for level, _ in mentors], np.int64)
        apart = np.minimum(np.abs(levels[:, None] - others), len(BY_LEVELS_APART) - 1)
        part = same_field * SAME_FIELD + np.array(BY_LEVELS_APART, np.int64)[apart]
        points: NDArray[np.int64] = weight * part // 1000
        return points.astype(np.int16)


@dataclass(frozen=True, slots=True)
class CommonGround:
    """Interests and life topics that both have: each a quarter, and four are enough.

    What people find they share carries a mentorship (deep-level similarity: Eby et al., 2013), but
    a long list of interests must not beat everything else.
    """

    factor: ClassVar[Factor] = Factor.COMMON_GROUND

    def points(self, weight: int, mentee: Person, mentor: Person) -> Points:
        """See `FactorRule.points`."""
        shared = sorted(items_of(mentee) & items_of(mentor))
        return weight * min(len(shared), ENOUGH_SHARED) // ENOUGH_SHARED, tuple(
            code for _, code in shared
        )


@dataclass(frozen=True, slots=True)
class LanguageComfort:
    """How far up their best shared language stands on both lists together.

    First on both 1000 thousandths, then 750, 500 and 250, and 100 from there on.
    """

    factor: ClassVar[Factor] = Factor.LANGUAGE_COMFORT

    def points(self, weight: int, mentee: Person, mentor: Person) -> Points:
        """See `FactorRule.points`."""
        shared = shared_languages(mentee, mentor)
        if not shared:
            return NONE
        rank = language_rank(shared[0], mentee, mentor)
        return weight * BY_LANGUAGE_RANK[min(rank, len(BY_LANGUAGE_RANK) - 1)] // 1000, shared[:1]

    def table(self, weight: int, pool: Pool) -> Table:
        """Classes: the mentees' and the mentors' `languages`; 0 where they share none."""
        ranks = best_language_ranks(pool)
        last = len(BY_LANGUAGE_RANK) - 1
        parts = np.array(BY_LANGUAGE_RANK, np.int64)[np.minimum(ranks, last)]
        points: NDArray[np.int64] = weight * np.where(ranks == NO_LANGUAGE, 0, parts) // 1000
        return points.astype(np.int16)


@dataclass(frozen=True, slots=True)
class SameCity:
    """They live in one municipality and can meet in person."""

    factor: ClassVar[Factor] = Factor.SAME_CITY

    def points(self, weight: int, mentee: Person, mentor: Person) -> Points:
        """See `FactorRule.points`. Shared is the municipality's code."""
        if mentee.city is None or not in_one_city(mentee, mentor):
            return NONE
        return weight, (mentee.city,)


FACTORS: Final[tuple[FactorRule, ...]] = (
    KindsOfHelp(),
    Profession(),
    Education(),
    WishedProfession(),
    CommonGround(),
    LanguageComfort(),
    SameCity(),
)

BY_ISCO_DIGITS: Final = (0, 150, 400, 700, 1000)
SAME_FIELD: Final = 600
BY_LEVELS_APART: Final = (400, 250, 100, 0)
ENOUGH_SHARED: Final = 4
BY_LANGUAGE_RANK: Final = (1000, 750, 500, 250, 100)
NO_LANGUAGE: Final = 10_000


def _closeness(weight: int, one: str | None, other: str | None) -> Points:
    if not one or not other:
        return NONE
    digits = 0
    while digits < min(4, len(one), len(other)) and one[digits] == other[digits]:
        digits += 1
    return weight * BY_ISCO_DIGITS[digits] // 1000, (one[:digits],) if digits else ()


def _closeness_table(
    weight: int, mentees: Sequence[str | None], mentors: Sequence[str | None]
) -> Table:
    # Small whole numbers, and the weight multiplied in before they are looked up: a quarter of the time.
    digits = np.zeros((len(mentees), len(mentors)), np.int8)
    for length in range(1, 5):
        # A code too short for this group is in none.
        ones = [code[:length] if code and len(code) >= length else None for code in mentees]
        others = [code[:length] if code and len(code) >= length else None for code in mentors]
        digits += _same(ones, others)
    points = weight * np.array(BY_ISCO_DIGITS, np.int64) // 1000
    return np.take(points.astype(np.int16), digits)


def _same(ones: Sequence[str | None], others: Sequence[str | None]) -> NDArray[np.bool_]:
    """Which codes are equal, shape (ones, others); None equals nothing."""
    index = {code: number for number, code in enumerate(dict.fromkeys((*ones, *others)))}
    left = np.array([-1 if code is None else index[code] for code in ones], np.int32)
    right = np.array([-2 if code is None else index[code] for code in others], np.int32)
    same: NDArray[np.bool_] = left[:, None] == right
    return same


def overlap(ones: Sequence[frozenset[str]], others: Sequence[frozenset[str]]) -> NDArray[np.int64]:
    """How many members each two sets share, shape (ones, others)."""
    items = sorted(frozenset().union(*ones) & frozenset().union(*others))
    left = occurrence(ones, len(ones), items).astype(np.int64)
    right = occurrence(others, len(others), items).astype(np.int64)
    return left @ right.T


def best_language_ranks(pool: Pool) -> NDArray[np.int64]:
    """The rank of the best shared language for each two lists of languages, `NO_LANGUAGE` for none.

    Shape (mentees' language classes, mentors' language classes); ranks as in `language_rank`.
    """
    mentees, mentors = pool.mentees.languages.values, pool.mentors.languages.values
    best = np.full((len(mentees), len(mentors)), NO_LANGUAGE, np.int64)
    for here in range(max(map(len, mentees), default=0)):
        ones = [spoken[here] if here < len(spoken) else None for spoken in mentees]
        for there in range(max(map(len, mentors), default=0)):
            others = [spoken[there] if there < len(spoken) else None for spoken in mentors]
            np.minimum(best, here + there, out=best, where=_same(ones, others))
    return best
