"""Takes people in and sees that those who must not meet are kept apart: the two writes of `registering`.

The web form, the import and a change of `not_with` all come this way, in batches. Whatever is cut
off in the middle is finished by the timer, from the same queries.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, TypeVar

from services.intake.domain.form import columns, named_as_in_the_form, values_of
from services.intake.domain.life import Revision
from services.intake.domain.participant import Hashes, Origin, Participant, Person
from services.intake.domain.profile import Registration
from services.intake.domain.programme import Programme
from services.intake.domain.record import read_record
from services.intake.domain.refusals import FieldsRefused
from services.intake.domain.registering import (
    Newcomer,
    Separation,
    keep_apart,
    let_together,
    separations,
    settle,
    take_in,
)
from services.intake.domain.tables import Tables
from services.intake.store import Store
from shared.errors import StillContended
from shared.events.participants import Role
from shared.ids import Ids
from shared.security.hashing import KeyedHash
from shared.storage.changes import Cause, Change, Decide, Idempotency, Outcome, Status

State = TypeVar("State")

_MOST_PASSES: Final = 20
_FINISHED_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True)
class Admission:
    """What came of one registration. `participant_id` is None only if somebody was just erased."""

    participant_id: str | None
    is_new: bool


class Registrar:
    """Registers people, and resolves `not_with`."""

    def __init__(self, store: Store, ids: Ids, keyed_hash: KeyedHash, tables: Tables) -> None:
        self._store = store
        self._ids = ids
        self._keyed_hash = keyed_hash
        self._tables = tables
        self._in_hand: set[str] = set()

    # Hashes -------------------------------------------------------------------------------------

    def identity(self, programme: str, role: Role, email: str) -> str:
        """What is unique: one person an e-mail address, programme and role."""
        return self._keyed_hash.of("identity", programme, role, email)

    def addresses(self, programme: str, emails: Collection[str]) -> tuple[str, ...]:
        """The keyed hashes of addresses, sorted, each once."""
        return tuple(sorted({self._keyed_hash.of("address", programme, e) for e in emails}))

    def hashes(self, programme: str, registration: Registration) -> Hashes:
        """All hashes of one registration."""
        (address,) = self.addresses(programme, [registration.email])
        return Hashes(
            identity=self.identity(programme, registration.role, registration.email),
            email=address,
            not_with=self.addresses(programme, registration.not_with),
        )

    def revision(
        self, programme: Programme, person: Person, changes: Mapping[str, Any]
    ) -> Revision | FieldsRefused:
        """What her registration is with these changes (fields of `form`), or which are wrong.

        Whom she named before is known by hashes only, so that stays unless she names people anew.
        The version of the charter that she affirmed is hers even if it is no longer in force.
        """
        affirmed = person.charters[-1].version
        fields = columns({**values_of(person), **changes})
        read = read_record(fields, self._tables, programme.charters_in_force | {affirmed})
        if not isinstance(read, Registration):
            return FieldsRefused(problems=named_as_in_the_form(read))
        hashes = self.hashes(programme.programme, read)
        if "not_with" not in changes:
            hashes = replace(hashes, not_with=person.hashes.not_with)
        return read, hashes, changes.get("time_zone") or person.contact.time_zone

    # Registering --------------------------------------------------------------------------------

    async def admit(
        self,
        programme: Programme,
        registrations: Sequence[Registration],
        origin: Origin,
        cause: Cause,
        *,
        once: Idempotency[Participant] | None = None,
        time_zone: str | None = None,
    ) -> list[Admission]:
        """Registers those who are not yet; the outcomes are in the order of the registrations.

        Whoever is registered already is left as she is. Safe to repeat after a crash.
        """
        name = programme.programme
        hashes = [self.hashes(name, registration) for registration in registrations]
        registered = await self._store.ids_by_identity(each.identity for each in hashes)
        newcomers: dict[str, tuple[Registration, Hashes]] = {}
        for registration, hashed in zip(registrations, hashes, strict=True):
            if hashed.identity not in registered:
                newcomers.setdefault(hashed.identity, (registration, hashed))
        ids = await self._ids_for(name, [registration for registration, _ in newcomers.values()])
        with self._in_hands(ids):
            people = [
                Newcomer(
                    participant_id,
                    name,
                    registration,
                    hashed,
                    origin,
                    time_zone or programme.time_zone,
                )
                for participant_id, (registration, hashed) in zip(
                    ids, newcomers.values(), strict=True
                )
            ]
            new = await self._take_in(people, cause, once)
            await self.resolve(new.values(), cause)
        admissions: list[Admission] = []
        told: set[str] = set()
        for hashed in hashes:
            is_new = hashed.identity in new and hashed.identity not in told
            told.add(hashed.identity)
            participant_id = new.get(hashed.identity) or registered.get(hashed.identity)
            admissions.append(Admission(participant_id, is_new))
        return admissions

    async def _take_in(
        self,
        newcomers: Sequence[Newcomer],
        cause: Cause,
        once: Idempotency[Participant] | None,
    ) -> dict[str, str]:
        """The first write. Returns the new ids by identity, without those who came first elsewhere."""
        changes = [
            Change(newcomer.participant_id, _taking_in(newcomer, cause.time), cause, once)
            for newcomer in newcomers
        ]
        outcomes = raise_errors(await self._store.participants.change(changes))
        return {
            newcomer.hashes.identity: newcomer.participant_id
            for newcomer, outcome in zip(newcomers, outcomes, strict=True)
            if outcome.status is Status.CHANGED
        }

    async def _ids_for(self, programme: str, registrations: Sequence[Registration]) -> list[str]:
        """An id for each newcomer. Whoever was erased and comes back is somebody new.

        Only where ids are repeatable (a seed) can one be taken, by her own erased self.
        """
        times = [0] * len(registrations)
        while True:
            ids = [
                self._ids.derived("participant", programme, person.role, person.email, str(time))
                for person, time in zip(registrations, times, strict=True)
            ]
            known = await self._store.participants.load(ids)
            erased = {key for key, state in known.items() if state.person is None}
            if not erased:
                return ids
            times = [time + (key in erased) for key, time in zip(ids, times, strict=True)]

    # Keeping apart ------------------------------------------------------------------------------

    async def resolve(self, ids: Collection[str], cause: Cause) -> None:
        """The second write: finds who is to be kept apart, tells the others, then settles.

        Raises `StillContended` if they keep changing meanwhile; the timer then comes back to it.
        """
        waiting = set(ids)
        for _ in range(_MOST_PASSES):
            loaded = await self._store.participants.load(waiting)
            unresolved = {
                participant_id: state
                for participant_id, state in loaded.items()
                if state.wake_at is not None
            }
            if not unresolved:
                return
            await self._pass(unresolved, cause)
            waiting = set(unresolved)
        raise StillContended(f"{len(waiting)} participants kept changing while being resolved.")

    async def _pass(self, unresolved: Mapping[str, Participant], cause: Cause) -> None:
        people = {
            participant_id: state.person
            for participant_id, state in unresolved.items()
            if state.person is not None
        }
        around = {**people, **await self._store.around(people.values())}
        found = separations(people, around)
        kept = await self._tell(people, around, found, cause)
        names = {state.programme for state in unresolved.values()}
        programmes = await self._store.programmes.load(names)
        changes = [
            Change(
                participant_id,
                _settling(
                    person.hashes,
                    frozenset(kept[participant_id]),
                    found[participant_id].dropped,
                    programmes[unresolved[participant_id].programme],
                    cause.time,
                ),
                cause,
            )
            for participant_id, person in people.items()
        ]
        raise_errors(await self._store.participants.change(changes))

    async def _tell(
        self,
        people: Mapping[str, Person],
        around: Mapping[str, Person],
        found: Mapping[str, Separation],
        cause: Cause,
    ) -> dict[str, set[str]]:
        """Tells the others. Returns, for each of `people`, who keeps apart from her by now.

        Those who do already are not asked again: should one let go of her at this moment, she
        learns of it (`let_together`).
        """
        kept: dict[str, set[str]] = {participant_id: set() for participant_id in people}
        asked: list[tuple[str, str]] = []
        changes: list[Change[Participant]] = []
        for participant_id, separation in found.items():
            address = people[participant_id].hashes.email
            for other_id in sorted(separation.wanted):
                if participant_id in around[other_id].apart_from:
                    kept[participant_id].add(other_id)
                    continue
                asks = other_id in separation.hers
                asked.append((participant_id, other_id))
                changes.append(
                    Change(other_id, _keeping_apart(participant_id, address, asks=asks), cause)
                )
            for other_id in sorted(separation.dropped):
                asked.append((participant_id, other_id))
                changes.append(Change(other_id, _letting_together(participant_id, address), cause))
        outcomes = raise_errors(await self._store.participants.change(changes))
        for (participant_id, other_id), outcome in zip(asked, outcomes, strict=True):
            other = outcome.state.person if outcome.state else None
            if other is not None and participant_id in other.apart_from:
                kept[participant_id].add(other_id)
        return kept

    async def finish_cut_off(self, now: datetime) -> datetime | None:
        """Finishes what a crash left between the two writes, except what is being worked on here."""
        earliest = await self._store.participants.earliest_wake()
        if earliest is None or earliest > now:
            return earliest
        while cut_off := [
            participant_id
            for participant_id in await self._store.participants.due(now, _FINISHED_AT_ONCE)
            if participant_id not in self._in_hand
        ]:
            await self.resolve(cut_off, Cause.due(now))
        return await self._store.participants.next_due(now)

    @contextmanager
    def _in_hands(self, ids: Collection[str]) -> Iterator[None]:
        """While a request works on them, the timer of this process leaves them alone."""
        self._in_hand.update(ids)
        try:
            yield
        finally:
            self._in_hand.difference_update(ids)


def _taking_in(newcomer: Newcomer, now: datetime) -> Decide[Participant]:
    return lambda state: take_in(state, newcomer, now)


def _settling(
    seen: Hashes,
    kept: frozenset[str],
    dropped: frozenset[str],
    programme: Programme,
    now: datetime,
) -> Decide[Participant]:
    return lambda state: settle(state, seen, kept, dropped, programme.policy, now)


def _keeping_apart(other_id: str, address: str, *, asks: bool) -> Decide[Participant]:
    return lambda state: keep_apart(state, other_id, address, other_asks=asks)


def _letting_together(other_id: str, address: str) -> Decide[Participant]:
    return lambda state: let_together(state, other_id, address)


def raise_errors(outcomes: list[Outcome[State]]) -> list[Outcome[State]]:
    """The outcomes; an error in a decision is a fault of ours and is raised."""
    for outcome in outcomes:
        if outcome.error is not None:
            raise outcome.error
    return outcomes
