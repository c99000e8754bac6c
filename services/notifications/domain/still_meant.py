"""Whether a message is still meant when it comes to sending. Pure.

A message is held back only where what is known says so surely: what is not known holds back nothing,
and what is known only up to the event that asked for it (its effects come before its mark) neither.
"""

from dataclasses import dataclass
from typing import Final

from services.notifications.domain.known import (
    KnownCare,
    KnownCheckIns,
    KnownContact,
    KnownMatch,
    KnownParticipant,
)
from services.notifications.domain.message import Message
from shared.events.check_ins import CheckInStatus
from shared.events.matches import MatchStatus
from shared.events.messages import MessageKind
from shared.events.participants import ParticipantStatus, Role
from shared.events.streams import CHECK_INS, MATCHES, PARTICIPANTS


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known around one message; None where nothing is."""

    contact: KnownContact | None = None
    participant: KnownParticipant | None = None
    match: KnownMatch | None = None
    check_ins: KnownCheckIns | None = None
    care: KnownCare | None = None


_LEFT: Final = (ParticipantStatus.WITHDRAWN, ParticipantStatus.ERASED)
_MEANT_WHILE_SHE_IS: Final = {
    MessageKind.CONFIRM_ADDRESS: ParticipantStatus.UNCONFIRMED,
    MessageKind.STILL_WAITING: ParticipantStatus.ACTIVE,
    MessageKind.PAUSED: ParticipantStatus.PAUSED,
    MessageKind.FAREWELL: ParticipantStatus.WITHDRAWN,
}
_MEANT_WHILE_THE_MATCH_IS: Final = {
    MessageKind.REVIEW_WAITING: MatchStatus.HELD,
    MessageKind.PROPOSAL_TO_MENTEE: MatchStatus.PROPOSED,
    MessageKind.PROPOSAL_TO_MENTOR: MatchStatus.MENTEE_ACCEPTED,
    MessageKind.MATCH_ACCEPTED: MatchStatus.ACCEPTED,
}
_TURN: Final = {Role.MENTEE: MatchStatus.PROPOSED, Role.MENTOR: MatchStatus.MENTEE_ACCEPTED}
_ABOUT_A_CHECK_IN: Final = (
    MessageKind.CHECK_IN,
    MessageKind.CHECK_IN_REMINDER,
    MessageKind.CHECK_IN_OVERDUE,
)


def still_meant(message: Message, facts: Facts) -> bool:
    """False if she left, was erased or wants no reminders, or if what the message is about is over."""
    if facts.contact is not None and facts.contact.erased:
        return False
    if facts.contact is not None and message.kind.is_reminder and not facts.contact.reminders:
        return False
    return (
        _she_is_there(message, facts.participant)
        and _the_match_is_there(message, facts.match)
        and _the_check_in_is_open(message, facts.check_ins)
        and _help_is_needed(message, facts.care)
    )


def _she_is_there(message: Message, known: KnownParticipant | None) -> bool:
    if known is None or message.to_coordinator:
        return True
    if not message.is_older_than(PARTICIPANTS, known.sequence):
        return True
    if message.kind is MessageKind.YOUR_LINK and not message.is_about_an_agreement:
        # Also who has left may look at her page, fetch her data, come back.
        return known.status is not ParticipantStatus.ERASED
    wanted = _MEANT_WHILE_SHE_IS.get(message.kind)
    if wanted is not None:
        return known.status is wanted
    return known.status not in _LEFT


def _the_match_is_there(message: Message, known: KnownMatch | None) -> bool:
    if known is None or not message.is_older_than(MATCHES, known.sequence):
        return True
    wanted = _MEANT_WHILE_THE_MATCH_IS.get(message.kind)
    if message.kind is MessageKind.PROPOSAL_REMINDER and message.content is not None:
        wanted = _TURN.get(message.content.role or Role.MENTEE)
    return wanted is None or known.status is wanted


def _the_check_in_is_open(message: Message, known: KnownCheckIns | None) -> bool:
    if known is None or not message.is_older_than(CHECK_INS, known.sequence):
        return True
    if message.is_about_an_agreement:
        return not known.closed
    if message.kind is MessageKind.CHECK_IN_ESCALATED:
        return not known.closed and not _is_settled(message, known)
    if message.kind not in _ABOUT_A_CHECK_IN:
        return True
    if known.closed or _is_settled(message, known):
        return False
    role = message.content.role if message.content is not None else None
    return known.number != message.check_in_number or role not in known.answered_by


def _is_settled(message: Message, known: KnownCheckIns) -> bool:
    """Whether this check-in has been answered by both, or the next one has come."""
    number = message.check_in_number or 0
    if known.number > number:
        return True
    return known.number == number and known.status is CheckInStatus.COMPLETED


def _help_is_needed(message: Message, known: KnownCare | None) -> bool:
    if known is None or message.kind is not MessageKind.HELP_NEEDED or message.content is None:
        return True
    return message.content.reference not in known.handled
