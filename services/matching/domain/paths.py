"""The steps of a round that look at many pairs, and the two ways to take them: NumPy, or compiled.

Both give the same to the last bit. Compiled kernels are many times faster, but come with numba, and
take a moment to load: where there are few pairs NumPy is done before they are there.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from typing import Final, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from services.matching.domain import acceptance, candidates, certificate
from services.matching.domain.acceptance import Matching
from services.matching.domain.candidates import Draws, Lists
from services.matching.domain.pairs import Pairs
from services.matching.domain.priority import Priorities

FEW_PAIRS: Final = 3_000_000
"""Up to here (3,500 people or so) a whole round takes a tenth of a second with NumPy, which needs no
compiling first: that takes up to 20 s once on a machine, and a second in each process."""

Way = Literal["fastest", "numpy", "compiled"]


class Path(Protocol):
    """The steps, in their order."""

    def first_lists(self, length: int) -> Lists:
        """Everybody's best `length` mentors with a free seat."""
        ...

    def write_lists(self, lists: Lists, rows: NDArray[np.intp]) -> None:
        """The same for some mentees, into the lists that are there."""
        ...

    def search(self, lists: Lists, priorities: Priorities, floors: NDArray[np.int64]) -> "Search":
        """For a matching that stands. `floors`: shape (mentors,); kept, and written to by `set_floor`."""
        ...

    def accept(self, lists: Lists, priorities: Priorities) -> Matching:
        """The stable matching that is best for the mentees; see `acceptance.accept`."""
        ...

    def check(
        self, priorities: Priorities, matching: Matching
    ) -> tuple[int, NDArray[np.int64]]:  # fmt: skip
        """Blocking pairs and ranks, see `certificate.check`."""
        ...

    def count_before(
        self, rows: NDArray[np.intp], newest: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """For some mentees, how many mentors with a free seat fit each, see `count_before`."""
        ...

    def first_of(
        self,
        priorities: Priorities,
        mentor: int,
        mentees: NDArray[np.intp],
        wishes: NDArray[np.int64],
        refusing: NDArray[np.intp],
        above: int,
    ) -> tuple[int, int, int]:
        """Whom of some mentees a mentor would take first, see `candidates.first_of`."""
        ...


class Search(Protocol):
    """Finds the next mentors of single mentees, while mentors' floors change."""

    @property
    def floors(self) -> NDArray[np.int64]:
        """The key above which each mentor takes a mentee, shape (mentors,); to be read."""
        ...

    def set_floor(self, mentor: int, floor: int) -> None:
        """From now on this mentor takes nobody whose key is not higher."""
        ...

    def more(self, mentee: int) -> None:
        """Writes the best mentors who would take her into her list; see `candidates.more`."""
        ...


@dataclass(frozen=True, slots=True)
class NumpySearch:
    """See `Search`."""

    find: Callable[[NDArray[np.intp], NDArray[np.int64]], None]
    floors: NDArray[np.int64]

    def set_floor(self, mentor: int, floor: int) -> None:
        """See `Search`."""
        self.floors[mentor] = floor

    def more(self, mentee: int) -> None:
        """See `Search`."""
        self.find(np.array([mentee], np.intp), self.floors)


@dataclass(frozen=True, slots=True)
class NumpyPath:
    """Block by block."""

    pairs: Pairs
    draws: Draws

    def first_lists(self, length: int) -> Lists:
        """See `Path`."""
        count = len(self.pairs.pool.mentees)
        lists = Lists.empty(count, length)
        self.write_lists(lists, np.arange(count))
        return lists

    def write_lists(self, lists: Lists, rows: NDArray[np.intp]) -> None:
        """See `Path`."""
        candidates.write_lists(self.pairs, self.draws, lists, rows)

    def search(
        self, lists: Lists, priorities: Priorities, floors: NDArray[np.int64]
    ) -> "NumpySearch":
        """See `Path`."""
        return NumpySearch(
            partial(candidates.more, self.pairs, self.draws, lists, priorities), floors
        )

    def accept(self, lists: Lists, priorities: Priorities) -> Matching:
        """See `Path`."""
        more = partial(candidates.more, self.pairs, self.draws, lists, priorities)
        return acceptance.accept(lists, priorities, self.pairs.pool.free_seats, more)

    def check(self, priorities: Priorities, matching: Matching) -> tuple[int, NDArray[np.int64]]:
        """See `Path`."""
        return certificate.check(self.pairs, self.draws, priorities, matching)

    def count_before(
        self, rows: NDArray[np.intp], newest: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """See `Path`."""
        return candidates.count_before(self.pairs, rows, newest)

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
        return candidates.first_of(
            self.pairs, self.draws, priorities, mentor, mentees, wishes, refusing, above
        )


def path_of(pairs: Pairs, draws: Draws, way: Way) -> Path:
    """The way asked for. Raises ImportError if it is the compiled one and numba is missing."""
    few = len(pairs.pool.mentees) * len(pairs.pool.mentors) < FEW_PAIRS
    if way == "numpy" or (way == "fastest" and (few or find_spec("numba") is None)):
        return NumpyPath(pairs, draws)
    from services.matching.domain.compiled import CompiledPath

    return CompiledPath.of(pairs, draws)
