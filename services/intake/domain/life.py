"""A participant's life after registering: confirmed, screened, paused, back, gone, forgotten. Pure.

Doing the same thing twice changes nothing. `erased` is the last word: nothing follows it.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import wraps
from typing import Concatenate, Final, ParamSpec

from services.intake.domain.participant import (
    Affirmation,
    Hashes,
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
from services.intake.domain.refusals import (
    ChangedMeanwhile,
    ConfirmFirst,
    Forgotten,
    HasLeft,
    NobodyHere,
    NoScreeningForMentees,
    NotYetInThePool,
)
from services.intake.domain.registering import entry
from shared.decisions import Decision, Refusal
from shared.events.contacts import ContactChanged, ContactErased, LinkRequested
from shared.events.participants import (
    ParticipantConfirmed,
    ParticipantErased,
    ParticipantPaused,
    ParticipantResumed,
    ParticipantScreened,
    ParticipantState,
    ParticipantUpdated,
    ParticipantWithdrawn,
    PauseReason,
    Role,
)
from shared.events.payload import Payload
from shared.events.programmes import Policy

Verdict = Decision[Participant] | Refusal | None
Revision = tuple[Registration, Hashes, str]
"""What somebody's registration, hashes and IANA time zone are after a change."""
Given = ParamSpec("Given")

LINK_AGAIN_AFTER: Final = timedelta(minutes=5)
"""Nobody's mailbox is filled by a stranger who types in her address again and again."""


def of_someone(
    step: Callable[Concatenate[Participant, Person, Given], Verdict],
) -> Callable[Concatenate[Participant | None, Given], Verdict]:
    """A step in somebody's life, made to refuse where there is nobody or nobody any more."""

    @wraps(step)
    def decide(state: Participant | None, /, *args: Given.args, **kwargs: Given.kwargs) -> Verdict:
        if state is None:
            return NobodyHere()
        if state.person is None:
            return Forgotten()
        return step(state, state.person, *args, **kwargs)

    return decide


@of_someone
def confirm(state: Participant, person: Person, policy: Policy, now: datetime) -> Verdict:
    """She followed the link in our first message, so the address is hers."""
    match state.status:
        case Status.UNCONFIRMED:
            person = replace(person, confirmed_at=now)
            return _told(*moved(state, person, entry(person, policy), now), ParticipantConfirmed)
        case Status.REGISTERING:
            return ConfirmFirst()
        case Status.WITHDRAWN:
            return HasLeft()
        case _:
            return None


@of_someone
def screen(
    state: Participant, person: Person, policy: Policy, now: datetime, by: str | None = None
) -> Verdict:
    """A coordinator (`by`) has talked with a mentor and lets her into the pool."""
    if person.role is Role.MENTEE:
        return NoScreeningForMentees()
    match state.status:
        case Status.AWAITING_SCREENING:
            person = replace(person, screened_at=now, screened_by=by)
            return _told(*moved(state, person, entry(person, policy), now), ParticipantScreened)
        case Status.REGISTERING | Status.UNCONFIRMED:
            return ConfirmFirst("She has not confirmed her address yet; screen her after that.")
        case Status.WITHDRAWN:
            return HasLeft("She has left the programme; she can come back from her own page.")
        case _:
            return None


@of_someone
def pause(state: Participant, person: Person, now: datetime) -> Verdict:
    """She takes a break by her own wish; what runs goes on."""
    match state.status:
        case Status.ACTIVE:
            return _paused(state, person, PauseReason.OWN_WISH, now)
        case Status.PAUSED:
            return None
        case Status.AWAITING_SCREENING:
            return NotYetInThePool()
        case Status.WITHDRAWN:
            return HasLeft()
        case _:
            return ConfirmFirst()


def pause_for_silence(state: Participant | None, since: datetime, now: datetime) -> Verdict:
    """She has let several proposals pass without an answer, the last one at `since` (UTC).

    Only who is active, and was so already then, is paused: an old event that is applied again after
    she came back changes nothing.
    """
    if state is None or state.person is None or state.status is not Status.ACTIVE:
        return None
    if state.person.available_since is not None and state.person.available_since > since:
        return None
    return _paused(state, state.person, PauseReason.NO_ANSWER, now)


@of_someone
def resume(state: Participant, person: Person, policy: Policy, now: datetime) -> Verdict:
    """She is back from a break, or comes back after she had left (her link proves the address)."""
    match state.status:
        case Status.PAUSED:
            status = Status.ACTIVE
        case Status.WITHDRAWN:
            person = replace(person, confirmed_at=person.confirmed_at or now, left_at=None)
            status = entry(person, policy)
        case Status.REGISTERING | Status.UNCONFIRMED:
            return ConfirmFirst()
        case _:
            return None
    person = replace(person, paused_for=None)
    return _told(*moved(state, person, status, now), ParticipantResumed)


@of_someone
def again(state: Participant, person: Person) -> Verdict:
    """She would like another match after her last one, of which she had said that it was enough."""
    match state.status:
        case Status.ACTIVE:
            return _told(state, person, ParticipantResumed)
        case Status.WITHDRAWN:
            return HasLeft()
        case _:
            return None


@of_someone
def leave(state: Participant, person: Person, now: datetime) -> Verdict:
    """She leaves the programme. Her data stay until she asks to be forgotten, or comes back."""
    match state.status:
        case Status.WITHDRAWN:
            return None
        case Status.REGISTERING:
            return ConfirmFirst()
        case _:
            person = replace(person, paused_for=None, left_at=now)
            return _told(*moved(state, person, Status.WITHDRAWN, now), ParticipantWithdrawn)


def erase(state: Participant | None) -> Verdict:
    """Everything about her is forgotten; her address is free to register again, as somebody new."""
    if state is None:
        return NobodyHere()
    if state.person is None:
        return None
    forgotten = replace(state, status=Status.ERASED, person=None)
    about = {"programme": state.programme, "participant_id": state.participant_id}
    return Decision(forgotten, (ContactErased(**about), ParticipantErased(**about)))


def request_link(state: Participant | None, now: datetime) -> Verdict:
    """Somebody typed in her address: its owner is sent a fresh link, at most every few minutes."""
    if state is None or state.person is None or state.status is Status.REGISTERING:
        return None
    last = state.person.link_requested_at
    if last is not None and now - last < LINK_AGAIN_AFTER:
        return None
    person = replace(state.person, link_requested_at=now)
    state = replace(state, person=person)
    return Decision(state, (LinkRequested(**contact_state(state, person)),))


@of_someone
def affirm(state: Participant, person: Person, version: str, now: datetime) -> Verdict:
    """She affirms a version of the charter. The caller has checked that it is in force."""
    if state.status is Status.REGISTERING:
        return ConfirmFirst()
    if any(affirmed.version == version for affirmed in person.charters):
        return None
    person = replace(person, charters=(*person.charters, Affirmation(version, now)))
    return _told(replace(state, person=person), person, ParticipantUpdated)


@of_someone
def revise(
    state: Participant,
    person: Person,
    read: Callable[[Person], Revision | Refusal],
    expected_edition: int | None,
    now: datetime,
) -> Verdict:
    """She changes what she had filled in.

    read: makes the revision from the person as she is now. If she names other people than before,
    the separations are resolved anew (`registering`). expected_edition: of the profile that she
    saw, or None.
    """
    if not state.status.is_in_the_programme:
        return HasLeft()
    if expected_edition is not None and expected_edition != person.edition:
        return ChangedMeanwhile()
    given = read(person)
    if isinstance(given, Refusal):
        return given
    registration, hashes, time_zone = given
    revised = replace(
        person,
        contact=replace(contact_of(registration, time_zone), reminders=person.contact.reminders),
        profile=profile_of(registration),
        words=words_of(registration),
        hashes=hashes,
        unresolved_since=now if hashes != person.hashes else person.unresolved_since,
    )
    if revised == person:
        return None
    return _revised(state, person, replace(revised, edition=person.edition + 1))


@of_someone
def choose_reminders(state: Participant, person: Person, *, wanted: bool) -> Verdict:
    """She wants reminders, or none any more. Proposals and questions still come."""
    if person.contact.reminders is wanted:
        return None
    chosen = replace(person, contact=replace(person.contact, reminders=wanted))
    return _revised(state, person, chosen)


def _revised(state: Participant, before: Person, after: Person) -> Decision[Participant]:
    """Only what others may know, and what has changed of it, is told."""
    changed = replace(state, person=after)
    if state.status is Status.REGISTERING:
        return Decision(changed)
    events: list[Payload] = []
    if contact_state(changed, after) != contact_state(state, before):
        events.append(ContactChanged(**contact_state(changed, after)))
    if public_state(changed, after) != public_state(state, before):
        events.append(ParticipantUpdated(**public_state(changed, after)))
    return Decision(changed, tuple(events))


def _paused(
    state: Participant, person: Person, reason: PauseReason, now: datetime
) -> Decision[Participant]:
    person = replace(person, paused_for=reason)
    state, person = moved(state, person, Status.PAUSED, now)
    return Decision(state, (ParticipantPaused(**public_state(state, person), reason=reason),))


def _told(
    state: Participant, person: Person, event: type[ParticipantState]
) -> Decision[Participant]:
    return Decision(state, (event(**public_state(state, person)),))
