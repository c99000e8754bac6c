"""How many people of the other side somebody could meet, counted by classes instead of by pairs.

People of one city who speak the same languages at the same times are in reach of the same others, so
a count over classes of languages and times answers for all of them: the cost grows with cities and
classes, and hardly with people. Only pairs that must not be are looked at one by one.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.matching.domain.pairs import Tables
from services.matching.domain.pool import Classes, Pool, Side

Rows = NDArray[np.intp]
Numbers = NDArray[np.int64]
Truth = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Counted:
    """For some people, how many of some others there are; each of shape (people,).

    `language`: share a language; `place`: of these, who can meet; `time`: of these, who have a
    common time. `fitting`: of these, who are not kept apart. The rest counts those with whom one
    thing alone is in the way that she could change: `online` that she does not meet online, while
    the other does; `times`, `languages` that she names too few, while the other names some.
    """

    language: Numbers
    place: Numbers
    time: Numbers
    fitting: Numbers
    online: Numbers
    times: Numbers
    languages: Numbers


class Reach:
    """Counts for a pool."""

    def __init__(self, pool: Pool, tables: Tables) -> None:
        self.pool = pool
        self._language: Truth = tables.languages >= 0
        self._time: Truth = tables.times >= 0

    def of_mentees(self, mentees: Rows, mentors: Rows) -> Counted:
        """How many of these mentors each of these mentees has in reach."""
        language, time = self._language, self._time
        sides = _Sides(self.pool.mentees, self.pool.mentors, language, time)
        return sides.count(mentees, mentors, *self._apart_pairs())

    def of_mentors(self, mentors: Rows, mentees: Rows) -> Counted:
        """How many of these mentees each of these mentors has in reach."""
        language, time = self._language.T, self._time.T
        sides = _Sides(self.pool.mentors, self.pool.mentees, language, time)
        return sides.count(mentors, mentees, *reversed(self._apart_pairs()))

    def _apart_pairs(self) -> tuple[Rows, Rows]:
        apart = self.pool.apart
        mentees = np.repeat(np.arange(len(apart.start) - 1), np.diff(apart.start))
        return mentees, apart.mentors.astype(np.intp)


@dataclass(frozen=True, slots=True)
class _Sides:
    """`language`, `time`: which classes of one side fit which of the other, shape (here, there)."""

    here: Side
    there: Side
    language: Truth
    time: Truth

    def count(self, rows: Rows, others: Rows, apart: Rows, apart_from: Rows) -> Counted:
        """See `Reach`. `apart`, `apart_from`: pairs that must not be, one from each side."""
        here, there = self.here, self.there
        online = here.online[rows]
        remote = others[there.online[others]]
        met = self._fits(rows, remote)
        met[:, ~online] = 0  # who does not meet online meets in her city alone
        by_going_online = self._fits(rows, remote)[_BOTH]
        for city in np.unique(here.city[rows]).tolist():
            if city < 0:
                continue
            at_home = here.city[rows] == city
            neighbours = others[there.city[others] == city]
            offline = neighbours[~there.online[neighbours]]
            met[:, at_home & ~online] += self._fits(rows[at_home & ~online], neighbours)
            met[:, at_home & online] += self._fits(rows[at_home & online], offline)
            near = neighbours[there.online[neighbours]]
            by_going_online[at_home] -= self._fits(rows[at_home], near)[_BOTH]
        by_going_online[online] = 0
        found = Counted(
            language=self._fits(rows, others)[_LANGUAGE],
            place=met[_LANGUAGE],
            time=met[_BOTH],
            fitting=met[_BOTH].copy(),
            online=by_going_online,
            times=met[_LANGUAGE_TIMES_NAMED] - met[_BOTH],
            languages=met[_TIME_LANGUAGES_NAMED] - met[_BOTH],
        )
        self._without_apart(found, rows, others, apart, apart_from)
        return found

    def _fits(self, rows: Rows, others: Rows) -> Numbers:
        """How many others fit each row, shape (4, rows), by what they share, wherever they live."""
        found = np.zeros((4, len(rows)), np.int64)
        if not len(rows) or not len(others):
            return found
        there, shape = self.there, (self.language.shape[1], self.time.shape[1])
        classes = there.languages.of[others].astype(np.int64) * shape[1] + there.times.of[others]
        # Numbers of people are exact in 32-bit floats up to 2**24, and those multiply fast.
        people = np.bincount(classes, minlength=shape[0] * shape[1]).reshape(shape)
        people = people.astype(np.float32)
        speaking, of_speaking = np.unique(self.here.languages.of[rows], return_inverse=True)
        free_at, of_free_at = np.unique(self.here.times.of[rows], return_inverse=True)
        language = self.language[speaking].astype(np.float32)
        time = self.time[free_at].astype(np.float32)
        named_times, named_languages = _named(there.times), _named(there.languages)
        found[_BOTH] = (language @ people @ time.T)[of_speaking, of_free_at]
        found[_LANGUAGE] = (language @ people.sum(axis=1))[of_speaking]
        found[_LANGUAGE_TIMES_NAMED] = (language @ people[:, named_times].sum(axis=1))[of_speaking]
        found[_TIME_LANGUAGES_NAMED] = (time @ people[named_languages].sum(axis=0))[of_free_at]
        return found

    def _without_apart(
        self, found: Counted, rows: Rows, others: Rows, apart: Rows, apart_from: Rows
    ) -> None:
        """Takes pairs that must not be out of what could still come to be."""
        here, there = self.here, self.there
        counted = np.isin(apart, rows) & np.isin(apart_from, others)
        one, other = apart[counted], apart_from[counted]
        language = self.language[here.languages.of[one], there.languages.of[other]]
        time = self.time[here.times.of[one], there.times.of[other]]
        same_city = (here.city[one] == there.city[other]) & (here.city[one] >= 0)
        place = same_city | (here.online[one] & there.online[other])
        named_times = _named(there.times)[there.times.of[other]]
        named_languages = _named(there.languages)[there.languages.of[other]]
        index = np.searchsorted(rows, one)
        for numbers, were_counted in (
            (found.fitting, language & place & time),
            (found.online, language & time & ~place & there.online[other]),
            (found.times, language & place & ~time & named_times),
            (found.languages, place & time & ~language & named_languages),
        ):
            np.subtract.at(numbers, index[were_counted], 1)


_BOTH, _LANGUAGE, _LANGUAGE_TIMES_NAMED, _TIME_LANGUAGES_NAMED = range(4)


def _named(classes: "Classes[tuple[str, ...]] | Classes[frozenset[str]]") -> Truth:
    """Which classes name anything at all."""
    return np.array([bool(value) for value in classes.values], np.bool_)
