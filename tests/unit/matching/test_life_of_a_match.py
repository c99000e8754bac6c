"""The life of a match: who is asked when, what an answer does, and what time does."""

from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from services.matching.domain import life
from services.matching.domain.match import UNANSWERED, Match
from services.matching.domain.recalled import recalled
from services.matching.domain.refusals import (
    AlreadyAnswered,
    AlreadyDecided,
    NoLongerOpen,
    NotYetYourTurn,
    QuestionUnknown,
    TooLate,
)
from shared.decisions import Decision, Refusal
from shared.events.matches import (
    DeclineReason,
    MatchDeclined,
    MatchExpired,
    MatchStatus,
    MatchWithdrawn,
    TakeBackReason,
    WithdrawReason,
)
from shared.events.participants import Role
from shared.events.wire import Event
from tests.unit.matching.builders import (
    DAY,
    START,
    a_match,
    accepted,
    asked,
    event_of,
    held,
    only_event,
    proposed,
    said_yes,
    then,
    told,
)
from tests.unit.streams.examples import event as an_event


def test_without_review_the_mentee_is_asked_at_once() -> None:
    assert told(life.make(a_match(), START, review=False)) == ["match.proposed"]


def test_with_review_a_proposal_is_held_and_nobody_is_asked() -> None:
    decision = life.make(a_match(), START, review=True)
    assert told(decision) == ["match.held"]
    assert then(decision).whose_turn is None


def test_an_approved_proposal_goes_out_at_once_and_only_once() -> None:
    decision = life.approve(held(), "coordinator", START)
    assert told(decision) == ["match.approved", "match.proposed"]
    assert life.approve(then(decision), "coordinator", START) is None


@pytest.mark.parametrize("side", Role)
def test_nobody_can_answer_while_a_proposal_is_held(side: Role) -> None:
    assert life.answer(held(), side, START, says_yes=True) == NotYetYourTurn()


def test_a_mentor_is_never_asked_before_the_mentee_says_yes() -> None:
    match = asked(proposed())
    assert match.whose_turn is Role.MENTEE
    assert life.answer(match, Role.MENTOR, START, says_yes=True) == NotYetYourTurn()
    assert life.asked(match, Role.MENTOR, START) is None


def test_both_say_yes_and_the_mentorship_runs() -> None:
    willing = said_yes(asked(proposed()), Role.MENTEE)
    assert willing.status is MatchStatus.MENTEE_ACCEPTED
    decision = life.answer(asked(willing), Role.MENTOR, START + DAY, says_yes=True)
    assert told(decision) == ["match.accepted"]
    assert then(decision).accepted_at == START + DAY


@pytest.mark.parametrize("says_yes", [True, False])
def test_answering_twice_alike_changes_nothing_and_otherwise_is_refused(says_yes: bool) -> None:
    once = then(life.answer(asked(proposed()), Role.MENTEE, START, says_yes=says_yes))
    assert life.answer(once, Role.MENTEE, START, says_yes=says_yes) is None
    assert life.answer(once, Role.MENTEE, START, says_yes=not says_yes) == AlreadyAnswered()


def test_a_no_frees_both_and_the_pair_is_never_proposed_again() -> None:
    decision = life.answer(
        asked(proposed()), Role.MENTEE, START, says_yes=False, reason=DeclineReason.TOO_FAR
    )
    event = only_event(decision)
    assert isinstance(event, MatchDeclined)
    assert (event.declined_by, event.reason) == (Role.MENTEE, DeclineReason.TOO_FAR)
    declined = then(decision)
    assert not declined.open
    assert declined.never_again


def test_the_other_side_learns_nothing_by_answering_what_was_declined() -> None:
    declined = then(life.answer(asked(proposed()), Role.MENTEE, START, says_yes=False))
    assert life.answer(declined, Role.MENTOR, START, says_yes=True) == NoLongerOpen()


def test_nobodys_time_runs_before_she_was_asked() -> None:
    match = proposed()
    assert match.wake_at is None
    assert life.expire(match, START + 100 * DAY, 1) is None
    assert asked(match, START + 3 * DAY).answer_by == START + 10 * DAY


def test_each_side_is_reminded_once_in_her_own_turn() -> None:
    match = asked(proposed())
    assert match.wake_at == START + 4 * DAY
    assert life.remind(match, START + 4 * DAY - DAY / 24) is None
    reminded = life.remind(match, START + 4 * DAY)
    assert told(reminded) == ["match.reminder_due"]
    assert life.remind(then(reminded), START + 5 * DAY) is None
    willing = asked(said_yes(then(reminded), Role.MENTEE, START + 5 * DAY), START + 5 * DAY)
    assert told(life.remind(willing, START + 9 * DAY)) == ["match.reminder_due"]


def test_an_unanswered_proposal_expires_and_may_be_proposed_again() -> None:
    match = asked(proposed())
    decision = life.expire(match, START + 7 * DAY, 2)
    event = only_event(decision)
    assert isinstance(event, MatchExpired)
    assert (event.unanswered_by, event.unanswered_in_a_row) == (Role.MENTEE, 2)
    expired = then(decision)
    assert not expired.open
    assert not expired.never_again


def test_nobody_is_reminded_of_what_is_over_already() -> None:
    assert life.remind(asked(proposed()), START + 7 * DAY) is None


def test_an_answer_at_the_last_instant_is_too_late_whether_or_not_the_timer_was_there() -> None:
    match = asked(proposed())
    end = START + 7 * DAY
    expired = then(life.expire(match, end, 1))
    assert life.answer(match, Role.MENTEE, end, says_yes=True) == TooLate()
    assert life.answer(expired, Role.MENTEE, end, says_yes=True) == TooLate()


def test_a_message_that_does_not_get_through_sets_the_other_side_free() -> None:
    willing = said_yes(asked(proposed()), Role.MENTEE)
    decision = life.not_reached(willing, Role.MENTOR)
    event = only_event(decision)
    assert isinstance(event, MatchWithdrawn)
    assert (event.reason, event.asked) == (WithdrawReason.NOT_REACHED, (Role.MENTEE,))
    assert not then(decision).never_again


def test_a_message_that_comes_back_after_her_answer_changes_nothing() -> None:
    assert life.not_reached(said_yes(asked(proposed()), Role.MENTEE), Role.MENTEE) is None


def test_whoever_has_not_heard_of_it_is_not_told_that_it_was_taken_back() -> None:
    event = only_event(life.withdraw(proposed(), WithdrawReason.SOMEONE_LEFT))
    assert isinstance(event, MatchWithdrawn)
    assert event.asked == ()


def test_a_running_mentorship_is_not_taken_back() -> None:
    assert life.take_back(accepted(), "karen", TakeBackReason.OTHER) == AlreadyDecided()


@pytest.mark.parametrize("match", [held(), proposed(), asked(proposed())])
def test_a_top_up_may_take_back_what_nobody_has_answered_and_propose_it_again(
    match: Match,
) -> None:
    decision = life.displace(match, "top-up", WithdrawReason.NEEDED_MORE)
    event = only_event(decision)
    assert isinstance(event, MatchWithdrawn)
    assert (event.reason, event.asked) == (WithdrawReason.NEEDED_MORE, match.heard)
    displaced = then(decision)
    assert not displaced.open
    assert not displaced.never_again
    assert life.displace(displaced, "top-up", WithdrawReason.NEEDED_MORE) is None


@pytest.mark.parametrize(
    "match", [said_yes(asked(proposed()), Role.MENTEE), accepted(), then(life.end(accepted()))]
)
def test_no_top_up_takes_back_what_the_mentee_has_said_yes_to(match: Match) -> None:
    decision = life.displace(match, "top-up", WithdrawReason.NEEDED_MORE)
    assert decision == AlreadyDecided()


def test_a_proposal_is_taken_back_for_a_better_one_or_for_somebody_who_needs_it_more() -> None:
    match = proposed(score=300)
    assert life.why_displaced(match, 301) is WithdrawReason.BETTER_FOUND
    assert life.why_displaced(match, 300) is WithdrawReason.BETTER_FOUND
    assert life.why_displaced(match, 299) is WithdrawReason.NEEDED_MORE
    assert life.why_displaced(match, None) is WithdrawReason.NEEDED_MORE


def test_a_closed_mentorship_frees_both_once_and_the_pair_does_not_meet_again() -> None:
    decision = life.end(accepted())
    assert told(decision) == ["match.ended"]
    ended = then(decision)
    assert not ended.open
    assert ended.never_again
    assert life.end(ended) is None


def test_only_a_running_mentorship_ends() -> None:
    assert life.end(proposed()) is None


def test_an_erased_persons_match_keeps_its_course_and_nothing_that_they_shared() -> None:
    bare = then(life.forget(accepted()))
    assert (bare.score, bare.reasons, bare.languages, bare.times, bare.city) == (
        0,
        (),
        (),
        (),
        None,
    )
    assert bare.status is MatchStatus.ACCEPTED
    assert life.forget(bare) is None


#: What ends a match is rare, or none would come to be accepted.
seldom = st.integers(0, 9)


class LifeOfAMatch(RuleBasedStateMachine):
    """Any order of answers, messages, time and coordinators."""

    def __init__(self) -> None:
        super().__init__()
        self.now = START
        self.match: Match
        self.events: list[str] = []
        self.said: list[Event[Any]] = []
        self.answers_given: dict[Role, bool] = {}

    @initialize(review=st.booleans())
    def begins(self, review: bool) -> None:
        self._take(life.make(a_match(), self.now, review=review))

    def _take(self, decision: Decision[Match] | Refusal | None) -> None:
        if isinstance(decision, Decision):
            before = getattr(self, "match", None)
            assert decision.state != before or not decision.events
            self.match = decision.state
            self.events += told(decision)
            self.said += [event_of(payload, at=self.now) for payload in decision.events]
            for event in decision.events:
                assert event.model_dump()["match_id"] == "match"

    @rule(side=st.sampled_from(Role), says_yes=st.sampled_from([True, True, True, False]))
    def answers(self, side: Role, says_yes: bool) -> None:
        was = self.match
        decision = life.answer(was, side, self.now, says_yes=says_yes)
        self._take(decision)
        if isinstance(decision, Decision):
            assert was.whose_turn is side
            self.answers_given[side] = says_yes
        again = life.answer(self.match, side, self.now, says_yes=says_yes)
        assert not isinstance(again, Decision), "an answer counts once"

    @rule(side=st.sampled_from(Role))
    def message_sent(self, side: Role) -> None:
        self._take(life.asked(self.match, side, self.now))

    @rule(side=st.sampled_from(Role), chance=seldom)
    def message_lost(self, side: Role, chance: int) -> None:
        if chance == 0:
            self._take(life.not_reached(self.match, side))

    @rule(days=st.integers(1, 8))
    def time_passes(self, days: int) -> None:
        self.now += days * DAY
        rounds = 0
        while self.match.wake_at is not None and self.match.wake_at <= self.now:
            rounds += 1
            assert rounds < 3, "time finds no end"
            self._take(life.expire(self.match, self.now, 1) or life.remind(self.match, self.now))

    @rule()
    def coordinator_approves(self) -> None:
        self._take(life.approve(self.match, "c", self.now))

    @rule(reason=st.sampled_from(WithdrawReason), chance=seldom)
    def taken_back(self, reason: WithdrawReason, chance: int) -> None:
        if chance == 0:
            self._take(life.withdraw(self.match, reason))

    @rule(reason=st.sampled_from(WithdrawReason), chance=seldom)
    def displaced(self, reason: WithdrawReason, chance: int) -> None:
        if chance == 0:
            self._take(life.displace(self.match, "top-up", reason))
        if self.match.displaced_by is not None:
            assert not self.answers_given, "an answer was overruled"

    @precondition(lambda self: self.match.status is MatchStatus.ACCEPTED)
    @rule()
    def mentorship_closes(self) -> None:
        self._take(life.end(self.match))

    @invariant()
    def what_must_always_hold(self) -> None:
        match = getattr(self, "match", None)
        if match is None:
            return
        assert match.open == (match.status in UNANSWERED or match.status is MatchStatus.ACCEPTED)
        assert (match.wake_at is None) == (match.answer_by is None)
        if match.open:
            assert match.never_again
        if match.whose_turn is Role.MENTOR or Role.MENTOR in match.heard:
            assert self.answers_given[Role.MENTEE], "a mentor heard of it before the mentee's yes"
        if "match.accepted" in self.events:
            assert self.answers_given == {Role.MENTEE: True, Role.MENTOR: True}
        for once in set(self.events) - {"match.reminder_due"}:
            assert self.events.count(once) == 1, once
        assert self.events.count("match.reminder_due") <= 2
        closings = {"match.declined", "match.expired", "match.withdrawn", "match.ended"}
        assert len(closings & set(self.events)) == (0 if match.open else 1)

    @invariant()
    def its_own_events_tell_where_it_stands(self) -> None:
        """From any backup on: also from one in which it was not yet."""
        match = getattr(self, "match", None)
        if match is None:
            return
        again = recalled(None, self.said, match.seat, match.rules)
        # When somebody was asked, matching hears again from the messages.
        for field in fields(match):
            if field.name not in {"asked_at", "answer_by", "heard", "displaced_by", "reminded"}:
                assert getattr(again, field.name) == getattr(match, field.name), field.name
        assert recalled(again, self.said, 0, match.rules) == again, "may be repeated"


LifeOfAMatch.TestCase.settings = settings(max_examples=100, stateful_step_count=30)
TestLifeOfAMatch = LifeOfAMatch.TestCase


def test_what_a_coordinator_took_back_is_recalled_as_never_again() -> None:
    taking_back = life.take_back(proposed(), "karen", TakeBackReason.OTHER)
    taken_back = then(taking_back)
    assert taken_back.never_again
    said = [an_event(only_event(taking_back), 2)]
    assert recalled(proposed(), said, 0, taken_back.rules) == taken_back


def test_whoever_is_asked_may_ask_first_and_her_time_to_answer_goes_on() -> None:
    match = asked(proposed())
    side = match.whose_turn
    assert side is Role.MENTEE
    decision = life.ask_question(match, side, "Kender hun branchen?", START)
    assert told(decision) == ["match.question_asked"]
    asking = then(decision)
    assert (asking.status, asking.answer_by) == (match.status, match.answer_by)
    assert life.ask_question(asking, side, "Kender hun branchen?", START) is None
    assert isinstance(life.ask_question(asking, Role.MENTOR, "Hvem?", START), NotYetYourTurn)
    event = only_event(decision)
    assert "branchen" not in event.model_dump_json()


def test_a_question_is_open_until_a_coordinator_has_come_back_to_her() -> None:
    begun = asked(proposed())
    asking = life.ask_question(begun, Role.MENTEE, "Kender hun branchen?", START)
    match = then(asking)
    assert isinstance(life.answer_question(match, "2", "karen", START), QuestionUnknown)
    answering = life.answer_question(match, "1", "karen", START)
    assert told(answering) == ["match.question_answered"]
    answered = then(answering)
    assert [question.is_open for question in answered.questions] == [False]
    assert (answered.status, answered.answer_by) == (match.status, match.answer_by)
    assert life.answer_question(answered, "1", "oscar", START) is None
    # After a restore the words are gone, and that it was asked and answered is not.
    said = [
        an_event(only_event(each), number) for number, each in enumerate((asking, answering), 1)
    ]
    again = recalled(begun, said, 0, begun.rules)
    wordless = [replace(question, text="") for question in answered.questions]
    assert [
        replace(question, asked_at=START, answered_at=START) for question in again.questions
    ] == (wordless)
    assert recalled(again, said, 0, begun.rules) == again


def test_a_question_is_forgotten_with_the_person() -> None:
    asking = then(life.ask_question(asked(proposed()), Role.MENTEE, "Kender hun branchen?", START))
    assert [question.text for question in then(life.forget(asking)).questions] == [""]
