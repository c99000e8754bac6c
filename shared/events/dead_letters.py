"""The stream `dead-letters`: records that a consumer could not handle, as they came, with why."""

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


class RecordParked(Payload, name="record.parked"):
    """One record that a consumer set aside.

    `value` is the record's value in Base64, and None for `participants` and `contacts`, whose
    personal data must not be kept here: coordinates, key and reason suffice to fetch it again.
    """

    stream = DEAD_LETTERS

    programme: str = ""
    letter_id: str
    consumer: str = Field(description="The consumer group that could not handle it.")
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
