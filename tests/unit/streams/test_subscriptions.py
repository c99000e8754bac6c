"""The life of a webhook endpoint."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from services.streams.domain.deliveries import (
    FAILING_AT_MOST,
    GONE,
    Answer,
    Attempt,
    Progress,
    Run,
)
from services.streams.domain.subscriptions import (
    UNKNOWN,
    DisabledByOperator,
    DisabledFor,
    Endpoint,
    EndpointState,
    Secret,
    Turn,
    UrlRefused,
    change,
    check_url,
    disable,
    go_back,
    owned,
    pause,
    remove,
    replace_secret,
    resume,
    taken_over,
    turned,
)
from shared.decisions import Decision, Refusal

NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)
DAY = timedelta(days=1)


def an_endpoint() -> Endpoint:
    return Endpoint("w1", "g1", "https://odense.example/hooks", (Secret("s1", NOW),), NOW)


def state(decision: Decision[Endpoint] | Refusal | None) -> Endpoint:
    assert isinstance(decision, Decision)
    assert decision.events == ()
    return decision.state


def a_turn(endpoint: Endpoint, answer: Answer, at: datetime = NOW, reached: int = 5) -> Turn:
    tried = Attempt("e", "t", 3, 1, at, 0.1, answer)
    run = Run("m", (tried,), None if answer.is_success else 3)
    progress = endpoint.progress
    begun = (progress.turned_back, progress.begun_anew)
    return Turn(endpoint.epoch, *begun, reached, [run], [0.5])


@pytest.mark.parametrize(
    "url",
    [
        "ftp://odense.example/",
        "https://",
        "https:///hooks",
        "odense.example/hooks",
        "https://user:secret@odense.example/",
        "https://odense.example/#part",
        "https://odense.example:99999/",
        "https://odense.example:0/",
        "https://odense.example/a b",
        "https://odense.example/\n",
        "https://[::1/",
        "https://odense.example/" + "x" * 2_000,
        "https://ødense.example/",
    ],
)
def test_what_is_no_address_for_webhooks_is_refused_with_a_reason(url: str) -> None:
    refused = check_url(url)
    assert isinstance(refused, UrlRefused)
    assert refused.detail.endswith(".")


def test_an_ordinary_address_is_fine() -> None:
    for url in ("https://odense.example", "https://odense.example:8443/hooks?team=1"):
        assert check_url(url) is None


def test_410_disables_at_once_and_keeps_the_place() -> None:
    endpoint = an_endpoint()
    after = state(turned(endpoint, a_turn(endpoint, Answer(GONE)), NOW))
    assert (after.state, after.disabled_for) == (EndpointState.DISABLED, DisabledFor.GONE)
    (lane,) = after.progress.lanes
    assert lane.position == 3


def test_days_of_nothing_but_failures_disable_and_one_success_starts_the_count_again() -> None:
    endpoint = state(turned(an_endpoint(), a_turn(an_endpoint(), Answer(500)), NOW))
    assert endpoint.state is EndpointState.ACTIVE
    late = NOW + FAILING_AT_MOST
    failing = state(turned(endpoint, a_turn(endpoint, Answer(None, "timeout"), late), late))
    assert (failing.state, failing.disabled_for) == (EndpointState.DISABLED, DisabledFor.FAILING)
    assert failing.disabled_at == late
    middle = NOW + DAY
    better = state(turned(endpoint, a_turn(endpoint, Answer(204), middle), middle))
    again = state(turned(better, a_turn(better, Answer(500), late), late))
    assert again.state is EndpointState.ACTIVE


def test_resuming_goes_on_where_it_stopped_with_what_waited_first() -> None:
    endpoint = an_endpoint()
    gone = state(turned(endpoint, a_turn(endpoint, Answer(GONE)), NOW))
    back = state(resume(gone, NOW + DAY))
    assert (back.state, back.disabled_for) == (EndpointState.ACTIVE, None)
    assert back.progress.after == 5
    assert [lane.position for lane in back.progress.due(NOW + DAY).lanes] == [3]


def test_what_an_operator_disabled_only_an_operator_resumes() -> None:
    disabled = state(disable(an_endpoint(), DisabledFor.OPERATOR, NOW))
    assert isinstance(resume(disabled, NOW), DisabledByOperator)
    assert state(resume(disabled, NOW, by_operator=True)).state is EndpointState.ACTIVE
    assert pause(disabled) is None


def test_a_turn_counts_only_under_its_lease_and_from_where_it_began() -> None:
    endpoint = an_endpoint()
    turn = a_turn(endpoint, Answer(204))
    assert turned(state(taken_over(endpoint, 1)), turn, NOW) is None
    assert turned(state(go_back(endpoint, 0)), turn, NOW) is None
    assert turned(remove(endpoint).state, turn, NOW) is None
    assert taken_over(replace(endpoint, epoch=7), 6) is None


def test_what_was_under_way_when_it_was_paused_still_counts() -> None:
    endpoint = an_endpoint()
    paused = state(pause(endpoint))
    after = state(turned(paused, a_turn(endpoint, Answer(GONE)), NOW))
    assert (after.state, after.progress.after) == (EndpointState.PAUSED, 5)


@pytest.mark.parametrize("answer", [Answer(500), Answer(GONE)])
def test_what_failed_before_it_was_resumed_makes_nothing_wait_after_that(answer: Answer) -> None:
    endpoint = an_endpoint()
    under_way = a_turn(endpoint, answer)
    resumed = state(resume(state(pause(endpoint)), NOW))
    after = state(turned(resumed, under_way, NOW))
    assert after.state is EndpointState.ACTIVE
    assert (after.progress.attempted, after.progress.failing_since) == (1, None)
    assert [lane.position for lane in after.progress.due(NOW).lanes] == [3]


def test_a_secret_that_is_replaced_signs_on_for_the_overlap_and_no_longer() -> None:
    endpoint = state(replace_secret(an_endpoint(), "s2", NOW, DAY))
    assert endpoint.seeds(NOW) == ("s2", "s1")
    assert endpoint.seeds(NOW + DAY) == ("s2",)
    at_once = state(replace_secret(endpoint, "s3", NOW, timedelta()))
    assert at_once.seeds(NOW) == ("s3",)
    many = endpoint
    for n in range(3, 9):
        many = state(replace_secret(many, f"s{n}", NOW, timedelta(days=300)))
    assert many.seeds(NOW) == ("s8", "s7", "s6")
    assert many.seeds(NOW + timedelta(days=8)) == ("s8",)


def test_of_a_removed_endpoint_nothing_is_left_and_nobody_finds_it() -> None:
    removed = remove(an_endpoint()).state
    assert (removed.url, removed.secrets) == ("", ())
    assert owned(removed, "g1") is UNKNOWN


def test_another_grants_endpoint_is_unknown() -> None:
    endpoint = an_endpoint()
    assert owned(endpoint, "g1") is endpoint
    assert owned(endpoint, None) is endpoint
    assert owned(endpoint, "g2") is UNKNOWN
    assert owned(None, None) is UNKNOWN


def test_a_change_to_nothing_else_is_none() -> None:
    endpoint = an_endpoint()
    assert change(endpoint, None, None) is None
    assert isinstance(change(endpoint, "http:/", None), UrlRefused)
    moved = state(change(endpoint, "https://odense.example/new", None))
    assert moved.secrets == endpoint.secrets
    assert moved.progress == Progress()
