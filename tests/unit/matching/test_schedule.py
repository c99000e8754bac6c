"""When rounds run: fixed local hours, an instant of their own, none made up for."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from services.matching.domain import programmes
from services.matching.domain.programmes import KnownProgramme
from services.matching.domain.schedule import (
    TOP_UP_EVERY,
    RoundKind,
    RoundRecord,
    first_round_after,
    round_after,
    round_id_of,
    seed_of,
    top_up_after,
)
from services.matching.domain.supply import PLENTY_FROM, CitySupply
from shared.events.programmes import BetweenRounds
from tests.unit.matching.builders import DAY, START, a_programme, event_of, then

COPENHAGEN = ZoneInfo("Europe/Copenhagen")
INSTANTS = st.integers(0, 5 * 365 * 24 * 60).map(lambda minutes: START + timedelta(minutes=minutes))
RHYTHMS = st.fixed_dictionaries(
    {
        "hour": st.integers(0, 23),
        "zone": st.sampled_from(["Europe/Copenhagen", "America/New_York", "Asia/Kathmandu"]),
    }
)


def a_record(instant: datetime, kind: RoundKind = RoundKind.ROUND, **fields: Any) -> RoundRecord:
    counts = dict.fromkeys(
        ("seed", "mentees", "mentors", "proposed", "refused", "waiting", "blocking_pairs"), 0
    )
    return RoundRecord(
        round_id=round_id_of("network", instant),
        programme="network",
        instant=instant,
        seconds=0.0,
        kind=kind,
        **{**counts, **fields},
    )


def finished(programme: KnownProgramme, now: datetime) -> KnownProgramme:
    """After what is due has been run."""
    due = programme.what_is_due(now)
    assert due is not None
    kind, instant = due
    return then(programmes.finish(programme, a_record(instant, kind), now))  # type: ignore[no-any-return]


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
    done = finished(programme, late)
    assert done.next_round_at is not None
    assert late < done.next_round_at <= late + 7 * DAY


def test_a_round_that_was_asked_for_leaves_the_regular_ones_alone() -> None:
    programme = then(programmes.ask_for_round(known(), START))
    assert programme.wake_at == START
    assert then(programmes.ask_for_round(programme, START + DAY)).asked_round_at == START
    done = finished(programme, START)
    assert done == replace(known(), last_round_at=START, drawn_in=round_id_of("network", START))
    assert programmes.finish(done, a_record(START), START) is None


def test_two_rounds_of_one_instant_have_names_of_their_own() -> None:
    first = then(programmes.ask_for_round(known(), START))
    second = then(programmes.ask_for_round(finished(first, START), START))
    assert second.wake_at == START
    assert second.round_instant == START + timedelta(milliseconds=1)
    last = finished(second, START)
    assert last.wake_at is not None
    assert last.wake_at > START


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


def at_once(**policy: Any) -> KnownProgramme:
    return known(between_rounds=BetweenRounds.AT_ONCE, **policy)


@given(INSTANTS, st.integers(0, 15 * 60 * 1000), st.integers(1, 900))
def test_a_top_up_comes_with_the_next_quarter_of_an_hour_in_an_instant_of_its_own(
    instant: datetime, milliseconds: int, days: int
) -> None:
    noted = instant + timedelta(milliseconds=milliseconds)
    at = top_up_after(noted)
    assert timedelta(minutes=1) < at - noted <= timedelta(minutes=16, seconds=2)
    assert at.minute % 15 == 0
    assert at.second == 1, "no round runs then"
    assert top_up_after(noted + timedelta(days=days)).microsecond != at.microsecond
    assert top_up_after(at) - at < TOP_UP_EVERY + timedelta(milliseconds=2)


def test_what_is_noted_in_one_quarter_is_in_one_top_up() -> None:
    programme = then(programmes.note_for_top_up(at_once(), START))
    assert programme.wake_at == top_up_after(START) == programme.next_top_up_at
    assert programmes.note_for_top_up(programme, START + timedelta(minutes=10)) is None


def test_what_is_noted_while_a_top_up_runs_is_in_the_next_one() -> None:
    programme = then(programmes.note_for_top_up(at_once(), START))
    during = programme.next_top_up_at
    noted = then(programmes.note_for_top_up(programme, during))
    assert noted.what_is_due(during) == (RoundKind.TOP_UP, during)
    assert programmes.note_for_top_up(noted, during) is None
    done = finished(noted, during)
    assert done.next_top_up_at == top_up_after(during)
    assert finished(done, done.next_top_up_at).next_top_up_at is None


def test_a_round_does_what_a_top_up_would_have_done_and_goes_first() -> None:
    noted = then(programmes.note_for_top_up(at_once(), START))
    late = START + 8 * DAY
    assert noted.next_round_at < late
    assert noted.what_is_due(late) == (RoundKind.ROUND, noted.next_round_at)
    done = finished(noted, late)
    assert done.what_is_due(late) is None
    assert done.next_top_up_at is None


def test_a_round_leaves_alone_what_was_noted_for_a_later_top_up() -> None:
    asked = then(programmes.ask_for_round(at_once(), START))
    noted = then(programmes.note_for_top_up(asked, START))
    assert finished(noted, START).next_top_up_at == noted.next_top_up_at


def test_a_round_and_a_top_up_never_have_one_name() -> None:
    noted = then(programmes.note_for_top_up(at_once(), START))
    instant = noted.next_top_up_at
    asked = then(programmes.ask_for_round(finished(noted, instant), instant))
    assert asked.round_instant > instant


def test_nothing_is_noted_where_no_city_proposes_between_the_rounds() -> None:
    plenty = a_record(START, supply=(CitySupply("461", 0, 9, PLENTY_FROM),))
    measured = then(programmes.finish(known(), plenty, START))
    assert measured.plentiful == ("461",)
    assert programmes.note_for_top_up(known(), START) is None, "no round has measured yet"
    assert programmes.note_for_top_up(measured, START) is not None
    never = known(between_rounds=BetweenRounds.ROUNDS_ONLY)
    assert programmes.note_for_top_up(replace(never, plentiful=("461",)), START) is None


def test_a_programme_that_changes_forgets_neither_what_was_noted_nor_what_was_measured() -> None:
    noted = then(programmes.note_for_top_up(replace(at_once(), plentiful=("461",)), START))
    heard = then(programmes.hear_of_programme(noted, event_of(a_programme()), START))
    assert heard == replace(noted, between_rounds=known().between_rounds)
