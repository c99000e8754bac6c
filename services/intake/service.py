"""Intake's use cases: one async method each. The rules are in `domain`."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

from services.intake.domain import life
from services.intake.domain.form import named_as_in_the_form
from services.intake.domain.participant import Origin, Participant, Person
from services.intake.domain.profile import Registration
from services.intake.domain.programme import (
    Coordinator,
    Programme,
    change_programme,
    dismiss_coordinator,
    name_coordinator,
)
from services.intake.domain.record import read_record
from services.intake.domain.refusals import (
    CharterNotInForce,
    FieldsRefused,
    Forgotten,
    NobodyHere,
    NoSuchProgramme,
)
from services.intake.domain.tables import Tables
from services.intake.registrar import Admission, Registrar, raise_errors
from services.intake.rights import DataRights
from services.intake.store import Store
from shared.decisions import Refusal
from shared.errors import OutboxFull
from shared.events.participants import Role
from shared.events.programmes import Policy
from shared.messaging.relay import Relay
from shared.storage.changes import Cause, Change, Decide, Idempotency, Outcome
from shared.storage.changes import Status as Outcomes

AnswerOnce = Idempotency[Participant] | None


class OwnStep(StrEnum):
    """What somebody can do with herself, by one click on her page."""

    CONFIRM = "confirm"
    PAUSE = "pause"
    RESUME = "resume"
    AGAIN = "again"
    LEAVE = "leave"


_STEPS: Final[Mapping[OwnStep, Callable[[Participant | None, Policy, datetime], life.Verdict]]] = (
    MappingProxyType(
        {
            OwnStep.CONFIRM: life.confirm,
            OwnStep.PAUSE: lambda state, _, now: life.pause(state, now),
            OwnStep.RESUME: life.resume,
            OwnStep.AGAIN: lambda state, _, __: life.again(state),
            OwnStep.LEAVE: lambda state, _, now: life.leave(state, now),
        }
    )
)


class Intake:
    """What people, coordinators and operators can do at the front door."""

    def __init__(
        self,
        store: Store,
        registrar: Registrar,
        relay: Relay,
        tables: Tables,
        rights: DataRights,
    ) -> None:
        self.store = store
        self.registrar = registrar
        self.rights = rights
        self.tables = tables
        self._relay = relay

    # Registering --------------------------------------------------------------------------------

    async def programme(self, programme_id: str) -> Programme | NoSuchProgramme:
        """The programme, or the refusal that there is none."""
        return await self.store.programmes.get(programme_id) or NoSuchProgramme()

    async def register(
        self,
        programme: Programme,
        fields: Mapping[str, str],
        time_zone: str | None,
        once: AnswerOnce,
        cause: Cause,
    ) -> FieldsRefused | None:
        """Registers somebody from the web form; if she is registered already, sends her a link.

        Whoever asks learns only whether the fields are in order, never whether the address is known.
        """
        registration = read_record(fields, self.tables, programme.charters_in_force)
        if not isinstance(registration, Registration):
            return FieldsRefused(problems=named_as_in_the_form(registration))
        (admission,) = await self.registrar.admit(
            programme, [registration], Origin.WEB, cause, once=once, time_zone=time_zone
        )
        if not admission.is_new and admission.participant_id is not None:
            await self._request_links([admission.participant_id], once, cause)
        return None

    async def admit(
        self, programme: Programme, registrations: Sequence[Registration], cause: Cause
    ) -> list[Admission]:
        """Registers a batch that a coordinator vouches for."""
        return await self.registrar.admit(programme, registrations, Origin.IMPORT, cause)

    async def published(self) -> None:
        """Waits until the events so far are published. Raises `OutboxFull` if too many are not."""
        await self._relay.flush()
        if self._relay.is_full:
            raise OutboxFull("Too many events wait to be published; please try again.")

    async def send_link(self, email: str, once: AnswerOnce, cause: Cause) -> None:
        """Sends a fresh link to whoever has this address, in every programme and role."""
        programmes = await self.store.programmes.ids({})
        identities = [
            self.registrar.identity(programme, role, email)
            for programme in programmes
            for role in Role
        ]
        found = await self.store.ids_by_identity(identities)
        await self._request_links(sorted(found.values()), once, cause)

    async def _request_links(
        self, participant_ids: Sequence[str], once: AnswerOnce, cause: Cause
    ) -> None:
        def decide(state: Participant | None) -> life.Verdict:
            return life.request_link(state, cause.time)

        changes = [Change(each, decide, cause, once) for each in participant_ids]
        raise_errors(await self.store.participants.change(changes))

    # Her own page -------------------------------------------------------------------------------

    async def person(self, participant_id: str) -> tuple[Participant, Person] | Refusal:
        """The participant with her data, or why there are none."""
        state = await self.store.participants.get(participant_id)
        if state is None:
            return NobodyHere()
        if state.person is None:
            return Forgotten()
        return state, state.person

    async def take_step(
        self, participant_id: str, step: OwnStep, once: AnswerOnce, cause: Cause
    ) -> Outcome[Participant]:
        """She confirms, takes a break, comes back, or leaves."""
        programme = await self._programme_of(participant_id)
        if isinstance(programme, Refusal):
            return Outcome(Outcomes.REFUSED, refusal=programme)
        decide = _STEPS[step]
        return await self._change(
            participant_id, lambda state: decide(state, programme.policy, cause.time), once, cause
        )

    async def affirm(
        self, participant_id: str, version: str, once: AnswerOnce, cause: Cause
    ) -> Outcome[Participant]:
        """She affirms a version of the charter, which must be in force."""
        programme = await self._programme_of(participant_id)
        if isinstance(programme, Refusal):
            return Outcome(Outcomes.REFUSED, refusal=programme)
        if version not in programme.charters_in_force:
            return Outcome(Outcomes.REFUSED, refusal=CharterNotInForce())
        return await self._change(
            participant_id, lambda state: life.affirm(state, version, cause.time), once, cause
        )

    async def choose_reminders(
        self, participant_id: str, *, wanted: bool, cause: Cause
    ) -> Outcome[Participant]:
        """She stops reminders with one click, or wants them again."""
        return await self._change(
            participant_id, lambda state: life.choose_reminders(state, wanted=wanted), None, cause
        )

    async def revise(
        self,
        participant_id: str,
        changes: Mapping[str, Any],
        expected_edition: int | None,
        once: AnswerOnce,
        cause: Cause,
    ) -> Outcome[Participant]:
        """She changes what she had filled in; whom she named is resolved before this returns."""
        programme = await self._programme_of(participant_id)
        if isinstance(programme, Refusal):
            return Outcome(Outcomes.REFUSED, refusal=programme)

        def read(person: Person) -> life.Revision | Refusal:
            return self.registrar.revision(programme, person, changes)

        outcome = await self._change(
            participant_id,
            lambda state: life.revise(state, read, expected_edition, cause.time),
            once,
            cause,
        )
        await self.registrar.resolve([participant_id], cause)
        return outcome

    async def screen(
        self, participant_id: str, coordinator_id: str, once: AnswerOnce, cause: Cause
    ) -> Outcome[Participant]:
        """A coordinator lets a mentor into the pool."""
        programme = await self._programme_of(participant_id)
        if isinstance(programme, Refusal):
            return Outcome(Outcomes.REFUSED, refusal=programme)
        return await self._change(
            participant_id,
            lambda state: life.screen(state, programme.policy, cause.time, coordinator_id),
            once,
            cause,
        )

    async def _change(
        self, participant_id: str, decide: Decide[Participant], once: AnswerOnce, cause: Cause
    ) -> Outcome[Participant]:
        change = Change(participant_id, decide, cause, once)
        (outcome,) = raise_errors(await self.store.participants.change([change]))
        return outcome

    async def _programme_of(self, participant_id: str) -> Programme | Refusal:
        state = await self.store.participants.get(participant_id)
        return NobodyHere() if state is None else await self.programme(state.programme)

    # Programmes ---------------------------------------------------------------------------------

    async def change_programme(
        self, wanted: Programme, coordinators: Sequence[Coordinator], cause: Cause
    ) -> Outcome[Programme]:
        """Makes a programme and its coordinators what is wanted. Tells only what has changed."""
        before = await self.store.programmes.get(wanted.programme)
        named = {coordinator.coordinator_id for coordinator in coordinators}
        gone = {
            reference.coordinator_id for reference in (before.coordinators if before else ())
        } - named
        changes = [Change(each.coordinator_id, _naming(each), cause) for each in coordinators] + [
            Change(each, dismiss_coordinator, cause) for each in sorted(gone)
        ]
        for outcome in await self.store.coordinators.change(changes):
            if outcome.error is not None:
                raise outcome.error
            if outcome.refusal is not None:
                return Outcome(outcome.status, refusal=outcome.refusal)
        return await self.store.programmes.change_one(
            Change(wanted.programme, lambda state: change_programme(state, wanted), cause)
        )


def _naming(coordinator: Coordinator) -> Decide[Coordinator]:
    return lambda state: name_coordinator(state, coordinator)
