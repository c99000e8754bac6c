"""A stable matching that stands between rounds: one arrival or one freed seat changes a chain of it.

A mentee who arrives asks from the top of her list, whoever has to go for her asks on, and so forth:
deferred acceptance does not depend on the order of asking, so the result is the same as if
everybody had been there from the start. A seat that is freed goes to the mentee whom the mentor
wants most among those who would rather be there, her own seat to the next, and so forth until no
one wants it (vacancy chains: Blum, Roth and Rothblum, 1997): nobody in such a chain loses by it.
The priorities stay as they were given; need is counted anew with the next round.
"""

from collections.abc import Iterable
from heapq import heapify, heappush, heapreplace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from services.matching.domain.acceptance import NO_SEAT, NOBODY, Matching
from services.matching.domain.candidates import Draws, Lists
from services.matching.domain.pairs import Pairs
from services.matching.domain.paths import Path
from services.matching.domain.priority import Priorities

_AWAY: Final = -1  # she takes no part, and wants nobody more than what she has


class Standing:
    """Who holds which seat now, and where on her list each mentee stands.

    A list that was cut off at its length is exact as far as it goes. Whoever came to its end is
    `beyond`: her next mentors are searched among all when they are needed.
    """

    def __init__(
        self, pairs: Pairs, draws: Draws, path: Path, priorities: Priorities, lists: Lists
    ) -> None:
        """Nobody has a mentor yet. `lists`: from `Path.first_lists`; they are written to."""
        self._pairs, self._draws, self._path = pairs, draws, path
        self._priorities, self._lists = priorities, lists
        seats = pairs.pool.free_seats
        self._seats: list[int] = seats.tolist()
        self._held: list[list[tuple[int, int]]] = [[] for _ in self._seats]
        self._search = path.search(lists, priorities, np.where(seats > 0, -1, NO_SEAT))
        self.mentor_of = np.full(len(lists.count), NOBODY, np.int64)
        self._place = np.full(len(lists.count), _AWAY, np.int64)
        self._beyond = np.zeros(len(lists.count), np.bool_)
        self._far: NDArray[np.intp] | None = None  # the rows of those beyond, until one changes
        self._rewritten: set[int] = set()  # whose list is no longer that of her best mentors
        self._wish = np.full(len(lists.count), -1, np.int64)  # of those beyond: for whom they have
        self._refused: dict[int, set[int]] = {}  # by mentee: mentors whom she will not have again
        self._wanted_by = _Inverse(lists, len(seats))

    def begin(self, mentor_of: NDArray[np.int64]) -> None:
        """Seats mentees with the mentors that they have already, as far as that can hold.

        `mentor_of`: shape (mentees,), rows of mentors or `NOBODY`. A pair that is impossible now, and
        whoever is too many for a mentor's seats, is left out. Then those are let go who would
        displace somebody elsewhere (they ask anew with `arrive`), and free seats are filled.
        """
        self._seat(mentor_of)
        seated = np.flatnonzero(self.mentor_of != NOBODY)
        better = np.arange(self._lists.mentors.shape[1]) < self._place[seated, None]
        better &= ~self._beyond[seated, None]
        mentors = self._lists.mentors[seated]
        keys = self._priorities.of_pairs(seated[:, None], self._lists.shared[seated])
        floors = self._floors[mentors]
        displacing = (better & (floors >= 0) & (keys > floors)).any(axis=1)
        displacing |= self._beyond[seated] & self._would_leave(seated)
        freed = self.mentor_of[seated[displacing]]
        for mentee in seated[displacing].tolist():
            self._let_go(mentee)
        better[displacing] = False
        wanted = np.unique(np.concatenate((mentors[better], freed)))
        for mentor in wanted[self._floors[wanted] == -1].tolist():
            self._fill(mentor)

    def arrive(self, mentees: Iterable[int]) -> None:
        """These mentees, by row, ask for a mentor; whom they displace asks on."""
        for mentee in mentees:
            # The list of her best mentors is gone: she is searched the best who would take her.
            self._set_beyond(mentee, is_beyond=mentee in self._rewritten)
            self._place[mentee] = 0
            asking = mentee
            while asking != NOBODY:
                asking = self._ask(asking)

    def leave(self, mentee: int) -> None:
        """She takes part no more; her seat goes to who wants it more than her own."""
        mentor = int(self.mentor_of[mentee])
        self._place[mentee] = _AWAY
        self._set_beyond(mentee, is_beyond=False)
        if mentor != NOBODY:
            self._let_go(mentee)
            self._fill(mentor)

    def decline(self, mentee: int) -> None:
        """She and her mentor will not be matched again: both are free for others.

        Raises ValueError if she has no mentor.
        """
        mentor = int(self.mentor_of[mentee])
        if mentor == NOBODY:
            raise ValueError(f"Mentee {mentee} has no mentor; only a pair can be declined.")
        self._refused.setdefault(mentee, set()).add(mentor)
        self.leave(mentee)
        self.arrive([mentee])

    def matching(self) -> Matching:
        """The matching as it stands."""
        matched = np.flatnonzero(self.mentor_of != NOBODY)
        points = np.zeros(len(self.mentor_of), np.int16)
        shared = np.zeros(len(self.mentor_of), np.int8)
        points[matched], shared[matched] = self._pairs.scores_of(matched, self.mentor_of[matched])
        return Matching(self.mentor_of.copy(), points, shared, self._floors.copy())

    @property
    def _floors(self) -> NDArray[np.int64]:
        return self._search.floors

    @property
    def away(self) -> NDArray[np.intp]:
        """The rows of mentees who have no mentor and do not ask for one."""
        return np.flatnonzero(self._place == _AWAY)

    def _ask(self, mentee: int) -> int:
        """She asks down her list until somebody takes her. Returns who had to go, or `NOBODY`."""
        lists, length = self._lists, self._lists.mentors.shape[1]
        if self._beyond[mentee]:
            self._go_beyond(mentee)
        while True:
            place = int(self._place[mentee])
            if place >= lists.count[mentee]:
                if self._beyond[mentee] or lists.count[mentee] < length:
                    return NOBODY
                self._go_beyond(mentee)
                continue
            mentor = int(lists.mentors[mentee, place])
            key = self._priorities.of(mentee, int(lists.shared[mentee, place]))
            if key > self._floors[mentor] and mentor not in self._refused.get(mentee, ()):
                break
            self._place[mentee] += 1
        if self._beyond[mentee]:
            self._wish[mentee] = self._wish_for(mentee, place)
        return self._take(mentor, mentee, key)

    def _go_beyond(self, mentee: int) -> None:
        """Writes the best mentors who would take her into her list, and lets her begin there."""
        self._set_beyond(mentee, is_beyond=True)
        self._place[mentee], self._wish[mentee] = 0, -1
        self._rewrite(mentee)

    def _rewrite(self, mentee: int) -> None:
        self._rewritten.add(mentee)
        refused = {one: int(self._floors[one]) for one in self._refused.get(mentee, ())}
        for mentor in refused:
            self._search.set_floor(mentor, NO_SEAT)
        self._search.more(mentee)
        for mentor, floor in refused.items():
            self._search.set_floor(mentor, floor)

    def _wish_for(self, mentee: int, place: int) -> int:
        """How much she wants the mentor at a place of her list, see `Draws.preference`."""
        rows = np.array([mentee], np.intp)
        mentors = self._lists.mentors[rows, place].astype(np.intp)
        return int(self._draws.preference(self._lists.points[rows, place], rows, mentors)[0])

    def _take(self, mentor: int, mentee: int, key: int) -> int:
        held, gone = self._held[mentor], NOBODY
        if len(held) < self._seats[mentor]:
            heappush(held, (key, mentee))
        else:
            gone = heapreplace(held, (key, mentee))[1]
            self.mentor_of[gone] = NOBODY
            self._place[gone] += not self._beyond[gone]
        self.mentor_of[mentee] = mentor
        if len(held) == self._seats[mentor]:
            self._search.set_floor(mentor, held[0][0])
        return gone

    def _let_go(self, mentee: int) -> None:
        self._empty_seat(mentee)
        self._place[mentee] = _AWAY
        self._set_beyond(mentee, is_beyond=False)

    def _empty_seat(self, mentee: int) -> None:
        mentor = int(self.mentor_of[mentee])
        self._held[mentor] = [pair for pair in self._held[mentor] if pair[1] != mentee]
        heapify(self._held[mentor])
        self._search.set_floor(mentor, -1)
        self.mentor_of[mentee] = NOBODY

    def _set_beyond(self, mentee: int, *, is_beyond: bool) -> None:
        if self._beyond[mentee] != is_beyond:
            self._beyond[mentee], self._far = is_beyond, None

    def _fill(self, mentor: int) -> None:
        """Fills free seats of a mentor, and then those that this frees elsewhere."""
        freed = [mentor]
        while freed:
            mentor = freed.pop()
            while len(self._held[mentor]) < self._seats[mentor]:
                key, mentee, place = self._most_wanted(mentor)
                if mentee == NOBODY:
                    break
                before = int(self.mentor_of[mentee])
                if before != NOBODY:
                    self._empty_seat(mentee)
                    freed.append(before)
                self._set_beyond(mentee, is_beyond=place < 0)
                self._place[mentee] = max(place, 0)
                self._take(mentor, mentee, key)

    def _most_wanted(self, mentor: int) -> tuple[int, int, int]:
        """Of those who would rather have this mentor: the highest key, whose it is, and the place.

        (-1, NOBODY, -1) if there is no one; the place on the list is -1 for those beyond theirs.
        """
        mentees, places, shared = self._wanted_by.of(mentor)
        better = (places < self._place[mentees]) & ~self._beyond[mentees]
        mentees = mentees[better]
        keys = self._priorities.of_pairs(mentees, shared[better])
        key, at = self._highest(keys, mentees, mentor)
        if at >= 0:
            mentee, place = int(mentees[at]), int(places[better][at])
        else:
            mentee, place = NOBODY, -1
        # Of those beyond their lists only who could come before her is looked at.
        if self._far is None:
            self._far = np.flatnonzero(self._beyond)
        refusing = np.array(
            [one for one, mentors in self._refused.items() if mentor in mentors], np.intp
        )
        far_key, far, wish = self._path.first_of(
            self._priorities, mentor, self._far, self._wish, refusing, key
        )
        if far != NOBODY:
            key, mentee, place = far_key, far, -1
            self._wish[mentee] = wish
        return key, mentee, place

    def _highest(
        self, keys: NDArray[np.int64], mentees: NDArray[np.intp], mentor: int
    ) -> tuple[int, int]:
        """The highest key of who did not decline this mentor and where it stands; -1 if none."""
        while len(keys):
            at = int(keys.argmax())
            if keys[at] < 0 or mentor not in self._refused.get(int(mentees[at]), ()):
                break
            keys[at] = -1
        return (int(keys[at]), at) if len(keys) and keys[at] >= 0 else (-1, -1)

    def _seat(self, mentor_of: NDArray[np.int64]) -> None:
        """The pairs that are possible, each mentor's most wanted first while she has seats."""
        mentees = np.flatnonzero(mentor_of != NOBODY)
        mentors = mentor_of[mentees]
        points, shared = self._pairs.scores_of(mentees, mentors)
        possible = (points >= 0) & (self._pairs.pool.free_seats[mentors] > 0)
        mentees, mentors = mentees[possible], mentors[possible]
        keys = self._priorities.of_pairs(mentees, shared[possible])
        on_list = self._lists.mentors[mentees] == mentors[:, None]
        places = np.where(on_list.any(axis=1), on_list.argmax(axis=1), -1)
        wishes = self._draws.preference(points[possible], mentees, mentors)
        for index in np.argsort(keys)[::-1].tolist():
            mentee, mentor = int(mentees[index]), int(mentors[index])
            if len(self._held[mentor]) < self._seats[mentor]:
                self._set_beyond(mentee, is_beyond=bool(places[index] < 0))
                self._place[mentee] = max(0, places[index])
                self._wish[mentee] = wishes[index]
                self._take(mentor, mentee, int(keys[index]))

    def _would_leave(self, seated: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Of the seated who are beyond their lists: who would be taken by a mentor she prefers."""
        leaving = np.zeros(len(seated), np.bool_)
        for index in np.flatnonzero(self._beyond[seated]).tolist():
            mentee = int(seated[index])
            self._rewrite(mentee)
            leaving[index] = (
                self._lists.count[mentee] > 0
                and self._wish_for(mentee, 0) > self._wish[mentee]
            )  # fmt: skip
        return leaving


class _Inverse:
    """Who has a mentor on her list: by mentor, the mentees, the places, and the shared items."""

    def __init__(self, lists: Lists, mentors: int) -> None:
        rows, places = np.nonzero(lists.mentors >= 0)
        listed = lists.mentors[rows, places]
        order = np.argsort(listed, kind="stable")
        self._start = np.searchsorted(listed[order], np.arange(mentors + 1))
        self._mentees = rows[order]
        self._places = places[order].astype(np.int16)
        self._shared = lists.shared[rows, places][order]

    def of(self, mentor: int) -> tuple[NDArray[np.intp], NDArray[np.int16], NDArray[np.int8]]:
        """Shapes (mentees who list her,)."""
        part = slice(self._start[mentor], self._start[mentor + 1])
        return self._mentees[part], self._places[part], self._shared[part]
