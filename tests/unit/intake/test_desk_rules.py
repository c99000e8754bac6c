"""What a mentorship needs first, what a month comes to, and who sees whose people."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.desk.charts import Bars
from services.intake.domain.journeys import (
    Closing,
    KnownCheckIn,
    KnownMatch,
    OpenRequest,
    Rating,
    Wanted,
)
from services.intake.domain.monthly import Month, as_csv, monthly
from services.intake.domain.needs import Need, by_need, need_of
from services.intake.domain.programme import Coordinator, Programme
from services.intake.domain.staff import is_operator, scope_of
from shared.events.check_ins import CheckInStatus, ClosingReason
from shared.events.matches import MatchStatus
from shared.events.participants import Role
from shared.events.programmes import CoordinatorRef, Policy
from shared.security.scopes import Scope

MARCH = datetime(2026, 3, 15, 12, tzinfo=UTC)
ZONE = ZoneInfo("Europe/Copenhagen")
BOTH = (Role.MENTEE, Role.MENTOR)


def a_mentorship(name: str = "m", **changes: object) -> KnownMatch:
    match = KnownMatch(
        match_id=name,
        programme="dk",
        city="751",
        mentee_id=f"{name}-mentee",
        mentor_id=f"{name}-mentor",
        status=MatchStatus.ACCEPTED,
        open=True,
        proposed_at=MARCH - timedelta(days=50),
        accepted_at=MARCH - timedelta(days=45),
    )
    return replace(match, **changes)  # type: ignore[arg-type]


def a_check_in(number: int, status: CheckInStatus) -> KnownCheckIn:
    return KnownCheckIn(number, status, MARCH - timedelta(days=30 - number), BOTH)


def help_wanted(*, to_deputy: bool = False) -> OpenRequest:
    return OpenRequest("h", Wanted.HELP, Role.MENTEE, MARCH, to_deputy)


ESCALATED = (a_check_in(1, CheckInStatus.ESCALATED),)
OVERDUE = (a_check_in(1, CheckInStatus.OVERDUE),)
ANSWERED = (a_check_in(1, CheckInStatus.COMPLETED),)


@pytest.mark.parametrize(
    ("match", "need"),
    [
        (a_mentorship(), Need.WELL),
        (a_mentorship(check_ins=ANSWERED), Need.WELL),
        (a_mentorship(check_ins=OVERDUE), Need.OVERDUE),
        (a_mentorship(check_ins=ESCALATED), Need.ESCALATED),
        (a_mentorship(check_ins=ANSWERED, diverged=(1,)), Need.DRIFTING_APART),
        (
            a_mentorship(
                check_ins=(*ANSWERED, a_check_in(2, CheckInStatus.COMPLETED)), diverged=(1,)
            ),
            Need.WELL,
        ),
        (a_mentorship(check_ins=ESCALATED, requests=(help_wanted(),)), Need.HELP),
        (a_mentorship(requests=(help_wanted(to_deputy=True),)), Need.HELP_LATE),
        (
            a_mentorship(requests=(OpenRequest("q", Wanted.ANSWER, Role.MENTEE, MARCH),)),
            Need.WELL,
        ),
    ],
)
def test_the_most_urgent_thing_about_a_mentorship_is_what_it_needs(
    match: KnownMatch, need: Need
) -> None:
    assert need_of(match) is need


def test_a_closed_mentorship_needs_nothing_but_help_that_was_asked_for() -> None:
    closing = Closing(ClosingReason.PLANNED, early=False, closed_at=MARCH, match_again=())
    closed = a_mentorship(check_ins=ESCALATED, diverged=(1,), closing=closing)
    assert need_of(closed) is Need.WELL
    assert need_of(replace(closed, requests=(help_wanted(),))) is Need.HELP


def test_the_most_urgent_comes_first_and_of_equals_the_one_that_runs_longest() -> None:
    older = a_mentorship("older", accepted_at=MARCH - timedelta(days=90))
    late = a_mentorship("late", check_ins=OVERDUE)
    calls = a_mentorship("calls", requests=(help_wanted(),))
    found = by_need([a_mentorship("newer"), late, older, calls])
    assert [match.match_id for match in found] == ["calls", "late", "older", "newer"]


def test_what_happened_at_midnight_belongs_to_the_programmes_own_month() -> None:
    just_before = datetime(2026, 2, 28, 23, 30, tzinfo=UTC)  # The first of March in Copenhagen.
    (*_, february, march) = monthly(
        [], [a_mentorship(accepted_at=just_before)], Month(2026, 3), ZONE
    )
    assert (february.accepted, march.accepted) == (0, 1)


def test_a_month_counts_what_became_of_matches() -> None:
    closing = Closing(ClosingReason.MENTEE_WISHED, early=True, closed_at=MARCH, match_again=())
    figures = monthly(
        [],
        [
            a_mentorship(
                closing=closing, ratings=(Rating(Role.MENTEE, 4, 3, would_do_again=True),)
            ),
            a_mentorship(status=MatchStatus.DECLINED, accepted_at=None, over_at=MARCH, open=False),
            a_mentorship(status=MatchStatus.EXPIRED, accepted_at=None, over_at=MARCH, open=False),
            a_mentorship(check_ins=(a_check_in(25, CheckInStatus.OVERDUE),)),
        ],
        Month(2026, 3),
        ZONE,
    )
    march = figures[-1]
    assert [march.closed_early, march.declined, march.expired, march.check_ins_late] == [1, 1, 1, 1]
    assert march.mentees_rating == 4.0
    assert len(figures) == 12
    assert figures[0].month == "2025-04"
    heading, *lines = as_csv(figures).splitlines()
    assert len(lines) == 12
    assert len(heading.split(",")) == len(lines[0].split(","))


@given(st.integers(2001, 2100), st.integers(1, 12), st.integers(0, 40))
def test_months_before_and_after_find_back(year: int, number: int, months: int) -> None:
    month = Month(year, number)
    assert month.before(months).before(-months) == month
    assert Month.read(str(month)) == month


@given(st.lists(st.tuples(st.text(max_size=8), st.integers(0, 10**6)), max_size=12))
def test_every_bar_lies_within_the_picture(values: list[tuple[str, int]]) -> None:
    chart = Bars.of(values)
    for bar in chart.bars:
        assert 0 <= bar.x <= bar.x + bar.width <= chart.width + 0.5
        assert 0 <= bar.y <= bar.y + bar.height <= chart.floor + 0.5


def a_programme(*refs: CoordinatorRef) -> Programme:
    return Programme("dk", "dk", Policy(), (), (), refs, "UTC", ("da",), ("en",))


def a_coordinator(name: str, *, leads: bool = False, is_one: bool = True) -> Coordinator:
    return Coordinator(name, "dk", name, "x@example.org", "en", "UTC", is_one=is_one, leads=leads)


def test_a_deputy_sees_the_cities_of_those_whom_she_stands_in_for() -> None:
    programme = a_programme(
        CoordinatorRef(coordinator_id="karen", cities=("751",), deputy="oscar"),
        CoordinatorRef(coordinator_id="oscar", cities=("461",)),
    )
    assert scope_of(a_coordinator("karen"), programme) == Scope("dk", frozenset({"751"}))
    assert scope_of(a_coordinator("oscar"), programme) == Scope("dk", frozenset({"461", "751"}))


def test_only_whom_the_programme_names_is_a_coordinator() -> None:
    programme = a_programme(CoordinatorRef(coordinator_id="karen", cities=("751",)))
    assert scope_of(a_coordinator("oscar"), programme) is None
    assert scope_of(a_coordinator("karen", is_one=False), programme) is None
    assert scope_of(a_coordinator("karen"), None) is None
    assert scope_of(a_coordinator("karen", leads=True), programme) == Scope("dk", None)


@pytest.mark.parametrize(
    ("claims", "wanted", "is_one"),
    [
        ({"groups": ["ops"]}, "groups=ops", True),
        ({"role": "ops"}, "role=ops", True),
        ({"groups": ["other"]}, "groups=ops", False),
        ({"groups": "opsx"}, "groups=ops", False),
        ({}, "groups=ops", False),
        ({"": ""}, "", False),
        ({"groups": [""]}, "groups=", False),
        ({"groups": None}, "groups=None", False),
    ],
)
def test_an_operator_is_whoever_has_exactly_the_claim(
    claims: dict[str, object], wanted: str, is_one: bool
) -> None:
    assert is_operator(claims, wanted) is is_one
