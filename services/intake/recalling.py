"""What intake has said itself and a restored database does not know of, taken back."""

from collections.abc import Sequence
from typing import Any

from services.intake.domain import requests
from services.intake.domain.participant import Hashes, Participant
from services.intake.domain.programme import Coordinator
from services.intake.domain.recalled import Told, recalled, recalled_coordinator
from services.intake.domain.requests import Request
from services.intake.registrar import Registrar, raise_errors
from services.intake.store import Store
from shared.clock import Clock
from shared.decisions import Decision
from shared.events.contacts import ContactErased, ContactRole, ContactState
from shared.events.participants import ParticipantErased, ParticipantState, Role
from shared.events.wire import Event
from shared.storage.changes import Cause, Change, Decide


class Recalling:
    """The use case of `Runtime.recall`."""

    def __init__(self, store: Store, registrar: Registrar, clock: Clock) -> None:
        self._store = store
        self._registrar = registrar
        self._clock = clock

    async def recall_people(self, events: Sequence[Event[Any]]) -> None:
        """Brings participants and coordinators to where intake's own events have them."""
        cause = Cause.due(self._clock.now())
        told: dict[str, list[Event[Any]]] = {}
        for event in events:
            told.setdefault(event.subject, []).append(event)
        coordinators = set(await self._store.coordinators.load(told)) | {
            event.subject
            for event in events
            if isinstance(event.payload, ContactState)
            and event.payload.role is ContactRole.COORDINATOR
        }
        raise_errors(
            await self._store.coordinators.change(
                [
                    Change(name, _coordinator(hers[-1].payload), cause)
                    for name, hers in told.items()
                    if name in coordinators
                ]
            )
        )
        raise_errors(
            await self._store.participants.change(
                [
                    Change(name, self._participant(hers), cause)
                    for name, hers in told.items()
                    if name not in coordinators
                ]
            )
        )

    async def recall_requests(self, events: Sequence[Event[Any]]) -> None:
        """Brings requests of people's rights to where their events have them, each erasure with its proof."""
        cause = Cause.due(self._clock.now())
        told: dict[str, list[Event[Any]]] = {}
        for event in events:
            told.setdefault(event.payload.request_id, []).append(event)
        raise_errors(
            await self._store.requests.change(
                [Change(name, _request(hers), cause) for name, hers in told.items()]
            )
        )

    def _participant(self, events: Sequence[Event[Any]]) -> Decide[Participant]:
        states = [
            e.payload for e in events if isinstance(e.payload, ParticipantState | ParticipantErased)
        ]
        contacts = [e.payload for e in events if isinstance(e.payload, ContactState)]
        last_state = states[-1] if states else None
        contact = contacts[-1] if contacts else None
        told = Told(last_state, contact, events[-1].time)
        hashes = self._hashes(contact) if contact is not None else None

        def decide(kept: Participant | None) -> Decision[Participant] | None:
            after = recalled(kept, told, hashes)
            return None if after is None or after == kept else Decision(after)

        return decide

    def _hashes(self, contact: ContactState) -> Hashes:
        role, programme = contact.role.value, contact.programme
        (address,) = self._registrar.addresses(programme, [contact.email])
        identity = self._registrar.identity(programme, Role(role), contact.email)
        return Hashes(identity=identity, email=address, not_with=())


def _request(told: Sequence[Event[Any]]) -> Decide[Request]:
    def decide(kept: Request | None) -> Decision[Request] | None:
        after = requests.recalled(kept, told)
        return None if after is None or after == kept else Decision(after)

    return decide


def _coordinator(told: ContactState | ContactErased) -> Decide[Coordinator]:
    after = recalled_coordinator(told)
    return lambda kept: None if kept == after else Decision(after)
