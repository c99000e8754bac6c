"""A pool as the compiled kernels read it: plain arrays, and mentors on shelves.

Mentors stand on two shelves. At home they stand by city, and within a city by profession; those who
meet online stand a second time, by profession alone. A group is the mentors of one profession in one
place: points for the professions are the same for all of them, so a mentee can begin with the
groups that promise most and stop when no other can reach what she has found. Within a group stand
together those who offer the same kinds of help: a run, which is left out as a whole in the same way.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from services.matching.domain import factors
from services.matching.domain.candidates import Draws
from services.matching.domain.pairs import Pairs, Tables
from services.matching.domain.pool import Side


class Shelf(NamedTuple):
    """Mentors with a free seat in a certain order; the attributes, shape (places,), follow it.

    Group `g` is the places `group_start[g]:group_start[g + 1]`, all of profession
    `group_profession[g]`; the groups of city `c` are `city_start[c]:city_start[c + 1]`. `run_end`,
    shape (places,): where the run of each place ends.
    """

    mentors: NDArray[np.int32]
    city: NDArray[np.int32]
    languages: NDArray[np.uint32]
    times: NDArray[np.uint32]
    kinds_of_help: NDArray[np.uint32]
    education: NDArray[np.uint32]
    common_ground: NDArray[np.uint64]
    run_end: NDArray[np.int64]
    group_start: NDArray[np.int64]
    group_profession: NDArray[np.int32]
    city_start: NDArray[np.int64]


class Columns(NamedTuple):
    """Attributes in the order of the rows; shape (people,), `common_ground` (people, words)."""

    city: NDArray[np.int32]
    online: NDArray[np.bool_]
    languages: NDArray[np.int32]
    times: NDArray[np.int32]
    kinds_of_help: NDArray[np.int32]
    professions: NDArray[np.int32]
    wished_professions: NDArray[np.int32]
    education: NDArray[np.int32]
    common_ground: NDArray[np.uint64]


class Most(NamedTuple):
    """The most points that a class of mentees can get from any class of mentors."""

    languages: NDArray[np.int64]
    kinds_of_help: NDArray[np.int64]
    education: NDArray[np.int64]


class Market(NamedTuple):
    """Everything that does not change while a round is solved.

    `common_points`: points for 0 to `factors.ENOUGH_SHARED` shared items.
    """

    mentees: Columns
    mentors: Columns
    home: Shelf
    online: Shelf
    tables: Tables
    most: Most
    common_points: NDArray[np.int64]
    same_city: int
    apart_start: NDArray[np.int64]
    apart_mentors: NDArray[np.int32]
    mentee_draws: NDArray[np.uint64]
    mentor_draws: NDArray[np.uint64]


def market_of(pairs: Pairs, draws: Draws) -> Market:
    """The market of a pool; the arrays of the mentees are shared with it, not copied."""
    pool, weights = pairs.pool, pairs.weights
    mentees, mentors = pool.mentees, pool.mentors
    free = pool.free_seats > 0
    everywhere = np.where(mentors.online, 0, -1).astype(np.int32)
    tables = pairs.tables
    shared = np.arange(factors.ENOUGH_SHARED + 1)
    return Market(
        mentees=_columns(mentees),
        mentors=_columns(mentors),
        home=_shelf(mentors, mentors.city, len(pool.cities), free),
        online=_shelf(mentors, everywhere, 1, free),
        tables=tables,
        most=Most(
            _most(tables.languages), _most(tables.kinds_of_help), _most(tables.education)
        ),
        common_points=weights.common_ground * shared // factors.ENOUGH_SHARED,
        same_city=weights.same_city,
        apart_start=pool.apart.start,
        apart_mentors=pool.apart.mentors,
        mentee_draws=draws.mentees,
        mentor_draws=draws.mentors,
    )  # fmt: skip


def _columns(side: Side) -> Columns:
    return Columns(
        side.city,
        side.online,
        side.languages.of,
        side.times.of,
        side.kinds_of_help.of,
        side.professions.of,
        side.wished_professions.of,
        side.education.of,
        side.common_ground,
    )


def _most(table: NDArray[np.int16]) -> NDArray[np.int64]:
    most: NDArray[np.int64] = table.max(axis=1, initial=-1).astype(np.int64)
    return most


def _shelf(mentors: Side, place: NDArray[np.int32], places: int, free: NDArray[np.bool_]) -> Shelf:
    """`place`: shape (mentors,), the city under which each one stands, -1 if nowhere."""
    rows = np.flatnonzero((place >= 0) & free)
    by = (mentors.kinds_of_help.of[rows], mentors.professions.of[rows], place[rows])
    rows = rows[np.lexsort(by)]
    place, profession = place[rows], mentors.professions.of[rows]
    kinds_of_help = mentors.kinds_of_help.of[rows]
    new = np.ones(len(rows), np.bool_)
    new[1:] = (np.diff(place) != 0) | (np.diff(profession) != 0)
    begins = np.flatnonzero(new)
    new[1:] |= np.diff(kinds_of_help) != 0
    run_ends = np.append(np.flatnonzero(new)[1:], len(rows))
    return Shelf(
        mentors=rows.astype(np.int32),
        city=mentors.city[rows],
        languages=mentors.languages.of[rows].astype(np.uint32),
        times=mentors.times.of[rows].astype(np.uint32),
        kinds_of_help=kinds_of_help.astype(np.uint32),
        education=mentors.education.of[rows].astype(np.uint32),
        common_ground=mentors.common_ground[rows],
        run_end=run_ends[np.cumsum(new) - 1].astype(np.int64),
        group_start=np.append(begins, len(rows)).astype(np.int64),
        group_profession=profession[begins],
        city_start=np.searchsorted(place[begins], np.arange(places + 1)).astype(np.int64),
    )
