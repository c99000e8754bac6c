"""Deferred acceptance, mentees proposing, with seats (Gale and Shapley, 1962; Roth, 1984).

Each mentee asks her best mentor; a mentor holds the best of those who ask, as many as she has
seats, and lets the others go on to their next. The result has no blocking pair, is the best that
any such matching offers to every mentee, and does not depend on the order in which they ask.
"""

from collections.abc import Callable
from dataclasses import dataclass
from heapq import heappush, heapreplace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from services.matching.domain.candidates import Lists
from services.matching.domain.priority import Priorities

NOBODY: Final = -1
NO_SEAT: Final = np.iinfo(np.int64).max

More = Callable[[NDArray[np.intp], NDArray[np.int64]], None]


@dataclass(frozen=True, slots=True)
class Matching:
    """Who is matched with whom.

    `mentor_of`: shape (mentees,), rows of mentors or `NOBODY`. `points`, `shared`: same shape, the
    score of each pair and its items of common ground, 0 for nobody. `floors`: shape (mentors,), the
    key of the last mentee a full mentor holds, -1 while a seat is free, `NO_SEAT` if she never had
    one.
    """

    mentor_of: NDArray[np.int64]
    points: NDArray[np.int16]
    shared: NDArray[np.int8]
    floors: NDArray[np.int64]

    @classmethod
    def of(
        cls,
        lists: Lists,
        matched: NDArray[np.intp],
        places: NDArray[np.integer],
        floors: NDArray[np.int64],
    ) -> "Matching":
        """Where each of the `matched` mentees got the mentor at that place of her list."""
        mentor_of = np.full(len(lists.count), NOBODY, np.int64)
        points = np.zeros(len(lists.count), np.int16)
        shared = np.zeros(len(lists.count), np.int8)
        mentor_of[matched] = lists.mentors[matched, places]
        points[matched] = lists.points[matched, places]
        shared[matched] = lists.shared[matched, places]
        return cls(mentor_of, points, shared, floors)


def accept(
    lists: Lists, priorities: Priorities, free_seats: NDArray[np.int64], more: More
) -> Matching:
    """The stable matching that is best for the mentees.

    `more(exhausted, floors)` writes the next candidates of those mentees into `lists`; a mentee who
    then has none stays unmatched.
    """
    seats: list[int] = free_seats.tolist()
    floors = np.where(free_seats > 0, -1, NO_SEAT)
    held: list[list[tuple[int, int]]] = [[] for _ in seats]  # by mentor: (key, mentee), a heap
    asked = np.zeros(len(lists.count), np.int64)
    asking = list(range(len(lists.count)))
    while asking:
        exhausted = []
        while asking:
            mentee = asking.pop()
            place = int(asked[mentee])
            if place == lists.count[mentee]:
                exhausted.append(mentee)
                continue
            asked[mentee] += 1
            mentor = int(lists.mentors[mentee, place])
            key = priorities.of(mentee, int(lists.shared[mentee, place]))
            if len(held[mentor]) < seats[mentor]:
                heappush(held[mentor], (key, mentee))
            elif key > held[mentor][0][0]:
                asking.append(heapreplace(held[mentor], (key, mentee))[1])
            else:
                asking.append(mentee)
                continue
            if len(held[mentor]) == seats[mentor]:
                floors[mentor] = held[mentor][0][0]
        if exhausted:
            rows = lists.only_cut_off(np.array(exhausted, np.intp))
            more(rows, floors)
            asked[rows] = 0
            asking = rows[lists.count[rows] > 0].tolist()
    matched = np.array([mentee for mentees in held for _, mentee in mentees], np.intp)
    return Matching.of(lists, matched, asked[matched] - 1, floors)
