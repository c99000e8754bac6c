"""Chance without a stream of random numbers: each draw is a hash of what it is about.

So nobody's choice depends on how many others chose before, in which order mail came, or on a restart:
the same seed and question always give the same answer.
"""

import hashlib
from collections.abc import Mapping
from typing import Final, TypeVar

T = TypeVar("T")

_SEPARATOR: Final = "\x1f"
_BYTES: Final = 6
"""Few enough that a float holds each value, so that 1.0 never comes up by rounding."""
_RANGE: Final = float(256**_BYTES)


def draw(*about: object) -> float:
    """A number in [0, 1), always the same for the same `about`."""
    digest = hashlib.blake2b(_text(*about).encode(), digest_size=_BYTES).digest()
    return int.from_bytes(digest, "big") / _RANGE


def choose(weights: Mapping[T, float], *about: object) -> T:
    """One of the keys, each as likely as its share of the weights."""
    mark = draw(*about) * sum(weights.values())
    for choice, weight in weights.items():
        mark -= weight
        if mark < 0:
            return choice
    return next(reversed(list(weights)))


def between(least: int, most: int, *about: object) -> int:
    """A whole number from `least` to `most`, both included."""
    return least + int(draw(*about) * (most - least + 1))


def name_of(*about: object) -> str:
    """A short name for what `about` says, for keys that must be the same on every run."""
    return hashlib.blake2b(_text(*about).encode(), digest_size=16).hexdigest()


def _text(*about: object) -> str:
    return _SEPARATOR.join(str(part) for part in about)
