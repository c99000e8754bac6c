from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from deploy.local.work import Away, Reading, Work, still_open

NOW = datetime(2026, 1, 5, 7, tzinfo=UTC)
ENDS = {"matches": {0: 5, 1: 0}, "pool": {0: 2}}


def a_work(**changed: object) -> Work:
    """A process that has done everything."""
    quiet = {
        "service": "followup",
        "looked_at": NOW,
        "open": {"outbox": 0},
        "consumed": {"matches": {0: 5}},
    }
    return Work.model_validate({**quiet, **changed})


def left(work: Work | Away, known: tuple[str, ...] = ("matches",)) -> list[str]:
    reading = Reading({"followup": work}, ENDS)
    return still_open(reading, NOW, {"followup": frozenset(known)})


def test_who_has_done_everything_is_quiet() -> None:
    assert left(a_work()) == []


def test_open_work_is_not_quiet() -> None:
    assert left(a_work(open={"outbox": 2, "mails": 0})) == ["followup: 2 outbox open"]


def test_timers_that_have_not_looked_are_not_quiet() -> None:
    assert len(left(a_work(looked_at=NOW - timedelta(milliseconds=1)))) == 1


def test_an_unread_record_is_not_quiet() -> None:
    assert left(a_work(consumed={"matches": {0: 4}})) == ["followup: at 4 of 5 in matches/0"]


def test_a_partition_with_records_that_nobody_reads_is_not_quiet() -> None:
    assert left(a_work(consumed={"matches": {1: 0}})) == ["followup: at 0 of 5 in matches/0"]


def test_who_came_back_and_reads_nothing_yet_is_not_quiet() -> None:
    assert left(a_work(consumed={})) == ["followup: reads matches not yet"]


def together(*works: Work) -> list[str]:
    answers = {f"followup-{number}": work for number, work in enumerate(works, 1)}
    return still_open(Reading(answers, ENDS), NOW, {"followup": frozenset({"matches", "pool"})})


def test_two_of_one_service_read_everything_together() -> None:
    one = a_work(consumed={"matches": {0: 5}})
    other = a_work(consumed={"matches": {1: 0}, "pool": {0: 2}})
    assert together(one, other) == []
    assert together(one) == ["followup: reads pool not yet"]


def test_what_one_of_two_has_not_read_is_not_quiet() -> None:
    one = a_work(consumed={"matches": {0: 3}, "pool": {0: 2}})
    assert together(one, a_work(consumed={"matches": {1: 0}})) == [
        "followup: at 3 of 5 in matches/0"
    ]


def test_who_is_away_is_not_quiet() -> None:
    assert left(Away("ConnectError")) == ["followup: away (ConnectError)"]


def test_topics_that_one_does_not_read_do_not_matter() -> None:
    assert left(a_work(consumed={"matches": {"0": 5, "1": 0}})) == []


def test_timers_that_are_still_at_it_are_not_quiet() -> None:
    (said,) = left(a_work(looked_at=None))
    assert said.startswith("followup: timers looked up to None")


def test_who_has_no_timers_is_not_waited_for() -> None:
    origin = Work.model_validate({"service": "origin", "open": {"requests": 0}})
    assert left(origin, known=()) == []


@given(
    opened=st.dictionaries(st.sampled_from(["outbox", "mails", "rounds"]), st.integers(0, 3)),
    read=st.integers(0, 5),
    behind_ms=st.integers(0, 2),
)
def test_quiet_is_exactly_nothing_open_all_read_and_all_timers_looked(
    opened: dict[str, int], read: int, behind_ms: int
) -> None:
    work = a_work(
        open=opened,
        consumed={"matches": {0: read}},
        looked_at=NOW - timedelta(milliseconds=behind_ms),
    )
    nothing_open = not any(opened.values())
    assert (left(work) == []) == (nothing_open and read == 5 and behind_ms == 0)
