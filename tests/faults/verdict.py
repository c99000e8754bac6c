"""The verdict on a row: what people were told against what is there, and the books besides.

Three ways, each of its own: acknowledged requests against events and documents (here), sequences and
effects against causes (`deploy.local.books`), and what must never happen between people.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from deploy.local.books import Books, audit
from deploy.local.books.sequences import parked
from shared.events.care import HelpHandled, HelpRequested
from shared.events.check_ins import CheckInDue, MentorshipClosed
from shared.events.dead_letters import RecordParked
from shared.events.matches import MatchAccepted, MatchDeclined, MatchMenteeAccepted
from shared.events.participants import (
    ParticipantConfirmed,
    ParticipantErased,
    ParticipantPaused,
    ParticipantRegistered,
    ParticipantResumed,
    ParticipantWithdrawn,
)
from shared.events.payload import Payload
from tests.faults.witness import Acknowledged

if TYPE_CHECKING:
    from tests.faults.world import World

_SHOWN: Final = 20


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a row.

    acknowledged: different requests answered with 2xx, an import's records among them.
    effects: those of them whose effect is there. resent: mails that came again under the same
    Message-ID, which is no doubling. wrong: what else must not be.
    """

    acknowledged: int
    effects: int
    lost: tuple[str, ...]
    doubled: tuple[str, ...]
    wrong: tuple[str, ...]
    resent: int
    events: int
    repeats: int

    @property
    def passed(self) -> bool:
        """Whether each acknowledged thing is there exactly once, and nothing else."""
        return not (self.lost or self.doubled or self.wrong)

    @property
    def why(self) -> str:
        """The first findings of each kind, in words: many losses hide no wrong that is beside them."""
        kinds = (self.lost, self.doubled, self.wrong)
        return "; ".join(found for kind in kinds for found in _first(kind))


def _first(findings: tuple[str, ...]) -> Iterable[str]:
    yield from findings[:_SHOWN]
    if len(findings) > _SHOWN:
        yield f"and {len(findings) - _SHOWN} more like these"


async def judge(world: "World") -> Verdict:
    """Reads everything and compares. All must be quiet."""
    addresses = world.engine.addresses
    books = await audit(
        addresses.mongodb_admin,
        addresses.kafka,
        world.platform.mailbox.messages(),
        world.clock.now(),
    )
    kept = [each for key, each in world.load.witness.kept.items() if key not in world.words_lost]
    if world.judged_by_row:
        kept = [each for each in kept if each.path.endswith("/participants")]
        books.findings.lost.clear()
        books.findings.doubled.clear()
    lost = [found for found in books.findings.lost if not _is_made(found, world, books)]
    missing = [f"{each.path} was answered, no effect" for each in _without_effect(kept, books)]
    imported = world.load.imported.registered if world.load.imported is not None else 0
    registered = len(books.topics.of_type(ParticipantRegistered))
    doubled = [*books.findings.doubled, *_doubled_people(books), *_doubled_help(kept, books)]
    return Verdict(
        acknowledged=len(kept) + imported,
        effects=len(kept) - len(missing) + min(imported, registered),
        lost=(*lost, *missing),
        doubled=tuple(doubled),
        wrong=tuple(_wrong(world, books)),
        resent=books.report()["messages"]["resent"],
        events=books.topics.published,
        repeats=books.topics.repeats,
    )


def _is_made(finding: str, world: "World", books: Books) -> bool:
    """Whether it only says that there are as many unreadable records as the row has made."""
    made = books.topics.unreadable == world.unreadable
    return made and finding.endswith("records in the topics cannot be read")


def _wrong(world: "World", books: Books) -> Iterable[str]:
    report = books.report()
    yield from (f"{count} × {name}" for name, count in report["violations"].items() if count)
    if waiting := parked(books.stores):
        yield f"{waiting} events still wait behind one that is parked"
    letters = [event.payload for event in books.topics.of_type(RecordParked)]
    yield from (
        f"{letter.consumer} parked {letter.topic}/{letter.partition}@{letter.offset}: {letter.why}"
        for letter in letters
        if not world.is_poison(letter)
    )
    early = [e for e in books.topics.of_type(CheckInDue) if e.time < e.payload.due_at]
    yield from (f"{event.id} came before it was due" for event in early)
    yield from world.load.witness.contradictions
    yield from (f"surprise: {what}" for what in world.load.witness.surprises)
    yield from (f"never answered: {what}" for what in world.load.unanswered)


# Acknowledged requests against what is there ------------------------------------------------------


def _without_effect(kept: Iterable[Acknowledged], books: Books) -> Iterable[Acknowledged]:
    known = _Known(books)
    return [each for each in kept if not known.has_effect_of(each)]


class _Known:
    """Which subjects have which event."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self._subjects: dict[type[Payload], set[str]] = {}
        self._registered = set(books.addresses.values())

    def has_effect_of(self, request: Acknowledged) -> bool:
        """Whether what this request was answered for has happened."""
        path, thing = request.path, request.thing
        if path.endswith("/participants"):
            identity = (str(request.sent["role"]), str(request.sent["email"]))
            return identity in self._registered
        if path.startswith("/followup/mentorships/"):
            return path.split("/")[3] in self._of(MentorshipClosed)
        if path.startswith("/followup/help/"):
            return path.split("/")[4] in {
                event.payload.help_id for event in self._books.topics.of_type(HelpHandled)
            }
        if thing is None:
            return True
        match_id = thing.match_id or str(request.sent.get("match_id", ""))
        match path:
            case "/matching/answers":
                return match_id in self._answered(request)
            case "/followup/check-ins/answers":
                return self._has_answer(match_id, thing.number, thing.participant_id)
            case "/followup/help":
                return match_id in self._of(HelpRequested)
            case "/followup/close":
                return match_id in self._of(MentorshipClosed)
            case _:
                event = _OF_PARTICIPANTS.get(path)
                return event is None or thing.participant_id in self._of(event)

    def _answered(self, request: Acknowledged) -> set[str]:
        if request.sent.get("says_yes") != "yes":
            return self._of(MatchDeclined)
        who = request.thing.participant_id if request.thing is not None else ""
        mentees = {e.payload.mentee_id for e in self._books.topics.of_type(MatchMenteeAccepted)}
        return self._of(MatchMenteeAccepted if who in mentees else MatchAccepted)

    def _has_answer(self, match_id: str, number: int | None, participant_id: str) -> bool:
        for document in self._books.stores.of("followup", "mentorships"):
            state = document.get("state")
            if document["_id"] == match_id and state:
                side = "mentee" if state["mentee_id"] == participant_id else "mentor"
                return any(
                    check_in["number"] == number and check_in[side]["answer"] is not None
                    for check_in in state["check_ins"]
                )
        return False

    def _of(self, payload: type[Payload]) -> set[str]:
        if payload not in self._subjects:
            events = self._books.topics.of_type(payload)
            self._subjects[payload] = {event.subject for event in events}
        return self._subjects[payload]


_OF_PARTICIPANTS: Final[Mapping[str, type[Payload]]] = {
    "/intake/confirm": ParticipantConfirmed,
    "/intake/me/pause": ParticipantPaused,
    "/intake/me/resume": ParticipantResumed,
    "/intake/me/leave": ParticipantWithdrawn,
    "/intake/me/erase": ParticipantErased,
}


# Each exactly once --------------------------------------------------------------------------------


def _doubled_people(books: Books) -> list[str]:
    """People who take part twice under one address, programme and role."""
    counts = Counter(books.addresses.values())
    return [
        f"one address is {count} participants as {role}"
        for (role, _), count in counts.items()
        if count > 1
    ]


def _doubled_help(kept: Iterable[Acknowledged], books: Books) -> list[str]:
    """Calls for help of which nobody was told that they were taken."""
    asked = sum(each.path == "/followup/help" for each in kept)
    found = len({e.payload.help_id for e in books.topics.of_type(HelpRequested)})
    return [f"{found} calls for help, {asked} were acknowledged"] if found > asked else []
