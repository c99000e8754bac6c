"""Deferred acceptance, compiled: seats in flat arrays. See `acceptance` for the same in Python."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from services.matching.domain.compiling import compiled
from services.matching.domain.kernels import Keys, key_of


class Seats(NamedTuple):
    """Who holds which seat: those of mentor `row` are `start[row]:start[row] + taken[row]`.

    `mentees` and `keys`, shape (all seats,): in no order. `floors` as in `acceptance.Matching`.
    """

    start: NDArray[np.int64]
    taken: NDArray[np.int64]
    mentees: NDArray[np.int64]
    keys: NDArray[np.int64]
    floors: NDArray[np.int64]


@compiled
def lowest_seat(seats: Seats, mentor: int) -> int:
    """The seat, among those held, of the mentee whom the mentor would let go first."""
    first = seats.start[mentor]
    lowest = first
    for seat in range(first + 1, first + seats.taken[mentor]):
        if seats.keys[seat] < seats.keys[lowest]:
            lowest = seat
    return int(lowest)


@compiled
def take(seats: Seats, mentor: int, mentee: int, key: int) -> int:
    """The mentor takes the mentee. Returns who had to go for it, -1 if nobody.

    Only for a key above the mentor's floor.
    """
    size = seats.start[mentor + 1] - seats.start[mentor]
    gone = -1
    if seats.taken[mentor] < size:
        seat = seats.start[mentor] + seats.taken[mentor]
        seats.taken[mentor] += 1
    else:
        seat = lowest_seat(seats, mentor)
        gone = seats.mentees[seat]
    seats.mentees[seat], seats.keys[seat] = mentee, key
    if seats.taken[mentor] == size:
        seats.floors[mentor] = seats.keys[lowest_seat(seats, mentor)]
    return gone


@compiled
def ask(
    keys: Keys, seats: Seats, asking: NDArray[np.int64], number: int, asked: NDArray[np.int32],
    mentors: NDArray[np.int32], shared: NDArray[np.int8], count: NDArray[np.int32],
) -> int:  # fmt: skip
    """Lets the first `number` mentees of `asking` ask on until each is held or has nobody left.

    `asked`, shape (mentees,): how far down her list each one is. Those at the end of their lists
    are then the first in `asking`; returns how many they are. See `acceptance.accept`.
    """
    done = 0
    for turn in range(number):
        mentee = asking[turn]
        while mentee >= 0:
            place = asked[mentee]
            if place == count[mentee]:
                asking[done] = mentee
                done += 1
                break
            asked[mentee] += 1
            mentor = mentors[mentee, place]
            key = key_of(keys, mentee, shared[mentee, place])
            if key > seats.floors[mentor]:
                mentee = take(seats, mentor, mentee, key)
    return done
