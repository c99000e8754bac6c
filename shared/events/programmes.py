"""The stream `programmes`: who runs a mentor network, and by which policy."""

from typing import Annotated, Literal

from pydantic import Field

from shared.events.payload import Part, Payload
from shared.events.streams import PROGRAMMES

Days = Annotated[int, Field(ge=0, le=3660)]
Weight = Annotated[int, Field(ge=0, le=1000)]


class ScoreWeights(Part):
    """The most points that each factor of the soft score can give. They add up to 1000."""

    kinds_of_help: Weight = 300
    profession: Weight = 220
    education: Weight = 100
    wished_profession: Weight = 110
    common_ground: Weight = 160
    language_comfort: Weight = 60
    same_city: Weight = 50


class Policy(Part):
    """The rules of a programme. Every default is the one of the domain notes; see docs/domain.md."""

    mentee_answer_days: Days = 7
    mentor_answer_days: Days = 7
    answer_reminder_after_days: Days = 4
    pause_after_unanswered: Annotated[int, Field(ge=1, le=10)] = 2
    check_in_days: tuple[Days, ...] = (14, 30)
    check_in_every_days: Days = 30
    check_in_every_days_after_a_year: Days = 90
    check_in_grace_days: Days = 7
    check_in_reminder_after_days: tuple[Days, ...] = (2, 5)
    escalate_after_overdue_days: Days = 7
    help_deputy_after_working_days: Days = 2
    planned_months: Annotated[int, Field(ge=1, le=60)] = 12
    review_before_proposing: bool = False
    screening_of_mentors: bool = False
    quiet_from_hour: Annotated[int, Field(ge=0, le=23)] = 20
    quiet_until_hour: Annotated[int, Field(ge=0, le=23)] = 8
    waiting_note_after_days: Days = 14
    waiting_note_every_days: Days = 30
    round_every_days: Annotated[int, Field(ge=1, le=60)] = 7
    round_hour: Annotated[int, Field(ge=0, le=23)] = Field(
        default=5, description="Local hour at which the rounds of the programme run."
    )
    rescue: Literal["off", "minimal"] = "minimal"
    weights: ScoreWeights = ScoreWeights()


class City(Part):
    """A municipality of the programme."""

    code: str
    name: str
    region: str


class CoordinatorRef(Part):
    """A coordinator, by id, with the cities that she looks after. `deputy` stands in for her."""

    coordinator_id: str
    cities: tuple[str, ...]
    deputy: str | None = None


class Charter(Part):
    """One version of the charter that both sides affirm."""

    version: str
    in_force: bool = True


class ProgrammeChanged(Payload, name="programme.changed"):
    """The whole of a programme, as it is now."""

    stream = PROGRAMMES

    name: str
    policy: Policy = Policy()
    charters: tuple[Charter, ...]
    cities: tuple[City, ...]
    coordinators: tuple[CoordinatorRef, ...] = ()
    time_zone: str = "Europe/Copenhagen"
    host_languages: tuple[str, ...] = ("da",)
    locales: tuple[str, ...] = ("en", "da", "ar", "uk")

    @property
    def subject(self) -> str:
        """The programme's id."""
        return self.programme
