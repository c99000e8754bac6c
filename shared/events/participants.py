"""The stream `participants`: who takes part and what matching may know about them.

There is no field for ethnicity, nationality, country of birth, religion, health, orientation,
politics, residence status, age, photo or name, and unknown fields are refused: what is not here
cannot weigh in. Goals, requests and stories in people's own words stay with intake.
"""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from shared.events.payload import Payload
from shared.events.streams import PARTICIPANTS


class Role(StrEnum):
    """Which side of a mentorship somebody takes part on."""

    MENTEE = "mentee"
    MENTOR = "mentor"

    @property
    def other(self) -> "Role":
        """The opposite side."""
        return Role.MENTOR if self is Role.MENTEE else Role.MENTEE


class ParticipantStatus(StrEnum):
    """Where somebody stands. Only the active are matched."""

    UNCONFIRMED = "unconfirmed"
    AWAITING_SCREENING = "awaiting_screening"
    ACTIVE = "active"
    PAUSED = "paused"
    WITHDRAWN = "withdrawn"
    ERASED = "erased"


class KindOfHelp(StrEnum):
    """What a mentee asks for and a mentor offers."""

    JOB_SEARCH = "job_search"
    PROFESSIONAL_NETWORK = "professional_network"
    DANISH_LANGUAGE = "danish_language"
    WORKPLACE_CULTURE = "workplace_culture"
    EVERYDAY_SOCIETY = "everyday_society"
    EDUCATION_PATH = "education_path"
    START_A_BUSINESS = "start_a_business"
    CONFIDENCE = "confidence"


class TimeOfWeek(StrEnum):
    """When somebody can meet, in her own time zone."""

    WEEKDAY_MORNING = "weekday-morning"
    WEEKDAY_AFTERNOON = "weekday-afternoon"
    MON_EVENING = "mon-evening"
    TUE_EVENING = "tue-evening"
    WED_EVENING = "wed-evening"
    THU_EVENING = "thu-evening"
    FRI_AFTERNOON = "fri-afternoon"
    SAT_MORNING = "sat-morning"
    SAT_AFTERNOON = "sat-afternoon"
    SUN_AFTERNOON = "sun-afternoon"


class ParticipantState(Payload):
    """The whole public state of a participant."""

    stream = PARTICIPANTS

    participant_id: str
    role: Role
    status: ParticipantStatus
    registered_at: datetime
    available_since: datetime | None = Field(
        default=None, description="Since when she can be matched; waiting counts from here."
    )
    languages: tuple[str, ...] = Field(
        default=(), description="ISO 639 codes she wants to use, the most comfortable first."
    )
    meets_online: bool = False
    availability: tuple[TimeOfWeek, ...] = ()
    kinds_of_help: tuple[KindOfHelp, ...] = Field(
        default=(), description="Asked for (mentee) or offered (mentor)."
    )
    profession: str | None = Field(default=None, description="ISCO-08 unit group, four digits.")
    wished_profession: str | None = Field(
        default=None, description="ISCO-08 unit group she wants to work in, if another."
    )
    education_level: Annotated[int, Field(ge=0, le=8)] | None = Field(
        default=None, description="ISCED 2011 level."
    )
    education_field: str | None = Field(
        default=None, description="ISCED-F 2013 broad field, two digits."
    )
    interests: tuple[str, ...] = ()
    topics: tuple[str, ...] = Field(default=(), description="Life topics that she chose to share.")
    seats: Annotated[int, Field(ge=0, le=5)] = Field(
        default=0, description="How many mentees at once; 0 for a mentee."
    )
    apart_from: tuple[str, ...] = Field(
        default=(),
        description="Participants never to be matched with, whichever side asked for it.",
    )
    charter_version: str | None = None
    time_zone: str = Field(default="Europe/Copenhagen", description="IANA name.")

    @property
    def subject(self) -> str:
        """The participant."""
        return self.participant_id


class ParticipantRegistered(ParticipantState, name="participant.registered"):
    """Somebody registered, on the web (then unconfirmed) or in a coordinator's import."""


class ParticipantConfirmed(ParticipantState, name="participant.confirmed"):
    """She confirmed her e-mail address."""


class ParticipantScreened(ParticipantState, name="participant.screened"):
    """A coordinator talked with a mentor and let her into the pool."""


class ParticipantUpdated(ParticipantState, name="participant.updated"):
    """Something in the profile changed."""


class PauseReason(StrEnum):
    """Why somebody is paused."""

    OWN_WISH = "own_wish"
    NO_ANSWER = "no_answer"


class ParticipantPaused(ParticipantState, name="participant.paused"):
    """She takes a break and is not matched; what runs goes on."""

    reason: PauseReason


class ParticipantResumed(ParticipantState, name="participant.resumed"):
    """She is back from a break."""


class ParticipantWithdrawn(ParticipantState, name="participant.withdrawn"):
    """She left the programme."""


class ParticipantErased(Payload, name="participant.erased"):
    """Everything about her is to be forgotten. Only her id is left, and this is the last word."""

    stream = PARTICIPANTS

    participant_id: str

    @property
    def subject(self) -> str:
        """The participant."""
        return self.participant_id
