"""Kernels for some mentees and single mentors; `candidates` has the same in NumPy."""

import numpy as np
from numpy.typing import NDArray

from services.matching.domain.compiling import compiled
from services.matching.domain.factors import ENOUGH_SHARED
from services.matching.domain.kernels import Keys, are_apart, bits_in, key_of, wish_of
from services.matching.domain.market import Market, Shelf


@compiled
def count_in(
    market: Market, shelf: Shelf, newest: NDArray[np.int64],
    mentee: int, since: int, first: int, end: int, skipped: int,
) -> tuple[int, int]:  # fmt: skip
    """Counts mentors who fit a mentee among some places of a shelf, and those before `since`."""
    languages = market.tables.languages[market.mentees.languages[mentee]]
    times = market.tables.times[market.mentees.times[mentee]]
    fitting, before = 0, 0
    for place in range(first, end):
        fits = languages[shelf.languages[place]] + times[shelf.times[place]] >= 0
        if fits and shelf.city[place] != skipped:
            if are_apart(market, mentee, shelf.mentors[place]):
                continue
            fitting += 1
            before += newest[place] < since
    return fitting, before


@compiled
def count_before(
    market: Market, home: NDArray[np.int64], online: NDArray[np.int64], since: NDArray[np.int64],
    rows: NDArray[np.intp], found: NDArray[np.int64],
) -> None:  # fmt: skip
    """Writes into `found`, shape (mentees, 2), both counts of `candidates.count_before`.

    `home`, `online`: `newest` as it stands on the shelves.
    """
    for mentee in rows:
        city = market.mentees.city[mentee]
        if city >= 0:
            groups, start = market.home.city_start, market.home.group_start
            fitting, before = count_in(
                market, market.home, home, mentee, since[mentee],
                start[groups[city]], start[groups[city + 1]], -2,
            )  # fmt: skip
            found[mentee, 0] += fitting
            found[mentee, 1] += before
        if market.mentees.online[mentee]:
            skipped = city if city >= 0 else -2
            fitting, before = count_in(
                market, market.online, online, mentee, since[mentee],
                0, len(market.online.mentors), skipped,
            )  # fmt: skip
            found[mentee, 0] += fitting
            found[mentee, 1] += before


@compiled
def first_of(
    market: Market, keys: Keys, mentor: int, mentees: NDArray[np.intp], wishes: NDArray[np.int64],
    refusing: NDArray[np.intp], above: int,
) -> tuple[int, int, int]:  # fmt: skip
    """Whom a mentor takes first, see `candidates.first_of`."""
    hers, theirs, tables = market.mentees, market.mentors, market.tables
    city, online = theirs.city[mentor], theirs.online[mentor]
    # Views of the tables, made once: whatever is made for each mentee costs more than looking at her.
    languages = tables.languages[:, theirs.languages[mentor]]
    times = tables.times[:, theirs.times[mentor]]
    kinds_of_help = tables.kinds_of_help[:, theirs.kinds_of_help[mentor]]
    education = tables.education[:, theirs.education[mentor]]
    professions = tables.professions[:, theirs.professions[mentor]]
    wished_professions = tables.wished_professions[:, theirs.professions[mentor]]
    items = theirs.common_ground[mentor]
    best, found, wished = above, -1, -1
    for mentee in mentees:
        if key_of(keys, mentee, ENOUGH_SHARED) <= best:
            continue
        same_city = city >= 0 and hers.city[mentee] == city
        if not same_city and not (online and hers.online[mentee]):
            continue
        fits = languages[hers.languages[mentee]] + times[hers.times[mentee]]
        if fits < 0:
            continue
        shared = 0
        for word in range(len(items)):
            shared += bits_in(hers.common_ground[mentee, word] & items[word])
        shared = min(shared, ENOUGH_SHARED)
        key = key_of(keys, mentee, shared)
        if key <= best:
            continue
        points = (
            fits
            + kinds_of_help[hers.kinds_of_help[mentee]]
            + education[hers.education[mentee]]
            + professions[hers.professions[mentee]]
            + wished_professions[hers.wished_professions[mentee]]
            + market.common_points[shared]
            + (market.same_city if same_city else 0)
        )
        wish = wish_of(market, points, mentee, mentor)
        if wish <= wishes[mentee] or are_apart(market, mentee, mentor):
            continue
        refuses = False
        for other in refusing:
            refuses |= other == mentee
        if not refuses:
            best, found, wished = key, mentee, wish
    return best, found, wished
