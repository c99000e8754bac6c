"""All pairs of a round, block by block: whether they are possible, and with how many points.

The same rules as `constraints` and `factors`, for whole blocks at once; a property test compares
them. Nothing is approximated or left out. A block is small enough for the processor's cache, so
memory does not grow with the number of pairs.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from services.matching.domain import factors
from services.matching.domain.pool import Classes, Pool
from shared.events.programmes import ScoreWeights

IMPOSSIBLE: Final = -10_000  # twice this and 1000 points more still fit into 16 bits
CELLS: Final = 1 << 18  # pairs in a block

Table = NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class Group:
    """Mentees of one city who answered alike whether they meet online: they reach the same mentors.

    `mentees`, `mentors`: rows, ascending. `same_city`: shape (mentors,), who lives in their city.
    """

    mentees: NDArray[np.intp]
    mentors: NDArray[np.intp]
    same_city: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Block:
    """Some mentees with all mentors in their reach.

    `points`, shape (mentees, mentors): the score, or below 0 if a hard constraint other than the
    free seat forbids the pair. `shared`, same shape: items of common ground, counted up to
    `factors.ENOUGH_SHARED`.
    """

    mentees: NDArray[np.intp]
    mentors: NDArray[np.intp]
    points: NDArray[np.int16]
    shared: NDArray[np.int16]


class Tables(NamedTuple):
    """Points for each two classes, shape (mentees' classes, mentors' classes).

    Where languages or times forbid a pair, `IMPOSSIBLE`. The professions that mentees have and wish
    for are both compared with those that mentors have.
    """

    languages: Table
    times: Table
    professions: Table
    wished_professions: Table
    kinds_of_help: Table
    education: Table


@dataclass(frozen=True, slots=True)
class Lookup:
    """Tables over the same classes of mentors: added up, then spread over the mentors."""

    mentors: NDArray[np.int32]
    parts: tuple[tuple[Table, NDArray[np.int32]], ...]  # each a table and the mentees' classes


class Pairs:
    """The pairs of a pool, scored with a programme's weights."""

    def __init__(self, pool: Pool, weights: ScoreWeights) -> None:
        self.pool = pool
        self.weights = weights
        self.tables = _tables(pool, weights)
        self._lookups = _lookups(pool, self.tables)

    def blocks(
        self,
        wanted: NDArray[np.bool_] | None = None,
        wanted_mentors: NDArray[np.bool_] | None = None,
    ) -> Iterator[Block]:
        """Every pair that can meet, once.

        `wanted`, shape (mentees,), `wanted_mentors`, shape (mentors,): only pairs of these.
        """
        for group in groups(self.pool, wanted, wanted_mentors):
            columns = [lookup.mentors[group.mentors] for lookup in self._lookups]
            items = np.ascontiguousarray(self.pool.mentors.common_ground[group.mentors].T)
            home = group.same_city.astype(np.int16) * np.int16(self.weights.same_city)
            step = max(1, CELLS // max(1, len(group.mentors)))
            for start in range(0, len(group.mentees), step):
                yield self._block(group, group.mentees[start : start + step], columns, items, home)

    def in_reach_of(self, mentor: int, mentees: NDArray[np.intp]) -> NDArray[np.intp]:
        """Of these mentees, who can meet a mentor and share a language and a time with her."""
        one, other = self.pool.mentees, self.pool.mentors
        city = other.city[mentor]
        near = (one.city[mentees] == city) if city >= 0 else np.zeros(len(mentees), np.bool_)
        if other.online[mentor]:
            near |= one.online[mentees]
        mentees = mentees[near]
        language = self.tables.languages[:, other.languages.of[mentor]] >= 0
        mentees = mentees[language[one.languages.of[mentees]]]
        time = self.tables.times[:, other.times.of[mentor]] >= 0
        return mentees[time[one.times.of[mentees]]]

    def scores_of(
        self, mentees: NDArray[np.intp], mentors: NDArray[np.int64]
    ) -> tuple[NDArray[np.int16], NDArray[np.int8]]:
        """Points and shared items of single pairs, as in `Block`; all shapes (n,)."""
        one, other = self.pool.mentees, self.pool.mentors
        shared = np.bitwise_count(one.common_ground[mentees] & other.common_ground[mentors])
        counted = np.minimum(shared.sum(axis=1, dtype=np.int16), factors.ENOUGH_SHARED)
        points = counted * np.int16(self.weights.common_ground) // np.int16(factors.ENOUGH_SHARED)
        same_city = (one.city[mentees] == other.city[mentors]) & (one.city[mentees] >= 0)
        points += same_city.astype(np.int16) * np.int16(self.weights.same_city)
        for lookup in self._lookups:
            for table, classes in lookup.parts:
                points += table[classes[mentees], lookup.mentors[mentors]]
        can_meet = same_city | (one.online[mentees] & other.online[mentors])
        points[~can_meet | self.pool.apart.forbids(mentees, mentors)] = IMPOSSIBLE
        return points, counted.astype(np.int8)

    def _block(
        self,
        group: Group,
        mentees: NDArray[np.intp],
        columns: list[NDArray[np.int32]],
        items: NDArray[np.uint64],
        home: NDArray[np.int16],
    ) -> Block:
        shared = np.zeros((len(mentees), len(group.mentors)), np.int16)
        for hers, theirs in zip(self.pool.mentees.common_ground[mentees].T, items, strict=True):
            shared += np.bitwise_count(hers[:, None] & theirs)
        np.minimum(shared, factors.ENOUGH_SHARED, out=shared)
        points = shared * np.int16(self.weights.common_ground) // np.int16(factors.ENOUGH_SHARED)
        points += home
        for lookup, column in zip(self._lookups, columns, strict=True):
            (table, classes), *others = lookup.parts
            by_class = table[classes[mentees]]
            for other, other_classes in others:
                by_class += other[other_classes[mentees]]
            points += np.take(by_class, column, axis=1)
        self._keep_apart(group, mentees, points)
        return Block(mentees, group.mentors, points, shared)

    def _keep_apart(
        self, group: Group, mentees: NDArray[np.intp], points: NDArray[np.int16]
    ) -> None:
        apart = self.pool.apart
        for row in np.flatnonzero(apart.start[mentees + 1] > apart.start[mentees]).tolist():
            forbidden = apart.from_mentee(int(mentees[row]))
            points[row, among(group.mentors, forbidden)] = IMPOSSIBLE


def groups(
    pool: Pool,
    wanted: NDArray[np.bool_] | None = None,
    wanted_mentors: NDArray[np.bool_] | None = None,
) -> Iterator[Group]:
    """Every (wanted) mentee once, with the mentors she can meet: of her city, or both online."""
    mentees, mentors = pool.mentees, pool.mentors
    keys = mentees.city.astype(np.int64) * 2 + mentees.online
    chosen = np.arange(len(mentees)) if wanted is None else np.flatnonzero(wanted)
    for key in np.unique(keys[chosen]).tolist():
        city, online = divmod(key, 2)
        same_city = (mentors.city == city) & (city >= 0)
        in_reach = same_city | (mentors.online & bool(online))
        reach = np.flatnonzero(in_reach if wanted_mentors is None else in_reach & wanted_mentors)
        yield Group(chosen[keys[chosen] == key], reach, same_city[reach])


def among(rows: NDArray[np.intp], wanted: NDArray[np.int32]) -> NDArray[np.intp]:
    """Where in `rows` (ascending) the wanted ones stand; those that are not there are left out."""
    places = np.searchsorted(rows, wanted)
    inside = places < len(rows)
    places, wanted = places[inside], wanted[inside]
    found: NDArray[np.intp] = places[rows[places] == wanted]
    return found


def _tables(pool: Pool, weights: ScoreWeights) -> Tables:
    languages = factors.LanguageComfort().table(weights.language_comfort, pool)
    languages[factors.best_language_ranks(pool) == factors.NO_LANGUAGE] = IMPOSSIBLE
    return Tables(
        languages=languages,
        times=_times_table(pool.mentees.times, pool.mentors.times),
        professions=factors.Profession().table(weights.profession, pool),
        wished_professions=factors.WishedProfession().table(weights.wished_profession, pool),
        kinds_of_help=factors.KindsOfHelp().table(weights.kinds_of_help, pool),
        education=factors.Education().table(weights.education, pool),
    )


def _lookups(pool: Pool, tables: Tables) -> tuple[Lookup, ...]:
    mentees, mentors = pool.mentees, pool.mentors
    return (
        Lookup(mentors.languages.of, ((tables.languages, mentees.languages.of),)),
        Lookup(mentors.times.of, ((tables.times, mentees.times.of),)),
        Lookup(
            mentors.professions.of,
            (
                (tables.professions, mentees.professions.of),
                (tables.wished_professions, mentees.wished_professions.of),
            ),
        ),
        Lookup(mentors.kinds_of_help.of, ((tables.kinds_of_help, mentees.kinds_of_help.of),)),
        Lookup(mentors.education.of, ((tables.education, mentees.education.of),)),
    )


def _times_table(mentees: Classes[frozenset[str]], mentors: Classes[frozenset[str]]) -> Table:
    """0 where a time suits both, else impossible."""
    common = factors.overlap(mentees.values, mentors.values)
    return np.where(common > 0, 0, IMPOSSIBLE).astype(np.int16)
