"""The rows of the fault matrix: what is done to the platform, one async function a row.

    @row(6, "each broker killed in turn")
    async def brokers_killed(world: World) -> str:
        await world.load.start()
        ...
        world.mended()
        return "what was done, in words"

A row starts the load, hurts something, mends it, and says what it did. The harness does the rest: it
stops the load, waits until all is quiet, and checks the books. A row that cannot run on this machine
raises `CannotRun` with why and what it would take.
"""

import importlib
import pkgutil
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, TypeAlias

from tests.faults.world import STARTS_AT, World

Act: TypeAlias = Callable[[World], Awaitable[str]]


@dataclass(frozen=True, slots=True)
class Row:
    """One fault.

    proxied: the services reach Kafka and MongoDB through `world.network`.
    environment: by service, settings in place of the usual ones. starts_at: of domain time.
    most_people: a row of many days takes no more than these without `--long`, to end within 100 s.
    patched: the services run under `tests.faults.crashing`, so that `world.crash` and `world.bug` work.
    """

    number: int
    name: str
    act: Act
    proxied: bool = False
    patched: bool = False
    environment: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    starts_at: datetime = STARTS_AT
    most_people: int | None = None

    def people_of(self, people: int, *, long: bool) -> int:
        """How many of these take part in it."""
        return people if long or self.most_people is None else min(people, self.most_people)


_ROWS: Final[list[Row]] = []


def row(
    number: int,
    name: str,
    *,
    proxied: bool = False,
    patched: bool = False,
    environment: Mapping[str, Mapping[str, str]] | None = None,
    starts_at: datetime = STARTS_AT,
    most_people: int | None = None,
) -> Callable[[Act], Act]:
    """Registers a row under its number."""

    def register(act: Act) -> Act:
        if any(kept.name == name for kept in _ROWS):
            raise ValueError(f"a row is called {name!r} already")
        settings = proxied, patched, environment or {}, starts_at, most_people
        _ROWS.append(Row(number, name, act, *settings))
        return act

    return register


def all_rows() -> list[Row]:
    """Every row in the order of their numbers; a fault of two halves has two rows of one number."""
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")
    return sorted(_ROWS, key=lambda row: row.number)
