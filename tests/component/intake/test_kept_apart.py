"""Nobody is ever proposed to someone she named, however registrations and changes interleave.

The registrar runs against a store in memory whose every call lets others go first, by a seed.
"""

import asyncio
import random
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import Any, cast

from hypothesis import example, given, settings
from hypothesis import strategies as st

from services.intake.domain import life
from services.intake.domain.participant import Origin, Participant, Person
from services.intake.domain.programme import Programme
from services.intake.domain.refusals import AlreadyRegistered
from services.intake.domain.tables import load_tables
from services.intake.registrar import Registrar
from services.intake.store import Store
from shared.decisions import Decision, Refusal
from shared.errors import CommonGroundError
from shared.events.participants import ParticipantErased, ParticipantState
from shared.events.programmes import Charter, City, Policy
from shared.ids import Ids
from shared.security.hashing import KeyedHash
from shared.storage.changes import Cause, Change, Outcome, Status
from tests.unit.intake.someone import CHARTER, MONDAY, PROGRAMME, a_mentee, a_mentor

PEOPLE = "abcdef"
NAMES = st.frozensets(st.sampled_from(PEOPLE), max_size=3)


class Crash(CommonGroundError):
    """The process dies here."""


class InMemory:
    """Intake's store, one aggregate's write atomic, and others may come between any two calls."""

    def __init__(self, seed: int, crash_after: int | None = None) -> None:
        self.states: dict[str, Participant] = {}
        self.public: dict[str, frozenset[str]] = {}
        self.is_watched = True
        self._random = random.Random(seed)  # noqa: S311  (a schedule that can be repeated)
        self.calls_left = crash_after
        self.participants = self
        self.programmes = _Programmes()

    async def turn(self) -> None:
        if self.calls_left is not None:
            self.calls_left -= 1
            if self.calls_left < 0:
                self.calls_left = None
                raise Crash
        for _ in range(self._random.randint(0, 4)):
            await asyncio.sleep(0)

    async def load(self, ids: Iterable[str]) -> dict[str, Participant]:
        await self.turn()
        return {each: self.states[each] for each in ids if each in self.states}

    async def change(self, changes: Sequence[Change[Participant]]) -> list[Outcome[Participant]]:
        await self.turn()
        outcomes = []
        for change in sorted(changes, key=lambda _: self._random.random()):
            await self.turn()
            outcomes.append((change, self._decide(change)))
        return [next(o for c, o in outcomes if c is change) for change in changes]

    def _decide(self, change: Change[Participant]) -> Outcome[Participant]:
        state = self.states.get(change.id)
        decision = change.decide(state)
        if isinstance(decision, Refusal):
            return Outcome(Status.REFUSED, state, refusal=decision)
        if decision is None:
            return Outcome(Status.UNCHANGED, state)
        if state is None and self._is_taken(decision.state):
            return Outcome(Status.REFUSED, refusal=AlreadyRegistered())
        self._write(change.id, decision)
        return Outcome(Status.CHANGED, decision.state)

    def _is_taken(self, wanted: Participant) -> bool:
        assert wanted.person is not None
        identity = wanted.person.hashes.identity
        return any(s.person and s.person.hashes.identity == identity for s in self.states.values())

    def _write(self, participant_id: str, decision: Decision[Participant]) -> None:
        self.states[participant_id] = decision.state
        for event in decision.events:
            if isinstance(event, ParticipantState):
                self.public[participant_id] = frozenset(event.apart_from)
            elif isinstance(event, ParticipantErased):
                self.public.pop(participant_id, None)
        if self.is_watched:
            self.nobody_can_be_matched_with_whom_she_named()

    async def due(self, now: datetime, limit: int) -> list[str]:
        await self.turn()
        due = [key for key, state in self.states.items() if state.wake_at and state.wake_at <= now]
        return due[:limit]

    async def earliest_wake(self) -> datetime | None:
        await self.turn()
        return min((s.wake_at for s in self.states.values() if s.wake_at), default=None)

    async def next_due(self, now: datetime) -> datetime | None:
        return None

    async def ids_by_identity(self, identities: Iterable[str]) -> dict[str, str]:
        await self.turn()
        wanted = set(identities)
        return {
            state.person.hashes.identity: key
            for key, state in self.states.items()
            if state.person and state.person.hashes.identity in wanted
        }

    async def around(self, people: Iterable[Person]) -> dict[str, Person]:
        asked = list(people)
        await self.turn()
        addresses = {person.hashes.email for person in asked}
        named = {each for person in asked for each in person.hashes.not_with}
        return {
            key: state.person
            for key, state in self.states.items()
            if state.person
            and (
                state.person.hashes.email in addresses | named
                or addresses & set(state.person.hashes.not_with)
            )
        }

    # What must hold -----------------------------------------------------------------------------

    def named_pairs(self) -> set[frozenset[str]]:
        """Everybody's wishes as they are now, by ids."""
        people = {key: state.person for key, state in self.states.items() if state.person}
        return {
            frozenset((one, other))
            for one, person in people.items()
            for other, second in people.items()
            if one != other
            and second.hashes.email in (*person.hashes.not_with, person.hashes.email)
        }

    def nobody_can_be_matched_with_whom_she_named(self) -> None:
        for pair in self.named_pairs():
            one, other = sorted(pair)
            if one in self.public and other in self.public:
                assert other in self.public[one] or one in self.public[other]

    def all_is_settled(self) -> None:
        pairs = self.named_pairs()
        for key, state in self.states.items():
            if state.person is None:
                continue
            assert state.wake_at is None
            alive = {
                other for other in state.person.apart_from if self.states[other].person is not None
            }
            assert {frozenset((key, other)) for other in alive} == {p for p in pairs if key in p}
            assert self.public[key] == frozenset(state.person.apart_from)


class _Programmes:
    async def load(self, ids: Iterable[str]) -> dict[str, Programme]:
        return dict.fromkeys(ids, PROGRAMME_STATE)


PROGRAMME_STATE = Programme(
    programme=PROGRAMME,
    name="Test",
    policy=Policy(),
    charters=(Charter(version=CHARTER),),
    cities=(City(code="461", name="Odense", region="Syddanmark"),),
    coordinators=(),
    time_zone="Europe/Copenhagen",
    host_languages=("da",),
    locales=("en",),
)


def address(name: str) -> str:
    return f"{name}@example.org"


def registrar_of(store: InMemory) -> Registrar:
    return Registrar(cast("Store", store), Ids(), KeyedHash("k"), load_tables())


async def register(
    registrar: Registrar, names: Collection[str], naming: dict[str, frozenset[str]]
) -> list[str | None]:
    people = [
        a_mentee().called(address(name)).naming(*map(address, sorted(naming.get(name, ()))))
        for name in names
    ]
    admissions = await registrar.admit(
        PROGRAMME_STATE,
        [person.registration for person in people],
        Origin.IMPORT,
        Cause.http(MONDAY),
    )
    return [admission.participant_id for admission in admissions]


async def change_her_mind(
    store: InMemory, registrar: Registrar, participant_id: str, naming: frozenset[str]
) -> None:
    def read(person: Person) -> life.Revision:
        registration = a_mentee().called(person.contact.email).registration
        hashes = replace(
            person.hashes, not_with=registrar.addresses(PROGRAMME, [*map(address, naming)])
        )
        return registration, hashes, "UTC"

    def decide(state: Participant | None) -> life.Verdict:
        return life.revise(state, read, None, MONDAY)

    await store.change([Change(participant_id, decide, Cause.http(MONDAY))])
    await registrar.resolve([participant_id], Cause.http(MONDAY))


@given(naming=st.dictionaries(st.sampled_from(PEOPLE), NAMES), seed=st.integers(0, 10_000))
@settings(max_examples=150)
def test_of_all_who_register_at_once_nobody_can_be_matched_with_whom_she_named(
    naming: dict[str, frozenset[str]], seed: int
) -> None:
    async def scenario() -> None:
        store = InMemory(seed)
        registrar = registrar_of(store)
        await asyncio.gather(*(register(registrar, name, naming) for name in PEOPLE))
        store.all_is_settled()

    asyncio.run(scenario())


@given(
    before=st.dictionaries(st.sampled_from(PEOPLE), NAMES),
    after=st.dictionaries(st.sampled_from(PEOPLE), NAMES),
    seed=st.integers(0, 10_000),
)
# Interleavings in which one of the three rules of `registering` is needed.
@example(before={"a": frozenset("e"), "b": frozenset("ac")}, after={}, seed=1685)
@example(
    before={"a": frozenset("b")},
    after={"a": frozenset(), "b": frozenset("a"), "c": frozenset("a")},
    seed=1979,
)
@settings(max_examples=150)
def test_minds_that_change_at_once_end_as_all_of_them_wish(
    before: dict[str, frozenset[str]], after: dict[str, frozenset[str]], seed: int
) -> None:
    async def scenario() -> None:
        store = InMemory(seed)
        store.is_watched = False  # A wish of this moment is heard a moment later.
        registrar = registrar_of(store)
        names = PEOPLE[:4]
        ids = await register(registrar, names, before)
        minds = [
            change_her_mind(store, registrar, participant_id, after.get(name, frozenset()))
            for name, participant_id in zip(names, ids, strict=True)
            if participant_id is not None
        ]
        late = [register(registrar, name, before) for name in PEOPLE[4:]]
        await asyncio.gather(*minds, *late)
        store.all_is_settled()

    asyncio.run(scenario())


@given(
    naming=st.dictionaries(st.sampled_from(PEOPLE), NAMES),
    seed=st.integers(0, 10_000),
    calls=st.integers(0, 25),
)
@settings(max_examples=150)
def test_what_a_crash_cut_off_is_finished_by_the_timer(
    naming: dict[str, frozenset[str]], seed: int, calls: int
) -> None:
    async def scenario() -> None:
        store = InMemory(seed, crash_after=calls)
        with suppress(Crash):
            await register(registrar_of(store), PEOPLE, naming)
        store.calls_left = None
        again = registrar_of(store)
        await again.finish_cut_off(MONDAY)
        store.all_is_settled()
        await register(again, PEOPLE, naming)
        store.all_is_settled()
        assert len(store.states) == len(PEOPLE)

    asyncio.run(scenario())


def run(scenario: Any) -> None:
    asyncio.run(scenario)


def test_who_comes_later_is_kept_apart_from_whoever_named_her() -> None:
    async def scenario() -> None:
        store = InMemory(0)
        registrar = registrar_of(store)
        (early,) = await register(registrar, "a", {"a": frozenset("b")})
        (late,) = await register(registrar, "b", {})
        assert early is not None
        assert late is not None
        assert store.public[early] == {late}
        assert store.public[late] == {early}

    run(scenario())


def test_who_was_erased_and_comes_back_is_kept_apart_again_as_somebody_new() -> None:
    async def scenario() -> None:
        store = InMemory(0)
        registrar = Registrar(cast("Store", store), Ids(seed=1), KeyedHash("k"), load_tables())
        one, other = await register(registrar, "ab", {"a": frozenset("b")})
        assert one is not None
        assert other is not None
        await store.change([Change(other, life.erase, Cause.http(MONDAY))])
        (back,) = await register(registrar, "b", {})
        assert back is not None
        assert back != other
        assert back in store.public[one]
        assert store.public[back] == {one}

    run(scenario())


def test_somebody_who_is_mentee_and_mentor_is_not_matched_with_herself() -> None:
    async def scenario() -> None:
        store = InMemory(0)
        registrar = registrar_of(store)
        both = [a_mentee().called(address("a")), a_mentor().called(address("a"))]
        admissions = await registrar.admit(
            PROGRAMME_STATE,
            [person.registration for person in both],
            Origin.IMPORT,
            Cause.http(MONDAY),
        )
        one, other = (admission.participant_id for admission in admissions)
        assert one is not None
        assert other is not None
        assert store.public[one] == {other}
        assert store.public[other] == {one}

    run(scenario())


def test_two_alike_in_one_batch_are_one_person() -> None:
    async def scenario() -> None:
        store = InMemory(0)
        registrar = registrar_of(store)
        twice = [a_mentee().registration, a_mentee().registration]
        first, second = await registrar.admit(
            PROGRAMME_STATE, twice, Origin.IMPORT, Cause.http(MONDAY)
        )
        assert (first.is_new, second.is_new) == (True, False)
        assert first.participant_id == second.participant_id
        assert len(store.states) == 1

    run(scenario())
