"""When rounds run, under which name and seed, and what is kept of them. Pure."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from shared.events.wire import rfc3339

_DISTINCT_MILLISECONDS: Final = 997
_SEED_BITS: Final = 63


@dataclass(frozen=True, slots=True)
class RoundRecord:
    """One finished round. `refused`: another matcher or answer was faster; they wait for the next."""

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


def round_id_of(programme: str, instant: datetime) -> str:
    """The name of a round: the same when it is run again after a crash."""
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
