"""A participant as intake keeps her, and what the other services may know of her.

`Person` is everything that erasing forgets; what is left is the id, the programme and the status.
Invariants: `apart_from` is symmetric once `unresolved_since` is None, so no event tells who asked;
nothing about somebody with the status `registering` has left this service.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from services.intake.domain.profile import Registration, Shown
from shared.events.contacts import ContactRole
from shared.events.participants import (
    KindOfHelp,
    ParticipantStatus,
    PauseReason,
    Role,
    TimeOfWeek,
)


class Status(StrEnum):
    """Where somebody stands. All but the first are public."""

    REGISTERING = "registering"
    UNCONFIRMED = "unconfirmed"
    AWAITING_SCREENING = "awaiting_screening"
    ACTIVE = "active"
    PAUSED = "paused"
    WITHDRAWN = "withdrawn"
    ERASED = "erased"

    @property
    def is_in_the_programme(self) -> bool:
        """Whether she takes part, or is about to."""
        return self not in (Status.WITHDRAWN, Status.ERASED)


class Origin(StrEnum):
    """How somebody came: by the web form, or in a coordinator's spreadsheet (then vouched for)."""

    WEB = "web"
    IMPORT = "import"


@dataclass(frozen=True, slots=True)
class Contact:
    """How to reach her. Leaves this service only on the stream `contacts`."""

    name: str
    email: str
    phone: str | None
    locale: str
    time_zone: str
    reminders: bool = True


@dataclass(frozen=True, slots=True)
class Profile:
    """What matching may see. The units and codes are those of `shared.events.participants`."""

    city: str
    languages: tuple[str, ...]
    profession: str | None
    wished_profession: str | None
    education_level: int | None
    education_field: str | None
    kinds_of_help: tuple[KindOfHelp, ...]
    interests: tuple[str, ...]
    topics: tuple[str, ...]
    availability: tuple[TimeOfWeek, ...]
    meets_online: bool
    seats: int


@dataclass(frozen=True, slots=True)
class OwnWords:
    """What she wrote, byte for byte. Leaves this service only to herself and on her own wish.

    shows: what of it the other one sees in a proposal.
    """

    goals: str
    request: str
    story: str
    shows: tuple[Shown, ...] = ()

    def shown(self) -> dict[Shown, str]:
        """What a proposal shows of them: what she chose and has written."""
        return {each: text for each in self.shows if (text := getattr(self, each.value)).strip()}


@dataclass(frozen=True, slots=True)
class Affirmation:
    """That she affirmed one version of the charter, and when."""

    version: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Note:
    """What a coordinator noted about her. `by`: the coordinator's id."""

    note_id: str
    by: str
    at: datetime
    text: str


@dataclass(frozen=True, slots=True)
class Hashes:
    """Keyed hashes of addresses, made by the caller, who has the key.

    identity: of programme, role and e-mail; unique among participants.
    email: of programme and e-mail; what others' `not_with` are compared with.
    not_with: of programme and each e-mail that she named, sorted.
    """

    identity: str
    email: str
    not_with: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Person:
    """Everything about her that erasing forgets. Instants are UTC.

    edition: how often her profile has been changed; the ETag of her page.
    unresolved_since: since when `not_with` waits to be resolved; None when it is.
    released_by: who let go of her while she was unresolved, so that no old view is settled on.
    notes: of coordinators about her; no other service hears of them.
    available_since: since when she can be matched; None while she cannot.
    """

    role: Role
    origin: Origin
    hashes: Hashes
    contact: Contact
    profile: Profile
    words: OwnWords
    charters: tuple[Affirmation, ...]
    apart_from: tuple[str, ...]
    registered_at: datetime
    unresolved_since: datetime | None
    released_by: tuple[str, ...] = ()
    confirmed_at: datetime | None = None
    screened_at: datetime | None = None
    screened_by: str | None = None
    available_since: datetime | None = None
    paused_for: PauseReason | None = None
    link_requested_at: datetime | None = None
    left_at: datetime | None = None
    edition: int = 1
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True, slots=True)
class Participant:
    """One participant. `person` is None exactly when the status is `erased`."""

    participant_id: str
    programme: str
    status: Status
    person: Person | None

    @property
    def city(self) -> str | None:
        """Her city's code; None once she is erased."""
        return self.person.profile.city if self.person else None

    @property
    def wake_at(self) -> datetime | None:
        """A registration or a change of `not_with` that was cut off is finished by the timer."""
        return self.person.unresolved_since if self.person else None


def profile_of(registration: Registration) -> Profile:
    """The part of a registration that matching may see."""
    return Profile(
        city=registration.city,
        languages=registration.languages,
        profession=registration.profession,
        wished_profession=registration.wished_profession,
        education_level=registration.education_level,
        education_field=registration.education_field,
        kinds_of_help=registration.kinds_of_help,
        interests=registration.interests,
        topics=registration.topics,
        availability=registration.availability,
        meets_online=registration.meets_online,
        seats=registration.seats,
    )


def words_of(registration: Registration) -> OwnWords:
    """Her own words, unchanged."""
    return OwnWords(
        goals=registration.goals,
        request=registration.request,
        story=registration.story,
        shows=registration.shows,
    )


def contact_of(registration: Registration, time_zone: str) -> Contact:
    """How to reach her."""
    return Contact(
        name=registration.name,
        email=registration.email,
        phone=registration.phone,
        locale=registration.locale,
        time_zone=time_zone,
    )


def moved(
    participant: Participant, person: Person, status: Status, now: datetime
) -> tuple[Participant, Person]:
    """Both with this status, and `available_since` as the status asks for."""
    since = (person.available_since or now) if status is Status.ACTIVE else None
    person = replace(person, available_since=since)
    return replace(participant, status=status, person=person), person


def public_state(participant: Participant, person: Person) -> dict[str, Any]:
    """The fields of `ParticipantState`: all that the other services learn of her."""
    profile = person.profile
    return {
        "programme": participant.programme,
        "city": profile.city,
        "participant_id": participant.participant_id,
        "role": person.role,
        "status": ParticipantStatus(participant.status.value),
        "registered_at": person.registered_at,
        "available_since": person.available_since,
        "languages": profile.languages,
        "meets_online": profile.meets_online,
        "availability": profile.availability,
        "kinds_of_help": profile.kinds_of_help,
        "profession": profile.profession,
        "wished_profession": profile.wished_profession,
        "education_level": profile.education_level,
        "education_field": profile.education_field,
        "interests": profile.interests,
        "topics": profile.topics,
        "seats": profile.seats,
        "apart_from": person.apart_from,
        "charter_version": person.charters[-1].version if person.charters else None,
        "time_zone": person.contact.time_zone,
    }


def contact_state(participant: Participant, person: Person) -> dict[str, Any]:
    """The fields of `ContactState`: what notifications learns of her."""
    contact = person.contact
    return {
        "programme": participant.programme,
        "city": person.profile.city,
        "participant_id": participant.participant_id,
        "role": ContactRole(person.role.value),
        "name": contact.name,
        "email": contact.email,
        "phone": contact.phone,
        "locale": contact.locale,
        "time_zone": contact.time_zone,
        "reminders": contact.reminders,
    }
