"""When rounds and top-ups run, under which name and seed, and what is kept of them. Pure."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

from services.matching.domain.audit import Audit
from services.matching.domain.round import Move
from services.matching.domain.supply import CitySupply
from shared.events.wire import rfc3339

TOP_UP_EVERY: Final = timedelta(minutes=15)
"""Top-ups run at full quarters of an hour: soon enough for who waits for an answer to her
registration, and late enough that what comes in one sitting is weighed together, not first come,
first served."""

_TOP_UP_NOT_BEFORE: Final = timedelta(minutes=1)
"""What was noted is written before that: the top-up would not see it otherwise."""
_DISTINCT_MILLISECONDS: Final = 997
_SEED_BITS: Final = 63
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class RoundKind(StrEnum):
    """A round weighs everybody; a top-up, between the rounds, the cities that propose at once."""

    ROUND = "round"
    TOP_UP = "top_up"


@dataclass(frozen=True, slots=True)
class RoundRecord:
    """One finished round or top-up.

    `refused`: another matcher or answer was faster; they wait for the next. `displaced`: proposals
    nobody had answered that it took back. `supply` and `audit`: what a round left each city, and how
    it went for whom; a top-up measures nothing. `rescued`: how many the rescue placed besides, and
    `moves` whom it gave another mentor for that.
    """

    round_id: str
    programme: str
    instant: datetime
    seed: int
    mentees: int
    mentors: int
    proposed: int
    refused: int
    waiting: int
    blocking_pairs: int
    seconds: float
    kind: RoundKind = RoundKind.ROUND
    displaced: int = 0
    supply: tuple[CitySupply, ...] = ()
    audit: Audit | None = None
    rescued: int = 0
    moves: tuple[Move, ...] = ()


def first_round_after(instant: datetime, *, hour: int, zone: str) -> datetime:
    """The first round of a programme after `instant`, at `hour` o'clock of the zone. UTC."""
    day = instant.astimezone(ZoneInfo(zone)).date()
    today = _round_on(day, hour, zone)
    return today if today > instant else _round_on(day + timedelta(days=1), hour, zone)


def round_after(
    last: datetime, now: datetime, *, every_days: int, hour: int, zone: str
) -> datetime:
    """The next regular round after `last` that is still to come: missed rounds are not made up."""
    day = last.astimezone(ZoneInfo(zone)).date()
    while True:
        day += timedelta(days=every_days)
        instant = _round_on(day, hour, zone)
        if instant > now:
            return instant


def top_up_after(instant: datetime) -> datetime:
    """When the top-up runs for what was noted at `instant`: the next full quarter of an hour. UTC.

    A second and a few milliseconds past it, other ones each time, for the same reason as rounds
    are, and never in the instant of a round.
    """
    quarters = -(-(instant + _TOP_UP_NOT_BEFORE - _EPOCH) // TOP_UP_EVERY)
    milliseconds = 1 + quarters % _DISTINCT_MILLISECONDS
    return _EPOCH + quarters * TOP_UP_EVERY + timedelta(seconds=1, milliseconds=milliseconds)


def round_id_of(programme: str, instant: datetime) -> str:
    """The name of a round or top-up: the same when it is run again after a crash."""
    return f"{programme}.{rfc3339(instant)}"


def seed_of(round_id: str, seed: int | None) -> int:
    """The seed of a round's lottery: from the process's seed, if any, and the round's name."""
    named = round_id if seed is None else f"{seed}\x1f{round_id}"
    digest = hashlib.blake2b(named.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> (64 - _SEED_BITS)


def _round_on(day: date, hour: int, zone: str) -> datetime:
    """The instant of the round on a local day.

    A few milliseconds past the hour, other ones each day, so that nothing else is due in the same
    instant: neither what comes at whole seconds nor a deadline of so many days after another round.
    An hour that the change to summer time skips is taken as the one after it.
    """
    milliseconds = 1 + day.toordinal() % _DISTINCT_MILLISECONDS
    local = datetime.combine(day, time(hour), ZoneInfo(zone))
    return local.astimezone(UTC) + timedelta(milliseconds=milliseconds)
