"""Nobody is woken at night, wherever she is and whatever the clocks do."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.notifications.domain.quiet_hours import DEFAULT_ZONE, QuietHours, earliest, zone_named

ZONES = ("Europe/Copenhagen", "America/St_Johns", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC")
instants = st.datetimes(datetime(2025, 1, 1), datetime(2028, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001  (hypothesis takes its bounds without a zone)
hours = st.integers(0, 23)


@given(instants, hours, hours, st.sampled_from(ZONES))
@example(datetime(2026, 3, 29, 0, 30, tzinfo=UTC), 20, 2, "Europe/Copenhagen")  # 2:00 is left out
@example(datetime(2026, 10, 25, 0, 30, tzinfo=UTC), 2, 3, "Europe/Copenhagen")  # 2:30 comes twice
@example(datetime(2027, 4, 3, 15, 15, tzinfo=UTC), 20, 2, "Australia/Lord_Howe")
@example(datetime(2026, 10, 25, 1, 15, tzinfo=UTC), 20, 2, "Antarctica/Troll")  # back by two hours
def test_it_is_the_first_instant_that_is_not_quiet(
    now: datetime, start: int, end: int, zone_name: str
) -> None:
    quiet, zone = QuietHours(start, end), ZoneInfo(zone_name)

    sent_at = earliest(now, quiet, zone)

    assert sent_at >= now
    assert not quiet.includes(sent_at.astimezone(zone).hour)
    before = now
    while before < sent_at:
        assert quiet.includes(before.astimezone(zone).hour)
        before += timedelta(minutes=10)


def test_a_message_of_the_evening_goes_at_eight_in_the_morning() -> None:
    evening = datetime(2026, 3, 28, 20, 0, tzinfo=ZoneInfo("Europe/Copenhagen"))

    sent_at = earliest(evening.astimezone(UTC), QuietHours(), zone_named("Europe/Copenhagen"))

    # The night in which the clocks go forward has an hour less.
    assert sent_at == datetime(2026, 3, 29, 6, 0, tzinfo=UTC)


@pytest.mark.parametrize("hour", range(24))
def test_equal_hours_mean_no_quiet_hours(hour: int) -> None:
    assert not QuietHours(8, 8).includes(hour)


@pytest.mark.parametrize("name", ["", "Mars/Olympus", "../etc/passwd", "/etc", "Europe"])
def test_an_unknown_zone_is_the_default(name: str) -> None:
    assert zone_named(name) == ZoneInfo(DEFAULT_ZONE)
