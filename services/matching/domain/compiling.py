"""How kernels are compiled: by numba, without the interpreter's lock, and kept on disk.

Kernels work on rows of their own and run in plain threads, never in numba's: its own pool may not
be entered from two threads at once, and rounds of two programmes may well run at the same time.
"""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeVar, cast

import numba
import numpy as np
from numpy.typing import NDArray

Kernel = TypeVar("Kernel", bound=Callable[..., Any])

_MOST_ROWS_AT_ONCE: Final = 4096
_FEWEST_ROWS_AT_ONCE: Final = 128
"""Fewer rows are done before a thread has begun."""

_PARTS_EACH: Final = 8
"""Parts are of unequal work: who has more of it takes fewer of them."""


def compiled(function: Kernel) -> Kernel:
    """The function as machine code, made when it is called for the first time on this machine."""
    try:
        return cast("Kernel", numba.njit(nogil=True, cache=True)(function))
    except RuntimeError:  # there is no folder that can be written to, so each process compiles
        return cast("Kernel", numba.njit(nogil=True)(function))


def inlined(function: Kernel) -> Kernel:
    """A small function that becomes a part of each kernel that calls it.

    Called for each pair as a function of its own, it would spend most of its time on counting
    references to the arrays that it is handed.
    """
    return cast("Kernel", numba.njit(inline="always")(function))


def in_threads(kernel: Callable[[NDArray[np.intp]], Any], rows: NDArray[np.intp]) -> Iterator[Any]:
    """Calls the kernel for all rows, a part at a time, and gives what it returned in their order."""
    processors = len(os.sched_getaffinity(0))
    even = -(-len(rows) // (processors * _PARTS_EACH))
    at_once = min(max(even, _FEWEST_ROWS_AT_ONCE), _MOST_ROWS_AT_ONCE)
    parts = [rows[start : start + at_once] for start in range(0, len(rows), at_once)]
    if len(parts) <= 1:
        yield from map(kernel, parts)
        return
    with ThreadPoolExecutor(processors) as threads:
        yield from threads.map(kernel, parts)
