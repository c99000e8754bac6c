"""What becomes of a message, in every order in which things may happen."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from services.notifications.domain import life
from services.notifications.domain.life import Delivery, Patience
from services.notifications.domain.message import NO_CONTACT_AFTER, Message, Stage
from services.notifications.domain.quiet_hours import QuietHours
from shared.decisions import Decision
from shared.events.messages import FailureReason, MessageFailed, MessageSent
from shared.events.participants import Role
from shared.events.payload import Payload
from tests.unit.notifications import builders as a
from tests.unit.notifications.builders import NOON

PATIENCE = Patience()
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)


def state_of(decision: Decision[Message] | None) -> Message:
    assert decision is not None
    return decision.state


def claimed(message: Message, by: str = "1") -> Message:
    decision = life.claim(message, a.claim_by(by), a.addressed(), NOON, PATIENCE)
    return state_of(decision)


def recorded(message: Message, delivery: Delivery, at_chance: float = 0.0) -> Decision[Message]:
    assert message.claim is not None
    decision = life.record(message, message.claim, delivery, NOON, NOON, at_chance, PATIENCE)
    assert decision is not None
    return decision


def test_it_is_claimed_by_one_and_by_nobody_else() -> None:
    message = claimed(a.queued(), by="1")

    assert life.claim(message, a.claim_by("2"), a.addressed(), NOON, PATIENCE) is None


def test_what_was_taken_is_told_once_and_keeps_nothing_personal() -> None:
    decision = recorded(claimed(a.queued()), Delivery.TAKEN)

    (sent,) = decision.events
    assert isinstance(sent, MessageSent)
    assert (sent.recipient_id, sent.match_id, sent.sent_at) == (a.MENTEE, a.MATCH, NOON)
    assert (decision.state.content, decision.state.addressed, decision.state.claim) == (None,) * 3


def test_a_refused_address_fails_for_good() -> None:
    decision = recorded(claimed(a.queued()), Delivery.REFUSED)

    (failed,) = decision.events
    assert isinstance(failed, MessageFailed)
    assert failed.reason is FailureReason.REFUSED


def test_a_message_that_may_have_arrived_goes_again_exactly_as_it_was() -> None:
    first = claimed(a.queued())
    unsure = recorded(first, Delivery.UNSURE).state
    later = a.claim_by(at=NOON + HOUR)

    again = life.claim(unsure, later, a.addressed(name="Amina Hassan"), NOON + HOUR, PATIENCE)

    assert state_of(again).addressed == first.addressed
    assert state_of(again).resent == 1


def test_a_message_that_surely_did_not_arrive_is_written_anew() -> None:
    later = recorded(claimed(a.queued()), Delivery.LATER).state
    corrected = a.addressed(email="new@mentees.example")

    again = life.claim(later, a.claim_by(at=NOON + HOUR), corrected, NOON, PATIENCE)

    assert state_of(again).addressed == corrected
    assert state_of(again).resent == 0


@pytest.mark.parametrize("delivery", [Delivery.UNSURE, Delivery.TAKEN])
def test_a_reminder_is_never_sent_twice(delivery: Delivery) -> None:
    decision = recorded(claimed(a.queued(a.reminder(Role.MENTEE))), delivery)

    assert decision.state.stage is Stage.SENT
    assert decision.state.assumed is (delivery is Delivery.UNSURE)


def test_after_a_crash_the_next_life_takes_over_at_once_and_others_after_a_while() -> None:
    message = claimed(a.queued(), by="1")

    own_next_life = replace(a.claim_by("1", "second"), at=NOON + SECOND)
    other_soon = a.claim_by("2", at=NOON + MINUTE)
    other_late = a.claim_by("2", at=NOON + PATIENCE.claim_for)
    for by, takes_over in ((own_next_life, True), (other_soon, False), (other_late, True)):
        decision = life.claim(message, by, a.addressed(), NOON, PATIENCE)
        assert (decision is not None) is takes_over


def test_a_reminder_lost_in_a_crash_counts_as_sent() -> None:
    message = claimed(a.queued(a.reminder(Role.MENTEE)))

    decision = life.claim(message, a.claim_by("1", "second"), a.addressed(), NOON, PATIENCE)

    assert state_of(decision).stage is Stage.SENT
    assert state_of(decision).assumed


def test_whoever_lost_the_claim_has_no_say_any_more() -> None:
    message = claimed(a.queued())
    taken_over = state_of(
        life.claim(message, a.claim_by("1", "second"), a.addressed(), NOON, PATIENCE)
    )
    assert message.claim is not None

    late = life.record(taken_over, message.claim, Delivery.REFUSED, NOON, NOON, 0, PATIENCE)

    assert late is None


def test_it_is_given_up_after_three_days_of_trying() -> None:
    message = claimed(a.queued())
    assert message.claim is not None
    almost, then = NOON + 3 * 24 * HOUR - SECOND, NOON + 3 * 24 * HOUR

    tries = life.record(message, message.claim, Delivery.LATER, NOON, almost, 0, PATIENCE)
    gives_up = life.record(message, message.claim, Delivery.LATER, NOON, then, 0, PATIENCE)

    assert state_of(tries).stage is Stage.QUEUED
    assert state_of(gives_up).failure is FailureReason.GAVE_UP


@given(st.integers(1, 10_000), st.floats(0, 1, exclude_max=True))
def test_the_pauses_grow_are_spread_and_have_a_bound(attempts: int, chance: float) -> None:
    pause = life.retry_after(attempts, chance)
    longest = min(life.FIRST_RETRY_AFTER * 2 ** min(attempts - 1, 30), life.LONGEST_RETRY_AFTER)

    assert longest / 2 <= pause <= longest
    assert life.retry_after(attempts + 1, 0.5) >= life.retry_after(attempts, 0.5)


def test_without_a_contact_it_fails_after_three_days() -> None:
    message = a.a_message()

    assert life.on_time(message, NOON + NO_CONTACT_AFTER - SECOND) is None
    decision = life.on_time(message, NOON + NO_CONTACT_AFTER)

    assert state_of(decision).failure is FailureReason.NO_CONTACT


def test_at_night_a_coordinator_is_written_to_and_a_participant_is_not() -> None:
    night = NOON.replace(hour=23)
    quiet = QuietHours()

    to_coordinator = life.send_at(a.a_message(a.help_requested()), "UTC", quiet, night)
    to_mentee = life.send_at(a.a_message(), "UTC", quiet, night)
    agreement = life.send_at(a.a_message(a.agreement(Role.MENTOR)), "UTC", quiet, night)

    assert to_coordinator == night
    assert to_mentee == agreement == night + 9 * HOUR


def test_who_asked_for_a_link_a_moment_ago_gets_it_at_night_too() -> None:
    from shared.events.contacts import LinkRequested

    night = NOON.replace(hour=23)
    message = a.a_message(a.contact(LinkRequested))

    assert life.send_at(message, "UTC", QuietHours(), night) == night


class LifeOfAMessage(RuleBasedStateMachine):
    """Any order of events, with two instances, one of which may crash and come back."""

    def __init__(self) -> None:
        super().__init__()
        self.message = a.a_message()
        self.now = NOON
        self.machine = NOON
        self.lives = {"1": 1, "2": 1}
        self.taken: list[object] = []
        self.events: list[Payload] = []

    @property
    def its_sender_lives(self) -> bool:
        """Who has died hears no answer."""
        claim = self.message.claim
        return claim is not None and claim.life == str(self.lives[claim.sender])

    def do(self, decision: Decision[Message] | None) -> None:
        if decision is not None:
            assert not self.message.stage.is_done
            self.message = decision.state
            self.events += decision.events

    @rule(hours_of_quiet=st.integers(0, 12))
    def contact_comes(self, hours_of_quiet: int) -> None:
        self.do(life.release(self.message, self.now, self.now + hours_of_quiet * HOUR))

    @rule(step=st.sampled_from([SECOND, HOUR, 24 * HOUR]))
    def time_passes(self, step: timedelta) -> None:
        self.now += step
        self.machine += step
        self.do(life.on_time(self.message, self.now))

    @rule(sender=st.sampled_from(["1", "2"]), email=st.sampled_from(["a@b.example", "c@d.example"]))
    def somebody_claims(self, sender: str, email: str) -> None:
        before = self.message
        by = a.claim_by(sender, str(self.lives[sender]), self.machine)
        self.do(life.claim(before, by, a.addressed(email=email), self.now, PATIENCE))
        if before.addressed is not None and self.message.stage is Stage.SENDING:
            assert self.message.addressed == before.addressed

    @precondition(lambda self: self.message.stage is Stage.SENDING and self.its_sender_lives)
    @rule(delivery=st.sampled_from(Delivery), chance=st.floats(0, 0.99))
    def mail_server_answers(self, delivery: Delivery, chance: float) -> None:
        claim = self.message.claim
        assert claim is not None
        if delivery is Delivery.TAKEN:
            self.taken.append(self.message.addressed)
        self.do(
            life.record(self.message, claim, delivery, self.now, self.machine, chance, PATIENCE)
        )

    @precondition(lambda self: self.message.stage is Stage.SENDING)
    @rule()
    def mail_server_takes_it_and_the_sender_dies(self) -> None:
        assert self.message.claim is not None
        self.taken.append(self.message.addressed)
        self.lives[self.message.claim.sender] += 1

    @rule()
    def it_is_no_longer_meant(self) -> None:
        self.do(life.take_back(self.message))

    @rule()
    def it_is_night(self) -> None:
        self.do(life.hold(self.message, self.now + 8 * HOUR))

    @invariant()
    def it_ends_once_and_tells_so(self) -> None:
        assert len(self.events) == self.message.stage.is_done

    @invariant()
    def what_is_sent_again_is_the_same(self) -> None:
        assert len(set(self.taken)) <= 1

    @invariant()
    def nothing_personal_is_kept_when_it_is_over(self) -> None:
        if self.message.stage.is_done:
            assert self.message.addressed is None
            assert self.message.content is None

    @invariant()
    def somebody_or_time_will_take_care_of_it(self) -> None:
        """No message is forgotten: it is done, claimed, queued, or has an instant to wake."""
        looked_after = self.message.stage in (Stage.QUEUED, Stage.SENDING)
        assert self.message.stage.is_done or looked_after or self.message.wake_at is not None


TestLifeOfAMessage = LifeOfAMessage.TestCase
