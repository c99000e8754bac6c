"""Where mentors are missing: for each city, the one more mentor who would place the most."""

from collections import Counter
from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from services.matching.domain.pool import Pool
from services.matching.domain.round import Gap

MOST_SEATS: Final = 5  # that a mentor may offer


def gaps_of(pool: Pool, waiting: NDArray[np.intp]) -> tuple[Gap, ...]:
    """A gap for each city in which a mentee waits, by city; `waiting` are rows of mentees.

    One more mentor has one profession and one language to start with: `would_place` counts mentees
    who look for that profession (the wished one, else their own) and share that language, up to the
    seats that a mentor may offer. If none of them named a profession, the language alone counts.
    """
    mentees = pool.mentees
    at_home = waiting[mentees.city[waiting] >= 0]
    # Mentees who look for the same in the same city are counted, not looked at one by one.
    alike = np.stack(
        (
            mentees.city[at_home],
            mentees.wished_professions.of[at_home],
            mentees.professions.of[at_home],
            mentees.languages.of[at_home],
        )
    )
    kinds, counts = np.unique(alike, axis=1, return_counts=True)
    sought: dict[int, Counter[tuple[str | None, str]]] = {}
    for (city, wished, own, spoken), count in zip(kinds.T.tolist(), counts.tolist(), strict=True):
        profession = mentees.wished_professions.values[wished] or mentees.professions.values[own]
        by_profession = sought.setdefault(city, Counter())
        for language in set(mentees.languages.values[spoken]):
            by_profession[profession, language] += count
    people = np.bincount(mentees.city[at_home], minlength=len(pool.cities))
    return tuple(
        _gap(pool.cities[city], int(people[city]), sought[city]) for city in sorted(sought)
    )


def _gap(city: str, waiting: int, sought: Counter[tuple[str | None, str]]) -> Gap:
    named = {pair: count for pair, count in sought.items() if pair[0]} or sought
    profession, would_place = _most(named)
    return Gap(city, waiting, profession, min(would_place, MOST_SEATS))


def _most(sought: Mapping[tuple[str | None, str], int]) -> tuple[str | None, int]:
    """The profession with the highest count; of equals, the lowest code."""
    if not sought:
        return None, 0
    (profession, _), count = min(
        sought.items(), key=lambda item: (-item[1], item[0][0] or "", item[0][1])
    )
    return profession or None, count
