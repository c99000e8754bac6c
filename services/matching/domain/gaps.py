"""Where mentors are missing: for each city, the one more mentor who would place the most."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final

from services.matching.domain.person import Person
from services.matching.domain.round import Gap

MOST_SEATS: Final = 5  # that a mentor may offer


def gaps_of(waiting_mentees: Iterable[Person]) -> tuple[Gap, ...]:
    """A gap for each city in which a mentee waits, by city.

    One more mentor has one profession and one language to start with: `would_place` counts mentees
    who look for that profession (the wished one, else their own) and share that language, up to the
    seats that a mentor may offer. If none of them named a profession, the language alone counts.
    """
    by_city: dict[str, list[Person]] = {}
    for mentee in waiting_mentees:
        if mentee.city is not None:
            by_city.setdefault(mentee.city, []).append(mentee)
    return tuple(_gap(city, by_city[city]) for city in sorted(by_city))


def _gap(city: str, mentees: list[Person]) -> Gap:
    sought = Counter(
        (profession, language)
        for mentee in mentees
        for profession in [mentee.wished_profession or mentee.profession]
        for language in set(mentee.languages)
    )
    named = {pair: count for pair, count in sought.items() if pair[0]} or sought
    profession, would_place = _most(named)
    return Gap(city, len(mentees), profession, min(would_place, MOST_SEATS))


def _most(sought: Mapping[tuple[str | None, str], int]) -> tuple[str | None, int]:
    """The profession with the highest count; of equals, the lowest code."""
    if not sought:
        return None, 0
    (profession, _), count = min(
        sought.items(), key=lambda item: (-item[1], item[0][0] or "", item[0][1])
    )
    return profession or None, count
