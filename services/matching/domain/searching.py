"""The compiled search for mentees' next mentors while a matching stands, with floors that change one by one."""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from services.matching.domain.kernels import Floors
from services.matching.domain.market import Market, Shelf

Find: TypeAlias = Callable[[tuple[Floors, Floors], NDArray[np.intp]], None]
"""Writes the lists of some rows, with the floors at home and online."""

_FEW_CHANGES = 64
"""Up to here changing them one by one is quicker than laying out all of them anew."""


class CompiledSearch:
    """See `paths.Search`. The floors are laid out on the shelves only where they have changed."""

    def __init__(self, find: Find, market: Market, floors: NDArray[np.int64]) -> None:
        self.floors = floors
        self._find = find
        self._shelves = (market.home, market.online)
        self._places = [_places_on(shelf, len(floors)) for shelf in self._shelves]
        self._laid_out = [floors_on(shelf, floors) for shelf in self._shelves]
        self._changed: set[int] = set()

    def set_floor(self, mentor: int, floor: int) -> None:
        """See `Search`."""
        self.floors[mentor] = floor
        self._changed.add(mentor)

    def more(self, mentee: int) -> None:
        """See `Search`."""
        self._lay_out()
        home, online = self._laid_out
        self._find((home, online), np.array([mentee], np.intp))

    def _lay_out(self) -> None:
        if len(self._changed) > _FEW_CHANGES:
            self._laid_out = [floors_on(shelf, self.floors) for shelf in self._shelves]
        else:
            for mentor in self._changed:
                self._change(mentor)
        self._changed.clear()

    def _change(self, mentor: int) -> None:
        for shelf, places, floors in zip(self._shelves, self._places, self._laid_out, strict=True):
            place = places[mentor]
            if place >= 0:
                group = np.searchsorted(shelf.group_start, place, side="right") - 1
                part = slice(shelf.group_start[group], shelf.group_start[group + 1])
                floors.places[place] = self.floors[mentor]
                floors.groups[group] = floors.places[part].min()


def floors_on(shelf: Shelf, floors: NDArray[np.int64]) -> Floors:
    """The floors of mentors, shape (mentors,), as they stand on a shelf."""
    places = floors[shelf.mentors]
    groups = np.minimum.reduceat(places, shelf.group_start[:-1]) if len(places) else places
    return Floors(places, groups)


def _places_on(shelf: Shelf, mentors: int) -> NDArray[np.int64]:
    """By mentor where on a shelf she stands, -1 if she does not; shape (mentors,)."""
    places = np.full(mentors, -1, np.int64)
    places[shelf.mentors] = np.arange(len(shelf.mentors))
    return places
