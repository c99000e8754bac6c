"""A message that has become pointless is not sent; one that may be meant is."""

from typing import Any

import pytest

from services.notifications.domain.known import (
    KnownCare,
    KnownCheckIns,
    KnownContact,
    KnownMatch,
    KnownParticipant,
)
from services.notifications.domain.still_meant import Facts, still_meant
from shared.events import check_ins, participants
from shared.events.check_ins import CheckInStatus
from shared.events.matches import MatchStatus
from shared.events.messages import MessageKind
from shared.events.participants import ParticipantStatus, Role
from shared.events.payload import Payload
from tests.unit.notifications import builders as a

LATER = 10_000_000
BOTH = (Role.MENTEE, Role.MENTOR)
PAUSED = a.participant(
    participants.ParticipantPaused,
    status=ParticipantStatus.PAUSED,
    reason=participants.PauseReason.NO_ANSWER,
)
LEFT = a.participant(participants.ParticipantWithdrawn, status=ParticipantStatus.WITHDRAWN)
DUE = a.check_in(check_ins.CheckInDue)


def test_where_nothing_is_known_everything_is_meant() -> None:
    for one in a.every_event():
        for message in a.messages_for(one):
            assert still_meant(message, Facts())


def test_nothing_goes_to_somebody_who_is_erased() -> None:
    for one in a.every_event():
        for message in a.messages_for(one):
            assert not still_meant(message, Facts(contact=KnownContact(erased=True)))


def test_whoever_left_gets_the_farewell_and_the_links_she_asks_for() -> None:
    left = KnownParticipant(ParticipantStatus.WITHDRAWN, LATER)
    kinds = {
        message.kind
        for one in a.every_event()
        for message in a.messages_for(one)
        if not message.to_coordinator and still_meant(message, Facts(participant=left))
    }

    assert kinds == {MessageKind.FAREWELL, MessageKind.YOUR_LINK}


def test_what_was_agreed_is_for_two_who_still_meet() -> None:
    (message,) = a.messages_for(a.event(a.agreement(Role.MENTOR)))
    open_, closed = (
        KnownCheckIns(1, LATER, CheckInStatus.DUE, closed=closed) for closed in (False, True)
    )
    assert still_meant(message, Facts(check_ins=open_))
    assert not still_meant(message, Facts(check_ins=closed))
    left = KnownParticipant(ParticipantStatus.WITHDRAWN, LATER)
    assert not still_meant(message, Facts(participant=left))


@pytest.mark.parametrize(
    ("payload", "facts"),
    [
        (a.proposed(), Facts(match=KnownMatch(MatchStatus.WITHDRAWN, LATER))),
        (a.proposed(), Facts(match=KnownMatch(MatchStatus.MENTEE_ACCEPTED, LATER))),
        (a.mentee_accepted(), Facts(match=KnownMatch(MatchStatus.EXPIRED, LATER))),
        (a.reminder(Role.MENTEE), Facts(match=KnownMatch(MatchStatus.MENTEE_ACCEPTED, LATER))),
        (a.reminder(Role.MENTOR), Facts(match=KnownMatch(MatchStatus.ACCEPTED, LATER))),
        (a.held(), Facts(match=KnownMatch(MatchStatus.APPROVED, LATER))),
        (a.accepted(), Facts(match=KnownMatch(MatchStatus.ENDED, LATER))),
        (PAUSED, Facts(participant=KnownParticipant(ParticipantStatus.ACTIVE, LATER))),
        (DUE, Facts(check_ins=KnownCheckIns(1, LATER, closed=True))),
        (DUE, Facts(check_ins=KnownCheckIns(2, LATER))),
        (DUE, Facts(check_ins=KnownCheckIns(1, LATER, CheckInStatus.COMPLETED))),
        (DUE, Facts(check_ins=KnownCheckIns(1, LATER, CheckInStatus.DUE, (Role.MENTEE,)))),
        (a.help_requested(), Facts(care=KnownCare(handled=("help-1",)))),
    ],
)
def test_what_has_been_settled_is_not_sent(payload: Payload, facts: Facts) -> None:
    assert not still_meant(a.a_message(payload), facts)


@pytest.mark.parametrize(
    ("payload", "facts"),
    [
        (a.proposed(), Facts(match=KnownMatch(MatchStatus.PROPOSED, LATER))),
        (DUE, Facts(check_ins=KnownCheckIns(1, LATER, CheckInStatus.DUE, (Role.MENTOR,)))),
        (a.help_requested(), Facts(care=KnownCare(handled=("help-2",)))),
        (a.accepted(), Facts(match=KnownMatch(MatchStatus.ACCEPTED, LATER))),
    ],
)
def test_what_is_still_open_is_sent(payload: Payload, facts: Facts) -> None:
    assert still_meant(a.a_message(payload), facts)


@pytest.mark.parametrize(
    ("payload", "facts"),
    [
        (a.proposed(), Facts(match=KnownMatch(MatchStatus.APPROVED, 1))),
        (PAUSED, Facts(participant=KnownParticipant(ParticipantStatus.ACTIVE, 1))),
        (LEFT, Facts(participant=KnownParticipant(ParticipantStatus.ACTIVE, 1))),
        (DUE, Facts(check_ins=KnownCheckIns(0, 1))),
    ],
)
def test_what_was_known_before_the_event_takes_nothing_back(payload: Payload, facts: Any) -> None:
    """Messages are written before the home's mark, so the sender may see the older state."""
    message = next(a.messages_for(a.event(payload, sequence=2)))

    assert still_meant(message, facts)
