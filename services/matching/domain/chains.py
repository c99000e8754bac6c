"""Chains of moves: from a mentee who is alone, over mentees who could go elsewhere, to a free seat.

They are searched level by level, from whichever side has fewer: forward from those who are alone, or
backward from the free seats. Only pairs on that way are scored, so the rescue of a whole nation
reads a small part of its pairs. A search reads the shortest chains that there are, and some pairs
beside them to choose among; if there is none, it has read everything that could lead to one.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from services.matching.domain.acceptance import NOBODY
from services.matching.domain.pairs import Block, Pairs

TO_CHOOSE_AMONG: Final = 32
"""So many of the best pairs a person are kept of each level, besides those that make a chain."""

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Chains:
    """Pairs that chains are made of, sorted by mentee and mentor, each once; shape (pairs,)."""

    mentees: NDArray[np.int64]
    mentors: NDArray[np.int64]
    points: NDArray[np.int64]

    @classmethod
    def none(cls) -> "Chains":
        """Nothing read yet."""
        return cls(*(np.zeros(0, np.int64) for _ in range(3)))

    @classmethod
    def of(cls, parts: Sequence["Chains"]) -> "Chains":
        """All of them."""
        mentees = np.concatenate([part.mentees for part in parts])
        mentors = np.concatenate([part.mentors for part in parts])
        points = np.concatenate([part.points for part in parts])
        _, first = np.unique(mentees << 32 | mentors, return_index=True)
        return cls(mentees[first], mentors[first], points[first])


def read_chains(
    pairs: Pairs, mentor_of: NDArray[np.int64], least: NDArray[np.int64]
) -> Chains | None:
    """The shortest chains that would place somebody, or None if there is none of any length.

    `mentor_of`, shape (mentees,): the matching as it is. `least`, same shape: the points that a
    mentor must be worth to be moved to.
    """
    seats = pairs.pool.free_seats
    alone = mentor_of == NOBODY
    open_seats = seats - np.bincount(mentor_of[~alone], minlength=len(seats))
    search = _Search(pairs, mentor_of, least, alone, open_seats > 0)
    forward = np.count_nonzero(alone) <= open_seats.sum()
    return search.from_mentees() if forward else search.from_seats()


@dataclass(frozen=True, slots=True)
class _Search:
    """`alone`, shape (mentees,); `open`, shape (mentors,): the two ends of a chain."""

    pairs: Pairs
    mentor_of: NDArray[np.int64]
    least: NDArray[np.int64]
    alone: Mask
    open: Mask

    def from_mentees(self) -> Chains | None:
        """Forward: the mentors whom these mentees could have, then those mentors' mentees, and so on."""
        parts, level = [], self.alone
        known = np.zeros(len(self.open), np.bool_)
        while level.any():
            found = known.copy()
            for block, fits in self._blocks(level, self.pairs.pool.free_seats > 0):
                is_open = self.open[block.mentors]
                new = ~found[block.mentors]
                kept = _best(block.points, fits & is_open) | _best(block.points, fits & ~is_open)
                _keep_one(kept.T, (fits & new).T)
                parts.append(_cells(block, kept))
                found[block.mentors] |= fits.any(axis=0)
            if found[self.open].any():
                return Chains.of(parts)
            level = self._mentees_of(found & ~known)
            known = found
        return None

    def from_seats(self) -> Chains | None:
        """Backward: the mentees who could have these seats, then their mentors' seats, and so on."""
        parts, level = [], self.open
        known = level.copy()
        while level.any():
            reached = np.zeros(len(self.alone), np.bool_)
            for block, fits in self._blocks(self.alone | ~self._mentees_of(known), level):
                is_alone = self.alone[block.mentees]
                new = ~reached[block.mentees]
                points = block.points.T
                kept = _best(points, fits.T & is_alone) | _best(points, fits.T & ~is_alone)
                _keep_one(kept.T, fits & new[:, None])
                parts.append(_cells(block, kept.T))
                reached[block.mentees] |= fits.any(axis=1)
            if reached[self.alone].any():
                return Chains.of(parts)
            level = np.zeros(len(self.open), np.bool_)
            level[self.mentor_of[reached]] = True
            level &= ~known
            known |= level
        return None

    def _blocks(self, mentees: Mask, mentors: Mask) -> Iterator[tuple[Block, Mask]]:
        """All pairs of these, and which of them a chain may use."""
        for block in self.pairs.blocks(mentees, mentors):
            if block.points.size:
                yield block, block.points >= self.least[block.mentees][:, None]

    def _mentees_of(self, mentors: Mask) -> Mask:
        """Who is with one of these mentors."""
        return ~self.alone & mentors[self.mentor_of]


def _best(points: NDArray[np.int16], fits: Mask) -> Mask:
    """The cells of each row with the most points, `TO_CHOOSE_AMONG` and all equal to the last."""
    width = points.shape[1]
    if width <= TO_CHOOSE_AMONG:
        return fits
    place = width - TO_CHOOSE_AMONG
    counted = np.where(fits, points, np.int16(-1))
    last = np.partition(counted, place, axis=1)[:, place]
    return fits & (points >= last[:, None])


def _keep_one(kept: Mask, wanted: Mask) -> None:
    """Sets for each row in which something is wanted the first wanted cell, in place."""
    rows = np.flatnonzero(wanted.any(axis=1))
    kept[rows, wanted[rows].argmax(axis=1)] = True


def _cells(block: Block, kept: Mask) -> Chains:
    row, column = np.nonzero(kept)
    return Chains(
        block.mentees[row].astype(np.int64),
        block.mentors[column].astype(np.int64),
        block.points[row, column].astype(np.int64),
    )
