"""What waits of an endpoint's deliveries, what is tried next, and when."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.streams.domain.deliveries import (
    GONE,
    ILL_AFTER,
    MOST_ATTEMPTS,
    MOST_LANES,
    MOST_NEW,
    RETRY_AFTER,
    Answer,
    Attempt,
    Due,
    Progress,
    Run,
    Verdict,
    after_turn,
    retry_in,
    turned_back,
)

NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)
OK = Answer(204)
BAD = Answer(500)


def attempt(position: int, answer: Answer, number: int = 1, at: datetime = NOW) -> Attempt:
    return Attempt(f"e{position}", "a.type", position, number, at, 0.1, answer)


def turn(progress: Progress, *runs: Run, reached: int = 0, now: datetime = NOW) -> Progress:
    return after_turn(progress, runs, reached, now, [0.5] * len(runs))


def failed(match: str, position: int, number: int = 1) -> Run:
    return Run(match, (attempt(position, BAD, number),), waits_at=position)


@given(st.integers(1, len(RETRY_AFTER)), st.floats(0, 1, exclude_max=True))
def test_a_wait_is_the_schedules_give_or_take_a_fifth(number: int, chance: float) -> None:
    wait, planned = retry_in(number, chance), RETRY_AFTER[number - 1]
    assert 0.79 * planned < wait < 1.21 * planned


@given(st.floats(0, 1, exclude_max=True))
def test_all_waits_together_last_days_and_each_is_longer_than_the_one_before(
    chance: float,
) -> None:
    waits = [retry_in(number, chance) for number in range(1, MOST_ATTEMPTS)]
    assert waits == sorted(waits)
    assert timedelta(days=2) < sum(waits, timedelta()) < timedelta(days=4)


def test_an_endpoint_may_ask_for_a_longer_wait_but_not_for_ever() -> None:
    assert retry_in(1, 0.5, timedelta(minutes=1)) == timedelta(minutes=1)
    assert retry_in(1, 0.5, timedelta(days=30)) == timedelta(days=1)
    assert retry_in(1, 0.5, timedelta(seconds=-5)) == RETRY_AFTER[0]
    assert retry_in(9, 0.5, timedelta(seconds=1)) == RETRY_AFTER[8]


def test_only_2xx_is_success_and_410_is_for_good() -> None:
    verdicts = {status: attempt(1, Answer(status)).verdict for status in (200, 204, 301, 404, 503)}
    assert [name for name, verdict in verdicts.items() if verdict is Verdict.DELIVERED] == [
        200,
        204,
    ]
    assert attempt(1, Answer(GONE)).verdict is Verdict.GONE
    assert attempt(1, Answer(None, "timeout")).verdict is Verdict.FAILED
    assert attempt(1, BAD, MOST_ATTEMPTS).verdict is Verdict.GIVEN_UP


def test_a_match_whose_event_failed_waits_in_a_lane_and_the_position_goes_on() -> None:
    progress = turn(Progress(), failed("m", 3), Run("n", (attempt(4, OK),)), reached=9)
    (lane,) = progress.lanes
    assert (lane.match_id, lane.position, lane.attempts) == ("m", 3, 1)
    assert lane.next_at == NOW + RETRY_AFTER[0]
    assert progress.after == 9
    assert progress.due(NOW).lanes == ()
    assert progress.due(lane.next_at).lanes == (lane,)


def test_a_lane_closes_when_its_match_has_caught_up_and_moves_on_when_it_has_not() -> None:
    progress = turn(Progress(), failed("m", 3), reached=9)
    closed = turn(progress, Run("m", (attempt(3, OK, 2), attempt(7, OK))))
    assert closed.lanes == ()
    later = Run("m", (attempt(3, OK, 2), attempt(7, BAD)), waits_at=7)
    (lane,) = turn(progress, later).lanes
    assert (lane.position, lane.attempts) == (7, 1)


def test_an_event_that_was_not_tried_is_due_at_once() -> None:
    (lane,) = turn(Progress(), Run("m", (attempt(3, OK),), waits_at=5), reached=9).lanes
    assert (lane.position, lane.attempts, lane.next_at) == (5, 0, NOW)


def test_failures_are_counted_since_the_last_success_in_time() -> None:
    later = NOW + timedelta(seconds=1)
    first = turn(Progress(), failed("m", 3), failed("n", 4), reached=9)
    assert (first.failures_in_a_row, first.failing_since) == (2, NOW)
    mixed = [Run("o", (attempt(5, OK, at=NOW),)), Run("p", (attempt(6, BAD, at=later),), 6)]
    second = turn(first, *mixed, reached=9)
    assert (second.failures_in_a_row, second.failing_since) == (1, later)


def an_ill_endpoint() -> Progress:
    return turn(Progress(), *(failed(f"m{n}", n) for n in range(ILL_AFTER)), reached=9)


def test_an_ill_endpoint_is_probed_with_one_event_at_each_step_of_the_schedule() -> None:
    ill = an_ill_endpoint()
    assert ill.is_ill
    now = NOW
    for wait in RETRY_AFTER:
        assert ill.due(now) == Due()
        assert ill.next_at == now + wait
        now += wait
        due = ill.due(now)
        assert (len(due.lanes), due.new) == (1, 1)
        (lane,) = due.lanes
        tried = attempt(lane.position, BAD, lane.attempts + 1, now)
        ill = turn(ill, Run(lane.match_id, (tried,), lane.position), now=now)


def test_a_probe_is_by_preference_what_was_never_tried() -> None:
    ill = turn(an_ill_endpoint(), Run("new", (), waits_at=30))
    assert ill.probe_at is not None
    due = ill.due(ill.probe_at)
    assert [lane.match_id for lane in due.lanes] == ["new"]
    assert due.new == 0


def test_when_an_ill_endpoint_is_back_all_is_due() -> None:
    ill = an_ill_endpoint()
    soon = NOW + timedelta(minutes=1)
    back = turn(ill, Run("m0", (attempt(0, OK, 2),)), now=soon)
    assert not back.is_ill
    assert back.due(soon).new == MOST_NEW
    assert len(back.due(soon).lanes) == ILL_AFTER - 1


def test_lanes_are_bounded_then_the_position_waits() -> None:
    progress = Progress()
    for n in range(MOST_LANES):
        progress = turn(progress, failed(f"m{n}", n), Run("ok", (attempt(n, OK),)), reached=n)
    assert len(progress.lanes) == MOST_LANES
    assert progress.due(NOW).new == 0


def test_going_back_forgets_what_waits() -> None:
    progress = turned_back(turn(Progress(), failed("m", 3), reached=9), 2)
    assert (progress.after, progress.lanes, progress.turned_back) == (2, (), 1)
    assert progress.attempted == 1


@st.composite
def a_run(draw: st.DrawFn) -> Run:
    match, position = draw(st.sampled_from("abcde")), draw(st.integers(1, 50))
    is_ok = draw(st.booleans())
    number = draw(st.integers(1, MOST_ATTEMPTS))
    tried = attempt(position, OK if is_ok else BAD, number)
    return Run(match, (tried,), None if tried.is_settled else position)


@given(st.lists(st.lists(a_run(), max_size=5, unique_by=lambda run: run.match_id), max_size=10))
def test_whatever_happens_a_match_has_one_lane_and_the_position_never_goes_back(
    turns: list[list[Run]],
) -> None:
    progress = Progress()
    for reached, runs in enumerate(turns):
        after = turn(progress, *runs, reached=reached)
        assert len(after.lanes) == len(after.waiting)
        assert after.after >= progress.after
        waiting = {run.match_id for run in runs if run.waits_at is not None}
        closed = {run.match_id for run in runs} - waiting
        assert after.waiting == (progress.waiting | waiting) - closed
        assert (after.failing_since is None) == (after.failures_in_a_row == 0)
        progress = after
