"""Help, closing, leaving, extending."""

from datetime import UTC, datetime, timedelta

import pytest

from services.followup.domain import care, closing
from services.followup.domain.mentorship import Mentorship
from services.followup.domain.refusals import (
    CoordinatorIsAsked,
    HelpUnknown,
    HersToSay,
    LongEnough,
    MentorshipOver,
    MentorshipUnknown,
    NotYours,
)
from shared.decisions import Decision, Refusal
from shared.events.care import HelpHandled, HelpRequested
from shared.events.check_ins import CheckInStatus, ClosingReason, MentorshipClosed
from shared.events.participants import Role
from shared.events.programmes import Policy
from tests.unit.followup.builders import (
    MENTEE,
    MENTOR,
    START,
    Life,
    a_mentorship,
    days,
    names,
    said,
)

FRIDAY = START + days(4)


@pytest.fixture
def life() -> Life:
    return Life()


def ask_for_help(life: Life, text: str = "We cannot agree.", who: str = MENTEE) -> tuple[str, ...]:
    life.take(care.ask_for_help(life.mentorship, who, text, life.now))
    return tuple(request.help_id for request in life.mentorship.help_requests)


def close_by_wish(
    life: Life, who: str, *, goals: bool = False, again: bool = True
) -> Decision[Mentorship] | Refusal | None:
    return closing.close_by_wish(
        life.mentorship, who, goals_reached=goals, match_again=again, now=life.now
    )


def the_closing(life: Life) -> MentorshipClosed:
    (closed,) = life.of_type("MentorshipClosed")
    assert isinstance(closed, MentorshipClosed)
    return closed


def test_help_reaches_the_coordinator_at_once_without_the_words(life: Life) -> None:
    ask_for_help(life, "He shouts at me.")
    (asked,) = life.of_type("HelpRequested")
    assert isinstance(asked, HelpRequested)
    assert (asked.help_id, asked.asked_by, asked.to_deputy) == ("1", Role.MENTEE, False)
    assert "shouts" not in asked.model_dump_json()
    assert life.mentorship.help_requests[0].text == "He shouts at me."


def test_help_over_a_weekend_goes_to_the_deputy_after_two_working_days_once(life: Life) -> None:
    life.live_until(FRIDAY)
    ask_for_help(life)
    assert life.live_until(FRIDAY + days(4) - timedelta(seconds=1)) == ()
    (again,) = life.live_until(FRIDAY + days(4))
    assert isinstance(again, HelpRequested)
    assert again.to_deputy is True
    life.live_until(START + days(13))
    assert len(life.of_type("HelpRequested")) == 2


def test_help_that_was_handled_does_not_go_to_the_deputy(life: Life) -> None:
    ask_for_help(life)
    life.take(care.handle_help(life.mentorship, "1", "coordinator-1", life.now))
    (handled,) = life.of_type("HelpHandled")
    assert isinstance(handled, HelpHandled)
    assert handled.coordinator_id == "coordinator-1"
    assert life.live_until(START + days(13)) == ()
    assert care.handle_help(life.mentorship, "1", "coordinator-2", life.now) is None


def test_the_same_words_twice_are_one_request(life: Life) -> None:
    assert ask_for_help(life) == ask_for_help(life) == ("1",)
    assert ask_for_help(life, "Something else.") == ("1", "2")
    assert ask_for_help(life, who=MENTOR) == ("1", "2", "3")


def test_the_same_words_after_it_was_handled_are_a_new_request(life: Life) -> None:
    ask_for_help(life)
    life.take(care.handle_help(life.mentorship, "1", "coordinator-1", life.now))
    assert ask_for_help(life) == ("1", "2")


def test_requests_for_help_do_not_grow_without_end(life: Life) -> None:
    for number in range(care.MOST_OPEN_REQUESTS):
        ask_for_help(life, f"request {number}")
    refusal = care.ask_for_help(life.mentorship, MENTEE, "one more", life.now)
    assert isinstance(refusal, CoordinatorIsAsked)
    ask_for_help(life, who=MENTOR)


def test_help_can_be_asked_for_after_the_end(life: Life) -> None:
    life.take(closing.close_by_coordinator(life.mentorship, life.now))
    ask_for_help(life)
    assert names(life.live_until(START + days(30))) == ["HelpRequested"]


def test_only_the_two_may_ask_and_only_what_is_there_can_be_handled(life: Life) -> None:
    now = life.now
    assert isinstance(care.ask_for_help(life.mentorship, "stranger", "x", now), NotYours)
    assert isinstance(care.ask_for_help(None, MENTEE, "x", now), MentorshipUnknown)
    assert isinstance(care.handle_help(life.mentorship, "7", "c", now), HelpUnknown)
    assert isinstance(care.handle_help(None, "7", "c", now), MentorshipUnknown)


def test_it_closes_as_planned_when_its_time_is_up(life: Life) -> None:
    life.live_until(START + days(400))
    closed = the_closing(life)
    assert (closed.reason, closed.early) == (ClosingReason.PLANNED, False)
    assert closed.closed_at == datetime(2027, 1, 5, 9, tzinfo=UTC)
    assert life.mentorship.wake_at is None
    assert len(life.of_type("CheckInDue")) == 13


@pytest.mark.parametrize(
    ("who", "goals", "reason", "early"),
    [
        (MENTEE, False, ClosingReason.MENTEE_WISHED, True),
        (MENTOR, False, ClosingReason.MENTOR_WISHED, True),
        (MENTEE, True, ClosingReason.GOALS_REACHED, False),
        (MENTOR, True, ClosingReason.GOALS_REACHED, False),
    ],
)
def test_either_side_may_close(
    life: Life, who: str, goals: bool, reason: ClosingReason, early: bool
) -> None:
    life.take(close_by_wish(life, who, goals=goals))
    closed = the_closing(life)
    assert (closed.reason, closed.early) == (reason, early)
    assert closed.match_again == (Role.MENTEE, Role.MENTOR)


def test_who_does_not_want_to_be_matched_again_is_left_out(life: Life) -> None:
    life.take(close_by_wish(life, MENTOR, again=False))
    assert the_closing(life).match_again == (Role.MENTEE,)


def test_it_closes_once(life: Life) -> None:
    life.take(close_by_wish(life, MENTEE))
    assert close_by_wish(life, MENTOR) is None
    assert closing.close_by_coordinator(life.mentorship, life.now) is None
    assert closing.somebody_left(life.mentorship, MENTEE, life.now, erased=False) is None
    assert life.live_until(START + days(800)) == ()
    assert len(life.of_type("MentorshipClosed")) == 1


def test_nothing_is_asked_after_the_end_and_what_was_open_is_settled(life: Life) -> None:
    life.live_until(START + days(14))
    life.ask(1)
    life.take(close_by_wish(life, MENTEE))
    assert life.live_until(START + days(800)) == ()
    assert {c.status for c in life.mentorship.check_ins} == {CheckInStatus.SKIPPED}


def test_the_closing_counts_what_was_completed(life: Life) -> None:
    life.live_until(START + days(14))
    life.answer(1, Role.MENTEE)
    life.answer(1, Role.MENTOR)
    life.take(closing.close_by_coordinator(life.mentorship, life.now))
    assert the_closing(life).check_ins_completed == 1


def test_when_somebody_leaves_the_other_is_to_be_matched_again(life: Life) -> None:
    life.take(closing.somebody_left(life.mentorship, MENTOR, life.now, erased=False))
    closed = the_closing(life)
    assert (closed.reason, closed.early) == (ClosingReason.SOMEONE_LEFT, True)
    assert closed.match_again == (Role.MENTEE,)


def test_erasure_takes_all_words_and_leaves_the_rest(life: Life) -> None:
    life.live_until(START + days(14))
    life.answer(1, Role.MENTEE, said(next_step="her words"))
    life.answer(1, Role.MENTOR, said(next_step="words about her"))
    ask_for_help(life, "private words")
    life.take(closing.close_by_coordinator(life.mentorship, life.now))
    life.take(closing.somebody_left(life.mentorship, MENTEE, life.now, erased=True))
    for said_by_somebody in ("her words", "words about her", "private words"):
        assert said_by_somebody not in repr(life.mentorship)
    assert len(life.of_type("MentorshipClosed")) == 1
    assert life.mentorship.check_ins[0].status is CheckInStatus.COMPLETED
    again = closing.somebody_left(life.mentorship, MENTEE, life.now, erased=True)
    assert again is None


def test_the_mentee_may_extend_and_is_asked_on(life: Life) -> None:
    life.live_until(START + days(350))
    life.take(closing.extend(life.mentorship, MENTEE, 6, life.now))
    assert life.mentorship.planned_end == datetime(2027, 7, 5, 9, tzinfo=UTC)
    assert [c.day for c in life.mentorship.check_ins[12:]] == [360, 450, 540]
    assert [c.number for c in life.mentorship.check_ins] == list(range(1, 16))
    life.live_until(START + days(800))
    assert the_closing(life).closed_at == datetime(2027, 7, 5, 9, tzinfo=UTC)


def test_two_clicks_extend_once(life: Life) -> None:
    life.take(closing.extend(life.mentorship, MENTEE, 3, life.now))
    assert closing.extend(life.mentorship, MENTEE, 3, life.now + timedelta(hours=1)) is None
    life.take(closing.extend(life.mentorship, MENTEE, 3, life.now + days(1)))
    assert life.mentorship.planned_end == datetime(2027, 7, 5, 9, tzinfo=UTC)


def test_who_may_extend_and_until_when(life: Life) -> None:
    mentorship = life.mentorship
    assert isinstance(closing.extend(None, MENTEE, 3, START), MentorshipUnknown)
    assert isinstance(closing.extend(mentorship, "stranger", 3, START), NotYours)
    assert isinstance(closing.extend(mentorship, MENTOR, 3, START), HersToSay)
    assert isinstance(closing.extend(mentorship, MENTEE, 49, START), LongEnough)
    late = mentorship.planned_end
    assert isinstance(closing.extend(mentorship, MENTEE, 3, late), MentorshipOver)
    life.take(close_by_wish(life, MENTEE))
    assert isinstance(closing.extend(life.mentorship, MENTEE, 3, START), MentorshipOver)


def test_a_check_in_shortly_before_the_end_is_settled_by_the_end() -> None:
    life = Life(a_mentorship(Policy(check_in_days=(28,), planned_months=1)))
    life.live_until(START + days(31))
    assert names(tuple(event for _, event in life.events)) == ["CheckInDue", "MentorshipClosed"]
    assert life.mentorship.check_ins[0].status is CheckInStatus.SKIPPED


def test_words_are_kept_for_as_long_as_the_policy_said_and_then_no_longer(life: Life) -> None:
    life.live_until(START + days(14))
    life.answer(1, Role.MENTEE, said(next_step="her plan"))
    life.take(closing.close_by_coordinator(life.mentorship, life.now))
    closed = life.now
    kept = days(life.mentorship.terms.keep_words_days)
    life.jump_to(closed + days(100))
    ask_for_help(life, "one more thing")
    asked = life.now
    life.live_until(asked + kept - days(1))
    assert "her plan" in repr(life.mentorship)
    assert "one more thing" in repr(life.mentorship)
    life.live_until(asked + kept)
    assert not life.mentorship.has_words
    assert life.mentorship.wake_at is None
    (view,) = [c.mentee for c in life.mentorship.check_ins if c.mentee.answer is not None]
    assert view.answer is not None
    assert view.answer.going is said().going


def test_who_is_forgotten_puts_no_words_here_again(life: Life) -> None:
    life.take(closing.somebody_left(life.mentorship, MENTEE, life.now, erased=True))
    refused = care.ask_for_help(life.mentorship, MENTEE, "again", life.now)
    assert isinstance(refused, NotYours)
    assert not isinstance(care.ask_for_help(life.mentorship, MENTOR, "mine", life.now), Refusal)
