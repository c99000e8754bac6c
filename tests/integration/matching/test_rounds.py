"""Rounds on the real database: races, lost leases, crashes in the middle, changes meanwhile."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from pydantic import SecretStr
from pymongo import MongoClient

from deploy.local.engines import Engine
from services.matching.domain import life, people, programmes
from services.matching.domain.engine import NumpyEngine
from services.matching.domain.match import Match
from services.matching.domain.refusals import PairKnown, SeatTaken
from services.matching.domain.round import RoundInput, RoundResult
from services.matching.domain.schedule import RoundRecord
from services.matching.fitting import Fitting
from services.matching.rounds import Rounds
from services.matching.settings import Settings
from services.matching.store import Store
from shared.decisions import Decision
from shared.errors import LeaseLost
from shared.events.participants import (
    KindOfHelp,
    ParticipantPaused,
    ParticipantStatus,
    PauseReason,
    Role,
)
from shared.messaging.work import Work
from shared.runtime import Runtime
from shared.storage.changes import Cause, Change, Outcome, Status
from tests.unit.matching.builders import (
    START,
    a_match,
    a_participant,
    a_programme,
    event_of,
    proposed,
)

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
        return Rounds(self.store, engine or NumpyEngine(), fitting, Work(), options)

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

    async def open_up(self, mentees: int, mentors: int, seats: int = 1) -> None:
        """A programme with people, whose round is due."""
        heard = programmes.hear_of_programme(None, event_of(a_programme(self.programme)), START)
        assert heard is not None
        due = replace(heard.state, asked_round_at=START)
        await self._set_programme(due)
        await self.hear(
            *(self.person(f"mentee{n:03}", Role.MENTEE) for n in range(mentees)),
            *(self.person(f"mentor{n:03}", Role.MENTOR, seats=seats) for n in range(mentors)),
        )

    async def _set_programme(self, state: programmes.KnownProgramme) -> None:
        change = Change(self.programme, lambda _: Decision(state), Cause.due(START))
        await self.store.programmes.change([change])

    async def pairs(self) -> dict[str, str]:
        """Who is with whom in an open match."""
        query = {"state.programme": self.programme, "state.open": True}
        return {m.mentee_id: m.mentor_id async for _, m in self.store.matches.find(query)}

    async def open_up_to_many_kinds(self) -> None:
        """A programme with people who differ, so that who is left over changes what is best."""
        await self.open_up(mentees=0, mentors=0)
        kinds, interests = list(KindOfHelp), ["chess", "gardens", "choir", "films", "football"]
        chance = random.Random(5)  # noqa: S311  (the same people each time)
        for role, number in ((Role.MENTEE, 24), (Role.MENTOR, 9)):
            await self.hear(
                *(
                    self.person(
                        f"{role.value}{n:03}",
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
        result = NumpyEngine().solve(round_input)
        self._happens()
        return result


@pytest_asyncio.fixture
async def office(embedded: Engine, tmp_path: Path) -> AsyncIterator[Office]:
    options = Settings(
        kafka_url=",".join(embedded.addresses.kafka),
        mongodb_url=embedded.mongodb_url("matching"),
        clock=f"stepped:{tmp_path / 'clock'}",
        seed=7,
        link_secret=SecretStr("links"),
        hash_secret=SecretStr("hashes"),
    )
    runtime = Runtime("matching", options)
    store = Store(runtime)
    for collection in (store.matches, store.people, store.programmes, store.rounds, store.gaps):
        await collection.prepare()
    # Rounds of other tests' programmes are none of this one's business.
    admin: Admin = MongoClient(embedded.addresses.mongodb_admin)
    office = Office(runtime, store, admin, "network")
    office.forget_everything()
    yield office
    admin.close()
    runtime.database.close()


async def test_a_round_places_everybody_for_whom_there_is_a_seat(office: Office) -> None:
    await office.open_up(mentees=7, mentors=2, seats=3)
    await office.rounds(proposals_at_once=4).run_due(START)
    pairs = await office.pairs()
    assert len(pairs) == 6
    (record,) = await office.store.latest_rounds(office.programme, 10)
    assert (record.mentees, record.mentors, record.proposed, record.waiting) == (7, 2, 6, 1)
    assert record.blocking_pairs == 0
    waiting = await office.store.people.load(f"mentee{n:03}-{office.programme}" for n in range(7))
    assert sum(known.wait is not None for known in waiting.values()) == 1


async def test_a_lease_that_is_lost_in_mid_round_writes_nothing(office: Office) -> None:
    await office.open_up(mentees=3, mentors=3)
    with pytest.raises(LeaseLost):
        await office.rounds(Interrupted(office.expire_lease)).run_due(START)
    assert await office.pairs() == {}
    assert await office.store.latest_rounds(office.programme, 10) == []
    office.free_lease()
    await office.rounds().run_due(START)
    assert len(await office.pairs()) == 3


async def test_a_lease_that_is_lost_between_two_chunks_writes_no_more(office: Office) -> None:
    await office.open_up(mentees=4, mentors=4)
    rounds = office.rounds(proposals_at_once=1)
    _after_each_write(office.store, lambda number: office.expire_lease() if number == 1 else None)
    with pytest.raises(LeaseLost):
        await rounds.run_due(START)
    assert len(await office.pairs()) == 1


@pytest.mark.parametrize("written", [1, 3, 5, 6])
async def test_a_round_that_was_cut_off_comes_to_the_same_pairs(
    office: Office, written: int
) -> None:
    class Crash(Exception):
        pass

    def crash(number: int) -> None:
        if number == written:
            raise Crash

    await office.open_up_to_many_kinds()
    await office.rounds().run_due(START)
    whole, record = await office.pairs(), await office.record()
    assert len(whole) > 6
    office.forget_everything()
    await office.open_up_to_many_kinds()
    undo = _after_each_write(office.store, crash)
    with pytest.raises(Crash):
        await office.rounds(proposals_at_once=1).run_due(START)
    undo()
    assert len(await office.pairs()) == written
    office.free_lease()
    await office.rounds().run_due(START)
    assert await office.pairs() == whole
    assert await office.record() == record
    unsent = [document["outbox"] for document in office.admin["matching"]["matches"].find()]
    assert [len(outbox) for outbox in unsent] == [1] * len(whole), "proposed once each"


async def test_two_matchers_at_one_round_make_it_once(office: Office) -> None:
    await office.open_up(mentees=20, mentors=20)

    async def patiently() -> None:
        rounds = office.rounds()
        for _ in range(200):
            try:
                return await rounds.run_due(START)
            except LeaseLost:
                await asyncio.sleep(0.02)
        raise AssertionError("the lease was never free")

    await asyncio.gather(patiently(), patiently())
    assert len(await office.pairs()) == 20
    (record,) = await office.store.latest_rounds(office.programme, 10)
    assert record.proposed == 20
    assert await office.store.matches.count({"state.programme": office.programme}) == 20


async def test_the_database_refuses_a_second_open_match_and_a_taken_seat(office: Office) -> None:
    """Two matchers that know nothing of each other, and no lease: the indexes have the last word."""

    async def propose(matches: Sequence[Match]) -> list[Outcome[Match]]:
        return await office.store.matches.change(
            [
                Change(
                    match.match_id,
                    lambda kept, match=match: (  # type: ignore[misc]
                        None if kept else life.make(match, START, review=False)
                    ),
                    Cause.due(START),
                )
                for match in matches
            ]
        )

    mine = [a_match(f"a{n}", mentee_id=f"e{n}", mentor_id=f"r{n}") for n in range(50)]
    others = [a_match(f"b{n}", mentee_id=f"e{n}", mentor_id=f"r{n + 1}") for n in range(50)]
    both = await asyncio.gather(propose(mine), propose(others))
    open_matches = [m async for _, m in office.store.matches.find({"state.open": True})]
    assert len({match.mentee_id for match in open_matches}) == len(open_matches)
    assert len({(match.mentor_id, match.seat) for match in open_matches}) == len(open_matches)
    written = sum(outcome.status is Status.CHANGED for outcomes in both for outcome in outcomes)
    refused = [outcome.refusal for outcomes in both for outcome in outcomes if outcome.refusal]
    assert written == len(open_matches)
    assert written + len(refused) == 100
    assert set(refused) <= {SeatTaken(), PairKnown()}


async def test_who_pauses_while_the_round_is_being_solved_keeps_no_proposal(office: Office) -> None:
    await office.open_up(mentees=2, mentors=2)
    who = f"mentee000-{office.programme}"

    def pause() -> None:
        office.admin["matching"]["known"].update_one(
            {"_id": f"participants/{who}"},
            {"$set": {"state.status": "paused"}, "$inc": {"version": 1}},
        )

    await office.rounds(Interrupted(pause)).run_due(START)
    assert sorted(await office.pairs()) == [f"mentee001-{office.programme}"]


async def test_a_new_matcher_takes_back_what_no_longer_holds(office: Office) -> None:
    await office.open_up(mentees=1, mentors=0)
    stale = replace(
        proposed("stale", mentee_id=f"mentee000-{office.programme}", mentor_id="gone"),
        programme=office.programme,
    )
    await office.store.matches.change(
        [Change("stale", lambda _: _decided(stale), Cause.due(START))]
    )
    gone = a_participant(
        "gone",
        Role.MENTOR,
        ParticipantPaused,
        programme=office.programme,
        status=ParticipantStatus.PAUSED,
        reason=PauseReason.OWN_WISH,
    )
    await office.hear(gone)
    await office.rounds().run_due(START)
    assert await office.pairs() == {}


async def test_the_order_in_which_people_came_changes_nothing(office: Office) -> None:
    names = [("mentee", Role.MENTEE, n) for n in range(12)] + [
        ("mentor", Role.MENTOR, n) for n in range(7)
    ]
    found = []
    for order in (names, names[::-1]):
        office.forget_everything()
        await office.open_up(mentees=0, mentors=0)
        for kind, role, number in order:
            await office.hear(office.person(f"{kind}{number}", role))
        await office.rounds().run_due(START)
        ids = {m.match_id async for _, m in office.store.matches.find({"state.open": True})}
        found.append((await office.pairs(), ids))
    assert found[0] == found[1]
    assert len(found[0][0]) == 7


def _decided(match: Match) -> Any:
    return Decision(match)


def _after_each_write(store: Store, act: Callable[[int], object]) -> Callable[[], None]:
    """Calls `act(1)`, `act(2)`, … after each fenced write of matches. Returns how to stop that."""
    change = store.matches.change
    number = 0

    async def counted(changes: Any, *, fence: Any = None) -> Any:
        nonlocal number
        outcomes = await change(changes, fence=fence)
        if fence is not None:
            number += 1
            act(number)
        return outcomes

    store.matches.change = counted  # type: ignore[method-assign]

    def undo() -> None:
        store.matches.change = change  # type: ignore[method-assign]

    return undo
