"""Counting days."""

from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from services.followup.domain.mentorship import Terms, start
from services.followup.domain.schedule import check_in_days, months_later, working_days_later
from shared.events.programmes import Policy
from tests.unit.followup.builders import START, a_mentorship, accepted

COPENHAGEN = ZoneInfo("Europe/Copenhagen")


def at(*local: int) -> datetime:
    return datetime(*local, tzinfo=COPENHAGEN).astimezone(UTC)  # type: ignore[arg-type, misc]


def test_check_ins_fall_on_days_14_30_then_every_30_then_every_90_after_a_year() -> None:
    days = list(islice(check_in_days((14, 30), 30, 90), 16))
    assert days == [14, 30, 60, 90, 120, 150, 180, 210, 240, 270, 300, 330, 360, 450, 540, 630]


def test_a_year_holds_thirteen_check_ins_numbered_from_one() -> None:
    mentorship = a_mentorship()
    assert [check_in.number for check_in in mentorship.check_ins] == list(range(1, 14))
    assert mentorship.check_ins[-1].day == 360
    assert mentorship.planned_end == datetime(2027, 1, 5, 9, tzinfo=UTC)


def test_a_step_of_no_days_ends_the_row() -> None:
    assert list(check_in_days((14, 30), 0, 0)) == [14, 30]
    assert list(check_in_days((), 0, 90)) == []


def test_a_programme_may_have_no_check_ins_at_all() -> None:
    policy = Policy(check_in_days=(), check_in_every_days=0)
    mentorship = start(accepted(), Terms.of(policy), "UTC", START)
    assert mentorship.check_ins == ()
    assert mentorship.wake_at == mentorship.planned_end


@given(
    st.lists(st.integers(0, 400), max_size=5).map(tuple),
    st.integers(0, 90),
    st.integers(0, 400),
)
def test_check_in_days_always_rise(first: tuple[int, ...], every: int, after: int) -> None:
    days = list(islice(check_in_days(first, every, after), 30))
    assert all(a < b for a, b in pairwise(days))


def test_months_later_keeps_the_day_or_takes_the_months_last() -> None:
    assert months_later(datetime(2026, 1, 31, tzinfo=UTC), 1) == datetime(2026, 2, 28, tzinfo=UTC)
    assert months_later(datetime(2027, 12, 31, tzinfo=UTC), 2) == datetime(2028, 2, 29, tzinfo=UTC)
    assert months_later(datetime(2026, 11, 30, tzinfo=UTC), 1) == datetime(2026, 12, 30, tzinfo=UTC)


@given(st.datetimes(datetime(2020, 1, 1), datetime(2050, 1, 1)), st.integers(0, 72))  # noqa: DTZ001
def test_months_later_moves_by_that_many_months(naive: datetime, months: int) -> None:
    instant = naive.replace(tzinfo=UTC)
    later = months_later(instant, months)
    assert (later.year - instant.year) * 12 + later.month - instant.month == months
    assert later.time() == instant.time()


def test_two_working_days_after_thursday_is_monday() -> None:
    assert working_days_later(at(2026, 1, 8, 10), 2, "Europe/Copenhagen") == at(2026, 1, 12, 10)


def test_what_is_said_on_a_weekend_counts_from_monday_morning() -> None:
    assert working_days_later(at(2026, 1, 10, 15), 2, "Europe/Copenhagen") == at(2026, 1, 14)
    assert working_days_later(at(2026, 1, 11, 23), 2, "Europe/Copenhagen") == at(2026, 1, 14)


def test_whether_it_is_a_weekend_depends_on_the_programmes_zone() -> None:
    friday_evening_in_copenhagen = at(2026, 1, 9, 22)
    assert working_days_later(friday_evening_in_copenhagen, 1, "Europe/Copenhagen") == at(
        2026, 1, 12, 22
    )
    tokyo = ZoneInfo("Asia/Tokyo")  # There it is Saturday already.
    expected = datetime(2026, 1, 13, tzinfo=tokyo).astimezone(UTC)
    assert working_days_later(friday_evening_in_copenhagen, 1, "Asia/Tokyo") == expected


def test_the_hour_on_the_wall_stays_when_the_clocks_change() -> None:
    # The clocks go forward on Sunday 29 March 2026, so the time between is an hour less.
    asked = at(2026, 3, 27, 10)
    deadline = working_days_later(asked, 2, "Europe/Copenhagen")
    assert deadline == at(2026, 3, 31, 10)
    assert deadline - asked == timedelta(days=4) - timedelta(hours=1)


@given(
    st.datetimes(datetime(2020, 1, 1), datetime(2050, 1, 1)),  # noqa: DTZ001
    st.integers(1, 10),
    st.sampled_from(["Europe/Copenhagen", "Asia/Tokyo", "America/New_York", "UTC"]),
)
def test_a_deadline_lies_on_a_working_day_after_the_question(
    naive: datetime, days: int, time_zone: str
) -> None:
    asked = naive.replace(tzinfo=UTC)
    deadline = working_days_later(asked, days, time_zone)
    assert deadline.astimezone(ZoneInfo(time_zone)).weekday() < 5
    assert deadline - asked >= timedelta(days=days) - timedelta(hours=1)
    assert deadline - asked <= timedelta(days=days + 2 * (days // 5 + 2), hours=1)
