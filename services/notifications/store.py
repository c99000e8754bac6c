"""The only module that knows notifications' documents: collections, indexes, queries."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from pymongo import ASCENDING, DESCENDING, IndexModel

from services.notifications.domain.known import (
    KnownCare,
    KnownCheckIns,
    KnownContact,
    KnownMatch,
    KnownParticipant,
    KnownProgramme,
    KnownWaiting,
)
from services.notifications.domain.life import Patience
from services.notifications.domain.message import Claim, Message, Stage
from services.notifications.domain.still_meant import Facts
from shared.events.streams import MESSAGES
from shared.runtime import Runtime
from shared.security.scopes import in_cities
from shared.storage.aggregates import Stored
from shared.storage.reading import Tallied, load_together

_STAGE: Final = "state.stage"
_RECIPIENT: Final = "state.recipient_id"
_INTRODUCES: Final = "state.introduces"
_BECAUSE_OF: Final = "state.because_of"
_UNSENT: Final = (Stage.WAITING_FOR_CONTACT.value, Stage.HELD.value, Stage.QUEUED.value)
_OPEN: Final = (Stage.QUEUED.value, Stage.SENDING.value)


@dataclass(frozen=True, slots=True)
class Around:
    """What is known around messages: contacts by person, programmes by id, facts by message."""

    contacts: Mapping[str, KnownContact]
    programmes: Mapping[str, KnownProgramme]
    facts: Mapping[str, Facts]


class Store:
    """Notifications' collections.

    messages: its reason to be; `_id` is event + recipient + kind. known: what it knows of others;
    personal data is in the documents `contacts/…` and nowhere else.
    """

    def __init__(self, runtime: Runtime) -> None:
        unsent = {_STAGE: {"$in": list(_UNSENT)}}
        self.messages = runtime.aggregates(
            "messages",
            Message,
            tells=(MESSAGES,),
            indexes=(
                IndexModel(
                    [
                        (_STAGE, ASCENDING),
                        ("state.retry_at", ASCENDING),
                        ("state.asked_at", ASCENDING),
                    ],
                    name="stage_and_age",
                ),
                IndexModel(
                    [(_RECIPIENT, ASCENDING), ("state.asked_at", DESCENDING)], name="recipient"
                ),
                IndexModel(
                    [(_INTRODUCES, ASCENDING)], name="introduces", partialFilterExpression=unsent
                ),
                IndexModel(
                    [(_BECAUSE_OF, ASCENDING)], name="because_of", partialFilterExpression=unsent
                ),
            ),
        )
        self.contacts = runtime.aggregates("known", KnownContact, prefix="contacts/")
        self.participants = runtime.aggregates("known", KnownParticipant, prefix="participants/")
        self.programmes = runtime.aggregates("known", KnownProgramme, prefix="programmes/")
        self.matches = runtime.aggregates("known", KnownMatch, prefix="matches/")
        self.waiting = runtime.aggregates("known", KnownWaiting, prefix="pool/")
        self.check_ins = runtime.aggregates("known", KnownCheckIns, prefix="check-ins/")
        self.care = runtime.aggregates("known", KnownCare, prefix="care/")

    async def waiting_because_of(self, event_ids: Iterable[str]) -> list[Message]:
        """Messages that these events asked for and that still wait for a contact."""
        return await self._messages(
            {_BECAUSE_OF: {"$in": list(event_ids)}, _STAGE: Stage.WAITING_FOR_CONTACT.value}
        )

    async def waiting_for(self, people: Iterable[str]) -> list[Message]:
        """Messages that wait for the contact of one of these people."""
        return [
            message
            for message in await self.unsent_about(people)
            if message.stage is Stage.WAITING_FOR_CONTACT
        ]

    async def unsent_about(self, people: Iterable[str]) -> list[Message]:
        """Messages to these people, or introducing them, that nobody is sending yet."""
        ids = list(people)
        stages = {_STAGE: {"$in": list(_UNSENT)}}
        to_them = await self._messages({_RECIPIENT: {"$in": ids}, **stages})
        introducing = await self._messages({_INTRODUCES: {"$in": ids}, **stages})
        return list({one.message_id: one for one in (*to_them, *introducing)}.values())

    async def all_to(self, participant_id: str) -> list[Message]:
        """Every message to one person."""
        return await self._messages({_RECIPIENT: participant_id})

    async def delete_older(self, programme: str, asked_before: datetime) -> int:
        """Deletes what is kept of messages that are done, and were asked for before an instant."""
        query = {
            _STAGE: {"$in": [stage.value for stage in Stage if stage.is_done]},
            "state.retry_at": None,
            "state.asked_at": {"$lt": asked_before},
            "state.programme": programme,
        }
        return await self.messages.delete(query)

    async def sent_to(self, participant_id: str) -> list[Message]:
        """What went out to one person, or came back, the newest first."""
        went = {"$in": [Stage.SENT.value, Stage.BOUNCED.value]}
        query = {_RECIPIENT: participant_id, _STAGE: went}
        newest = [("state.asked_at", DESCENDING)]
        return [one async for _, one in self.messages.find(query, sort=newest)]

    async def sendable(
        self, machine: datetime, by: Claim, patience: Patience, limit: int
    ) -> Stored:
        """Messages that may be sent now, and those whose sender is gone, as they are stored."""
        long_ago = machine - patience.claim_for
        abandoned = {
            _STAGE: Stage.SENDING.value,
            "$or": [
                {"state.claim.at": {"$lte": long_ago}},
                {"state.claim.sender": by.sender, "state.claim.life": {"$ne": by.life}},
            ],
        }
        queued = {_STAGE: Stage.QUEUED.value, "state.retry_at": {"$not": {"$gt": machine}}}
        return await self.messages.stored_that({"$or": [abandoned, queued]}, limit=limit)

    async def claimed_in_life(self, by: Claim) -> list[Message]:
        """What this life of the sender has claimed and not noted."""
        claim = {"state.claim.sender": by.sender, "state.claim.life": by.life}
        return await self._messages({_STAGE: Stage.SENDING.value, **claim})

    async def count_open(self) -> int:
        """How many messages are to be sent now: queued (also those in a pause) or on their way."""
        return await self.messages.count({_STAGE: {"$in": list(_OPEN)}})

    async def tally_unsent(self) -> list[Tallied]:
        """Messages that are not done, by stage, and when the oldest was asked for."""
        stages = {_STAGE: {"$in": [*_UNSENT, Stage.SENDING.value]}}
        return await self.messages.tally(stages, (_STAGE,), earliest="state.asked_at")

    async def around(self, messages: Sequence[Message]) -> Around:
        """All that is known around these messages, by one query."""
        people = {message.recipient_id for message in messages}
        match_ids = {message.match_id for message in messages if message.match_id is not None}
        contacts, programmes, participants, matches, check_ins, care = await load_together(
            (self.contacts, _people_in(messages)),
            (self.programmes, {message.programme for message in messages}),
            (self.participants, people),
            (self.matches, match_ids),
            (self.check_ins, match_ids),
            (self.care, match_ids),
        )
        facts = {
            message.message_id: Facts(
                contact=contacts.get(message.recipient_id),
                participant=participants.get(message.recipient_id),
                match=matches.get(message.match_id or ""),
                check_ins=check_ins.get(message.match_id or ""),
                care=care.get(message.match_id or ""),
            )
            for message in messages
        }
        return Around(contacts, programmes, facts)

    async def contacts_of(self, messages: Iterable[Message]) -> dict[str, KnownContact]:
        """The contacts of recipients and of those who are introduced, by person."""
        return await self.contacts.load(_people_in(messages))

    async def all_programmes(self) -> dict[str, KnownProgramme]:
        """Every programme, by id."""
        return {name: state async for name, state in self.programmes.find()}

    def listed(
        self,
        filters: Mapping[str, str | None],
        cities: frozenset[str] | None,
        *,
        after: str,
        limit: int,
    ) -> AsyncIterator[tuple[str, Message]]:
        """Messages by any of recipient, stage, kind, match and programme, in the order of their ids."""
        query: dict[str, Any] = {
            f"state.{name}": value for name, value in filters.items() if value is not None
        } | in_cities("state.city", cities)
        if after:
            query["_id"] = {"$gt": after}
        return self.messages.find(query, sort=[("_id", ASCENDING)], limit=limit)

    async def _messages(self, query: Mapping[str, Any]) -> list[Message]:
        return [message async for _, message in self.messages.find(query)]


def _people_in(messages: Iterable[Message]) -> set[str]:
    """Their recipients, and who is introduced."""
    people: set[str] = set()
    for message in messages:
        people.add(message.recipient_id)
        if message.introduces is not None:
            people.add(message.introduces)
    return people
