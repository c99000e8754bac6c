"""Somebody taken back from intake's own events, after the database came back from an older backup. Pure.

Profile and contact come back, and from whom she is kept apart. Her own words and whom she named by
address are in no event: of somebody who registered after the backup they are lost.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from services.intake.domain.participant import (
    Affirmation,
    Contact,
    Hashes,
    Origin,
    OwnWords,
    Participant,
    Person,
    Profile,
    Status,
)
from services.intake.domain.programme import Coordinator
from shared.events.contacts import ContactErased, ContactState
from shared.events.participants import (
    ParticipantErased,
    ParticipantPaused,
    ParticipantState,
    Role,
)

_NOTHING_WRITTEN = OwnWords(goals="", request="", story="")


@dataclass(frozen=True, slots=True)
class Told:
    """The last that intake has told of one participant. at: when."""

    state: ParticipantState | ParticipantErased | None
    contact: ContactState | None
    at: datetime


def recalled(kept: Participant | None, told: Told, hashes: Hashes | None) -> Participant | None:
    """The participant as it was told. None if too little was told to make one.

    hashes: of the address that was told, if one was; whom she named is kept.
    """
    if isinstance(told.state, ParticipantErased):
        programme = told.state.programme
        return Participant(told.state.participant_id, programme, Status.ERASED, None)
    if kept is None or kept.person is None:
        if told.state is None or told.contact is None or hashes is None:
            return kept
        person = _person(told.state, told.contact, hashes)
        return _with_state(
            Participant(
                told.state.participant_id, told.state.programme, Status.REGISTERING, person
            ),
            person,
            told.state,
            told.at,
        )
    person = kept.person
    if told.contact is not None and hashes is not None:
        person = replace(
            person,
            contact=_contact(told.contact),
            hashes=replace(hashes, not_with=person.hashes.not_with),
        )
    if told.state is None:
        return replace(kept, person=person)
    return _with_state(kept, person, told.state, told.at)


def recalled_coordinator(told: ContactState | ContactErased) -> Coordinator:
    """A coordinator as she was told of."""
    if isinstance(told, ContactErased):
        return Coordinator(told.participant_id, told.programme, "", "", "", "", is_one=False)
    return Coordinator(
        told.participant_id, told.programme, told.name, told.email, told.locale, told.time_zone
    )


def _person(state: ParticipantState, contact: ContactState, hashes: Hashes) -> Person:
    return Person(
        role=state.role,
        origin=Origin.WEB,
        hashes=hashes,
        contact=_contact(contact),
        profile=_profile(state),
        words=_NOTHING_WRITTEN,
        charters=(),
        apart_from=state.apart_from,
        registered_at=state.registered_at,
        unresolved_since=None,
    )


def _with_state(
    participant: Participant, person: Person, told: ParticipantState, at: datetime
) -> Participant:
    status = Status(told.status.value)
    affirmed = told.charter_version
    if affirmed is not None and affirmed not in {one.version for one in person.charters}:
        person = replace(person, charters=(*person.charters, Affirmation(affirmed, at)))
    is_confirmed = status is not Status.UNCONFIRMED
    is_screened = is_confirmed and told.role is Role.MENTOR
    is_screened = is_screened and status is not Status.AWAITING_SCREENING
    person = replace(
        person,
        profile=_profile(told),
        apart_from=told.apart_from,
        available_since=told.available_since,
        paused_for=told.reason if isinstance(told, ParticipantPaused) else None,
        confirmed_at=person.confirmed_at or (at if is_confirmed else None),
        screened_at=person.screened_at or (at if is_screened else None),
        edition=person.edition + (person.profile != _profile(told)),
    )
    return replace(participant, status=status, person=person)


def _contact(told: ContactState) -> Contact:
    return Contact(told.name, told.email, told.phone, told.locale, told.time_zone)


def _profile(told: ParticipantState) -> Profile:
    return Profile(
        city=told.city or "",
        languages=told.languages,
        profession=told.profession,
        wished_profession=told.wished_profession,
        education_level=told.education_level,
        education_field=told.education_field,
        kinds_of_help=told.kinds_of_help,
        interests=told.interests,
        topics=told.topics,
        availability=told.availability,
        meets_online=told.meets_online,
        seats=told.seats,
    )
