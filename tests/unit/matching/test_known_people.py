"""What is known of participants: who is in the pool, who waits, and what is forgotten."""

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from services.matching.domain import people
from services.matching.domain.people import KnownPerson
from services.matching.domain.programmes import WaitingNotes
from services.matching.domain.round import Waiting
from shared.decisions import Decision
from shared.events.participants import (
    ParticipantErased,
    ParticipantPaused,
    ParticipantResumed,
    ParticipantStatus,
    ParticipantUpdated,
    PauseReason,
    Role,
)
from shared.events.pool import StillWaiting, WaitingReason, WhatHelps
from tests.unit.matching.builders import DAY, START, a_participant, event_of, then

WHY = Waiting("amal", WaitingReason.NO_ONE_IN_REACH, (WhatHelps.MEET_ONLINE,), 0)
NOTES = WaitingNotes(first_after_days=14, every_days=30)


def amal(**fields: Any) -> KnownPerson:
    return hearing(None, a_participant("amal", Role.MENTEE, **fields))


def hearing(known: KnownPerson | None, payload: Any) -> KnownPerson:
    state = then(people.hear_of_participant(known, event_of(payload)))
    assert isinstance(state, KnownPerson)
    return state


def waiting(known: KnownPerson | None = None) -> KnownPerson:
    return then(people.wait_on(known or amal(), WHY, NOTES))  # type: ignore[no-any-return]


def note(known: KnownPerson, now: datetime) -> tuple[KnownPerson, StillWaiting]:
    decision = people.tell_why_she_waits(known, now)
    assert isinstance(decision, Decision)
    (event,) = decision.events
    assert isinstance(event, StillWaiting)
    return decision.state, event


@pytest.mark.parametrize("status", set(ParticipantStatus) - {ParticipantStatus.ACTIVE})
def test_only_who_is_active_is_in_the_pool(status: ParticipantStatus) -> None:
    assert amal().is_in_pool
    assert not amal(status=status).is_in_pool


def test_of_an_erased_person_only_the_id_is_left_and_that_is_the_last_word() -> None:
    erased = hearing(waiting(), ParticipantErased(programme="network", participant_id="amal"))
    assert erased == KnownPerson("amal", "network", ParticipantStatus.ERASED, person=None)
    later = event_of(a_participant("amal", Role.MENTEE), sequence=9)
    assert people.hear_of_participant(erased, later) is None


def test_who_pauses_is_told_nothing_about_waiting() -> None:
    paused = a_participant(
        "amal",
        Role.MENTEE,
        ParticipantPaused,
        status=ParticipantStatus.PAUSED,
        reason=PauseReason.OWN_WISH,
    )
    assert hearing(waiting(), paused).wake_at is None


def test_coming_back_starts_the_count_of_unanswered_proposals_again() -> None:
    silent = then(people.leave_unanswered(amal(), "match"))
    assert silent.unanswered == ("match",)
    assert people.leave_unanswered(silent, "match") is None
    updated = a_participant("amal", Role.MENTEE, ParticipantUpdated)
    assert hearing(silent, updated).unanswered == ("match",)
    resumed = a_participant("amal", Role.MENTEE, ParticipantResumed)
    assert hearing(silent, resumed).unanswered == ()


def test_whom_no_message_reaches_gets_no_proposal_until_one_does() -> None:
    lost = then(people.lose_contact(waiting()))
    assert not lost.is_in_pool
    assert lost.wake_at is None
    assert then(people.regain_contact(lost)).is_in_pool
    assert hearing(lost, a_participant("amal", Role.MENTEE, ParticipantUpdated)).is_in_pool


def test_who_wants_no_other_match_is_left_alone_until_she_wants_something_else() -> None:
    resting = then(people.become_free(amal(), START + DAY, match_again=False))
    assert not resting.is_in_pool
    same = a_participant("amal", Role.MENTEE, ParticipantUpdated, apart_from=("somebody",))
    assert not hearing(resting, same).is_in_pool
    other = a_participant("amal", Role.MENTEE, ParticipantUpdated, meets_online=True)
    assert hearing(resting, other).is_in_pool
    back = a_participant("amal", Role.MENTEE, ParticipantResumed)
    assert hearing(resting, back).is_in_pool


def test_after_a_mentorship_waiting_counts_from_its_end() -> None:
    freed = then(people.become_free(amal(), START + 90 * DAY, match_again=True))
    assert freed.waiting_since == START + 90 * DAY
    assert people.become_free(freed, START + 90 * DAY, match_again=True) is None
    person = freed.for_round()
    assert person.available_since == START + 90 * DAY


def test_nobody_waits_without_a_word() -> None:
    known = waiting()
    assert known.wake_at == START + 14 * DAY
    assert people.tell_why_she_waits(known, START + 13 * DAY) is None
    known, event = note(known, START + 14 * DAY)
    assert (event.reason, event.what_helps) == (WHY.reason, WHY.what_helps)
    assert event.waiting_since == START
    assert known.wake_at == START + 44 * DAY


def test_notes_that_an_outage_has_missed_are_not_sent_in_a_heap() -> None:
    known, _ = note(waiting(), START + 200 * DAY)
    assert known.wake_at == START + 230 * DAY


def test_a_proposal_between_does_not_bring_the_next_note_forward() -> None:
    known, _ = note(waiting(), START + 14 * DAY)
    known = waiting(then(people.stop_waiting(known)))
    assert known.wake_at == START + 44 * DAY


def test_the_same_reason_again_is_nothing_new() -> None:
    known = waiting()
    assert people.wait_on(known, WHY, NOTES) is None
    other = replace(WHY, reason=WaitingReason.NO_COMMON_TIME)
    assert then(people.wait_on(known, other, NOTES)).wake_at == known.wake_at
