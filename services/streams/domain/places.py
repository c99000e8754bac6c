"""Where something happened, as an integrator may know it: a municipality, or of small ones the region.

In a small municipality a match can be a person's name: whoever knows the place knows who it is.
"""

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

_TABLE: Final = Path(__file__).parent.parent / "data" / "municipalities.csv"


@dataclass(frozen=True, slots=True)
class Place:
    """A municipality: its code, the region it lies in, and whether only the region may be told."""

    code: str
    region: str
    is_small: bool


@lru_cache(maxsize=1)
def places() -> dict[str, Place]:
    """Every municipality that is known, by its code."""
    with _TABLE.open(encoding="utf-8", newline="") as file:
        return {
            row["code"]: Place(row["code"], row["region"], row["small"] == "yes")
            for row in csv.DictReader(file)
        }


def regions() -> tuple[str, ...]:
    """The regions, in alphabetical order."""
    return tuple(sorted({place.region for place in places().values()}))


def may_be_named(code: str) -> bool:
    """Whether an integrator may ask for this municipality, or hear its name: it is known and not small."""
    place = places().get(code)
    return place is not None and not place.is_small


def small_in(names: Iterable[str]) -> frozenset[str]:
    """Codes of the small municipalities of these regions."""
    wanted = set(names)
    return frozenset(
        code for code, place in places().items() if place.is_small and place.region in wanted
    )
