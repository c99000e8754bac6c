"""The compiled path of a round. Each kernel does exactly what its NumPy twin does; tests compare.

Integers only, so nothing is rounded, and each mentee is a row of her own, so the number of threads
does not matter either. Groups of mentors are visited by what they promise at most (see `market`),
and left out only if nobody in them can come in: the result is that of looking at every pair.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from services.matching.domain.compiling import compiled, inlined
from services.matching.domain.factors import ENOUGH_SHARED
from services.matching.domain.lottery import TIE_BITS
from services.matching.domain.market import Market, Shelf

MOST_POINTS: Final = 1000
_TIE_SHIFT: Final = np.uint64(64 - TIE_BITS)


class Keys(NamedTuple):
    """The mentors' order, see `priority.Priorities`: key = (points + common) << bits | ticket."""

    points: NDArray[np.int64]
    tickets: NDArray[np.int64]
    common: NDArray[np.int64]
    bits: int


class Floors(NamedTuple):
    """The key that a mentee must exceed, by place on a shelf, and the lowest of each group."""

    places: NDArray[np.int64]
    groups: NDArray[np.int64]


class Scratch(NamedTuple):
    """Room for `order_groups`: groups in order, the points they promise; points as they stand, counts."""

    groups: NDArray[np.int64]
    promised: NDArray[np.int64]
    points: NDArray[np.int64]
    counts: NDArray[np.int64]


@compiled
def new_scratch(market: Market) -> Scratch:
    """Room enough for any city on either shelf."""
    most = max(len(market.home.group_profession), len(market.online.group_profession))
    return Scratch(
        np.empty(most, np.int64),
        np.empty(most, np.int64),
        np.empty(most, np.int64),
        np.empty(MOST_POINTS + 1, np.int64),
    )


@inlined
def tie_of(mentee: np.uint64, mentor: np.uint64) -> int:
    """See `lottery.ties`."""
    mixed = mentee * np.uint64(0x9E3779B97F4A7C15) + mentor
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(31)
    return int(np.int64(mixed >> _TIE_SHIFT))


@inlined
def key_of(keys: Keys, mentee: int, shared: int) -> int:
    """See `priority.Priorities.of`."""
    points = keys.points[mentee] + keys.common[shared]
    return int(points << keys.bits | keys.tickets[mentee])


@inlined
def bits_in(word: np.uint64) -> int:
    """How many bits of a word are set (Warren, Hacker's Delight, 2012, figure 5-2)."""
    word -= (word >> np.uint64(1)) & np.uint64(0x5555555555555555)
    word = (word & np.uint64(0x3333333333333333)) + (
        (word >> np.uint64(2)) & np.uint64(0x3333333333333333)
    )
    word = (word + (word >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return int(np.int64((word * np.uint64(0x0101010101010101)) >> np.uint64(56)))


@inlined
def order_groups(market: Market, shelf: Shelf, city: int, mentee: int, scratch: Scratch) -> int:
    """Writes the groups of a city into the scratch, most points for professions first.

    Returns how many groups there are.
    """
    professions = market.tables.professions[market.mentees.professions[mentee]]
    wished = market.tables.wished_professions[market.mentees.wished_professions[mentee]]
    first, end = shelf.city_start[city], shelf.city_start[city + 1]
    lowest, highest = MOST_POINTS, 0
    for group in range(first, end):
        profession = shelf.group_profession[group]
        points = professions[profession] + wished[profession]
        scratch.points[group - first] = points
        lowest, highest = min(lowest, points), max(highest, points)
    steps = max(0, highest - lowest + 1)  # mostly far fewer than all points that there could be
    scratch.counts[:steps] = 0
    for index in range(end - first):
        scratch.counts[highest - scratch.points[index]] += 1
    total = 0
    for step in range(steps):
        scratch.counts[step], total = total, total + scratch.counts[step]
    for index in range(end - first):
        points = scratch.points[index]
        place = scratch.counts[highest - points]
        scratch.counts[highest - points] += 1
        scratch.groups[place] = first + index
        scratch.promised[place] = points
    return int(end - first)


class Wants(NamedTuple):
    """What one mentee gets from each class of mentors, and the most that she can get.

    `beside`: the most from everything but professions, kinds of help and city.
    """

    languages: NDArray[np.int16]
    times: NDArray[np.int16]
    kinds_of_help: NDArray[np.int16]
    education: NDArray[np.int16]
    common_ground: NDArray[np.uint64]
    most_help: int
    most_common: int
    most_language: int
    beside: int


@inlined
def wants_of(market: Market, mentee: int) -> Wants:
    """The rows of a mentee."""
    columns, tables = market.mentees, market.tables
    language, education = columns.languages[mentee], columns.education[mentee]
    help_wanted = columns.kinds_of_help[mentee]
    items = 0
    for word in columns.common_ground[mentee]:
        items += bits_in(word)
    most_common = market.common_points[min(items, ENOUGH_SHARED)]
    return Wants(
        tables.languages[language],
        tables.times[columns.times[mentee]],
        tables.kinds_of_help[help_wanted],
        tables.education[education],
        columns.common_ground[mentee],
        market.most.kinds_of_help[help_wanted],
        most_common,
        market.most.languages[language],
        market.most.languages[language] + market.most.education[education] + most_common,
    )


@inlined
def points_at(
    market: Market, shelf: Shelf, place: int, wants: Wants, base: int, least: int
) -> tuple[int, int]:
    """Points and shared items of a mentee with the mentor at a place; (-1, 0) if below `least`.

    `base`: the points that all of the mentor's run get; `least` at least 0.
    """
    points = base + wants.education[shelf.education[place]]
    if points + wants.most_language + wants.most_common < least:
        return -1, 0
    points += wants.languages[shelf.languages[place]] + wants.times[shelf.times[place]]
    if points + wants.most_common < least:
        return -1, 0
    shared = 0
    for word in range(len(wants.common_ground)):
        shared += bits_in(wants.common_ground[word] & shelf.common_ground[place, word])
    shared = min(shared, ENOUGH_SHARED)
    points += market.common_points[shared]
    if points < least:
        return -1, 0
    return points, shared


@inlined
def are_apart(market: Market, mentee: int, mentor: int) -> bool:
    """Whether the two must not be matched."""
    for place in range(market.apart_start[mentee], market.apart_start[mentee + 1]):
        if market.apart_mentors[place] == mentor:
            return True
    return False


@inlined
def wish_of(market: Market, points: int, mentee: int, mentor: int) -> int:
    """How much a mentee wants a mentor, see `Draws.preference`."""
    return points << TIE_BITS | tie_of(market.mentee_draws[mentee], market.mentor_draws[mentor])


@inlined
def insert(
    wishes: NDArray[np.int64], mentors: NDArray[np.int32], shared: NDArray[np.int8], found: int,
    wish: int, mentor: int, common: int,
) -> int:  # fmt: skip
    """Puts a mentor into a list of `found` that is sorted by wish, then by row; the last may fall off.

    Returns how many the list then has.
    """
    length = len(mentors)
    place = found
    while place > 0 and (
        wishes[place - 1] < wish or (wishes[place - 1] == wish and mentors[place - 1] > mentor)
    ):
        place -= 1
    if place == length:
        return found
    for later in range(min(found, length - 1), place, -1):
        wishes[later] = wishes[later - 1]
        mentors[later] = mentors[later - 1]
        shared[later] = shared[later - 1]
    wishes[place], mentors[place], shared[place] = wish, mentor, common
    return min(found + 1, length)


@compiled
def fill_from(
    market: Market, shelf: Shelf, floors: Floors, keys: Keys, scratch: Scratch,
    mentee: int, city: int, extra: int, skipped: int,
    wishes: NDArray[np.int64], mentors: NDArray[np.int32], shared: NDArray[np.int8], found: int,
) -> int:  # fmt: skip
    """Adds the best of one city on a shelf to a mentee's list. Returns how many the list then has.

    `extra`: points that all of them get; `skipped`: mentors of this city are left out.
    """
    length = len(mentors)
    highest_key = key_of(keys, mentee, ENOUGH_SHARED)
    wants = wants_of(market, mentee)
    if wants.most_language < 0:
        return found
    for index in range(order_groups(market, shelf, city, mentee, scratch)):
        least = wishes[length - 1] >> TIE_BITS if found == length else 0
        base = scratch.promised[index] + extra
        if base + wants.most_help + wants.beside < least:
            break
        group = scratch.groups[index]
        if highest_key <= floors.groups[group]:
            continue
        run, end = shelf.group_start[group], shelf.group_start[group + 1]
        while run < end:
            first, run = run, shelf.run_end[run]
            with_help = base + wants.kinds_of_help[shelf.kinds_of_help[first]]
            if with_help + wants.beside < least:
                continue
            for place in range(first, run):
                if highest_key <= floors.places[place] or shelf.city[place] == skipped:
                    continue
                points, common = points_at(market, shelf, place, wants, with_help, least)
                if points < 0 or key_of(keys, mentee, common) <= floors.places[place]:
                    continue
                mentor = shelf.mentors[place]
                if are_apart(market, mentee, mentor):
                    continue
                wish = wish_of(market, points, mentee, mentor)
                found = insert(wishes, mentors, shared, found, wish, mentor, common)
                if found == length:
                    least = wishes[length - 1] >> TIE_BITS
    return found


@compiled
def fill(
    market: Market, keys: Keys, home: Floors, online: Floors, rows: NDArray[np.intp],
    mentors: NDArray[np.int32], shared: NDArray[np.int8], points: NDArray[np.int16],
    count: NDArray[np.int32],
) -> None:  # fmt: skip
    """Writes into the lists of `rows` their best mentors who would take them. See `Lists.write`.

    `mentors`, `shared`, `points`: shape (mentees, length).
    """
    length = mentors.shape[1]
    scratch = new_scratch(market)
    wishes = np.empty(length, np.int64)
    for mentee in rows:
        found = 0
        hers, common = mentors[mentee], shared[mentee]
        city = market.mentees.city[mentee]
        if city >= 0:
            found = fill_from(
                market, market.home, home, keys, scratch,
                mentee, city, market.same_city, -2, wishes, hers, common, found,
            )  # fmt: skip
        if market.mentees.online[mentee]:
            skipped = city if city >= 0 else -2  # whom she met at home
            found = fill_from(
                market, market.online, online, keys, scratch,
                mentee, 0, 0, skipped, wishes, hers, common, found,
            )  # fmt: skip
        count[mentee] = found
        hers[found:] = -1
        for place in range(found):
            points[mentee, place] = wishes[place] >> TIE_BITS


@compiled
def check_in(
    market: Market, shelf: Shelf, floors: Floors, keys: Keys, scratch: Scratch,
    mentee: int, city: int, extra: int, skipped: int, mine: int,
) -> tuple[int, int]:  # fmt: skip
    """In one city on a shelf: mentors whom a mentee prefers, and those of them who prefer her.

    `mine`: how much she wants whom she got, -1 for nobody: then mentors who are out of reach of her
    highest key are not counted.
    """
    least = max(mine >> TIE_BITS, 0)
    highest_key = key_of(keys, mentee, ENOUGH_SHARED)
    wants = wants_of(market, mentee)
    better, blocking = 0, 0
    if wants.most_language < 0:
        return better, blocking
    for index in range(order_groups(market, shelf, city, mentee, scratch)):
        base = scratch.promised[index] + extra
        if base + wants.most_help + wants.beside < least:
            break
        group = scratch.groups[index]
        if mine < 0 and highest_key <= floors.groups[group]:
            continue
        run, end = shelf.group_start[group], shelf.group_start[group + 1]
        while run < end:
            first, run = run, shelf.run_end[run]
            with_help = base + wants.kinds_of_help[shelf.kinds_of_help[first]]
            if with_help + wants.beside < least:
                continue
            for place in range(first, run):
                if shelf.city[place] == skipped or (
                    mine < 0 and highest_key <= floors.places[place]
                ):
                    continue
                points, common = points_at(market, shelf, place, wants, with_help, least)
                mentor = shelf.mentors[place]
                if points < 0 or wish_of(market, points, mentee, mentor) <= mine:
                    continue
                if not are_apart(market, mentee, mentor):
                    better += 1
                    blocking += key_of(keys, mentee, common) > floors.places[place]
    return better, blocking


@compiled
def check(
    market: Market, keys: Keys, home: Floors, online: Floors, rows: NDArray[np.intp],
    wanted: NDArray[np.int64], ranks: NDArray[np.int64],
) -> int:  # fmt: skip
    """Counts blocking pairs of `rows` and writes their ranks. See `certificate.check`.

    `wanted`: shape (mentees,), see `certificate.how_much_wanted`.
    """
    scratch = new_scratch(market)
    all_blocking = 0
    for mentee in rows:
        mine = wanted[mentee]
        rank = 1
        city = market.mentees.city[mentee]
        if city >= 0:
            better, blocking = check_in(
                market, market.home, home, keys, scratch,
                mentee, city, market.same_city, -2, mine,
            )  # fmt: skip
            rank += better
            all_blocking += blocking
        if market.mentees.online[mentee]:
            skipped = city if city >= 0 else -2
            better, blocking = check_in(
                market, market.online, online, keys, scratch, mentee, 0, 0, skipped, mine
            )
            rank += better
            all_blocking += blocking
        ranks[mentee] = rank if mine >= 0 else 0
    return all_blocking
