"""Who is told what, because of what: the one table. `python -m services.notifications table` prints it.

A coordinator can read it; `asks` carries it out; the README shows it, and a test keeps them the same.
An event that is not in here tells nobody anything.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from shared.events import care, check_ins, contacts, matches, participants, pool, rights
from shared.events.messages import MessageKind
from shared.events.payload import WIRE_PREFIX, Payload


class To(StrEnum):
    """To whom a message goes, as the table says it."""

    HERSELF = "herself"
    MENTEE = "the mentee"
    MENTOR = "the mentor"
    BOTH = "both sides"
    WHOSE_TURN = "whoever is to answer"
    ASKED = "those who had been asked"
    STILL_ASKED = "those who had been asked and did not say no"
    MISSING = "those who have not answered"
    NOT_AGREED = "whoever does not stand by it yet"
    COORDINATORS = "the city's coordinators (their deputies, if it is for the deputy)"


class When(StrEnum):
    """On which condition, as the table says it."""

    ALWAYS = "always"
    UNCONFIRMED = "she has not confirmed her address"
    ACTIVE = "she is active now, and was not before"
    NO_ANSWER = "two proposals in a row had no answer"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: this event asks for this message."""

    event: type[Payload]
    kind: MessageKind
    to: To
    when: When = When.ALWAYS


TABLE: Final = (
    Row(
        participants.ParticipantRegistered,
        MessageKind.CONFIRM_ADDRESS,
        To.HERSELF,
        When.UNCONFIRMED,
    ),
    Row(participants.ParticipantRegistered, MessageKind.WELCOME, To.HERSELF, When.ACTIVE),
    Row(participants.ParticipantConfirmed, MessageKind.WELCOME, To.HERSELF, When.ACTIVE),
    Row(participants.ParticipantScreened, MessageKind.WELCOME, To.HERSELF, When.ACTIVE),
    Row(participants.ParticipantPaused, MessageKind.PAUSED, To.HERSELF, When.NO_ANSWER),
    Row(participants.ParticipantWithdrawn, MessageKind.FAREWELL, To.HERSELF),
    Row(contacts.LinkRequested, MessageKind.YOUR_LINK, To.HERSELF),
    Row(rights.ExportReady, MessageKind.YOUR_LINK, To.HERSELF),
    Row(matches.MatchHeld, MessageKind.REVIEW_WAITING, To.COORDINATORS),
    Row(matches.MatchProposed, MessageKind.PROPOSAL_TO_MENTEE, To.MENTEE),
    Row(matches.MatchMenteeAccepted, MessageKind.PROPOSAL_TO_MENTOR, To.MENTOR),
    Row(matches.MatchQuestionAsked, MessageKind.HELP_NEEDED, To.COORDINATORS),
    Row(matches.MatchReminderDue, MessageKind.PROPOSAL_REMINDER, To.WHOSE_TURN),
    Row(matches.MatchDeclined, MessageKind.PROPOSAL_CLOSED, To.STILL_ASKED),
    Row(matches.MatchExpired, MessageKind.PROPOSAL_CLOSED, To.ASKED),
    Row(matches.MatchWithdrawn, MessageKind.PROPOSAL_CLOSED, To.ASKED),
    Row(matches.MatchAccepted, MessageKind.MATCH_ACCEPTED, To.BOTH),
    Row(pool.StillWaiting, MessageKind.STILL_WAITING, To.HERSELF),
    Row(check_ins.AgreementChanged, MessageKind.YOUR_LINK, To.NOT_AGREED),
    Row(check_ins.CheckInDue, MessageKind.CHECK_IN, To.BOTH),
    Row(check_ins.CheckInReminderDue, MessageKind.CHECK_IN_REMINDER, To.MISSING),
    Row(check_ins.CheckInOverdue, MessageKind.CHECK_IN_OVERDUE, To.MISSING),
    Row(check_ins.MentorshipClosed, MessageKind.CLOSURE, To.BOTH),
    Row(care.HelpRequested, MessageKind.HELP_NEEDED, To.COORDINATORS),
    Row(care.CheckInEscalated, MessageKind.CHECK_IN_ESCALATED, To.COORDINATORS),
    Row(care.ViewsDiverged, MessageKind.VIEWS_DIVERGED, To.COORDINATORS),
)


def as_markdown() -> Iterator[str]:
    """The table's lines in Markdown, as the README shows them."""
    yield "| when this happens | this message | goes to | if |"
    yield "|---|---|---|---|"
    for row in TABLE:
        event = row.event.wire_name.removeprefix(WIRE_PREFIX).removesuffix(".v1")
        condition = "" if row.when is When.ALWAYS else str(row.when)
        yield f"| `{event}` | `{row.kind}` | {row.to} | {condition} |"
