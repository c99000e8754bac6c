"""Registering, and who is kept apart from whom. Pure.

Registration is two writes, so that nobody is ever proposed to someone she named: `take_in` puts the
person down and tells nobody; then `separations` finds, from one query, whom she named and who named
her; `keep_apart` and `let_together` tell the others, and `settle` makes it public, last. Because each
is put down before she looks, of two who register at once at least one sees the other.

Whoever lets go of somebody looks once more before it counts as settled: without that, two who change
their minds about one another at the same moment could each undo what the other has just written.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from services.intake.domain.participant import (
    Affirmation,
    Hashes,
    Origin,
    Participant,
    Person,
    Status,
    contact_of,
    contact_state,
    moved,
    profile_of,
    public_state,
    words_of,
)
from services.intake.domain.profile import Registration
from services.intake.domain.refusals import AlreadyRegistered
from shared.decisions import Decision, Refusal
from shared.events.contacts import ContactChanged
from shared.events.participants import ParticipantRegistered, ParticipantUpdated, Role
from shared.events.payload import Payload
from shared.events.programmes import Policy


@dataclass(frozen=True, slots=True)
class Newcomer:
    """One person at the door: what she filled in, and what the caller made for her."""

    participant_id: str
    programme: str
    registration: Registration
    hashes: Hashes
    origin: Origin
    time_zone: str


@dataclass(frozen=True, slots=True)
class Separation:
    """For one person: from whom she is to be kept apart, and whom to let go of."""

    wanted: frozenset[str]
    dropped: frozenset[str]


def take_in(
    state: Participant | None, newcomer: Newcomer, now: datetime
) -> Decision[Participant] | Refusal | None:
    """Puts a newcomer down without telling anybody. An id that is taken is refused."""
    if state is not None:
        return AlreadyRegistered()
    registration = newcomer.registration
    person = Person(
        role=registration.role,
        origin=newcomer.origin,
        hashes=newcomer.hashes,
        contact=contact_of(registration, newcomer.time_zone),
        profile=profile_of(registration),
        words=words_of(registration),
        charters=(Affirmation(registration.charter_version, now),),
        apart_from=(),
        registered_at=now,
        unresolved_since=now,
        confirmed_at=now if newcomer.origin is Origin.IMPORT else None,
    )
    return Decision(
        Participant(newcomer.participant_id, newcomer.programme, Status.REGISTERING, person)
    )


def separations(
    unresolved: Mapping[str, Person], around: Mapping[str, Person]
) -> dict[str, Separation]:
    """Whom each of the unresolved is to be kept apart from.

    around: by id, everybody whom one of them named and everybody who named one of them. Somebody who
    is a mentee and a mentor is kept apart from herself. Time: linear in people and names.
    """
    everybody = {**around, **unresolved}
    ids_of_address: dict[str, list[str]] = defaultdict(list)
    ids_that_name: dict[str, list[str]] = defaultdict(list)
    for participant_id, person in everybody.items():
        ids_of_address[person.hashes.email].append(participant_id)
        for named in person.hashes.not_with:
            ids_that_name[named].append(participant_id)

    def wanted(person: Person) -> Iterable[str]:
        for address in (*person.hashes.not_with, person.hashes.email):
            yield from ids_of_address[address]
        yield from ids_that_name[person.hashes.email]

    return {
        participant_id: Separation(
            found := frozenset(wanted(person)) - {participant_id},
            frozenset(person.apart_from) - found,
        )
        for participant_id, person in unresolved.items()
    }


def keep_apart(state: Participant | None, other_id: str) -> Decision[Participant] | None:
    """The other one named her, or she the other one: from now on both are kept apart."""
    if state is None or state.person is None or other_id in state.person.apart_from:
        return None
    return _with_apart_from(state, state.person, {*state.person.apart_from, other_id})


def let_together(
    state: Participant | None, other_id: str, other_address: str
) -> Decision[Participant] | None:
    """The other one no longer minds, so they may meet, unless this one named the other herself."""
    if state is None or state.person is None or other_id not in state.person.apart_from:
        return None
    if other_address in (*state.person.hashes.not_with, state.person.hashes.email):
        return None
    return _with_apart_from(state, state.person, {*state.person.apart_from} - {other_id})


def settle(
    state: Participant | None, seen: Hashes, separation: Separation, policy: Policy, now: datetime
) -> Decision[Participant] | None:
    """Everybody else knows of the separation: now it is hers, and a newcomer becomes public.

    seen: the hashes from which the separation was found. If she has changed them meanwhile, or if
    somebody was let go of, nothing is final yet and it is all looked up once more.
    """
    if state is None or state.person is None or state.person.unresolved_since is None:
        return None
    if state.person.hashes != seen:
        return None
    apart_from = ({*state.person.apart_from} - separation.dropped) | separation.wanted
    if separation.dropped:
        return _with_apart_from(state, state.person, apart_from)
    person = replace(state.person, unresolved_since=None)
    if state.status is Status.REGISTERING:
        person = replace(person, apart_from=tuple(sorted(apart_from)))
        return _registered(*moved(state, person, entry(person, policy), now))
    if apart_from == {*person.apart_from}:
        return Decision(replace(state, person=person))
    return _with_apart_from(state, person, apart_from)


def entry(person: Person, policy: Policy) -> Status:
    """Where somebody stands who comes in, or comes back."""
    if person.confirmed_at is None:
        return Status.UNCONFIRMED
    if person.role is Role.MENTOR and policy.screening_of_mentors and person.screened_at is None:
        return Status.AWAITING_SCREENING
    return Status.ACTIVE


def _registered(state: Participant, person: Person) -> Decision[Participant]:
    return Decision(
        state,
        (
            ContactChanged(**contact_state(state, person)),
            ParticipantRegistered(**public_state(state, person)),
        ),
    )


def _with_apart_from(
    state: Participant, person: Person, apart_from: Iterable[str]
) -> Decision[Participant]:
    """The new separation, told only of those whom anybody has heard of."""
    person = replace(person, apart_from=tuple(sorted(apart_from)))
    state = replace(state, person=person)
    events: tuple[Payload, ...] = ()
    if state.status is not Status.REGISTERING:
        events = (ParticipantUpdated(**public_state(state, person)),)
    return Decision(state, events)
