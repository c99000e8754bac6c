"""Counts for mentees who wait, compiled. See `candidates.count_before` for the same in NumPy."""

import numpy as np
from numpy.typing import NDArray

from services.matching.domain.compiling import compiled
from services.matching.domain.kernels import are_apart
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
