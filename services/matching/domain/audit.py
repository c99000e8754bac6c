"""The audit of a round: how it went for whom, by attributes that never enter the score. Pure.

Nobody is to be recognised in it. No cell ever counts fewer than `FEWEST` people: groups that are
smaller are put together in one cell, and if that is still too small, the smallest other group joins
them. So there is no small remainder that a reader could work out from the total. Waiting and score
are of those who were placed; they are left out, by the same rule, where too few were placed.

Mentees whom no mentor fits are counted apart: that is a call for recruiting, not a preference.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import numpy as np

from services.matching.domain.options import options_of
from services.matching.domain.person import Person
from services.matching.domain.round import RoundInput, RoundResult
from shared.events.participants import Role

FEWEST: Final = 5
"""The least people a cell may count; a usual threshold of official statistics."""

TOGETHER: Final = "too few, together"
NOT_SAID: Final = "not said"

# People of the round in one city, mentees and mentors, from which a class begins.
CITY_SIZES: Final = ((1_000, "1000 or more"), (300, "300 to 999"), (100, "100 to 299"), (0, "under 100"))  # fmt: skip
OPTIONS: Final = ((33, "33 or more"), (9, "9 to 32"), (3, "3 to 8"), (1, "1 or 2"))
QUARTERS: Final = ("shortest quarter", "second", "third", "longest quarter")


@dataclass(frozen=True, slots=True)
class Days:
    """Whole days that people had waited, as quartiles."""

    lower: float
    median: float
    upper: float


@dataclass(frozen=True, slots=True)
class Cell:
    """One group. `waited` and `score` (0 to 1000, mean) are of the placed, None if too few were."""

    group: str
    people: int
    placed: int
    waited: Days | None = None
    score: float | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """All groups of one attribute; their people add up to everybody's. Empty if they are too few."""

    by: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Audit:
    """How a round went. `everybody`: mentees whom at least one mentor fits, free or not.

    `unmatchable`: how many no mentor fits, and who they are by the same attributes but `options`.
    """

    everybody: Cell
    tables: tuple[Table, ...]
    unmatchable: int
    unmatchable_tables: tuple[Table, ...]


@dataclass(frozen=True, slots=True)
class Seen:
    """One mentee of the round: the group she is in by each attribute, and what became of her."""

    groups: Mapping[str, str]
    days: int
    score: int | None


def audit_of(
    round_input: RoundInput, result: RoundResult, host_languages: Collection[str]
) -> Audit:
    """The audit of a round. Linear in the people."""
    options = options_of(round_input.people, round_input.never_again)
    mentees = [person for person in round_input.people if person.role is Role.MENTEE]
    score_of = {pairing.mentee_id: pairing.score for pairing in result.pairings}
    size_of = _city_sizes(round_input.people)
    quarter_of = _quarters(mentees, round_input.now)
    matchable: list[Seen] = []
    unmatchable: list[Seen] = []
    for person in mentees:
        count = options[person.participant_id]
        seen = Seen(
            groups={
                "city_size": size_of(person.city),
                "host_language": _speaks_host(person, host_languages),
                "first_language": person.languages[0] if person.languages else NOT_SAID,
                "waiting": quarter_of(person),
                "options": _class_of(count, OPTIONS),
            },
            days=max(0, (round_input.now - person.available_since).days),
            score=score_of.get(person.participant_id),
        )
        (matchable if count else unmatchable).append(seen)
    attributes = ("city_size", "host_language", "first_language", "waiting", "options")
    return Audit(
        everybody=_cell("everybody", matchable, show=_placed(matchable) >= FEWEST),
        tables=tuple(_table(by, matchable) for by in attributes),
        unmatchable=len(unmatchable),
        unmatchable_tables=tuple(_table(by, unmatchable) for by in attributes[:-1]),
    )


def _table(by: str, people: Sequence[Seen]) -> Table:
    """Groups in order of size; see the module for what becomes of small ones."""
    groups: dict[str, list[Seen]] = {}
    for seen in people:
        groups.setdefault(seen.groups[by], []).append(seen)
    by_size = sorted(groups.items(), key=lambda item: (-len(item[1]), item[0]))
    together: list[Seen] = []
    while by_size and (len(by_size[-1][1]) < FEWEST or 0 < len(together) < FEWEST):
        together += by_size.pop()[1]
    if len(together) >= FEWEST:
        by_size.append((TOGETHER, together))
    hidden = _too_few([_placed(members) for _, members in by_size])
    return Table(
        by,
        tuple(
            _cell(group, members, show=place not in hidden)
            for place, (group, members) in enumerate(by_size)
        ),
    )


def _too_few(placed: Sequence[int]) -> frozenset[int]:
    """Which cells do not show what they count of their placed: a small one, and a cover for it.

    Where nobody was placed there is nothing to show, and nothing to work out.
    """
    by_size = sorted(range(len(placed)), key=lambda place: placed[place])
    hidden = [place for place in by_size if placed[place] < FEWEST]
    count = sum(placed[place] for place in hidden)
    for place in by_size[len(hidden) :]:
        if count == 0 or count >= FEWEST:
            break
        hidden.append(place)
        count += placed[place]
    return frozenset(hidden)


def _placed(people: Collection[Seen]) -> int:
    return sum(seen.score is not None for seen in people)


def _cell(group: str, people: Sequence[Seen], *, show: bool) -> Cell:
    scores = [seen.score for seen in people if seen.score is not None]
    if not show:
        return Cell(group, len(people), len(scores))
    days = [seen.days for seen in people if seen.score is not None]
    lower, median, upper = np.quantile(days, (0.25, 0.5, 0.75)).tolist()
    waited = Days(round(lower, 1), round(median, 1), round(upper, 1))
    return Cell(group, len(people), len(scores), waited, round(sum(scores) / len(scores), 1))


def _speaks_host(person: Person, host_languages: Collection[str]) -> str:
    if not person.languages:
        return NOT_SAID
    return "speaks it" if set(person.languages) & set(host_languages) else "does not"


def _city_sizes(people: Sequence[Person]) -> Callable[[str | None], str]:
    counts: dict[str, int] = {}
    for person in people:
        if person.city is not None:
            counts[person.city] = counts.get(person.city, 0) + 1
    names = {city: f"{_class_of(count, CITY_SIZES)} people" for city, count in counts.items()}
    return lambda city: names[city] if city is not None else NOT_SAID


def _quarters(mentees: Sequence[Person], now: datetime) -> Callable[[Person], str]:
    """By how long each has waited among the mentees of the round; of equals all are in one quarter."""
    waited = [(now - person.available_since).total_seconds() for person in mentees]
    bounds = np.quantile(waited, (0.25, 0.5, 0.75)).tolist() if waited else []

    def quarter(person: Person) -> str:
        mine = (now - person.available_since).total_seconds()
        return QUARTERS[sum(bound < mine for bound in bounds)]

    return quarter


def _class_of(count: int, classes: Sequence[tuple[int, str]]) -> str:
    return next((name for least, name in classes if count >= least), "none")
