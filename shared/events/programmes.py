"""The stream `programmes`: who runs a mentor network, and by which policy."""

from enum import StrEnum
from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from shared.events.payload import Part, Payload
from shared.events.streams import PROGRAMMES

Days = Annotated[int, Field(ge=0, le=3660)]
Weight = Annotated[int, Field(ge=0, le=1000)]


MOST_POINTS: Final = 1000
"""What a score can come to at most."""


class ScoreWeights(Part):
    """The most points that each factor of the soft score can give. Together at most `MOST_POINTS`."""

    kinds_of_help: Weight = 300
    profession: Weight = 220
    education: Weight = 100
    wished_profession: Weight = 110
    common_ground: Weight = 160
    language_comfort: Weight = 60
    same_city: Weight = 50

    @model_validator(mode="after")
    def _at_most_all_points(self) -> Self:
        """Refused here, where somebody reads the answer, and not by a round in the night."""
        total = sum(getattr(self, factor) for factor in type(self).model_fields)
        if total > MOST_POINTS:
            raise ValueError(
                f"The weights add up to {total}; lower some, so that it is at most {MOST_POINTS}."
            )
        return self


class BetweenRounds(StrEnum):
    """Whether a city proposes between the rounds.

    `by_scarcity`: where the last round left seats enough for those who come, at once; elsewhere in
    the next round. `at_once` and `rounds_only` say so whatever the last round left.
    """

    BY_SCARCITY = "by_scarcity"
    AT_ONCE = "at_once"
    ROUNDS_ONLY = "rounds_only"


class BetweenRoundsIn(Part):
    """A city that does otherwise between the rounds than its programme."""

    city: str
    mode: BetweenRounds


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
    between_rounds: BetweenRounds = BetweenRounds.BY_SCARCITY
    between_rounds_in: tuple[BetweenRoundsIn, ...] = Field(
        default=(), description="Cities that do otherwise; the last word about a city holds."
    )
    displace: Literal["unasked", "unanswered"] = Field(
        default="unasked",
        description="Which proposals a mentee loses to another between the rounds: those that she has "
        "not been asked about yet, or all that she has not answered.",
    )
    rescue: Literal["off", "minimal"] = "minimal"
    keep_left_days: Days = Field(
        default=365,
        description="After so long who has left is forgotten, as if she had asked for it.",
    )
    keep_unconfirmed_days: Days = Field(
        default=60, description="After so long who never confirmed her address is forgotten."
    )
    keep_words_days: Days = Field(
        default=180, description="So long words of check-ins and for help are kept after the end."
    )
    keep_messages_days: Days = Field(
        default=365, description="So long it is kept that a message was sent."
    )
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
