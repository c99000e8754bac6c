"""What matching may see of a participant. What is not a field here cannot weigh in."""

from dataclasses import dataclass
from datetime import datetime

from shared.events.participants import KindOfHelp, ParticipantState, Role, TimeOfWeek


@dataclass(frozen=True, slots=True)
class Person:
    """A participant who is active now; codes as in `shared.events.participants`.

    `seats` is a mentor's capacity, whether taken or free, and 0 for a mentee. Waiting counts from
    `available_since` (UTC).
    """

    participant_id: str
    role: Role
    city: str | None
    languages: tuple[str, ...]
    meets_online: bool
    availability: tuple[TimeOfWeek, ...]
    kinds_of_help: tuple[KindOfHelp, ...]
    profession: str | None
    wished_profession: str | None
    education_level: int | None
    education_field: str | None
    interests: tuple[str, ...]
    topics: tuple[str, ...]
    seats: int
    apart_from: tuple[str, ...]
    available_since: datetime

    @classmethod
    def of(cls, state: ParticipantState) -> "Person":
        """The person in an event of `participants`; the caller checks that she is active."""
        return cls(
            participant_id=state.participant_id,
            role=state.role,
            city=state.city,
            languages=state.languages,
            meets_online=state.meets_online,
            availability=state.availability,
            kinds_of_help=state.kinds_of_help,
            profession=state.profession,
            wished_profession=state.wished_profession,
            education_level=state.education_level,
            education_field=state.education_field,
            interests=state.interests,
            topics=state.topics,
            seats=state.seats,
            apart_from=state.apart_from,
            available_since=state.available_since or state.registered_at,
        )
