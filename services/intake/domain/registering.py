"""Registering, and who is kept apart from whom. Pure.

Registration is two writes, so that nobody is ever proposed to someone she named: `take_in` puts the
person down and tells nobody; then `separations` finds, from one query, whom she named and who named
her; `keep_apart` and `let_together` tell the others, and `settle` makes it public, last. Because each
is put down before she looks, of two who register at once at least one sees the other.

Minds change while others look, so what was seen may be old when it is written. Three rules see to it
that all ends as everybody wishes: whom somebody named is judged at her own write (`keep_apart`);
who is let go of while she is being resolved remembers by whom, and does not settle on the old view;
and whoever let go of somebody looks once more before it counts as settled.
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
    """What was seen for one person: whom she names herself, who names her, whom to let go of."""

    hers: frozenset[str]
    theirs: frozenset[str]
    dropped: frozenset[str]

    @property
    def wanted(self) -> frozenset[str]:
        """All from whom she is to be kept apart."""
        return self.hers | self.theirs


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

    found = {}
    for participant_id, person in unresolved.items():
        addresses = (*person.hashes.not_with, person.hashes.email)
        hers = {each for address in addresses for each in ids_of_address[address]}
        theirs = set(ids_that_name[person.hashes.email])
        found[participant_id] = Separation(
            hers=frozenset(hers - {participant_id}),
            theirs=frozenset(theirs - {participant_id}),
            dropped=frozenset({*person.apart_from} - hers - theirs),
        )
    return found


def keep_apart(
    state: Participant | None, other_id: str, other_address: str, *, other_asks: bool
) -> Decision[Participant] | None:
    """From now on she is kept apart from the other one, who asks for it, or whom she named.

    Whether she did is judged by what she says now, not by what the other one saw.
    """
    if state is None or state.person is None or other_id in state.person.apart_from:
        return None
    if not other_asks and other_address not in state.person.hashes.not_with:
        return None
    return _with_apart_from(state, state.person, {*state.person.apart_from, other_id})


def let_together(
    state: Participant | None, other_id: str, other_address: str
) -> Decision[Participant] | None:
    """The other one no longer minds, so they may meet, unless this one named the other herself."""
    if state is None or state.person is None:
        return None
    person = state.person
    if person.unresolved_since is not None and other_id not in person.released_by:
        person = replace(person, released_by=(*person.released_by, other_id))
    names_other = other_address in (*person.hashes.not_with, person.hashes.email)
    if other_id in person.apart_from and not names_other:
        return _with_apart_from(state, person, {*person.apart_from} - {other_id})
    return None if person == state.person else Decision(replace(state, person=person))


def settle(
    state: Participant | None,
    seen: Hashes,
    kept: frozenset[str],
    dropped: frozenset[str],
    policy: Policy,
    now: datetime,
) -> Decision[Participant] | None:
    """The others know: now it is hers too, and a newcomer becomes public.

    kept: those who keep apart from her by now. seen: her hashes when they were looked up. If she has
    changed them meanwhile, if somebody let go of her, or if she let go of somebody, then nothing is
    final yet, and it is all looked up once more.
    """
    if state is None or state.person is None or state.person.unresolved_since is None:
        return None
    is_old_view = state.person.hashes != seen or not kept.isdisjoint(state.person.released_by)
    apart_from = {*state.person.apart_from} | kept
    person = replace(state.person, released_by=())
    if is_old_view:
        return _with_apart_from(state, person, apart_from)
    if not dropped.isdisjoint(apart_from):
        return _with_apart_from(state, person, apart_from - dropped)
    person = replace(person, unresolved_since=None)
    if state.status is Status.REGISTERING:
        person = replace(person, apart_from=tuple(sorted(apart_from)))
        return _registered(*moved(state, person, entry(person, policy), now))
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
    """The new separation, told if it is new, and only of those whom anybody has heard of."""
    before = person.apart_from
    person = replace(person, apart_from=tuple(sorted(apart_from)))
    state = replace(state, person=person)
    events: tuple[Payload, ...] = ()
    if person.apart_from != before and state.status is not Status.REGISTERING:
        events = (ParticipantUpdated(**public_state(state, person)),)
    return Decision(state, events)
