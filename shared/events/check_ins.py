"""The stream `check-ins`: the questions to both sides of a mentorship, and its closing."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from shared.events.participants import Role
from shared.events.payload import Payload
from shared.events.streams import CHECK_INS


class CheckInStatus(StrEnum):
    """Where a check-in stands."""

    SCHEDULED = "scheduled"
    DUE = "due"
    OVERDUE = "overdue"
    ESCALATED = "escalated"
    COMPLETED = "completed"
    SKIPPED = "skipped"


class CheckInState(Payload):
    """The state of one check-in of a mentorship. The city is the mentee's."""

    stream = CHECK_INS

    match_id: str
    mentee_id: str
    mentor_id: str
    number: Annotated[int, Field(ge=1)] = Field(description="1 for the first of this mentorship.")
    status: CheckInStatus
    day: Annotated[int, Field(ge=0)] = Field(description="Days after acceptance.")
    due_at: datetime
    asked_at: datetime | None = Field(
        default=None, description="When its message was sent; the grace runs from here."
    )
    answered_by: tuple[Role, ...] = ()

    @property
    def subject(self) -> str:
        """The match."""
        return self.match_id


class CheckInDue(CheckInState, name="check_in.due"):
    """Both sides are asked how it goes and what comes next."""


class CheckInReminderDue(CheckInState, name="check_in.reminder_due"):
    """Those who have not answered are reminded."""

    remind: tuple[Role, ...]


class CheckInCompleted(CheckInState, name="check_in.completed"):
    """Both sides answered. `late` if it had been overdue."""

    late: bool = False


class CheckInOverdue(CheckInState, name="check_in.overdue"):
    """The grace is over and somebody has not answered."""

    missing: tuple[Role, ...]


class AgreementChanged(Payload, name="agreement.changed"):
    """What the two have agreed on: how often, until when, when next. Their words stay with followup."""

    stream = CHECK_INS

    match_id: str
    mentee_id: str
    mentor_id: str
    affirmed_by: tuple[Role, ...] = Field(
        default=(), description="Sides that stand by it as it is now; whoever writes it does."
    )
    every_weeks: Annotated[int, Field(ge=1, le=12)]
    until: datetime
    meeting_at: datetime | None = Field(default=None, description="Their next meeting, if agreed.")

    @property
    def subject(self) -> str:
        """The match."""
        return self.match_id


class ClosingReason(StrEnum):
    """Why a mentorship ended."""

    PLANNED = "planned"
    GOALS_REACHED = "goals_reached"
    MENTEE_WISHED = "mentee_wished"
    MENTOR_WISHED = "mentor_wished"
    SOMEONE_LEFT = "someone_left"
    COORDINATOR = "coordinator"


class MentorshipClosed(Payload, name="mentorship.closed"):
    """The mentorship is over, as planned or early."""

    stream = CHECK_INS

    match_id: str
    mentee_id: str
    mentor_id: str
    reason: ClosingReason
    early: bool
    started_at: datetime
    closed_at: datetime
    check_ins_completed: Annotated[int, Field(ge=0)] = 0
    match_again: tuple[Role, ...] = Field(
        default=(),
        description="Sides that are to be matched again; the others wait until they say so.",
    )

    @property
    def subject(self) -> str:
        """The match."""
        return self.match_id


Points = Annotated[int, Field(ge=1, le=5)]


class MentorshipRated(Payload, name="mentorship.rated"):
    """One side's closing survey, in numbers from 1 to 5. The mentee's rating is the outcome measure."""

    stream = CHECK_INS

    match_id: str
    mentee_id: str
    mentor_id: str
    rated_by: Role
    good_match: Points = Field(description="How well the two suited each other.")
    closer_to_goals: Points = Field(description="How much closer the mentee came to her goals.")
    would_do_again: bool

    @property
    def subject(self) -> str:
        """The match."""
        return self.match_id
