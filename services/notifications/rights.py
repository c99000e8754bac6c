"""What notifications holds about one person: given to her, or forgotten."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from services.notifications.domain import life
from services.notifications.domain.known import KnownContact, KnownParticipant
from services.notifications.domain.message import Message
from services.notifications.store import Store
from shared.decisions import Decision
from shared.events.participants import ParticipantStatus
from shared.storage.changes import Cause, Change


class MessagesData:
    """Answers for `messages`, `known/contacts` and `known/participants`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def gather(self, participant_id: str) -> Mapping[str, Sequence[Any]]:
        """How she is reached, and which messages went to her. Their texts are not kept."""
        contact = await self._store.contacts.get(participant_id)
        messages = await self._store.all_to(participant_id)
        return {
            "contact": [asdict(contact)] if contact is not None else [],
            "messages": [_shown(message) for message in messages],
        }

    async def forget(self, participant_id: str, cause: Cause) -> int:
        """Her address goes first, so that nothing more can be written to it, or pass it on.

        Of what was sent an id and a kind is left, which name nobody any more.
        """
        await self._store.contacts.change_one(Change(participant_id, _without_contact, cause))
        await self._store.participants.change_one(Change(participant_id, _erased, cause))
        traces = await self._store.contacts.drop_traces([participant_id])
        traces += await self._store.participants.drop_traces([participant_id])
        unsent = await self._store.unsent_about([participant_id])
        for message in unsent:
            await self._store.messages.change_one(Change(message.message_id, _taken_back, cause))
        return 1 + traces + len(unsent)


def _without_contact(_: KnownContact | None) -> Decision[KnownContact]:
    return Decision(KnownContact(erased=True))


def _erased(before: KnownParticipant | None) -> Decision[KnownParticipant]:
    sequence = 0 if before is None else before.sequence
    return Decision(KnownParticipant(ParticipantStatus.ERASED, sequence))


def _taken_back(message: Message | None) -> Decision[Message] | None:
    return None if message is None else life.take_back(message)


def _shown(message: Message) -> dict[str, Any]:
    return {
        "kind": message.kind,
        "status": message.stage,
        "asked_at": message.asked_at,
        "sent_at": message.sent_at,
        "failure": message.failure,
    }
