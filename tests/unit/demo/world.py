"""A small network's databases and topics as they are when nothing went wrong, to break by hand."""

from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from deploy.local.books import Books
from deploy.local.books.effects import check_effects
from deploy.local.books.records import Topics
from deploy.local.books.sequences import Findings, check_sequences
from deploy.local.books.stores import Stores
from deploy.local.mailbox import StoredMessage
from shared.events import check_ins, matches, participants
from shared.events.asyncapi import SERVICES as CONSUMED
from shared.events.check_ins import CheckInStatus, ClosingReason
from shared.events.contacts import ContactChanged, ContactRole
from shared.events.matches import Factor, MatchStatus, Reason
from shared.events.messages import MessageKind, MessageSent
from shared.events.participants import ParticipantStatus, Role
from shared.events.payload import Payload
from shared.events.programmes import Charter, City, ProgrammeChanged
from shared.events.wire import Event, event_id

BEGAN = datetime(2026, 1, 5, 7, tzinfo=UTC)
PROGRAMME = "p"
CITY = "461"


def day(number: float) -> datetime:
    return BEGAN + timedelta(days=number)


class World:
    """Events told here are written by their owner, read by every consumer, and journaled."""

    def __init__(self) -> None:
        self.topics = Topics()
        self.documents: dict[tuple[str, str], dict[str, dict[str, Any]]] = defaultdict(dict)
        self.journal: list[dict[str, Any]] = []
        self.mails: list[StoredMessage] = []

    def tell(self, payload: Payload, at: datetime) -> Event[Any]:
        stream, subject = payload.stream, payload.subject
        owner = self._owner(payload)
        number = owner["sequences"].get(stream.name, 0) + 1
        owner["sequences"][stream.name] = number
        event: Event[Any] = Event(
            event_id(stream.name, subject, number),
            stream,
            subject,
            number,
            at,
            PROGRAMME,
            payload.city,
            "c",
            None,
            None,
            payload,
        )
        self.topics.events.setdefault(stream.name, []).append(event)
        for service, streams in CONSUMED.items():
            if stream in streams and service != "streams":
                key = f"{stream.name}/{subject}"
                home = self.documents[service, "known"].setdefault(key, {"_id": key, "seen": {}})
                _, count = home["seen"].get(stream.name, (0, 0))
                home["seen"][stream.name] = [number, count + 1]
        if stream in CONSUMED["streams"]:
            entry = {"stream": stream.name, "subject": subject, "sequence": number}
            self.journal.append({**entry, "position": len(self.journal) + 1})
        return event

    def send(self, event: Event[Any], recipient_id: str, kind: MessageKind) -> None:
        """A message is asked for, sent, and arrives."""
        message_id = f"{event.id}|{recipient_id}|{kind}"
        self.document("notifications", "messages", message_id)["state"] = {"stage": "sent"}
        sent = MessageSent(
            programme=PROGRAMME,
            message_id=message_id,
            recipient_id=recipient_id,
            kind=kind,
            because_of=event.id,
            match_id=getattr(event.payload, "match_id", None),
            sent_at=event.time,
        )
        self.tell(sent, event.time)
        number = len(self.mails) + 1
        self.mails.append(
            StoredMessage(number, event.time, "x@example.org", "", message_id, "", "", "", {})
        )

    def document(self, service: str, collection: str, name: str) -> dict[str, Any]:
        found = self.documents[service, collection]
        return found.setdefault(name, {"_id": name, "sequences": {}})

    def _owner(self, payload: Payload) -> dict[str, Any]:
        collections = {
            "participants": ("intake", "participants"),
            "contacts": ("intake", "participants"),
            "programmes": ("intake", "programmes"),
            "matches": ("matching", "matches"),
            "pool": ("matching", "known"),
            "check-ins": ("followup", "mentorships"),
            "care": ("followup", "mentorships"),
            "messages": ("notifications", "messages"),
        }
        service, collection = collections[payload.stream.name]
        name = f"waiting/{payload.subject}" if payload.stream.name == "pool" else payload.subject
        return self.document(service, collection, name)

    @property
    def stores(self) -> Stores:
        documents = {place: list(found.values()) for place, found in self.documents.items()}
        return Stores(documents, self.journal)

    def books(self, now: datetime | None = None) -> Books:
        """As `audit` makes them, without reading anything."""
        findings: Findings = check_sequences(self.topics, self.stores)
        findings.add(check_effects(self.topics, self.stores, self.mails))
        return Books(self.topics, self.stores, tuple(self.mails), findings, now or day(70))


def someone(who: str, role: Role, **changed: Any) -> dict[str, Any]:
    """The fields of a participant's state."""
    return {
        "programme": PROGRAMME,
        "city": CITY,
        "participant_id": who,
        "role": role,
        "status": ParticipantStatus.ACTIVE,
        "registered_at": BEGAN,
        "available_since": BEGAN,
        "languages": ("da", "ar"),
        "seats": 1 if role is Role.MENTOR else 0,
        **changed,
    }


def register(world: World, who: str, role: Role, **changed: Any) -> None:
    """Somebody registers, can be written to, and is welcomed."""
    event = world.tell(participants.ParticipantRegistered(**someone(who, role, **changed)), BEGAN)
    world.document("intake", "participants", who)["state"] = {
        "status": "active",
        "person": {"hashes": {"email": f"hash of {who}", "not_with": []}},
    }
    world.tell(
        ContactChanged(
            programme=PROGRAMME,
            participant_id=who,
            role=ContactRole(role.value),
            name=who,
            email=f"{who}@example.org",
        ),
        BEGAN,
    )
    world.send(event, who, MessageKind.WELCOME)


def a_match(match_id: str, mentee: str, mentor: str, status: MatchStatus) -> dict[str, Any]:
    return {
        "programme": PROGRAMME,
        "city": CITY,
        "match_id": match_id,
        "mentee_id": mentee,
        "mentor_id": mentor,
        "status": status,
        "score": 300,
        "reasons": (Reason(factor=Factor.COMMON_GROUND, points=300, shared=("chess",)),),
    }


def propose(world: World, match_id: str, mentee: str, mentor: str, at: datetime) -> None:
    fields = a_match(match_id, mentee, mentor, MatchStatus.PROPOSED)
    event = world.tell(matches.MatchProposed(**fields), at)
    world.send(event, mentee, MessageKind.PROPOSAL_TO_MENTEE)


def accept(world: World, match_id: str, mentee: str, mentor: str, at: datetime) -> None:
    """Both say yes, one after the other, and the mentorship begins."""
    willing = a_match(match_id, mentee, mentor, MatchStatus.MENTEE_ACCEPTED)
    event = world.tell(matches.MatchMenteeAccepted(**willing), at)
    world.send(event, mentor, MessageKind.PROPOSAL_TO_MENTOR)
    both = a_match(match_id, mentee, mentor, MatchStatus.ACCEPTED)
    event = world.tell(matches.MatchAccepted(**both), at + timedelta(hours=7))
    world.send(event, mentee, MessageKind.MATCH_ACCEPTED)
    world.send(event, mentor, MessageKind.MATCH_ACCEPTED)
    world.document("followup", "mentorships", match_id)["state"] = {"match_id": match_id}


def decline(world: World, match_id: str, mentee: str, mentor: str, at: datetime) -> None:
    fields = a_match(match_id, mentee, mentor, MatchStatus.DECLINED)
    world.tell(matches.MatchDeclined(**fields, declined_by=Role.MENTEE), at)


def check_in(world: World, match_id: str, mentee: str, mentor: str, at: datetime) -> None:
    """The first check-in is due, and both answer."""
    fields: dict[str, Any] = {
        "programme": PROGRAMME,
        "city": CITY,
        "match_id": match_id,
        "mentee_id": mentee,
        "mentor_id": mentor,
        "number": 1,
        "day": 14,
        "due_at": at,
    }
    event = world.tell(check_ins.CheckInDue(**fields, status=CheckInStatus.DUE), at)
    world.send(event, mentee, MessageKind.CHECK_IN)
    world.send(event, mentor, MessageKind.CHECK_IN)
    completed = check_ins.CheckInCompleted(**fields, status=CheckInStatus.COMPLETED)
    world.tell(completed, at + timedelta(days=2))


def close(world: World, match_id: str, mentee: str, mentor: str, at: datetime) -> None:
    """The mentorship ends, and so does the match."""
    closed = check_ins.MentorshipClosed(
        programme=PROGRAMME,
        city=CITY,
        match_id=match_id,
        mentee_id=mentee,
        mentor_id=mentor,
        reason=ClosingReason.GOALS_REACHED,
        early=False,
        started_at=at,
        closed_at=at,
    )
    event = world.tell(closed, at)
    world.send(event, mentee, MessageKind.CLOSURE)
    world.send(event, mentor, MessageKind.CLOSURE)
    fields = a_match(match_id, mentee, mentor, MatchStatus.ENDED)
    world.tell(matches.MatchEnded(**fields), at)


def a_sound_world() -> World:
    """Amal and Bodil have had a mentorship and ended it; Cigdem and Dorte have one."""
    world = World()
    world.tell(
        ProgrammeChanged(
            programme=PROGRAMME,
            name="Test",
            charters=(Charter(version="1"),),
            cities=(City(code=CITY, name="Odense", region="Syddanmark"),),
        ),
        BEGAN,
    )
    for mentee in ("amal", "cigdem"):
        register(world, mentee, Role.MENTEE)
    for mentor in ("bodil", "dorte"):
        register(world, mentor, Role.MENTOR)
    propose(world, "m1", "amal", "bodil", day(1))
    accept(world, "m1", "amal", "bodil", day(2))
    propose(world, "m2", "cigdem", "dorte", day(1))
    accept(world, "m2", "cigdem", "dorte", day(3))
    check_in(world, "m1", "amal", "bodil", day(16))
    check_in(world, "m2", "cigdem", "dorte", day(17))
    close(world, "m1", "amal", "bodil", day(60))
    return world


Break = Callable[[World], None]
