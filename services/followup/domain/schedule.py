"""Counting days: when check-ins fall due, when a mentorship is planned to end, working days."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import takewhile
from typing import Final
from zoneinfo import ZoneInfo

_A_YEAR_IN_DAYS: Final = 365
_SATURDAY: Final = 5


def check_in_days(first: tuple[int, ...], every: int, every_after_a_year: int) -> Iterator[int]:
    """Days after acceptance on which both are asked, rising: `first`, then in steps.

    A step that would pass the first year is `every_after_a_year` long. A step of 0 days ends the
    row, so that a programme may ask on fixed days only.
    """
    days = sorted(set(first))
    yield from days
    day = days[-1] if days else 0
    while True:
        step = every if day + every <= _A_YEAR_IN_DAYS else every_after_a_year
        if step == 0:
            return
        day += step
        yield day


def check_in_times(
    started_at: datetime, until: datetime, days: Iterator[int]
) -> tuple[tuple[int, datetime], ...]:
    """The (day, instant) of each check-in that falls due before `until`. `days` must rise."""
    times = ((day, started_at + timedelta(days=day)) for day in days)
    return tuple(takewhile(lambda at: at[1] < until, times))


def months_later(instant: datetime, months: int) -> datetime:
    """The same day and time `months` calendar months on; the last day of a month that is shorter."""
    years, month = divmod(instant.month - 1 + months, 12)
    year, month = instant.year + years, month + 1
    first_of_next = date(year + month // 12, month % 12 + 1, 1)
    last_day = (first_of_next - timedelta(days=1)).day
    return instant.replace(year=year, month=month, day=min(instant.day, last_day))


def working_days_later(instant: datetime, days: int, time_zone: str) -> datetime:
    """The same hour on the wall `days` working days on, as UTC. Saturdays and Sundays do not count.

    What is said on a weekend counts as said when Monday begins. Public holidays are not known here.
    """
    local = instant.astimezone(ZoneInfo(time_zone))
    if local.weekday() >= _SATURDAY:
        local = local.replace(hour=0, minute=0, second=0, microsecond=0)
        while local.weekday() >= _SATURDAY:
            local += timedelta(days=1)
    while days > 0:
        # Adding to an aware datetime moves the wall clock, which is what a working day is about.
        local += timedelta(days=1)
        days -= local.weekday() < _SATURDAY
    return local.astimezone(UTC)
