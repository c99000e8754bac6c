"""When rounds run: fixed local hours, an instant of their own, none made up for."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from services.matching.domain import programmes
from services.matching.domain.programmes import KnownProgramme
from services.matching.domain.schedule import first_round_after, round_after, round_id_of, seed_of
from tests.unit.matching.builders import DAY, START, a_programme, event_of, then

COPENHAGEN = ZoneInfo("Europe/Copenhagen")
INSTANTS = st.integers(0, 5 * 365 * 24 * 60).map(lambda minutes: START + timedelta(minutes=minutes))
RHYTHMS = st.fixed_dictionaries(
    {
        "hour": st.integers(0, 23),
        "zone": st.sampled_from(["Europe/Copenhagen", "America/New_York", "Asia/Kathmandu"]),
    }
)


def known(**policy: Any) -> KnownProgramme:
    heard = programmes.hear_of_programme(None, event_of(a_programme(**policy)), START)
    return then(programmes.begin_rounds(then(heard), START))  # type: ignore[no-any-return]


@given(INSTANTS, RHYTHMS, st.integers(1, 60))
def test_rounds_come_every_so_many_days_at_their_local_hour(
    instant: datetime, rhythm: dict[str, object], every_days: int
) -> None:
    first = first_round_after(instant, **rhythm)  # type: ignore[arg-type]
    assert instant < first <= instant + timedelta(days=1, hours=2)
    following = round_after(first, first, every_days=every_days, **rhythm)  # type: ignore[arg-type]
    zone = ZoneInfo(str(rhythm["zone"]))
    days = following.astimezone(zone).date() - first.astimezone(zone).date()
    assert days == timedelta(days=every_days)
    skipped_hour = following.astimezone(zone).hour - int(str(rhythm["hour"]))
    assert skipped_hour in (0, 1)


@given(INSTANTS, RHYTHMS, st.integers(1, 60))
def test_nothing_that_is_due_so_many_days_after_a_round_meets_another_round(
    instant: datetime, rhythm: dict[str, object], days: int
) -> None:
    first = first_round_after(instant, **rhythm)  # type: ignore[arg-type]
    other = round_after(first, first, every_days=days, **rhythm)  # type: ignore[arg-type]
    assert first.microsecond != other.microsecond
    assert other.microsecond != 0


def test_a_round_keeps_its_hour_over_the_change_to_summer_time() -> None:
    before = first_round_after(datetime(2026, 3, 27, tzinfo=UTC), hour=5, zone="Europe/Copenhagen")
    after = round_after(before, before, every_days=7, hour=5, zone="Europe/Copenhagen")
    assert [at.astimezone(COPENHAGEN).hour for at in (before, after)] == [5, 5]
    assert [at.hour for at in (before, after)] == [4, 3]


def test_rounds_that_were_missed_are_not_made_up() -> None:
    late = START + 30 * DAY
    programme = known()
    assert programme.next_round_at is not None
    done = then(programmes.finish_round(programme, programme.next_round_at, late))
    assert late < done.next_round_at <= late + 7 * DAY


def test_a_round_that_was_asked_for_leaves_the_regular_ones_alone() -> None:
    programme = then(programmes.ask_for_round(known(), START))
    assert programme.wake_at == START
    assert then(programmes.ask_for_round(programme, START + DAY)).asked_round_at == START
    done = then(programmes.finish_round(programme, START, START))
    assert done == replace(known(), last_round_at=START)
    assert programmes.finish_round(done, START, START) is None


def test_two_rounds_of_one_instant_have_names_of_their_own() -> None:
    first = then(programmes.ask_for_round(known(), START))
    done = then(programmes.finish_round(first, START, START))
    second = then(programmes.ask_for_round(done, START))
    assert second.wake_at == START
    assert second.round_instant == START + timedelta(milliseconds=1)
    assert then(programmes.finish_round(second, second.round_instant, START)).wake_at > START


def test_another_hour_of_rounds_holds_from_now_on_and_nothing_else_moves_them() -> None:
    programme = known()
    same = programmes.hear_of_programme(programme, event_of(a_programme()), START + DAY)
    assert then(same).next_round_at == programme.next_round_at
    other = programmes.hear_of_programme(programme, event_of(a_programme(round_hour=9)), START)
    assert then(other).next_round_at.astimezone(COPENHAGEN).hour == 9


def test_a_round_has_the_same_name_and_seed_whenever_it_is_run() -> None:
    name = round_id_of("network", START)
    assert name == "network.2026-03-02T12:00:00.000Z"
    assert seed_of(name, 7) == seed_of(name, 7)
    assert len({seed_of(name, 7), seed_of(name, 8), seed_of(name, None)}) == 3
    assert 0 <= seed_of(name, None) < 2**63
