"""Check-ins: asked, answered, overdue, escalated, settled."""

from datetime import datetime, timedelta

import pytest

from services.followup.domain import check_ins
from services.followup.domain.mentorship import Going, Terms, start
from services.followup.domain.refusals import (
    AnsweredOtherwise,
    CheckInOver,
    CheckInUnknown,
    MentorshipUnknown,
    NotAskedYet,
    NotYours,
)
from shared.events.care import CheckInEscalated
from shared.events.check_ins import (
    CheckInCompleted,
    CheckInDue,
    CheckInOverdue,
    CheckInReminderDue,
    CheckInStatus,
)
from shared.events.participants import Role
from shared.events.programmes import Policy
from tests.unit.followup.builders import (
    MENTEE,
    START,
    Life,
    a_mentorship,
    accepted,
    days,
    names,
    person,
    said,
)

DAY_14 = START + days(14)


@pytest.fixture
def life() -> Life:
    return Life()


def test_both_are_asked_on_day_14(life: Life) -> None:
    assert life.live_until(DAY_14 - timedelta(milliseconds=1)) == ()
    (due,) = life.live_until(DAY_14)
    assert isinstance(due, CheckInDue)
    assert (due.number, due.day, due.due_at, due.status) == (1, 14, DAY_14, CheckInStatus.DUE)


def test_the_grace_runs_from_when_the_later_message_went_out(life: Life) -> None:
    life.live_until(DAY_14)
    life.ask(1, Role.MENTEE)
    life.live_until(DAY_14 + days(3))
    life.ask(1, Role.MENTOR)
    asked_at = DAY_14 + days(3)
    life.live_until(asked_at + days(7))
    assert [
        (at, type(event).__name__) for at, event in life.events if event.wire_name.count("check_in")
    ][1:] == [
        (asked_at + days(2), "CheckInReminderDue"),
        (asked_at + days(5), "CheckInReminderDue"),
        (asked_at + days(7), "CheckInOverdue"),
    ]


def test_nobody_is_overdue_who_has_not_been_asked(life: Life) -> None:
    life.live_until(DAY_14)
    life.ask(1, Role.MENTEE)
    life.live_until(START + days(29))
    assert life.of_type("CheckInOverdue") == []


def test_a_message_that_failed_counts_as_asked_and_is_seen(life: Life) -> None:
    life.live_until(DAY_14)
    life.ask(1, Role.MENTEE)
    life.ask(1, Role.MENTOR, reached=False)
    life.live_until(DAY_14 + days(7))
    assert names(tuple(life.of_type("CheckInOverdue"))) == ["CheckInOverdue"]
    assert life.mentorship.check_ins[0].mentor.reached is False
    assert life.mentorship.check_ins[0].mentee.reached is True


def test_a_bounce_later_leaves_the_deadline_and_is_seen(life: Life) -> None:
    life.live_until(DAY_14)
    life.ask(1)
    life.live_until(DAY_14 + days(1))
    life.ask(1, Role.MENTOR, reached=False)
    assert life.mentorship.check_ins[0].asked_at == DAY_14
    assert life.mentorship.check_ins[0].mentor.reached is False


def test_a_message_that_is_sent_again_and_goes_through_has_reached_her(life: Life) -> None:
    life.live_until(DAY_14)
    life.ask(1, Role.MENTOR, reached=False)
    life.live_until(DAY_14 + days(1))
    life.ask(1, Role.MENTOR)
    assert life.mentorship.check_ins[0].mentor.reached is True
    assert life.mentorship.check_ins[0].mentor.asked_at == DAY_14


def test_a_reminder_is_skipped_when_the_next_check_in_takes_its_place() -> None:
    life = Life(a_mentorship(Policy(check_in_days=(2, 4), check_in_reminder_after_days=(1,))))
    life.live_until(START + days(2.8))
    life.ask(1)
    assert names(life.jump_to(START + days(4))) == ["CheckInDue"]


def test_an_answer_counts_as_asked(life: Life) -> None:
    life.live_until(DAY_14)
    life.ask(1, Role.MENTEE)
    life.answer(1, Role.MENTOR)
    life.live_until(DAY_14 + days(2))
    (reminder,) = life.of_type("CheckInReminderDue")
    assert isinstance(reminder, CheckInReminderDue)
    assert reminder.remind == (Role.MENTEE,)


def test_word_of_a_message_to_a_stranger_or_for_no_check_in_changes_nothing(life: Life) -> None:
    life.live_until(DAY_14)
    for number, recipient in ((1, "stranger"), (99, MENTEE), (2, MENTEE)):
        assert check_ins.asked(life.mentorship, number, recipient, DAY_14, reached=True) is None
    assert check_ins.asked(None, 1, MENTEE, DAY_14, reached=True) is None


def test_it_is_completed_when_both_have_answered(life: Life) -> None:
    life.live_until(DAY_14)
    life.ask(1)
    assert life.answer(1, Role.MENTEE) == ()
    (completed,) = life.answer(1, Role.MENTOR)
    assert isinstance(completed, CheckInCompleted)
    assert completed.late is False
    assert completed.answered_by == (Role.MENTEE, Role.MENTOR)
    assert life.mentorship.wake_at == START + days(30)


def test_it_is_completed_late_after_overdue_and_escalated(life: Life) -> None:
    life.live_until(DAY_14)
    life.ask(1)
    life.answer(1, Role.MENTEE)
    life.live_until(DAY_14 + days(14))
    (overdue,) = life.of_type("CheckInOverdue")
    (escalated,) = life.of_type("CheckInEscalated")
    assert isinstance(overdue, CheckInOverdue)
    assert isinstance(escalated, CheckInEscalated)
    assert overdue.missing == escalated.missing == (Role.MENTOR,)
    (completed,) = life.answer(1, Role.MENTOR)
    assert isinstance(completed, CheckInCompleted)
    assert completed.late is True


def test_answering_twice_in_the_same_way_changes_nothing(life: Life) -> None:
    life.live_until(DAY_14)
    life.answer(1, Role.MENTEE)
    again = check_ins.answer(life.mentorship, 1, MENTEE, said(), DAY_14 + days(1))
    assert again is None
    other = check_ins.answer(life.mentorship, 1, MENTEE, said(Going.HARD), DAY_14)
    assert isinstance(other, AnsweredOtherwise)


def test_words_stay_as_they_were_said_and_are_in_no_event(life: Life) -> None:
    words = "  نكتب إلى شركتين\n\tі ще раз 👩🏽‍🔬  "
    life.live_until(DAY_14)
    life.answer(1, Role.MENTEE, said(next_step=words))
    life.answer(1, Role.MENTOR, said(Going.HARD))
    answer = life.mentorship.check_ins[0].mentee.answer
    assert answer is not None
    assert answer.next_step == words
    assert all(words not in event.model_dump_json() for _, event in life.events)


def test_views_that_drift_apart_are_told_the_coordinator_once(life: Life) -> None:
    life.live_until(DAY_14)
    life.answer(1, Role.MENTEE, said(Going.HARD))
    assert names(life.answer(1, Role.MENTOR, said(Going.WELL))) == [
        "CheckInCompleted",
        "ViewsDiverged",
    ]


@pytest.mark.parametrize(
    ("one", "other"),
    [(Going.WELL, Going.MIXED), (Going.MIXED, Going.HARD), (Going.HARD, Going.HARD)],
)
def test_views_that_are_near_are_nobodys_trouble(life: Life, one: Going, other: Going) -> None:
    life.live_until(DAY_14)
    life.answer(1, Role.MENTEE, said(one))
    assert names(life.answer(1, Role.MENTOR, said(other))) == ["CheckInCompleted"]


def test_who_may_answer_what(life: Life) -> None:
    life.live_until(DAY_14)
    assert isinstance(check_ins.answer(None, 1, MENTEE, said(), DAY_14), MentorshipUnknown)
    assert isinstance(check_ins.answer(life.mentorship, 1, "x", said(), DAY_14), NotYours)
    assert isinstance(check_ins.answer(life.mentorship, 2, MENTEE, said(), DAY_14), NotAskedYet)
    for number in (0, -1, 14, 10**9):
        refusal = check_ins.answer(life.mentorship, number, MENTEE, said(), DAY_14)
        assert isinstance(refusal, CheckInUnknown)


def test_an_open_check_in_is_skipped_when_the_next_falls_due(life: Life) -> None:
    life.live_until(START + days(30))
    assert life.mentorship.check_ins[0].status is CheckInStatus.SKIPPED
    assert life.mentorship.check_ins[1].status is CheckInStatus.DUE
    refusal = check_ins.answer(life.mentorship, 1, MENTEE, said(), life.now)
    assert isinstance(refusal, CheckInOver)


def test_an_escalated_check_in_stays_escalated_when_the_next_falls_due(life: Life) -> None:
    life.live_until(DAY_14)
    life.ask(1)
    life.live_until(START + days(30))
    assert life.mentorship.check_ins[0].status is CheckInStatus.ESCALATED
    refusal = check_ins.answer(life.mentorship, 1, MENTEE, said(), life.now)
    assert isinstance(refusal, CheckInOver)


def test_after_an_outage_only_the_latest_check_in_is_asked(life: Life) -> None:
    events = life.jump_to(START + days(65))
    assert [(type(e).__name__, getattr(e, "number", 0)) for e in events] == [("CheckInDue", 3)]
    assert [c.status for c in life.mentorship.check_ins[:3]] == [
        CheckInStatus.SKIPPED,
        CheckInStatus.SKIPPED,
        CheckInStatus.DUE,
    ]


def test_reminders_missed_in_an_outage_are_skipped(life: Life) -> None:
    life.live_until(DAY_14)
    life.ask(1)
    assert names(life.jump_to(DAY_14 + days(5.5))) == ["CheckInReminderDue"]
    assert life.mentorship.check_ins[0].reminders_passed == 2


def test_a_reminder_more_than_a_day_late_is_not_sent(life: Life) -> None:
    life.live_until(DAY_14)
    life.ask(1)
    assert life.jump_to(DAY_14 + days(3)) == ()
    assert names(life.live_until(DAY_14 + days(5))) == ["CheckInReminderDue"]


def test_after_an_outage_overdue_leaves_them_the_days_until_escalation(life: Life) -> None:
    life.live_until(DAY_14)
    life.ask(1)
    assert names(life.jump_to(DAY_14 + days(8))) == ["CheckInOverdue"]
    assert life.mentorship.wake_at == DAY_14 + days(8) + days(7)


def test_what_is_due_at_one_instant_is_done_in_one_decision_in_order() -> None:
    policy = Policy(check_in_days=(14, 28), check_in_grace_days=7, escalate_after_overdue_days=7)
    life = Life(a_mentorship(policy))
    life.live_until(DAY_14)
    life.ask(1)
    life.live_until(START + days(27))
    at_once = life.jump_to(START + days(28))
    assert names(at_once) == ["CheckInEscalated", "CheckInDue"]


def test_no_grace_and_no_patience_still_go_step_by_step() -> None:
    policy = Policy(check_in_grace_days=0, escalate_after_overdue_days=0)
    life = Life(a_mentorship(policy))
    life.live_until(DAY_14)
    life.ask(1)
    assert names(life.jump_to(DAY_14)) == ["CheckInOverdue", "CheckInEscalated"]


def test_check_ins_are_due_at_spans_of_24_hours_whatever_the_clocks_on_the_wall_do() -> None:
    before_summer = datetime.fromisoformat("2026-03-20T09:00:00+00:00")
    mentorship = start(accepted(), Terms.of(Policy()), "Europe/Copenhagen", before_summer)
    life = Life(mentorship)
    life.now = before_summer
    (due,) = life.live_until(before_summer + days(14))
    assert isinstance(due, CheckInDue)
    assert due.due_at - before_summer == timedelta(hours=14 * 24)


def test_each_side_is_known_by_its_own_id(life: Life) -> None:
    assert [life.mentorship.side_of(person(side)) for side in Role] == list(Role)
    assert life.mentorship.side_of("stranger") is None
