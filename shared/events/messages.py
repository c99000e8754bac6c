"""The stream `messages`: that a message went out, failed or bounced. Ids and kinds, never text."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from shared.events.payload import Payload
from shared.events.streams import MESSAGES


class MessageKind(StrEnum):
    """What a message is for."""

    CONFIRM_ADDRESS = "confirm_address"
    WELCOME = "welcome"
    YOUR_LINK = "your_link"
    PROPOSAL_TO_MENTEE = "proposal_to_mentee"
    PROPOSAL_TO_MENTOR = "proposal_to_mentor"
    PROPOSAL_REMINDER = "proposal_reminder"
    PROPOSAL_CLOSED = "proposal_closed"
    MATCH_ACCEPTED = "match_accepted"
    STILL_WAITING = "still_waiting"
    PAUSED = "paused"
    CHECK_IN = "check_in"
    CHECK_IN_REMINDER = "check_in_reminder"
    CHECK_IN_OVERDUE = "check_in_overdue"
    CLOSURE = "closure"
    FAREWELL = "farewell"
    REVIEW_WAITING = "review_waiting"
    HELP_NEEDED = "help_needed"
    CHECK_IN_ESCALATED = "check_in_escalated"
    VIEWS_DIVERGED = "views_diverged"

    @property
    def is_reminder(self) -> bool:
        """Reminders are never sent twice, not even after a crash in the middle of sending."""
        return self in (MessageKind.PROPOSAL_REMINDER, MessageKind.CHECK_IN_REMINDER)


class MessageState(Payload):
    """One message to one person."""

    stream = MESSAGES

    message_id: str
    recipient_id: str = Field(description="The participant, or the coordinator's id.")
    kind: MessageKind
    because_of: str = Field(description="Id of the event that asked for it.")
    match_id: str | None = None
    check_in_number: Annotated[int, Field(ge=1)] | None = None
    attempts: Annotated[int, Field(ge=0)] = 0

    @property
    def subject(self) -> str:
        """The message."""
        return self.message_id

    @property
    def partition_key(self) -> str:
        """All messages of one person stay in order."""
        return self.recipient_id


class MessageSent(MessageState, name="message.sent"):
    """The mail server took it. Deadlines that wait for this message run from `sent_at`."""

    sent_at: datetime


class FailureReason(StrEnum):
    """Why a message could not be sent."""

    REFUSED = "refused"
    GAVE_UP = "gave_up"
    NO_CONTACT = "no_contact"
    NO_LONGER_MEANT = "no_longer_meant"


class MessageFailed(MessageState, name="message.failed"):
    """It will not be tried again. The coordinator sees it."""

    reason: FailureReason


class MessageBounced(MessageState, name="message.bounced"):
    """It was taken, and came back later."""

    status: str | None = Field(
        default=None, description="The enhanced status code that came with it (RFC 3463): 5.1.1."
    )
