"""Who is told what, because of what."""

from typing import Any

import pytest

from services.notifications.domain.asks import CoordinatorsOf, asks
from services.notifications.domain.known import (
    KnownCare,
    KnownCheckIns,
    KnownMatch,
    KnownParticipant,
    KnownProgramme,
)
from services.notifications.domain.message import Variant, message_id
from services.notifications.domain.table import TABLE
from shared.events import check_ins, contacts, matches, participants
from shared.events.check_ins import CheckInStatus
from shared.events.matches import MatchStatus, WithdrawReason
from shared.events.messages import MessageKind
from shared.events.participants import ParticipantStatus, PauseReason, Role
from shared.events.payload import Payload
from tests.unit.notifications import builders as a
from tests.unit.notifications.builders import COORDINATOR, DEPUTY, MENTEE, MENTOR, ODENSE

UNCONFIRMED = {"status": ParticipantStatus.UNCONFIRMED}
SCREENING = {"status": ParticipantStatus.AWAITING_SCREENING}
PAUSED = {"status": ParticipantStatus.PAUSED}
CITY = CoordinatorsOf(ODENSE)


def told(payload: Payload) -> list[tuple[MessageKind, object]]:
    return [(ask.kind, ask.recipient) for ask in asks(a.event(payload))]


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (
            a.participant(participants.ParticipantRegistered, **UNCONFIRMED),
            [(MessageKind.CONFIRM_ADDRESS, MENTEE)],
        ),
        (a.participant(participants.ParticipantRegistered), [(MessageKind.WELCOME, MENTEE)]),
        (a.participant(participants.ParticipantRegistered, **SCREENING), []),
        (a.participant(participants.ParticipantConfirmed), [(MessageKind.WELCOME, MENTEE)]),
        (a.participant(participants.ParticipantConfirmed, **SCREENING), []),
        (a.participant(participants.ParticipantScreened), [(MessageKind.WELCOME, MENTEE)]),
        (a.participant(participants.ParticipantUpdated), []),
        (
            a.participant(participants.ParticipantPaused, **PAUSED, reason=PauseReason.NO_ANSWER),
            [(MessageKind.PAUSED, MENTEE)],
        ),
        (
            a.participant(participants.ParticipantPaused, **PAUSED, reason=PauseReason.OWN_WISH),
            [],
        ),
        (
            a.participant(participants.ParticipantWithdrawn, status=ParticipantStatus.WITHDRAWN),
            [(MessageKind.FAREWELL, MENTEE)],
        ),
        (a.contact(), []),
        (a.contact(contacts.LinkRequested), [(MessageKind.YOUR_LINK, MENTEE)]),
        (a.contact_erased(), []),
        (a.held(), [(MessageKind.REVIEW_WAITING, CITY)]),
        (a.match(matches.MatchApproved, MatchStatus.APPROVED, coordinator_id="c"), []),
        (a.proposed(), [(MessageKind.PROPOSAL_TO_MENTEE, MENTEE)]),
        (a.mentee_accepted(), [(MessageKind.PROPOSAL_TO_MENTOR, MENTOR)]),
        (a.reminder(Role.MENTEE), [(MessageKind.PROPOSAL_REMINDER, MENTEE)]),
        (a.reminder(Role.MENTOR), [(MessageKind.PROPOSAL_REMINDER, MENTOR)]),
        (a.question(), [(MessageKind.HELP_NEEDED, CITY)]),
        (a.declined(Role.MENTEE), []),
        (a.declined(Role.MENTOR), [(MessageKind.PROPOSAL_CLOSED, MENTEE)]),
        (a.expired(Role.MENTEE), [(MessageKind.PROPOSAL_CLOSED, MENTEE)]),
        (
            a.expired(Role.MENTOR),
            [(MessageKind.PROPOSAL_CLOSED, MENTEE), (MessageKind.PROPOSAL_CLOSED, MENTOR)],
        ),
        (a.withdrawn(), []),
        (a.withdrawn(Role.MENTEE), [(MessageKind.PROPOSAL_CLOSED, MENTEE)]),
        (
            a.accepted(),
            [(MessageKind.MATCH_ACCEPTED, MENTEE), (MessageKind.MATCH_ACCEPTED, MENTOR)],
        ),
        (a.match(matches.MatchEnded, MatchStatus.ENDED), []),
        (a.still_waiting(), [(MessageKind.STILL_WAITING, MENTEE)]),
        (
            a.check_in(check_ins.CheckInDue),
            [(MessageKind.CHECK_IN, MENTEE), (MessageKind.CHECK_IN, MENTOR)],
        ),
        (
            a.check_in(check_ins.CheckInReminderDue, remind=(Role.MENTOR,)),
            [(MessageKind.CHECK_IN_REMINDER, MENTOR)],
        ),
        (
            a.check_in(
                check_ins.CheckInOverdue, missing=(Role.MENTEE,), status=CheckInStatus.OVERDUE
            ),
            [(MessageKind.CHECK_IN_OVERDUE, MENTEE)],
        ),
        (a.check_in(check_ins.CheckInCompleted, status=CheckInStatus.COMPLETED), []),
        (a.agreement(Role.MENTEE), [(MessageKind.YOUR_LINK, MENTOR)]),
        (a.agreement(Role.MENTEE, Role.MENTOR), []),
        (a.closed(), [(MessageKind.CLOSURE, MENTEE), (MessageKind.CLOSURE, MENTOR)]),
        (a.help_requested(), [(MessageKind.HELP_NEEDED, CITY)]),
        (
            a.help_requested(to_deputy=True),
            [(MessageKind.HELP_NEEDED, CoordinatorsOf(ODENSE, deputies=True))],
        ),
        (a.help_handled(), []),
        (a.views_diverged(), [(MessageKind.VIEWS_DIVERGED, CITY)]),
        (a.programme_changed(), []),
    ],
)
def test_each_event_asks_for_the_messages_of_the_table(
    payload: Payload, expected: list[tuple[MessageKind, object]]
) -> None:
    assert told(payload) == expected


def test_a_question_is_news_though_the_match_stands_where_it_stood() -> None:
    known = KnownMatch(MatchStatus.PROPOSED, sequence=1)
    assert [ask.kind for ask in asks(a.event(a.question()), known)] == [MessageKind.HELP_NEEDED]


def test_every_line_of_the_table_is_carried_out_by_some_event() -> None:
    carried_out = {(type(e.payload), ask.kind) for e in a.every_event() for ask in asks(e)}

    assert {(row.event, row.kind) for row in TABLE} == carried_out


def test_every_kind_of_message_has_a_line_in_the_table() -> None:
    assert {row.kind for row in TABLE} == set(MessageKind)


def test_no_event_before_the_mentees_yes_tells_the_mentor_anything() -> None:
    for payload in (
        a.held(),
        a.proposed(),
        a.reminder(Role.MENTEE),
        a.declined(Role.MENTEE),
        a.expired(Role.MENTEE),
        a.withdrawn(Role.MENTEE),
    ):
        assert MENTOR not in {recipient for _, recipient in told(payload)}


@pytest.mark.parametrize(
    ("before", "payload"),
    [
        (
            KnownParticipant(ParticipantStatus.ACTIVE),
            a.participant(participants.ParticipantRegistered),
        ),
        (
            KnownParticipant(ParticipantStatus.WITHDRAWN),
            a.participant(participants.ParticipantWithdrawn, status=ParticipantStatus.WITHDRAWN),
        ),
        (KnownMatch(MatchStatus.PROPOSED), a.proposed()),
        (KnownMatch(MatchStatus.PROPOSED, reminded=(Role.MENTEE,)), a.reminder(Role.MENTEE)),
        (KnownCheckIns(1, 1, CheckInStatus.DUE), a.check_in(check_ins.CheckInDue)),
        (KnownCheckIns(closed=True), a.closed()),
        (KnownCare.after(None, a.event(a.help_requested())), a.help_requested()),
    ],
)
def test_a_state_that_is_sent_again_writes_to_nobody_again(before: Any, payload: Payload) -> None:
    assert asks(a.event(payload), before) == ()


def test_a_second_reminder_of_a_check_in_is_news() -> None:
    payload = a.check_in(check_ins.CheckInReminderDue, remind=(Role.MENTEE,))
    before = KnownCheckIns.after(None, a.event(payload))

    assert len(asks(a.event(payload), before)) == 1


def test_a_request_for_help_goes_to_the_coordinator_and_later_to_the_deputy() -> None:
    programme = KnownProgramme.after(None, a.event(a.programme_changed()))
    assert programme is not None

    assert CITY.resolved(programme) == (COORDINATOR,)
    assert CoordinatorsOf(ODENSE, deputies=True).resolved(programme) == (DEPUTY,)


def test_a_city_without_a_coordinator_goes_to_all_of_the_programme() -> None:
    programme = KnownProgramme.after(None, a.event(a.programme_changed()))
    assert programme is not None

    assert CoordinatorsOf("101").resolved(programme) == (COORDINATOR, DEPUTY)
    assert CoordinatorsOf("751", deputies=True).resolved(programme) == (DEPUTY,)
    assert CITY.resolved(KnownProgramme()) == ()


@pytest.mark.parametrize(
    ("reason", "variant"),
    [
        (WithdrawReason.BETTER_FOUND, Variant.BETTER_FOUND),
        (WithdrawReason.NEEDED_MORE, Variant.NEEDED_MORE),
        (WithdrawReason.SOMEONE_LEFT, Variant.TAKEN_BACK),
    ],
)
def test_a_mentee_who_is_displaced_is_told_honestly_why(
    reason: WithdrawReason, variant: Variant
) -> None:
    (message,) = a.messages_for(a.event(a.withdrawn(Role.MENTEE, reason=reason)))

    assert message.content is not None
    assert (message.recipient_id, message.content.variant) == (MENTEE, variant)


def test_a_message_is_named_by_event_recipient_and_kind() -> None:
    one = a.event(a.proposed(), sequence=3)
    (message,) = a.messages_for(one)

    assert message.message_id == "matches/match-1:3|mentee-1|proposal_to_mentee"
    assert message.message_id == message_id(one.id, MENTEE, MessageKind.PROPOSAL_TO_MENTEE)


def test_only_what_both_agreed_to_introduces_somebody() -> None:
    introducing = {
        message.kind
        for one in a.every_event()
        for message in a.messages_for(one)
        if message.introduces is not None
    }

    assert introducing == {MessageKind.MATCH_ACCEPTED}
