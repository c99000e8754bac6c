"""The stream `matches`: a match from proposal to end.

`held` → `approved` → `proposed` → `mentee_accepted` → `accepted` → `ended`; before acceptance a
match may also be `declined`, `expired` or `withdrawn`, which frees both sides. Without review by a
coordinator the first event is `proposed`.
"""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from shared.events.participants import Role
from shared.events.payload import Part, Payload
from shared.events.streams import MATCHES


class MatchStatus(StrEnum):
    """Where a match stands."""

    HELD = "held"
    APPROVED = "approved"
    PROPOSED = "proposed"
    MENTEE_ACCEPTED = "mentee_accepted"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"
    ENDED = "ended"


class Factor(StrEnum):
    """What the soft score is made of."""

    KINDS_OF_HELP = "kinds_of_help"
    PROFESSION = "profession"
    EDUCATION = "education"
    WISHED_PROFESSION = "wished_profession"
    COMMON_GROUND = "common_ground"
    LANGUAGE_COMFORT = "language_comfort"
    SAME_CITY = "same_city"


class Reason(Part):
    """Points for one factor, with what the two share in it (codes, as in the profiles)."""

    factor: Factor
    points: Annotated[int, Field(ge=0, le=1000)]
    shared: tuple[str, ...] = ()


class MatchState(Payload):
    """The whole public state of a match. The city is the mentee's."""

    stream = MATCHES

    match_id: str
    mentee_id: str
    mentor_id: str
    status: MatchStatus
    round_id: str | None = None
    score: Annotated[int, Field(ge=0, le=1000)] = Field(
        description="The sum of the reasons' points."
    )
    reasons: tuple[Reason, ...] = ()
    languages: tuple[str, ...] = Field(default=(), description="That both want to use.")
    times: tuple[str, ...] = Field(default=(), description="That suit both.")
    online: bool = Field(default=False, description="They meet online, not in one municipality.")
    proposed_at: datetime | None = None
    asked_at: datetime | None = Field(
        default=None, description="When the message to whoever is to answer now was sent."
    )
    answer_by: datetime | None = Field(
        default=None, description="Runs from `asked_at`; None until then."
    )
    accepted_at: datetime | None = None

    @property
    def subject(self) -> str:
        """The match."""
        return self.match_id


class MatchHeld(MatchState, name="match.held"):
    """The policy asks a coordinator to look at it first. Nobody has been told."""


class MatchApproved(MatchState, name="match.approved"):
    """A coordinator approved it; `match.proposed` follows at once."""

    coordinator_id: str


class MatchProposed(MatchState, name="match.proposed"):
    """The mentee is asked. The mentor knows nothing yet."""

    chosen_by: str | None = Field(
        default=None, description="The coordinator who chose this mentor, if it was no round."
    )


class MatchMenteeAccepted(MatchState, name="match.mentee_accepted"):
    """The mentee said yes; now the mentor is asked."""


class MatchAccepted(MatchState, name="match.accepted"):
    """Both said yes; the mentorship runs."""


class DeclineReason(StrEnum):
    """Why somebody said no. Everybody may say no, for any reason or none."""

    NO_TIME_NOW = "no_time_now"
    OTHER_FIELD = "other_field"
    TOO_FAR = "too_far"
    FOUND_ANOTHER_WAY = "found_another_way"
    KNOW_EACH_OTHER = "know_each_other"
    NOT_SAID = "not_said"


class MatchDeclined(MatchState, name="match.declined"):
    """One side said no. This pair is not proposed again."""

    declined_by: Role
    reason: DeclineReason = DeclineReason.NOT_SAID


class MatchExpired(MatchState, name="match.expired"):
    """No answer came in time."""

    unanswered_by: Role
    unanswered_in_a_row: Annotated[int, Field(ge=1)] = Field(
        description="Of this person's proposals, up to this one; an answer starts the count again."
    )


class WithdrawReason(StrEnum):
    """Why an open match was taken back.

    `better_found`: the mentee had not answered, and gets a proposal at once that suits her better.
    `needed_more`: she had not answered, and the seat went to a mentee who has waited longer, shares
    more or has fewer mentors to choose from.
    """

    SOMEONE_LEFT = "someone_left"
    SOMEONE_PAUSED = "someone_paused"
    NO_LONGER_FITS = "no_longer_fits"
    NOT_REACHED = "not_reached"
    COORDINATOR = "coordinator"
    BETTER_FOUND = "better_found"
    NEEDED_MORE = "needed_more"


class TakeBackReason(StrEnum):
    """Why a coordinator took a proposal back, or chose another mentor instead."""

    KNOW_EACH_OTHER = "know_each_other"
    SOMEONE_SUITS_HER_BETTER = "someone_suits_her_better"
    ASKED_FOR_IT = "asked_for_it"
    PRACTICAL = "practical"
    OTHER = "other"


class MatchWithdrawn(MatchState, name="match.withdrawn"):
    """Taken back before both had said yes. `asked` had heard of it and should be told."""

    reason: WithdrawReason
    asked: tuple[Role, ...] = ()
    coordinator_id: str | None = Field(
        default=None, description="Who took it back, if a coordinator did."
    )
    coordinators_reason: TakeBackReason | None = None


class MatchReminderDue(MatchState, name="match.reminder_due"):
    """Whoever is to answer has not, and is reminded once."""

    remind: Role


class MatchQuestionAsked(MatchState, name="match.question_asked"):
    """Whoever is asked would like to know more first. Her words stay with matching."""

    asked_by: Role
    question_id: str = Field(description="Unique within the match.")


class MatchQuestionAnswered(MatchState, name="match.question_answered"):
    """A coordinator has answered her: by telephone or as they like, never in an event."""

    asked_by: Role
    question_id: str = Field(description="The one that was asked.")
    coordinator_id: str


class MatchEnded(MatchState, name="match.ended"):
    """The mentorship is over; both are free again."""


MATCH_EVENTS = (
    MatchHeld,
    MatchApproved,
    MatchProposed,
    MatchMenteeAccepted,
    MatchAccepted,
    MatchDeclined,
    MatchExpired,
    MatchWithdrawn,
    MatchReminderDue,
    MatchQuestionAsked,
    MatchQuestionAnswered,
    MatchEnded,
)
