"""What matching knows of the participants it hears about. Pure.

Of a participant no more is kept than the rounds need: what matching may see, whether she is active,
and why she waits. Once erased, only her id is left, and nothing said later changes that.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from services.matching.domain.person import Person
from services.matching.domain.programmes import WaitingNotes
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
from shared.events.wire import Event


@dataclass(frozen=True, slots=True)
class Wait:
    """Why somebody waits, as the last round saw it, and when she is told so next."""

    why: Waiting
    since: datetime
    tell_at: datetime
    notes: WaitingNotes


@dataclass(frozen=True, slots=True)
class KnownPerson:
    """One participant. `person` is what a round may see; None once she was erased.

    `unanswered` are the matches she let expire in a row. `unreached`: a proposal could not be brought
    to her; `resting`: she wanted no other match after her last one. Both keep her out of the pool,
    until a message reaches her, or until she comes back or changes what she wants. `free_since` is
    the end of her last mentorship, `told_at` when she was last told why she waits.
    """

    participant_id: str
    programme: str
    status: ParticipantStatus
    person: Person | None
    unanswered: tuple[str, ...] = ()
    unreached: bool = False
    resting: bool = False
    free_since: datetime | None = None
    told_at: datetime | None = None
    wait: Wait | None = None

    @property
    def wake_at(self) -> datetime | None:
        """When she is told next why she waits."""
        return self.wait.tell_at if self.wait is not None else None

    @property
    def city(self) -> str | None:
        """Her city's code; None once she was erased."""
        return self.person.city if self.person is not None else None

    @property
    def is_in_pool(self) -> bool:
        """Whether rounds look at her."""
        return (
            self.person is not None
            and self.status is ParticipantStatus.ACTIVE
            and not self.unreached
            and not self.resting
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
        if self.person is None or since is None or since == self.person.available_since:
            return self.person
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
    heard = replace(
        heard,
        unanswered=() if came_back else known.unanswered,
        resting=known.resting
        and not came_back
        and not _wants_otherwise(known.person, heard.person),
        free_since=known.free_since,
        told_at=known.told_at,
    )
    return Decision(replace(heard, wait=known.wait if heard.is_in_pool else None))


def forget_person(known: KnownPerson) -> Decision[KnownPerson] | None:
    """She is to be forgotten, whether or not the stream `participants` has said so yet."""
    if known.status is ParticipantStatus.ERASED:
        return None
    erased = ParticipantStatus.ERASED
    return Decision(KnownPerson(known.participant_id, known.programme, erased, person=None))


def _wants_otherwise(before: Person | None, after: Person | None) -> bool:
    """Whether she changed her profile. Whom she is kept apart from may come from the other side."""
    if before is None or after is None:
        return True
    return replace(before, apart_from=()) != replace(after, apart_from=())


def leave_unanswered(known: KnownPerson, match_id: str) -> Decision[KnownPerson] | None:
    """She let a proposal expire. Saying so twice of the same match changes nothing."""
    if match_id in known.unanswered or known.status is ParticipantStatus.ERASED:
        return None
    return Decision(replace(known, unanswered=(*known.unanswered, match_id)))


def give_an_answer(known: KnownPerson) -> Decision[KnownPerson] | None:
    """She answered, so the count of what she left unanswered starts again."""
    return Decision(replace(known, unanswered=())) if known.unanswered else None


def lose_contact(known: KnownPerson) -> Decision[KnownPerson] | None:
    """A proposal could not be brought to her: none is made until she can be reached again."""
    if known.unreached or known.status is ParticipantStatus.ERASED:
        return None
    return Decision(replace(known, unreached=True, wait=None))


def regain_contact(known: KnownPerson) -> Decision[KnownPerson] | None:
    """A message reached her."""
    return Decision(replace(known, unreached=False)) if known.unreached else None


def become_free(
    known: KnownPerson, at: datetime, *, match_again: bool
) -> Decision[KnownPerson] | None:
    """Her mentorship ended: from now on she waits anew, if she wants another."""
    if known.status is ParticipantStatus.ERASED:
        return None
    if known.free_since is not None and known.free_since >= at:
        return None
    freed = replace(known, free_since=at, resting=known.resting or not match_again)
    return Decision(freed if freed.is_in_pool else replace(freed, wait=None))


def wait_on(known: KnownPerson, why: Waiting, notes: WaitingNotes) -> Decision[KnownPerson] | None:
    """A round did not place her: why, and when she is told so."""
    since = known.waiting_since
    if since is None or not known.is_in_pool:
        return None
    wait = Wait(why, since, notes.next_after(since, known.told_at), notes)
    return None if wait == known.wait else Decision(replace(known, wait=wait))


def stop_waiting(known: KnownPerson) -> Decision[KnownPerson] | None:
    """She has a proposal, so there is nothing to tell her about waiting."""
    return Decision(replace(known, wait=None)) if known.wait is not None else None


def tell_why_she_waits(known: KnownPerson, now: datetime) -> Decision[KnownPerson] | None:
    """Sends the note that is due, one for however many were missed, and sets the next one's day."""
    wait, person = known.wait, known.person
    if wait is None or person is None or now < wait.tell_at:
        return None
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
    next_wait = replace(wait, tell_at=wait.notes.next_after(wait.since, now))
    return Decision(replace(known, told_at=now, wait=next_wait), (note,))
