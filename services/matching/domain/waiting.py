"""Everybody whom a round did not match: the first thing in the way, and what would help.

Nobody waits without a reason, and each is true of her: what is said to help would have brought her
together with somebody who is still free or, if nobody fits her at all, given her somebody who fits.
A change counts only if it is enough alone and hers to make: where both would have to meet online,
neither is told, and more times do not help with somebody who named none.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from services.matching.domain.acceptance import NOBODY, Matching
from services.matching.domain.pairs import Pairs
from services.matching.domain.paths import Path
from services.matching.domain.reach import Counted, Reach, Rows, Truth
from services.matching.domain.round import Waiting
from shared.events.pool import WaitingReason, WhatHelps

_CHANGES: Final = (WhatHelps.MEET_ONLINE, WhatHelps.MORE_TIMES, WhatHelps.MORE_LANGUAGES)
_NEVER: Final = np.iinfo(np.int64).min


def who_waits(pairs: Pairs, path: Path, matching: Matching) -> tuple[Waiting, ...]:
    """Every mentee without a match and every mentor with free seats who got nobody, by id."""
    pool = pairs.pool
    reach = Reach(pool, pairs.tables)
    taken = np.bincount(
        matching.mentor_of[matching.mentor_of != NOBODY], minlength=len(pool.mentors)
    )
    mentees = np.flatnonzero(matching.mentor_of == NOBODY)
    mentors = np.flatnonzero((pool.free_seats > 0) & (taken == 0))
    waiting = [
        *_mentees(reach, path, matching, mentees, np.flatnonzero(pool.free_seats > taken)),
        *_mentors(reach, mentors, mentees),
    ]
    return tuple(sorted(waiting, key=lambda one: one.participant_id))


def _mentees(
    reach: Reach, path: Path, matching: Matching, rows: Rows, still_free: Rows
) -> Iterator[Waiting]:
    pool = reach.pool
    everybody = reach.of_mentees(rows, np.arange(len(pool.mentors)))
    options = reach.of_mentees(rows, np.flatnonzero(pool.free_seats > 0)).fitting
    helps = _helps(reach.of_mentees(rows, still_free), everybody)
    longer = np.zeros(len(rows), np.bool_)
    longer[options > 0] = _others_waited_longer(
        path, matching, pool.mentees.since, len(pool.mentors), rows[options > 0]
    )
    nobody_at_all = WaitingReason.NO_ONE_IN_REACH
    for index, row in enumerate(rows.tolist()):
        in_reach = int(everybody.fitting[index])
        if not in_reach:
            reason = _in_the_way(everybody, index) if len(pool.mentors) else nobody_at_all
        elif not options[index]:
            reason = WaitingReason.ALL_SEATS_TAKEN
        elif longer[index]:
            reason = WaitingReason.OTHERS_WAITED_LONGER
        else:
            reason = WaitingReason.NEXT_ROUND
        what_helps = _named(helps[index])
        if not what_helps:
            what_helps = (WhatHelps.RECRUITING,)
            if in_reach:
                what_helps = (WhatHelps.RECRUITING, WhatHelps.PATIENCE)
        yield Waiting(pool.mentees.ids[row], reason, what_helps, in_reach)


def _mentors(reach: Reach, rows: Rows, still_free: Rows) -> Iterator[Waiting]:
    pool = reach.pool
    everybody = reach.of_mentors(rows, np.arange(len(pool.mentees)))
    helps = _helps(reach.of_mentors(rows, still_free), everybody)
    for index, row in enumerate(rows.tolist()):
        reason = WaitingReason.NO_MENTEE_YET
        if not everybody.fitting[index] and len(pool.mentees):
            reason = _in_the_way(everybody, index)
        what_helps = _named(helps[index]) or (WhatHelps.PATIENCE,)
        yield Waiting(pool.mentors.ids[row], reason, what_helps, mentors_in_reach=0)


def _helps(still_free: Counted, everybody: Counted) -> Truth:
    """Which of `_CHANGES` would help each one, shape (people, changes)."""
    helps = np.stack((still_free.online, still_free.times, still_free.languages), axis=1) > 0
    alone = everybody.fitting == 0
    found = np.stack((everybody.online, everybody.times, everybody.languages), axis=1) > 0
    either: Truth = helps | (found & alone[:, None])
    return either


def _in_the_way(counted: Counted, index: int) -> WaitingReason:
    """For somebody whom nobody fits: which constraint leaves nobody, taken one after another."""
    if not counted.language[index]:
        return WaitingReason.NO_ONE_SHARES_A_LANGUAGE
    if not counted.place[index]:
        return WaitingReason.NO_ONE_IN_REACH
    if not counted.time[index]:
        return WaitingReason.NO_COMMON_TIME
    return WaitingReason.KEPT_APART_OR_BEFORE


def _named(helps: Truth) -> tuple[WhatHelps, ...]:
    return tuple(change for change, would in zip(_CHANGES, helps.tolist(), strict=True) if would)


def _others_waited_longer(
    path: Path, matching: Matching, since: NDArray[np.int64], mentors: int, rows: Rows
) -> Truth:
    """Of these mentees, for whom more than half of the fitting mentors went to longer waiting ones.

    Counted by mentor with a free seat, as long as everybody on her seats has waited longer.
    """
    newest = np.full(mentors, _NEVER)
    matched = np.flatnonzero(matching.mentor_of != NOBODY)
    np.maximum.at(newest, matching.mentor_of[matched], since[matched])
    fitting, before = path.count_before(rows, newest)
    most: Truth = 2 * before > fitting
    return most
