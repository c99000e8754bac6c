"""The stream `dead-letters`: records that a consumer could not handle, as they came, with why.

A letter is `parked`, and later `released` or `discarded`.
"""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from shared.events.payload import Payload
from shared.events.streams import DEAD_LETTERS


class ParkReason(StrEnum):
    """Why a record was parked."""

    UNREADABLE = "unreadable"
    HANDLER_FAILED = "handler_failed"
    MISSING_BEFORE = "missing_before"


class DiscardReason(StrEnum):
    """Why an operator gave a record up."""

    MENDED_ELSEWHERE = "mended_elsewhere"
    NO_LONGER_MATTERS = "no_longer_matters"
    NEVER_AN_EVENT = "never_an_event"
    LOST_FOR_GOOD = "lost_for_good"


class RecordParked(Payload, name="record.parked"):
    """One record that a consumer set aside.

    `value` is the record's value in Base64, and None for `participants` and `contacts`, whose
    personal data must not be kept here: coordinates, key and reason suffice to fetch it again.
    """

    stream = DEAD_LETTERS

    programme: str = ""
    letter_id: str
    consumer: str = Field(
        description="The consumer that could not handle it, as in 'followup.matches'."
    )
    reason: ParkReason
    why: str = Field(description="What happened, without any of the record's data.")
    topic: str
    partition: Annotated[int, Field(ge=0)]
    offset: Annotated[int, Field(ge=0)]
    key: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    value: str | None = None
    attempts: Annotated[int, Field(ge=0)] = 0
    parked_at: datetime

    @property
    def subject(self) -> str:
        """This letter."""
        return self.letter_id

    @property
    def partition_key(self) -> str:
        """As the original record's key."""
        return self.key or self.letter_id


class SettledState(Payload):
    """What came of a record that had been set aside. The same letter may be written again later."""

    stream = DEAD_LETTERS

    programme: str = ""
    letter_id: str
    consumer: str
    topic: str
    key: str | None = None

    @property
    def subject(self) -> str:
        """The letter."""
        return self.letter_id

    @property
    def partition_key(self) -> str:
        """As the letter's."""
        return self.key or self.letter_id


class RecordReleased(SettledState, name="record.released"):
    """It was handled after all: at another try, or since what it waited for has come."""


class RecordDiscarded(SettledState, name="record.discarded"):
    """An operator gave it up. Where events were missing before it, those were given up instead."""

    by: str = Field(description="The operator, by the name that the access log knows.")
    reason: DiscardReason
    reference: str | None = Field(
        default=None, description="Where the reason is written down, for example a ticket's number."
    )
    first_sequence: Annotated[int, Field(ge=1)] | None = Field(
        default=None, description="Of the sequences that were given up; None if it had none."
    )
    last_sequence: Annotated[int, Field(ge=1)] | None = None
