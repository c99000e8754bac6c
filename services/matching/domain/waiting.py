"""Everybody whom a round did not match: the first thing in the way, and what would help.

Nobody waits without a reason, and each is true of her: what is said to help would have brought her
together with somebody who is still free or, if nobody fits her at all, given her somebody who fits.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from services.matching.domain.acceptance import NOBODY, Matching
from services.matching.domain.candidates import Reach
from services.matching.domain.factors import NO_LANGUAGE, best_language_ranks, overlap
from services.matching.domain.pairs import CELLS, Pairs, among
from services.matching.domain.pool import Classes, Pool
from services.matching.domain.round import Waiting
from shared.events.pool import WaitingReason, WhatHelps

_CHANGES: Final = (WhatHelps.MEET_ONLINE, WhatHelps.MORE_TIMES, WhatHelps.MORE_LANGUAGES)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

Rows = NDArray[np.intp]
Truth = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Facts:
    """What is true of some mentees and mentors; each of shape (mentees, mentors)."""

    language: Truth
    place: Truth
    time: Truth
    allowed: Truth


def who_waits(pairs: Pairs, reach: Reach, matching: Matching) -> tuple[Waiting, ...]:
    """Every mentee without a match and every mentor with free seats who got nobody, by id."""
    pool = pairs.pool
    taken = np.bincount(
        matching.mentor_of[matching.mentor_of != NOBODY], minlength=len(pool.mentors)
    )
    mentees = np.flatnonzero(matching.mentor_of == NOBODY)
    mentors = np.flatnonzero((pool.free_seats > 0) & (taken == 0))
    comparison = _Comparison(pool)
    helps_mentees, helps_mentors = _what_helps(
        comparison, mentees, np.flatnonzero(pool.free_seats > taken)
    )
    helps_mentees |= _what_helps(
        comparison, mentees[reach.mentors_of[mentees] == 0], np.arange(len(pool.mentors))
    )[0]
    helps_mentors |= _what_helps(
        comparison, np.arange(len(pool.mentees)), mentors[~reach.fits_someone[mentors]]
    )[1]
    waiting = [
        *_mentees(pairs, comparison, reach, matching, mentees, helps_mentees),
        *_mentors(comparison, reach, mentors, helps_mentors),
    ]
    return tuple(sorted(waiting, key=lambda one: one.participant_id))


def _mentees(
    pairs: Pairs,
    comparison: "_Comparison",
    reach: Reach,
    matching: Matching,
    rows: Rows,
    helps: Truth,
) -> Iterator[Waiting]:
    pool = pairs.pool
    longer = _others_waited_longer(pairs, matching, rows[reach.has_options[rows]])
    unreached = comparison.first_in_the_way(
        rows[reach.mentors_of[rows] == 0], np.arange(len(pool.mentors)), axis=1
    )
    for row in rows.tolist():
        if row in unreached:
            reason = unreached[row]
        elif not reach.has_options[row]:
            reason = WaitingReason.ALL_SEATS_TAKEN
        elif row in longer:
            reason = WaitingReason.OTHERS_WAITED_LONGER
        else:
            reason = WaitingReason.NEXT_ROUND
        what_helps = _named(helps[row])
        if not what_helps:
            what_helps = (WhatHelps.RECRUITING,)
            if reach.mentors_of[row]:
                what_helps = (WhatHelps.RECRUITING, WhatHelps.PATIENCE)
        yield Waiting(
            pool.mentees.people[row].participant_id,
            reason,
            what_helps,
            int(reach.mentors_of[row]),
        )


def _mentors(
    comparison: "_Comparison", reach: Reach, rows: Rows, helps: Truth
) -> Iterator[Waiting]:
    pool = comparison.pool
    unreached = comparison.first_in_the_way(
        np.arange(len(pool.mentees)), rows[~reach.fits_someone[rows]], axis=0
    )
    for row in rows.tolist():
        yield Waiting(
            pool.mentors.people[row].participant_id,
            unreached.get(row, WaitingReason.NO_MENTEE_YET),
            _named(helps[row]) or (WhatHelps.PATIENCE,),
            mentors_in_reach=0,
        )


def _named(helps: Truth) -> tuple[WhatHelps, ...]:
    return tuple(change for change, would in zip(_CHANGES, helps.tolist(), strict=True) if would)


def _others_waited_longer(pairs: Pairs, matching: Matching, rows: Rows) -> frozenset[int]:
    """Mentees for whom more than half of the fitting mentors' seats went to longer waiting ones.

    Counted by mentor, as long as everybody on her seats has waited longer than the mentee.
    """
    pool = pairs.pool
    since = np.array(
        [(person.available_since - _EPOCH) // timedelta(microseconds=1)
         for person in pool.mentees.people],
        np.int64,
    )  # fmt: skip
    newest = np.full(len(pool.mentors), np.iinfo(np.int64).min)
    matched = np.flatnonzero(matching.mentor_of != NOBODY)
    np.maximum.at(newest, matching.mentor_of[matched], since[matched])
    wanted = np.zeros(len(pool.mentees), np.bool_)
    wanted[rows] = True
    found: list[int] = []
    for block in pairs.blocks(wanted):
        fits = (block.points >= 0) & (pool.free_seats[block.mentors] > 0)
        longer = fits & (newest[block.mentors] < since[block.mentees, None])
        most = 2 * np.count_nonzero(longer, axis=1) > np.count_nonzero(fits, axis=1)
        found.extend(block.mentees[most].tolist())
    return frozenset(found)


def _what_helps(comparison: "_Comparison", mentees: Rows, mentors: Rows) -> tuple[Truth, Truth]:
    """Which of `_CHANGES` would make somebody fit one of the others.

    Shapes (all mentees, changes), (all mentors, changes). A change counts only if it is enough
    alone and hers to make: where both would have to meet online, neither is told, and more times
    do not help with somebody who named none.
    """
    pool = comparison.pool
    for_mentees = np.zeros((len(pool.mentees), len(_CHANGES)), np.bool_)
    for_mentors = np.zeros((len(pool.mentors), len(_CHANGES)), np.bool_)
    for some in _parts(mentees, len(mentors)):
        facts = comparison.of(some, mentors)
        online = facts.allowed & facts.language & facts.time & ~facts.place
        times = facts.allowed & facts.language & facts.place & ~facts.time
        languages = facts.allowed & facts.place & facts.time & ~facts.language
        for change, (missing, mentees_ready, mentors_ready) in enumerate(
            (
                (online, pool.mentees.online, pool.mentors.online),
                (times, _given(pool.mentees.times), _given(pool.mentors.times)),
                (languages, _given(pool.mentees.languages), _given(pool.mentors.languages)),
            )
        ):
            for_mentees[some, change] = (missing & mentors_ready[mentors]).any(axis=1)
            for_mentors[mentors, change] |= (missing & mentees_ready[some, None]).any(axis=0)
    return for_mentees, for_mentors


class _Comparison:
    """Compares any mentees with any mentors, in reach or not."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self._language = best_language_ranks(pool) < NO_LANGUAGE
        self._time = overlap(pool.mentees.times.values, pool.mentors.times.values) > 0

    def of(self, mentees: Rows, mentors: Rows) -> Facts:
        """The facts about these rows."""
        here, there = self.pool.mentees, self.pool.mentors
        city = here.city[mentees]
        same_city = (city[:, None] == there.city[mentors]) & (city >= 0)[:, None]
        allowed = np.ones((len(mentees), len(mentors)), np.bool_)
        for row, mentee in enumerate(mentees.tolist()):
            if mentee in self.pool.apart:
                allowed[row, among(mentors, self.pool.apart[mentee])] = False
        return Facts(
            language=_spread(
                self._language, here.languages.of[mentees], there.languages.of[mentors]
            ),
            place=same_city | (here.online[mentees, None] & there.online[mentors]),
            time=_spread(self._time, here.times.of[mentees], there.times.of[mentors]),
            allowed=allowed,
        )

    def first_in_the_way(self, mentees: Rows, mentors: Rows, axis: int) -> dict[int, WaitingReason]:
        """For people whom nobody fits: which constraint leaves nobody, taken one after another.

        `axis` 1: for each of the mentees; 0: for each of the mentors.
        """
        rows, others = (mentees, mentors) if axis == 1 else (mentors, mentees)
        if not len(others):
            nobody = WaitingReason.NO_ONE_IN_REACH if axis == 1 else WaitingReason.NO_MENTEE_YET
            return dict.fromkeys(rows.tolist(), nobody)
        found: dict[int, WaitingReason] = {}
        for some in _parts(rows, len(others)):
            facts = self.of(some, others) if axis == 1 else self.of(others, some)
            reached = facts.language & facts.place
            language: Truth = np.logical_or.reduce(facts.language, axis=axis)
            place: Truth = np.logical_or.reduce(reached, axis=axis)
            time: Truth = np.logical_or.reduce(reached & facts.time, axis=axis)
            for index, row in enumerate(some.tolist()):
                if not language[index]:
                    found[row] = WaitingReason.NO_ONE_SHARES_A_LANGUAGE
                elif not place[index]:
                    found[row] = WaitingReason.NO_ONE_IN_REACH
                elif not time[index]:
                    found[row] = WaitingReason.NO_COMMON_TIME
                else:
                    found[row] = WaitingReason.KEPT_APART_OR_BEFORE
        return found


def _given(classes: Classes[Any]) -> Truth:
    """Who named anything at all, shape (people,)."""
    return np.array([bool(value) for value in classes.values], np.bool_)[classes.of]


def _spread(table: Truth, mentees: Rows, mentors: Rows) -> Truth:
    return np.take(table[mentees], mentors, axis=1)


def _parts(rows: Rows, width: int) -> Iterator[Rows]:
    step = max(1, CELLS // max(1, width))
    for start in range(0, len(rows), step):
        yield rows[start : start + step]
