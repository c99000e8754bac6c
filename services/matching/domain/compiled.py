"""The compiled path: the kernels, called for all mentees, a part at a time in several threads."""

from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from services.matching.domain import counting, kernels, seating
from services.matching.domain.acceptance import NO_SEAT, Matching
from services.matching.domain.candidates import Draws, Lists
from services.matching.domain.certificate import how_much_wanted
from services.matching.domain.compiling import in_threads
from services.matching.domain.kernels import Floors, Keys
from services.matching.domain.market import Market, market_of
from services.matching.domain.pairs import Pairs
from services.matching.domain.pool import Pool
from services.matching.domain.priority import COMMON_GROUND, TICKET_BITS, Priorities
from services.matching.domain.searching import CompiledSearch, floors_on
from services.matching.domain.seating import Seats


@dataclass(frozen=True, slots=True)
class CompiledPath:
    """See `paths.Path`. `no_keys`, `no_floors`: as if every mentor took everybody.

    `order`: the mentees by city and profession, so that neighbours in the work
    look at the same mentors while these are in the processor's cache.
    """

    pool: Pool
    draws: Draws
    market: Market
    order: NDArray[np.intp]
    no_keys: Keys
    no_floors: tuple[Floors, Floors]

    @classmethod
    def of(cls, pairs: Pairs, draws: Draws) -> "CompiledPath":
        """For the pairs of a pool."""
        mentees, market = pairs.pool.mentees, market_of(pairs, draws)
        order = np.lexsort((mentees.professions.of, mentees.city, mentees.online))
        nothing = np.zeros(len(mentees), np.int64)
        no_floors = np.full(len(pairs.pool.mentors), -1, np.int64)
        return cls(
            pairs.pool,
            draws,
            market,
            order,
            keys_of(Priorities(nothing, nothing)),
            (floors_on(market.home, no_floors), floors_on(market.online, no_floors)),
        )

    def first_lists(self, length: int) -> Lists:
        """See `Path`."""
        lists = Lists.empty(len(self.pool.mentees), length)
        self.write_lists(lists, self.order)
        return lists

    def write_lists(self, lists: Lists, rows: NDArray[np.intp]) -> None:
        """See `Path`."""
        self._fill(lists, self.no_keys, self.no_floors, rows)

    def search(
        self, lists: Lists, priorities: Priorities, floors: NDArray[np.int64]
    ) -> CompiledSearch:
        """See `Path`."""
        find = partial(self._fill, lists, keys_of(priorities))
        return CompiledSearch(find, self.market, floors)

    def accept(self, lists: Lists, priorities: Priorities) -> Matching:
        """See `Path`."""
        keys, seats = keys_of(priorities), no_one_seated(self.pool.free_seats)
        asked = np.zeros(len(lists.count), np.int32)
        asking = np.arange(len(lists.count))
        number = len(asking)
        while number:
            number = seating.ask(
                keys, seats, asking, number, asked, lists.mentors, lists.shared, lists.count
            )
            exhausted = lists.only_cut_off(asking[:number])
            self._fill(lists, keys, self._floors(seats.floors), exhausted)
            asked[exhausted] = 0
            left = exhausted[lists.count[exhausted] > 0]
            number = len(left)
            asking[:number] = left
        matched = seated(seats)
        return Matching.of(lists, matched, asked[matched] - 1, seats.floors)

    def check(self, priorities: Priorities, matching: Matching) -> tuple[int, NDArray[np.int64]]:
        """See `Path`."""
        keys = keys_of(priorities)
        home, online = self._floors(matching.floors)
        wanted = how_much_wanted(self.draws, matching)
        ranks = np.zeros(len(wanted), np.int64)

        def check(rows: NDArray[np.intp]) -> int:
            return kernels.check(self.market, keys, home, online, rows, wanted, ranks)

        return sum(in_threads(check, self.order)), ranks

    def count_before(
        self, rows: NDArray[np.intp], newest: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """See `Path`."""
        since, market = self.pool.mentees.since, self.market
        home, online = newest[market.home.mentors], newest[market.online.mentors]
        found = np.zeros((len(since), 2), np.int64)

        def count(some: NDArray[np.intp]) -> None:
            counting.count_before(market, home, online, since, some, found)

        for _ in in_threads(count, rows):
            pass
        return found[rows, 0], found[rows, 1]

    def first_of(
        self,
        priorities: Priorities,
        mentor: int,
        mentees: NDArray[np.intp],
        wishes: NDArray[np.int64],
        refusing: NDArray[np.intp],
        above: int,
    ) -> tuple[int, int, int]:
        """See `Path`."""
        keys = keys_of(priorities)
        return counting.first_of(self.market, keys, mentor, mentees, wishes, refusing, above)

    def _fill(
        self,
        lists: Lists,
        keys: Keys,
        floors: tuple[Floors, Floors],
        rows: NDArray[np.intp],
    ) -> None:
        home, online = floors

        def fill(some: NDArray[np.intp]) -> None:
            kernels.fill(
                self.market, keys, home, online, some,
                lists.mentors, lists.shared, lists.points, lists.count,
            )  # fmt: skip

        for _ in in_threads(fill, rows):
            pass

    def _floors(self, floors: NDArray[np.int64]) -> tuple[Floors, Floors]:
        return floors_on(self.market.home, floors), floors_on(self.market.online, floors)


def keys_of(priorities: Priorities) -> Keys:
    """The mentors' order for the kernels."""
    common = np.array(COMMON_GROUND, np.int64)
    return Keys(priorities.points, priorities.tickets, common, TICKET_BITS)


def no_one_seated(free_seats: NDArray[np.int64]) -> Seats:
    """Seats that nobody holds yet."""
    start = np.concatenate(([0], np.cumsum(free_seats))).astype(np.int64)
    total = int(start[-1])
    return Seats(
        start=start,
        taken=np.zeros(len(free_seats), np.int64),
        mentees=np.full(total, -1, np.int64),
        keys=np.zeros(total, np.int64),
        floors=np.where(free_seats > 0, -1, NO_SEAT),
    )


def seated(seats: Seats) -> NDArray[np.int64]:
    """The rows of mentees who hold a seat."""
    return seats.mentees[seats.mentees >= 0]
