"""A participant's life: what each step does, and what holds whatever the order of steps."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from services.intake.domain import life
from services.intake.domain.participant import Hashes, Origin, Participant, Person, Status
from services.intake.domain.refusals import (
    ChangedMeanwhile,
    ConfirmFirst,
    Forgotten,
    HasLeft,
    NobodyHere,
    NoScreeningForMentees,
    NotYetInThePool,
)
from services.intake.domain.registering import settle, take_in
from shared.decisions import Decision, Refusal
from shared.events.contacts import ContactChanged, ContactErased, ContactState, LinkRequested
from shared.events.participants import (
    ParticipantErased,
    ParticipantPaused,
    ParticipantRegistered,
    ParticipantState,
    ParticipantStatus,
    ParticipantUpdated,
    PauseReason,
    Role,
)
from shared.events.payload import Payload
from shared.events.programmes import Policy
from tests.unit.intake.someone import (
    MONDAY,
    NOBODY,
    Somebody,
    a_mentee,
    a_mentor,
    hashes_of,
    registered,
)

SCREENING = Policy(screening_of_mentors=True)
LATER = MONDAY + timedelta(days=3)


def after(verdict: life.Verdict) -> Participant:
    assert isinstance(verdict, Decision), verdict
    return verdict.state


def test_who_registers_on_the_web_confirms_before_she_is_matched() -> None:
    state = registered(a_mentee()).state
    assert state.status is Status.UNCONFIRMED
    confirmed = after(life.confirm(state, Policy(), LATER))
    assert confirmed.status is Status.ACTIVE
    assert confirmed.person is not None
    assert confirmed.person.available_since == LATER


def test_who_is_imported_is_vouched_for() -> None:
    assert registered(a_mentee(), origin=Origin.IMPORT).state.status is Status.ACTIVE


def test_a_mentor_is_screened_where_the_policy_asks_for_it() -> None:
    state = registered(a_mentor(), SCREENING, Origin.IMPORT).state
    assert state.status is Status.AWAITING_SCREENING
    assert isinstance(life.pause(state, LATER), NotYetInThePool)
    screened = after(life.screen(state, SCREENING, LATER))
    assert screened.status is Status.ACTIVE


def test_a_mentee_is_never_screened() -> None:
    state = registered(a_mentee(), SCREENING, Origin.IMPORT).state
    assert state.status is Status.ACTIVE
    assert isinstance(life.screen(state, SCREENING, LATER), NoScreeningForMentees)


def test_the_first_events_are_her_contact_and_her_registration() -> None:
    kinds = [type(event) for event in registered(a_mentee()).events]
    assert kinds == [ContactChanged, ParticipantRegistered]


def test_her_words_and_name_are_in_no_event_but_contacts() -> None:
    (contact, profile) = registered(a_mentee()).events
    told = profile.model_dump_json()
    for personal in ("Олена", "olena@", "Моя історія", "A job as a doctor"):
        assert personal not in told
    assert isinstance(contact, ContactState)
    assert contact.name == "Олена"


def test_her_words_are_kept_byte_for_byte() -> None:
    person = registered(a_mentee()).state.person
    assert person is not None
    assert person.words.goals == " A job as a doctor \n"
    assert person.words.story == "Моя історія"


def test_waiting_counts_anew_after_a_break() -> None:
    state = registered(a_mentee(), origin=Origin.IMPORT).state
    paused = after(life.pause(state, MONDAY))
    assert paused.person is not None
    assert paused.person.available_since is None
    back = after(life.resume(paused, Policy(), LATER))
    assert back.person is not None
    assert back.person.available_since == LATER


def test_silence_pauses_with_its_own_reason() -> None:
    state = registered(a_mentee(), origin=Origin.IMPORT).state
    verdict = life.pause_for_silence(state, LATER, LATER)
    assert isinstance(verdict, Decision)
    (event,) = verdict.events
    assert isinstance(event, ParticipantPaused)
    assert event.reason is PauseReason.NO_ANSWER


def test_old_silence_does_not_pause_who_has_come_back() -> None:
    state = registered(a_mentee(), origin=Origin.IMPORT).state
    paused = after(life.pause_for_silence(state, LATER, LATER))
    back = after(life.resume(paused, Policy(), LATER + timedelta(hours=1)))
    assert life.pause_for_silence(back, LATER, LATER + timedelta(hours=2)) is None


def test_who_has_left_comes_back_from_her_page_without_confirming_again() -> None:
    state = registered(a_mentee()).state
    left = after(life.leave(state, MONDAY))
    assert isinstance(life.confirm(left, Policy(), LATER), HasLeft)
    assert after(life.resume(left, Policy(), LATER)).status is Status.ACTIVE


def test_a_mentor_who_comes_back_unscreened_is_screened_first() -> None:
    state = registered(a_mentor(), SCREENING).state
    left = after(life.leave(state, MONDAY))
    assert after(life.resume(left, SCREENING, LATER)).status is Status.AWAITING_SCREENING


def test_erasing_leaves_the_id_and_the_status_only() -> None:
    verdict = life.erase(registered(a_mentee()).state)
    assert isinstance(verdict, Decision)
    assert verdict.state == Participant("p1", "common-ground-dk", Status.ERASED, None)
    assert [type(event) for event in verdict.events] == [ContactErased, ParticipantErased]
    for event in verdict.events:
        assert set(event.model_dump(exclude_none=True)) == {"programme", "participant_id"}


def test_a_link_is_sent_once_in_five_minutes() -> None:
    state = registered(a_mentee()).state
    verdict = life.request_link(state, MONDAY)
    assert isinstance(verdict, Decision)
    assert isinstance(verdict.events[0], LinkRequested)
    soon = MONDAY + timedelta(minutes=4)
    assert life.request_link(verdict.state, soon) is None
    assert life.request_link(verdict.state, MONDAY + timedelta(minutes=5)) is not None


def moving_to(city: str) -> life.Revision:
    registration = replace(a_mentee().registration, city=city)
    return registration, hashes_of(registration), "UTC"


def test_a_change_of_profile_tells_only_what_has_changed() -> None:
    state = registered(a_mentee()).state
    verdict = life.revise(state, lambda _: moving_to("101"), None, LATER)
    assert isinstance(verdict, Decision)
    assert [type(event) for event in verdict.events] == [ContactChanged, ParticipantUpdated]
    assert verdict.state.wake_at is None
    assert life.revise(verdict.state, lambda _: moving_to("101"), None, LATER) is None


def test_a_change_of_words_alone_is_told_to_nobody() -> None:
    state = registered(a_mentee()).state
    registration = replace(a_mentee().registration, story="Нова історія")
    revision = (registration, hashes_of(registration), "UTC")
    verdict = life.revise(state, lambda _: revision, None, LATER)
    assert isinstance(verdict, Decision)
    assert verdict.events == ()


def test_a_change_of_what_she_has_not_seen_is_refused() -> None:
    state = registered(a_mentee()).state
    verdict = life.revise(state, lambda _: moving_to("101"), 2, LATER)
    assert isinstance(verdict, ChangedMeanwhile)


def test_naming_somebody_anew_is_resolved_anew() -> None:
    state = registered(a_mentee()).state
    registration = a_mentee().naming("karen@example.org").registration
    revision = (registration, hashes_of(registration), "UTC")
    assert after(life.revise(state, lambda _: revision, None, LATER)).wake_at == LATER


@pytest.mark.parametrize(
    "step", [life.confirm, life.resume, life.screen], ids=lambda step: step.__name__
)
def test_nobody_and_the_forgotten_take_no_step(step: object) -> None:
    assert callable(step)
    assert isinstance(step(None, Policy(), MONDAY), NobodyHere)
    erased = after(life.erase(registered(a_mentee()).state))
    assert isinstance(step(erased, Policy(), MONDAY), Forgotten)


def test_who_is_still_registering_takes_no_step_but_to_be_forgotten() -> None:
    taken = take_in(None, a_mentee().newcomer(), MONDAY)
    assert isinstance(taken, Decision)
    for verdict in (
        life.confirm(taken.state, Policy(), MONDAY),
        life.pause(taken.state, MONDAY),
        life.resume(taken.state, Policy(), MONDAY),
        life.leave(taken.state, MONDAY),
    ):
        assert isinstance(verdict, ConfirmFirst)
    assert life.request_link(taken.state, MONDAY) is None
    assert isinstance(life.erase(taken.state), Decision)


class ALife(RuleBasedStateMachine):
    """Any steps in any order, from the door to the end."""

    @initialize(
        somebody=st.sampled_from([a_mentee(), a_mentor()]),
        origin=st.sampled_from(list(Origin)),
        screening=st.booleans(),
    )
    def arrive(self, somebody: Somebody, origin: Origin, screening: bool) -> None:
        self.policy = Policy(screening_of_mentors=screening)
        self.somebody = somebody
        self.now = MONDAY
        self.told: list[Payload] = []
        taken = take_in(None, somebody.newcomer(origin=origin), self.now)
        assert isinstance(taken, Decision)
        self.state = taken.state

    @rule(hours=st.integers(1, 2000))
    def time_passes(self, hours: int) -> None:
        self.now += timedelta(hours=hours)

    @rule()
    def is_settled(self) -> None:
        if self.state.person is not None:
            hashes: Hashes = self.state.person.hashes
            self.do(lambda s: settle(s, hashes, NOBODY, NOBODY, self.policy, self.now))

    def do(self, step: Callable[[Participant], life.Verdict]) -> None:
        verdict = step(self.state)
        if isinstance(verdict, Refusal) or verdict is None:
            return
        assert self.state.status is not Status.ERASED, "something follows the last word"
        self.state = verdict.state
        self.told += verdict.events
        again = step(self.state)
        assert not isinstance(again, Decision), "the same step twice changed something"

    @rule()
    def confirms(self) -> None:
        self.do(lambda s: life.confirm(s, self.policy, self.now))

    @rule()
    def is_screened(self) -> None:
        self.do(lambda s: life.screen(s, self.policy, self.now))

    @rule()
    def pauses(self) -> None:
        self.do(lambda s: life.pause(s, self.now))

    @rule(days_ago=st.integers(0, 30))
    def stays_silent(self, days_ago: int) -> None:
        since = self.now - timedelta(days=days_ago)
        self.do(lambda s: life.pause_for_silence(s, since, self.now))

    @rule()
    def resumes(self) -> None:
        self.do(lambda s: life.resume(s, self.policy, self.now))

    @rule()
    def leaves(self) -> None:
        self.do(lambda s: life.leave(s, self.now))

    @rule()
    def asks_for_a_link(self) -> None:
        self.do(lambda s: life.request_link(s, self.now))

    @rule(city=st.sampled_from(["101", "461", "751"]), naming=st.booleans())
    def moves(self, city: str, naming: bool) -> None:
        somebody = self.somebody.naming("x@example.org") if naming else self.somebody
        registration = replace(somebody.registration, city=city)
        revision = (registration, hashes_of(registration), "UTC")
        self.do(lambda s: life.revise(s, lambda _: revision, None, self.now))

    @precondition(lambda self: self.state.status is not Status.REGISTERING)
    @rule(version=st.sampled_from(["2026-1", "2026-2"]))
    def affirms(self, version: str) -> None:
        self.do(lambda s: life.affirm(s, version, self.now))

    @rule()
    def is_forgotten(self) -> None:
        self.do(life.erase)

    @invariant()
    def a_person_is_there_until_she_is_erased(self) -> None:
        assert (self.state.person is None) == (self.state.status is Status.ERASED)

    @invariant()
    def she_is_available_exactly_when_she_is_active(self) -> None:
        person: Person | None = self.state.person
        if person is not None:
            is_available = person.available_since is not None
            assert is_available == (self.state.status is Status.ACTIVE)

    @invariant()
    def nobody_is_active_unconfirmed_or_unscreened(self) -> None:
        person = self.state.person
        if person is not None and self.state.status is Status.ACTIVE:
            assert person.confirmed_at is not None
            if self.policy.screening_of_mentors and person.role is Role.MENTOR:
                assert person.screened_at is not None

    @invariant()
    def nothing_is_told_before_she_is_settled(self) -> None:
        if self.state.status is Status.REGISTERING:
            assert self.told == []

    @invariant()
    def the_last_event_is_her_state(self) -> None:
        public = [event for event in self.told if isinstance(event, ParticipantState)]
        if not public or self.state.person is None:
            return
        assert isinstance(public[0], ParticipantRegistered)
        assert public[-1].status is ParticipantStatus(self.state.status.value)
        assert public[-1].city == self.state.person.profile.city
        assert public[-1].apart_from == self.state.person.apart_from

    @invariant()
    def erased_is_the_last_word(self) -> None:
        kinds = [type(event) for event in self.told]
        assert ParticipantErased not in kinds[:-1]


ALife.TestCase.settings = settings(max_examples=60, stateful_step_count=25)
TestALife = ALife.TestCase
