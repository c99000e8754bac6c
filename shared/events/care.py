"""The stream `care`: where a coordinator is needed. Never granted outside, never any text."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from shared.events.check_ins import CheckInState
from shared.events.participants import Role
from shared.events.payload import Payload
from shared.events.streams import CARE


class CareState(Payload):
    """What all events about one mentorship's care have in common."""

    stream = CARE

    match_id: str
    mentee_id: str
    mentor_id: str

    @property
    def subject(self) -> str:
        """The match."""
        return self.match_id


class HelpState(CareState):
    """One request for help; `help_id` is unique within the match."""

    help_id: str
    asked_by: Role
    asked_at: datetime


class HelpRequested(HelpState, name="help.requested"):
    """Somebody said privately 'I need help'. `to_deputy` after two working days without an answer."""

    to_deputy: bool = False


class HelpHandled(HelpState, name="help.handled"):
    """A coordinator took care of it."""

    coordinator_id: str


class CheckInEscalated(CheckInState, name="check_in.escalated"):
    """A check-in stayed overdue; the coordinator is asked to look."""

    stream = CARE

    missing: tuple[Role, ...]


class ViewsDiverged(CareState, name="views.diverged"):
    """The two sides' answers to a check-in drift apart."""

    number: Annotated[int, Field(ge=1)]
