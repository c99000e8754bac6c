"""What the console says of the platform: never 'yes' of what could not be seen."""

from datetime import timedelta
from typing import Any

import pytest

from services.streams.domain.vitals import (
    Figures,
    Flow,
    Gravity,
    Instance,
    Lag,
    Sample,
    duration,
    verdict,
)
from services.streams.views.overview import overview
from services.streams.watching.neighbours import addresses_of, figures_in
from shared.errors import SettingsInvalid
from tests.unit.streams.examples import NOW


def an_instance(name: str = "matching-1", **figures: float) -> Instance:
    told: Figures = {metric: (({}, value),) for metric, value in figures.items()}
    return Instance(name, is_ready=True, figures=told)


def a_lag(committed: int, end: int, group: str = "followup.matches", partition: int = 0) -> Lag:
    return Lag(group, group.partition(".")[2], partition, committed, end)


def a_sample(after_s: float = 0, **changes: Any) -> Sample:
    fine: dict[str, Any] = {
        "at": NOW + timedelta(seconds=after_s),
        "now": NOW,
        "position": 7,
        "letters": 0,
        "instances": (an_instance(),),
        "lags": (a_lag(5, 5),),
    }
    return Sample(**{**fine, **changes})


def said(*samples: Sample) -> str:
    return " ".join(trouble.sentence for trouble in verdict(samples).troubles)


def test_all_is_moving_where_everybody_answers_and_nobody_is_behind() -> None:
    found = verdict([a_sample()])
    assert found.is_moving
    assert found.sentence == "Yes, everything is moving."


def test_what_has_not_been_looked_at_is_no_yes() -> None:
    assert verdict([]).troubles
    assert "SERVICE_URLS" in said(a_sample(instances=()))


def test_a_service_that_does_not_answer_is_named() -> None:
    silent = Instance("intake-1", is_ready=False, figures=None)
    once = a_sample(instances=(an_instance(), silent))
    assert not verdict([once]).is_moving
    assert "intake-1 does not answer" in said(once, once)


def test_one_late_answer_is_no_alarm_yet() -> None:
    silent = Instance("intake-1", is_ready=False, figures=None)
    before, now = a_sample(), a_sample(3, instances=(an_instance(), silent))
    assert verdict([before, now]).is_moving
    assert "did not answer just now" in said(before, now)


def test_one_that_answers_and_is_not_ready_is_named() -> None:
    assert "is not ready" in said(a_sample(instances=(Instance("intake-1", False, {}),)))


def test_kafka_away_is_never_taken_for_nobody_behind() -> None:
    assert not verdict([a_sample(lags=None)]).is_moving


def test_a_group_that_is_behind_and_moves_is_no_trouble() -> None:
    early, late = a_sample(lags=(a_lag(5, 90),)), a_sample(70, lags=(a_lag(50, 140),))
    assert verdict([early, late]).troubles == ()


def test_a_group_that_is_behind_and_stands_still_for_a_minute_is_named() -> None:
    early, late = a_sample(lags=(a_lag(5, 9),)), a_sample(61, lags=(a_lag(5, 20),))
    assert "followup.matches stands still: 15 unread" in said(early, late)
    assert said(early, a_sample(30, lags=(a_lag(5, 20),))) == ""


def test_events_that_do_not_leave_are_told_once_a_service() -> None:
    stuck = [an_instance(name, outbox_oldest_seconds=200) for name in ("intake-1", "intake-2")]
    assert said(a_sample(instances=tuple(stuck))).count("have not left") == 1


def test_what_needs_a_person_but_does_not_stand_still_is_only_a_look() -> None:
    found = verdict([a_sample(letters=3, instances=(an_instance(help_open=2),))])
    assert found.is_moving
    assert {trouble.gravity for trouble in found.troubles} == {Gravity.LOOK}
    assert "3 records were set aside" in said(a_sample(letters=3))


def test_a_figure_that_several_instances_tell_counts_once_and_services_add_up() -> None:
    instances = (
        an_instance("matching-1", waiting=5),
        an_instance("matching-2", waiting=5),
        an_instance("intake-1", waiting=2),
    )
    assert a_sample(instances=instances).total("waiting") == 7


def test_the_page_is_made_of_any_sample() -> None:
    flow = Flow("match.proposed", "matches", "461", (0,) * 23 + (4,), 4, 1)
    behind = [a_sample(number, lags=(a_lag(number, 9),), flows=(flow,)) for number in range(3)]
    made = overview(behind)
    assert [row["group"] for row in made["groups"]] == ["followup.matches"]
    assert made["groups"][0]["trend"] == "shrinking"
    assert made["streams"][0]["day"] == 4
    assert made["cities"][0]["city"] == "461"


@pytest.mark.parametrize(
    ("span", "words"),
    [
        (timedelta(0), "0 s"),
        (timedelta(seconds=59), "59 s"),
        (timedelta(minutes=3, seconds=2), "3 min 2 s"),
        (timedelta(days=3, minutes=5), "3 d"),
        (timedelta(days=3, hours=4, minutes=5), "3 d 4 h"),
        (timedelta(seconds=-5), "0 s"),
    ],
)
def test_a_span_is_said_in_its_two_largest_units(span: timedelta, words: str) -> None:
    assert duration(span) == words


def test_figures_of_others_are_passed_over() -> None:
    text = (
        "# TYPE commonground_help_open gauge\n"
        'commonground_help_open{city="461"} 2.0\n'
        "python_info 1.0\n"
        'commonground_round_duration_seconds_bucket{le="1"} 3.0\n'
    )
    assert figures_in(text) == {"help_open": (({"city": "461"}, 2.0),)}


def test_addresses_are_names_and_urls() -> None:
    assert addresses_of(" a-1=http://x:1/ ,b-1=https://y") == {
        "a-1": "http://x:1",
        "b-1": "https://y",
    }
    assert addresses_of("") == {}
    with pytest.raises(SettingsInvalid, match="SERVICE_URLS has 'x:1'"):
        addresses_of("x:1")
