"""One matcher's store and rounds on the real database, with nothing of Kafka."""

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from pymongo import MongoClient

from services.matching.domain import people, programmes
from services.matching.domain.engine import ColumnarEngine
from services.matching.domain.match import Match
from services.matching.domain.round import RoundInput, RoundResult
from services.matching.domain.schedule import RoundRecord
from services.matching.fitting import Fitting
from services.matching.rounds import Rounds
from services.matching.settings import Settings
from services.matching.store import Store
from shared.decisions import Decision
from shared.events.participants import KindOfHelp, Role
from shared.messaging.work import Work
from shared.runtime import Runtime
from shared.storage.changes import Cause, Change
from tests.unit.matching.builders import START, a_participant, a_programme, event_of

Admin = MongoClient[dict[str, Any]]


@dataclass
class Office:
    """One matcher's store and rounds, with nothing of Kafka."""

    runtime: Runtime
    store: Store
    admin: Admin
    programme: str

    def rounds(self, engine: Any = None, **more: Any) -> Rounds:
        """The rounds of another process."""
        options = self.runtime.settings.model_copy(update=more)
        assert isinstance(options, Settings)
        fitting = Fitting(self.store)
        return Rounds(self.store, engine or ColumnarEngine(), fitting, Work(), options)

    async def hear(self, *payloads: Any) -> None:
        events = [event_of(payload) for payload in payloads]
        await self.store.people.change(
            [
                Change(
                    event.subject,
                    lambda known, event=event: people.hear_of_participant(known, event),  # type: ignore[misc]
                    Cause.due(START),
                )
                for event in events
            ]
        )

    def person(self, name: str, role: Role, *kind: Any, **fields: Any) -> Any:
        who = f"{name}-{self.programme}"
        return a_participant(who, role, *kind, **{"programme": self.programme, **fields})

    async def open_up(self, mentees: int, mentors: int, seats: int = 1, **policy: Any) -> None:
        """A programme with people, whose round is due."""
        changed = event_of(a_programme(self.programme, **policy))
        heard = programmes.hear_of_programme(None, changed, START)
        assert heard is not None
        await self.set_programme(replace(heard.state, asked_round_at=START))
        await self.hear(
            *(self.person(f"mentee{n:03}", Role.MENTEE) for n in range(mentees)),
            *(self.person(f"mentor{n:03}", Role.MENTOR, seats=seats) for n in range(mentors)),
        )

    async def note_top_up(self, *plentiful: str) -> None:
        """A top-up is due now, no round is, and these cities are plentiful."""
        known = await self.store.programmes.get(self.programme)
        assert known is not None
        await self.set_programme(
            replace(
                known,
                asked_round_at=None,
                next_top_up_at=START,
                plentiful=plentiful,
            )
        )

    async def set_programme(self, state: programmes.KnownProgramme) -> None:
        change = Change(self.programme, lambda _: Decision(state), Cause.due(START))
        await self.store.programmes.change([change])

    async def pairs(self) -> dict[str, str]:
        """Who is with whom in an open match."""
        query = {"state.programme": self.programme, "state.open": True}
        return {m.mentee_id: m.mentor_id async for _, m in self.store.matches.find(query)}

    async def open_up_to_many_kinds(self, **policy: Any) -> None:
        """A programme with people who differ, so that who is left over changes what is best."""
        await self.open_up(mentees=0, mentors=0, **policy)
        await self.many_kinds("", mentees=24, mentors=9, seed=5)

    async def many_kinds(self, tag: str, *, mentees: int, mentors: int, seed: int) -> None:
        """People who differ come, the same ones each time."""
        kinds, interests = list(KindOfHelp), ["chess", "gardens", "choir", "films", "football"]
        chance = random.Random(seed)  # noqa: S311  (the same people each time)
        for role, number in ((Role.MENTEE, mentees), (Role.MENTOR, mentors)):
            await self.hear(
                *(
                    self.person(
                        f"{role.value}{tag}{n:03}",
                        role,
                        kinds_of_help=tuple(chance.sample(kinds, 3)),
                        interests=tuple(chance.sample(interests, 2)),
                        languages=tuple(chance.sample(["da", "ar", "en"], 2)),
                        seats=2 if role is Role.MENTOR else 0,
                        available_since=START - timedelta(days=chance.randrange(60)),
                    )
                    for n in range(number)
                )
            )

    async def record(self) -> RoundRecord:
        """The record of the one round, whatever time it took."""
        (record,) = await self.store.latest_rounds(self.programme, 10)
        return replace(record, seconds=0.0)

    def forget_everything(self) -> None:
        """Nothing has happened yet."""
        for name in ("matches", "known", "rounds"):
            self.admin["matching"][name].delete_many({})

    def expire_lease(self) -> None:
        """Another instance takes the lease over, as if this one had slept through its time."""
        self.admin["matching"]["rounds"].update_one(
            {"_id": f"leases/{self.programme}"},
            {
                "$set": {
                    "holder": "somebody else",
                    "expires_at": datetime.now(UTC) + timedelta(hours=1),
                },
                "$inc": {"epoch": 1},
            },
        )

    def free_lease(self) -> None:
        """Whoever holds the lease is gone for long enough."""
        self.admin["matching"]["rounds"].update_one(
            {"_id": f"leases/{self.programme}"}, {"$set": {"expires_at": datetime.now(UTC)}}
        )


class Interrupted:
    """An engine while whose work something happens."""

    def __init__(self, happens: Callable[[], object]) -> None:
        self._happens = happens

    def solve(self, round_input: RoundInput) -> RoundResult:
        result = ColumnarEngine().solve(round_input)
        self._happens()
        return result

    def top_up(self, round_input: RoundInput) -> RoundResult:
        result = ColumnarEngine().top_up(round_input)
        self._happens()
        return result


def decided(match: Match) -> Any:
    return Decision(match)


def after_each_write(store: Store, act: Callable[[int], object]) -> Callable[[], None]:
    """Calls `act(1)`, `act(2)`, … after each fenced write of matches. Returns how to stop that."""
    change = store.matches.change
    number = 0

    async def counted(changes: Any, *, fence: Any = None, known: Any = None) -> Any:
        nonlocal number
        outcomes = await change(changes, fence=fence, known=known)
        if fence is not None:
            number += 1
            act(number)
        return outcomes

    store.matches.change = counted  # type: ignore[method-assign]

    def undo() -> None:
        store.matches.change = change  # type: ignore[method-assign]

    return undo
