"""What integrators get: a contract of its own, smaller than the services'. Only what stands here gets out.

Every `mentee`, `mentor` and `match` is a pseudonym that this integrator alone gets. There is no reason,
factor, answer, score or word of anybody's in here, and nothing that tells who said no.
"""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, ClassVar, Final

from pydantic import Field

from shared.events.payload import WIRE_PREFIX, Named

INTEGRATION_PREFIX: Final = f"{WIRE_PREFIX}integration."


class GrantedStream(StrEnum):
    """What may be granted; every other stream stays inside."""

    MATCHES = "matches"
    CHECK_INS = "check-ins"


class Seen(Named):
    """What every event for integrators says."""

    stream: ClassVar[GrantedStream]

    programme: str
    city: str | None = Field(
        default=None,
        description="The mentee's municipality, by its code; absent where it is small.",
    )
    region: str | None = Field(
        default=None, description="The region that the municipality lies in."
    )
    match: str = Field(description="The match, by your own pseudonym.")
    mentee: str = Field(description="The mentee, by your own pseudonym.")
    mentor: str = Field(description="The mentor, by your own pseudonym.")

    @classmethod
    def __pydantic_init_subclass__(cls, *, name: str = "", **kwargs: object) -> None:
        """Names a concrete event on the wire: `name="match.accepted"`."""
        super().__pydantic_init_subclass__(**kwargs)
        if name:
            cls.wire_name = f"{INTEGRATION_PREFIX}{name}.v1"

    def __init_subclass__(cls, *, name: str = "", **kwargs: object) -> None:
        """Accepts `name=`; pydantic's own hook above does the naming."""
        super().__init_subclass__(**kwargs)  # type: ignore[arg-type]


class MatchSeen(Seen):
    """A match, as far as an integrator sees it."""

    stream = GrantedStream.MATCHES

    proposed_at: datetime | None = None


class MatchProposed(MatchSeen, name="match.proposed"):
    """The mentee has been asked whether she wants to meet this mentor."""


class MatchAccepted(MatchSeen, name="match.accepted"):
    """Both said yes: the mentorship runs."""

    accepted_at: datetime | None = None


class MatchClosedWithoutMatch(MatchSeen, name="match.closed_without_match"):
    """The proposal is closed and both are free. Who did what, and why, stays between them."""


class MatchEnded(MatchSeen, name="match.ended"):
    """The mentorship is over; both are free again."""

    accepted_at: datetime | None = None


class CheckInSeen(Seen):
    """A check-in of a mentorship, without what anybody answered."""

    stream = GrantedStream.CHECK_INS

    number: Annotated[int, Field(ge=1)] = Field(description="1 for the first of this mentorship.")
    day: Annotated[int, Field(ge=0)] = Field(description="Days after acceptance.")
    due_at: datetime


class CheckInDue(CheckInSeen, name="check_in.due"):
    """Both sides are asked how it goes."""


class CheckInCompleted(CheckInSeen, name="check_in.completed"):
    """Both sides have answered."""

    late: bool = Field(default=False, description="It had been overdue.")


class CheckInOverdue(CheckInSeen, name="check_in.overdue"):
    """The time to answer is over, and an answer is missing. Whose is not told."""


INTEGRATION_EVENTS: Final[tuple[type[Seen], ...]] = (
    MatchProposed,
    MatchAccepted,
    MatchClosedWithoutMatch,
    MatchEnded,
    CheckInDue,
    CheckInCompleted,
    CheckInOverdue,
)
BY_WIRE_NAME: Final = {event.wire_name: event for event in INTEGRATION_EVENTS}


def integration_name(name: str) -> str:
    """The full type for a short one: `match.accepted` → `commonground.integration.match.accepted.v1`."""
    return name if name.startswith(INTEGRATION_PREFIX) else f"{INTEGRATION_PREFIX}{name}.v1"
