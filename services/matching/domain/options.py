"""How many mentors fit each mentee, whether they have a free seat or not. Pure, exact, linear.

Nobody is compared with everybody: within reach, mentors are counted by languages and times, and
sums over all subsets of the week's times tell for any set of times how many mentors have none of
them. So the cost grows with people and, for each city, its sets of languages.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from services.matching.domain.constraints import (
    CommonTime,
    MeetingPlace,
    SharedLanguage,
    Situation,
)
from services.matching.domain.person import Person
from shared.events.participants import Role, TimeOfWeek

_BIT_OF: Final = {time: 1 << place for place, time in enumerate(TimeOfWeek)}
_ALL_TIMES: Final = (1 << len(_BIT_OF)) - 1
_OF_PROFILES: Final = (SharedLanguage(), MeetingPlace(), CommonTime())
_NOTHING_ELSE: Final = Situation({}, ())

Spoken = frozenset[str]
Rows = NDArray[np.intp]
Sums = NDArray[np.float64]  # whole numbers; as floats they multiply fast, and exactly


@dataclass(frozen=True, slots=True)
class _Side:
    """One side in columns, shape (people,): class of languages, set of times, city, online."""

    languages: Rows
    times: Rows
    city: Rows
    online: NDArray[np.bool_]
    spoken: tuple[Spoken, ...]

    @classmethod
    def of(cls, people: Sequence[Person], cities: dict[str, int]) -> "_Side":
        """The columns; new cities are numbered in `cities`, and -1 is none."""
        classes: dict[Spoken, int] = {}
        languages = [classes.setdefault(frozenset(one.languages), len(classes)) for one in people]
        return cls(
            np.array(languages, np.intp),
            np.array([_mask(one) for one in people], np.intp),
            np.array(
                [
                    -1 if one.city is None else cities.setdefault(one.city, len(cities))
                    for one in people
                ],
                np.intp,
            ),
            np.array([one.meets_online for one in people], np.bool_),
            tuple(classes),
        )


def options_of(
    people: Sequence[Person], never_again: Collection[tuple[str, str]]
) -> dict[str, int]:
    """By mentee: the mentors with seats who meet every hard constraint but that one is free."""
    mentees = [one for one in people if one.role is Role.MENTEE]
    mentors = [one for one in people if one.role is Role.MENTOR and one.seats > 0]
    cities: dict[str, int] = {}
    here, there = _Side.of(mentees, cities), _Side.of(mentors, cities)
    sharing = np.array(
        [[bool(ours & theirs) for theirs in there.spoken] for ours in here.spoken], np.float64
    ).reshape(len(here.spoken), len(there.spoken))
    counts = np.zeros(len(mentees), np.int64)
    online = np.flatnonzero(here.online)
    counts[online] = _with_time(here, online, there, np.flatnonzero(there.online), sharing)
    of_city, others_of_city = _by_city(here, len(cities)), _by_city(there, len(cities))
    for mine, theirs in zip(of_city, others_of_city, strict=True):
        counts[mine] += _with_time(here, mine, there, theirs, sharing)
        # Who meets online in her own city has been counted twice.
        twice = mine[here.online[mine]]
        counts[twice] -= _with_time(here, twice, there, theirs[there.online[theirs]], sharing)
    found = {one.participant_id: int(count) for one, count in zip(mentees, counts, strict=True)}
    for mentee_id, _ in _kept_apart(mentees, mentors, never_again):
        found[mentee_id] -= 1
    return found


def _with_time(
    here: _Side, mentees: Rows, there: _Side, mentors: Rows, sharing: Sums
) -> NDArray[np.int64]:
    """For each of these mentees how many of these mentors share a language and a time with her."""
    if not len(mentees) or not len(mentors):
        return np.zeros(len(mentees), np.int64)
    ours, row = np.unique(here.languages[mentees], return_inverse=True)
    theirs, column = np.unique(there.languages[mentors], return_inverse=True)
    sets = _ALL_TIMES + 1
    histogram = np.bincount(
        column * sets + there.times[mentors], minlength=len(theirs) * sets
    ).reshape(len(theirs), sets)
    within = _sums_within(sharing[np.ix_(ours, theirs)] @ histogram)
    # All who share a language, less those who have no time but outside hers.
    outside = within[row, _ALL_TIMES & ~here.times[mentees]]
    found: NDArray[np.int64] = (within[row, _ALL_TIMES] - outside).astype(np.int64)
    return found


def _sums_within(histograms: Sums) -> Sums:
    """For each set of times how many have no time outside it. Shapes (n, sets of times)."""
    sums = histograms.reshape(-1, *(2,) * len(_BIT_OF)).copy()
    for axis in range(1, sums.ndim):
        without, with_it = (sums[(slice(None),) * axis + (one,)] for one in (0, 1))
        with_it += without
    return sums.reshape(len(histograms), -1)


def _by_city(side: _Side, cities: int) -> list[Rows]:
    """The rows of each city, by its number."""
    order = np.argsort(side.city, kind="stable")
    bounds = np.searchsorted(side.city[order], np.arange(cities + 1))
    return [order[bounds[city] : bounds[city + 1]] for city in range(cities)]


def _mask(person: Person) -> int:
    return sum(_BIT_OF[time] for time in set(person.availability))


def _kept_apart(
    mentees: Sequence[Person], mentors: Sequence[Person], never_again: Collection[tuple[str, str]]
) -> list[tuple[str, str]]:
    """Pairs that fit in all but this: one side keeps away from the other, or they met before."""
    mentee_of: Mapping[str, Person] = {one.participant_id: one for one in mentees}
    mentor_of: Mapping[str, Person] = {one.participant_id: one for one in mentors}
    pairs = {
        *((one.participant_id, other) for one in mentees for other in one.apart_from),
        *((other, one.participant_id) for one in mentors for other in one.apart_from),
        *never_again,
    }
    return [
        (mentee_id, mentor_id)
        for mentee_id, mentor_id in pairs
        if mentee_id in mentee_of
        and mentor_id in mentor_of
        and _fits(mentee_of[mentee_id], mentor_of[mentor_id])
    ]


def _fits(mentee: Person, mentor: Person) -> bool:
    """In all that two profiles tell but whom they keep away from."""
    return not any(rule.explain(mentee, mentor, _NOTHING_ELSE) for rule in _OF_PROFILES)
