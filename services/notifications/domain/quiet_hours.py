"""When a message may be sent: not at night where the person is."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo

DEFAULT_ZONE = "Europe/Copenhagen"


@dataclass(frozen=True, slots=True)
class QuietHours:
    """Local hours, 0 to 23, from `start` (included) until `end` (not included); equal: none.

    May run over midnight, as 20 to 8 does.
    """

    start: int = 20
    end: int = 8

    def includes(self, hour: int) -> bool:
        """Whether nothing is sent in this local hour."""
        if self.start <= self.end:
            return self.start <= hour < self.end
        return hour >= self.start or hour < self.end


DEFAULT_QUIET_HOURS = QuietHours()


def zone_named(name: str) -> tzinfo:
    """The zone with this IANA name; an unknown name gets the default, so that nobody goes unasked."""
    try:
        return ZoneInfo(name)
    except (LookupError, ValueError, OSError):
        return ZoneInfo(DEFAULT_ZONE)


def earliest(now: datetime, quiet: QuietHours, zone: tzinfo) -> datetime:
    """The first instant from `now` on, in UTC, that is not in the quiet hours of `zone`.

    Where the clocks go forward over the end of the quiet hours, it is the hour after the jump.
    """
    local = now.astimezone(zone)
    if not quiet.includes(local.hour):
        return now
    day = local.date()
    if local.hour >= quiet.end:
        day += timedelta(days=1)
    # Via UTC: a wall-clock time that the jump leaves out becomes the one after the jump.
    end = datetime.combine(day, time(quiet.end), zone).astimezone(UTC)
    if end <= now:  # The clocks went back: this is the second of two equal hours.
        end = datetime.combine(day, time(quiet.end, fold=1), zone).astimezone(UTC)
    return end
