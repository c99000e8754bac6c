"""What must hold always: any order of answers, time, outages, help and closing."""

from datetime import timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from services.followup.domain import care, check_ins, closing
from services.followup.domain.known import KnownProgramme
from services.followup.domain.mentorship import OPEN_STATUSES, Going
from services.followup.domain.recalled import recalled
from services.followup.domain.timing import on_time
from shared.decisions import Refusal
from shared.events.care import CheckInEscalated, HelpHandled, HelpRequested, ViewsDiverged
from shared.events.check_ins import (
    CheckInCompleted,
    CheckInDue,
    CheckInOverdue,
    CheckInReminderDue,
    CheckInStatus,
    MentorshipClosed,
)
from shared.events.participants import Role
from shared.events.payload import Payload
from shared.events.programmes import Policy
from tests.unit.followup.builders import Life, a_mentorship, an_event, days, person, said

OF_A_CHECK_IN = (
    CheckInDue,
    CheckInReminderDue,
    CheckInOverdue,
    CheckInEscalated,
    CheckInCompleted,
)
ORDER = {
    "CheckInDue": 0,
    "CheckInReminderDue": 1,
    "CheckInOverdue": 2,
    "CheckInEscalated": 3,
    "CheckInCompleted": 4,
}
FINAL = {CheckInStatus.COMPLETED, CheckInStatus.SKIPPED}
policies = st.builds(
    Policy,
    check_in_days=st.lists(st.integers(0, 40), max_size=3).map(tuple),
    check_in_every_days=st.sampled_from([0, 7, 30]),
    check_in_grace_days=st.integers(0, 10),
    check_in_reminder_after_days=st.lists(st.integers(0, 9), max_size=3).map(tuple),
    escalate_after_overdue_days=st.integers(0, 10),
    help_deputy_after_working_days=st.integers(0, 4),
    planned_months=st.integers(1, 6),
)
sides = st.sampled_from(Role)


def once(payload: Payload) -> tuple[object, ...] | None:
    """What may happen only once, or None if it may happen more often."""
    if isinstance(payload, CheckInReminderDue):
        return None
    number = getattr(payload, "number", getattr(payload, "help_id", None))
    return (payload.wire_name, number, getattr(payload, "to_deputy", None))


class LifeOfAMentorship(RuleBasedStateMachine):
    @initialize(policy=policies)
    def begin(self, policy: Policy) -> None:
        self.policy = policy
        self.life = Life(a_mentorship(policy))

    @rule(hours=st.integers(1, 24 * 12))
    def time_passes(self, hours: int) -> None:
        self.life.live_until(self.life.now + timedelta(hours=hours))

    @rule(at=st.integers(1, 100))
    def nothing_runs_for_a_while(self, at: int) -> None:
        self.life.jump_to(self.life.now + days(at))

    @rule(side=sides, reached=st.booleans())
    def a_message_goes_out(self, side: Role, reached: bool) -> None:
        started = self.life.started
        if started:
            self.life.ask(started[-1].number, side, reached=reached)

    @rule(side=sides, going=st.sampled_from(Going), back=st.integers(0, 1))
    def somebody_answers(self, side: Role, going: Going, back: int) -> None:
        number = len(self.life.started) - back
        before = self.life.mentorship.check_in(number)
        decision = check_ins.answer(
            self.life.mentorship, number, person(side), said(going), self.life.now
        )
        if isinstance(decision, Refusal):
            return
        self.life.take(decision)
        after = self.life.mentorship.check_in(number)
        assert before is not None
        assert after is not None
        assert before.view(side).answer in (None, after.view(side).answer)

    @rule(side=sides, text=st.sampled_from(["a", "b"]))
    def somebody_needs_help(self, side: Role, text: str) -> None:
        decision = care.ask_for_help(self.life.mentorship, person(side), text, self.life.now)
        if not isinstance(decision, Refusal):
            self.life.take(decision)

    @rule(which=st.integers(0, 5))
    def a_coordinator_helps(self, which: int) -> None:
        requests = self.life.mentorship.help_requests
        if requests:
            help_id = requests[which % len(requests)].help_id
            self.life.take(
                care.handle_help(self.life.mentorship, help_id, "coordinator-1", self.life.now)
            )

    @rule(months=st.integers(1, 6))
    def she_extends(self, months: int) -> None:
        decision = closing.extend(self.life.mentorship, person(Role.MENTEE), months, self.life.now)
        if not isinstance(decision, Refusal):
            self.life.take(decision)

    @rule(side=sides, chance=st.integers(0, 9))
    def somebody_ends_it(self, side: Role, chance: int) -> None:
        if chance == 0:
            self.life.take(
                closing.close_by_wish(
                    self.life.mentorship,
                    person(side),
                    goals_reached=False,
                    match_again=True,
                    now=self.life.now,
                )
            )

    @rule(side=sides, chance=st.integers(0, 9), erased=st.booleans())
    def somebody_leaves(self, side: Role, chance: int, erased: bool) -> None:
        if chance == 0:
            self.life.take(
                closing.somebody_left(
                    self.life.mentorship, person(side), self.life.now, erased=erased
                )
            )

    @invariant()
    def nothing_happens_twice(self) -> None:
        seen = [key for _, event in self.life.events if (key := once(event)) is not None]
        assert len(seen) == len(set(seen))

    @invariant()
    def time_has_nothing_left_to_do(self) -> None:
        if (
            self.life.mentorship.wake_at is not None
            and self.life.mentorship.wake_at <= self.life.now
        ):
            self.life.jump_to(self.life.now)
        assert on_time(self.life.mentorship, self.life.now) is None

    @invariant()
    def a_check_ins_events_are_in_order(self) -> None:
        for check_in in self.life.mentorship.check_ins:
            steps = [
                ORDER[type(event).__name__]
                for _, event in self.life.events
                if isinstance(event, OF_A_CHECK_IN) and event.number == check_in.number
            ]
            assert steps == sorted(steps)
            assert not steps or steps[0] == 0

    @invariant()
    def one_check_in_at_a_time(self) -> None:
        numbers = [
            event.number for _, event in self.life.events if isinstance(event, OF_A_CHECK_IN)
        ]
        assert numbers == sorted(numbers)
        for check_in in self.life.started[:-1]:
            assert check_in.status is not CheckInStatus.DUE
            assert not check_in.is_open

    @invariant()
    def nobody_is_overdue_within_the_grace(self) -> None:
        grace = days(self.life.mentorship.terms.grace_days)
        for at, event in self.life.events:
            if isinstance(event, CheckInOverdue):
                assert event.asked_at is not None
                assert at >= event.asked_at + grace
                assert event.missing

    @invariant()
    def nothing_is_asked_after_the_end(self) -> None:
        ends = [i for i, (_, e) in enumerate(self.life.events) if isinstance(e, MentorshipClosed)]
        assert len(ends) == (not self.life.mentorship.is_running)
        if ends:
            after = [event for _, event in self.life.events[ends[0] + 1 :]]
            assert all(isinstance(event, HelpRequested | HelpHandled) for event in after)
            statuses = {c.status for c in self.life.mentorship.check_ins}
            assert statuses <= FINAL | set(OPEN_STATUSES[1:])

    @invariant()
    def it_never_runs_past_its_end(self) -> None:
        if self.life.mentorship.is_running:
            assert self.life.now < self.life.mentorship.planned_end

    @invariant()
    def diverged_only_after_completed(self) -> None:
        for i, (_, event) in enumerate(self.life.events):
            if isinstance(event, ViewsDiverged):
                before = self.life.events[i - 1][1]
                assert isinstance(before, CheckInCompleted)
                assert before.number == event.number

    @invariant()
    def its_own_events_tell_where_it_stands(self) -> None:
        """From any backup on: also from one in which it was not yet."""
        lived = self.life.mentorship
        said = [an_event(payload, at) for at, payload in self.life.events]
        programme = KnownProgramme(lived.terms, lived.time_zone)
        again = recalled(a_mentorship(self.policy), said, programme)
        assert again is not None
        assert recalled(again, said, programme) == again, "may be repeated"
        assert again.closure == lived.closure
        assert [(r.help_id, r.handled_at, r.told_deputy_at) for r in again.help_requests] == [
            (r.help_id, r.handled_at, r.told_deputy_at) for r in lived.help_requests
        ]
        for of_events in again.check_ins:
            check_in = lived.check_in(of_events.number)
            if of_events.status is not CheckInStatus.SCHEDULED:
                assert check_in is not None
                assert of_events.status is check_in.status
                assert of_events.is_settled == check_in.is_settled


LifeOfAMentorship.TestCase.settings = settings(max_examples=150, stateful_step_count=40)
TestLifeOfAMentorship = LifeOfAMentorship.TestCase


def test_every_check_in_is_asked_whatever_the_step_of_the_clock() -> None:
    for step in (timedelta(hours=1), timedelta(hours=12), timedelta(days=2)):
        life = Life()
        while life.mentorship.is_running:
            life.live_until(life.now + step)
            life.ask(max(1, len(life.started)))
        assert len(life.of_type("CheckInDue")) == 13
        assert len(life.of_type("CheckInOverdue")) == 12  # The end comes before the last one's.
