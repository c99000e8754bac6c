"""What matching knows of the people and programmes it hears about. Pure.

Of a participant no more is kept than the rounds need: what matching may see, whether she is active,
and why she waits. Once erased, only her id is left, and nothing said later changes that.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from services.matching.domain.person import Person
from services.matching.domain.schedule import first_round_after
from services.matching.domain.round import Waiting
from shared.decisions import Decision
from shared.events.participants import (
    ParticipantErased,
    ParticipantResumed,
    ParticipantState,
    ParticipantStatus,
)
from shared.events.payload import Payload
from shared.events.pool import StillWaiting
from shared.events.programmes import CoordinatorRef, Policy, ProgrammeChanged
from shared.events.wire import Event


@dataclass(frozen=True, slots=True)
class Wait:
    """Why somebody waits, as the last round saw it, and when she is told so next."""

    why: Waiting
    since: datetime
    tell_at: datetime
    every_days: int


@dataclass(frozen=True, slots=True)
class KnownPerson:
    """One participant. `person` is what a round may see; None once she was erased.

    `unanswered` are the matches she let expire in a row, `unreached` says that a proposal could not
    be brought to her (she stays out of the pool until something new is heard of her), `free_since`
    when her last mentorship ended.
    """

    participant_id: str
    programme: str
    status: ParticipantStatus
    person: Person | None
    unanswered: tuple[str, ...] = ()
    unreached: bool = False
    free_since: datetime | None = None
    wait: Wait | None = None

    @property
    def wake_at(self) -> datetime | None:
        """When she is told next why she waits."""
        return self.wait.tell_at if self.wait is not None else None

    @property
    def is_in_pool(self) -> bool:
        """Whether rounds look at her."""
        return (
            self.person is not None
            and self.status is ParticipantStatus.ACTIVE
            and not self.unreached
        )

    @property
    def waiting_since(self) -> datetime | None:
        """Since when she waits: from becoming available, or from the end of her last mentorship."""
        if self.person is None:
            return None
        return max(self.person.available_since, self.free_since or self.person.available_since)

    def for_round(self) -> Person | None:
        """What a round sees of her."""
        since = self.waiting_since
        if self.person is None or since is None:
            return None
        return replace(self.person, available_since=since)


def hear_of_participant(
    known: KnownPerson | None, event: Event[Payload]
) -> Decision[KnownPerson] | None:
    """What an event of the stream `participants` changes in what is known."""
    if known is not None and known.status is ParticipantStatus.ERASED:
        return None
    payload = event.payload
    if isinstance(payload, ParticipantErased):
        return Decision(
            KnownPerson(event.subject, payload.programme, ParticipantStatus.ERASED, person=None)
        )
    if not isinstance(payload, ParticipantState):
        return None
    heard = KnownPerson(
        payload.participant_id, payload.programme, payload.status, Person.of(payload)
    )
    if known is None:
        return Decision(heard)
    came_back = isinstance(payload, ParticipantResumed)
    return Decision(
        replace(
            heard,
            unanswered=() if came_back else known.unanswered,
            free_since=known.free_since,
            wait=known.wait if heard.is_in_pool else None,
        )
    )


def leave_unanswered(known: KnownPerson, match_id: str) -> Decision[KnownPerson] | None:
    """She let a proposal expire. Saying so twice of the same match changes nothing."""
    if match_id in known.unanswered or known.status is ParticipantStatus.ERASED:
        return None
    return Decision(replace(known, unanswered=(*known.unanswered, match_id)))


def give_an_answer(known: KnownPerson) -> Decision[KnownPerson] | None:
    """She answered, so the count of what she left unanswered starts again."""
    return Decision(replace(known, unanswered=())) if known.unanswered else None


def lose_contact(known: KnownPerson) -> Decision[KnownPerson] | None:
    """A proposal could not be brought to her: none is made until something new is heard of her."""
    if known.unreached or known.status is ParticipantStatus.ERASED:
        return None
    return Decision(replace(known, unreached=True, wait=None))


def become_free(known: KnownPerson, at: datetime) -> Decision[KnownPerson] | None:
    """Her mentorship ended: from now on she waits anew."""
    if known.free_since == at or known.status is ParticipantStatus.ERASED:
        return None
    return Decision(replace(known, free_since=at))


def wait_on(known: KnownPerson, why: Waiting, policy: Policy) -> Decision[KnownPerson] | None:
    """A round did not place her. The day of her next note stays as it was, if she waited before."""
    since = known.waiting_since
    if since is None or not known.is_in_pool:
        return None
    first = since + timedelta(days=policy.waiting_note_after_days)
    goes_on = known.wait is not None and known.wait.since == since
    tell_at = known.wait.tell_at if known.wait is not None and goes_on else first
    wait = Wait(why, since, tell_at, policy.waiting_note_every_days)
    return None if wait == known.wait else Decision(replace(known, wait=wait))


def stop_waiting(known: KnownPerson) -> Decision[KnownPerson] | None:
    """She has a proposal, so there is nothing to tell her about waiting."""
    return Decision(replace(known, wait=None)) if known.wait is not None else None


def tell_why_she_waits(known: KnownPerson, now: datetime) -> Decision[KnownPerson] | None:
    """Sends the note that is due, one for however many were missed, and sets the next one's day."""
    wait, person = known.wait, known.person
    if wait is None or person is None or now < wait.tell_at:
        return None
    step = timedelta(days=max(wait.every_days, 1))
    tell_at = wait.tell_at + step * ((now - wait.tell_at) // step + 1)
    note = StillWaiting(
        programme=known.programme,
        city=person.city,
        participant_id=known.participant_id,
        role=person.role,
        waiting_since=wait.since,
        reason=wait.why.reason,
        what_helps=wait.why.what_helps,
        mentors_in_reach=wait.why.mentors_in_reach,
    )
    return Decision(replace(known, wait=replace(wait, tell_at=tell_at)), (note,))


@dataclass(frozen=True, slots=True)
class KnownProgramme:
    """A programme: its policy, its coordinators, and when its rounds run.

    `next_round_at` is the next regular round, once there are people; `asked_round_at` one that a
    coordinator asked for and that has not run yet.
    """

    programme: str
    policy: Policy
    coordinators: tuple[CoordinatorRef, ...]
    time_zone: str
    next_round_at: datetime | None = None
    asked_round_at: datetime | None = None

    @property
    def wake_at(self) -> datetime | None:
        """When the next round of either kind is due."""
        instants = [at for at in (self.next_round_at, self.asked_round_at) if at is not None]
        return min(instants, default=None)


def hear_of_programme(
    known: KnownProgramme | None, event: Event[Payload]
) -> Decision[KnownProgramme] | None:
    """What an event of the stream `programmes` changes. Other hours of rounds hold from now on."""
    payload = event.payload
    if not isinstance(payload, ProgrammeChanged):
        return None
    heard = KnownProgramme(
        payload.programme, payload.policy, payload.coordinators, payload.time_zone
    )
    if known is None:
        return Decision(heard)
    heard = replace(
        heard, next_round_at=known.next_round_at, asked_round_at=known.asked_round_at
    )
    if known.next_round_at is not None and _rhythm(known) != _rhythm(heard):
        heard = replace(heard, next_round_at=_first_round(heard, event.time))
    return Decision(heard)


def begin_rounds(known: KnownProgramme, since: datetime) -> Decision[KnownProgramme] | None:
    """There are people to match: the first round is at the next round hour after `since`."""
    if known.next_round_at is not None:
        return None
    return Decision(replace(known, next_round_at=_first_round(known, since)))


def ask_for_round(known: KnownProgramme, now: datetime) -> Decision[KnownProgramme] | None:
    """A coordinator wants a round now. While one that was asked for has not run, nothing changes."""
    if known.asked_round_at is not None:
        return None
    return Decision(replace(known, asked_round_at=now))


def _first_round(known: KnownProgramme, after: datetime) -> datetime:
    return first_round_after(after, hour=known.policy.round_hour, zone=known.time_zone)


def _rhythm(known: KnownProgramme) -> tuple[int, int, str]:
    return known.policy.round_every_days, known.policy.round_hour, known.time_zone
