"""The pipeline under thousands of schedules: crashes at any step, redelivery, rivals, repeats.

A writer changes aggregates by commands, its relay publishes, a consumer mirrors them and does an
effect elsewhere. Whatever dies when: every acknowledged command has its event, every event is applied
once and in order, and its effect happens once.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from shared.clock import Clock
from shared.decisions import Decision
from shared.events.check_ins import CheckInDue, CheckInStatus
from shared.events.streams import CHECK_INS
from shared.events.wire import Event, Record, decode
from shared.messaging.reactions import Effect, Pipeline, Reaction
from shared.messaging.relay import Relay
from shared.storage.aggregates import Aggregates, Unsent
from shared.storage.changes import Cause, Change
from shared.storage.documents import WorkingDocument
from tests.unit.messaging.memory import Crash, MemoryDatabase, MemoryTopic, Schedule

NOW = datetime(2026, 1, 5, 8, tzinfo=UTC)
SUBJECTS = ("a", "b")


class StandingClock:
    """Always the same instant."""

    def now(self) -> datetime:
        """That instant."""
        return NOW


@dataclass(frozen=True, slots=True)
class Counter:
    """The writer's aggregate: how many commands it has taken, and which."""

    name: str
    taken: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Mirror:
    """What the consumer keeps: the numbers of the events it applied, in order."""

    numbers: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Tally:
    """An effect elsewhere: which event numbers have been counted."""

    counted: tuple[int, ...]


class InlineRelay(Relay):
    """Sends when it is asked to, so that a schedule decides what happens when."""

    async def flush(self) -> None:
        """Sends what waits, now."""
        await self.send_waiting()


def take(command: int, name: str) -> Any:
    """A command: idempotent by its number, as an HTTP client's retry would be."""

    def decide(state: Counter | None) -> Decision[Counter] | None:
        taken = state.taken if state else ()
        if command in taken:
            return None
        taken = (*taken, command)
        event = CheckInDue(
            programme="p",
            match_id=name,
            mentee_id="x",
            mentor_id="y",
            number=len(taken),
            status=CheckInStatus.DUE,
            day=0,
            due_at=NOW,
        )
        return Decision(Counter(name, taken), (event,))

    return decide


def mirror(state: Mirror | None, event: Event[CheckInDue], _: datetime) -> Decision[Mirror]:
    """Applies an event: not idempotent on purpose, the marks must do it."""
    numbers = state.numbers if state else ()
    return Decision(Mirror((*numbers, event.payload.number)))


class System:
    """A writer and a consumer that can be killed and started again."""

    def __init__(self, schedule: Schedule) -> None:
        self.schedule = schedule
        self.topic: Any = MemoryTopic(schedule)
        self.writer_database: Any = MemoryDatabase("writer", schedule)
        self.reader_database: Any = MemoryDatabase("reader", schedule)
        self.committed = 0
        self.acknowledged: list[tuple[str, int]] = []
        self.start()

    def start(self) -> None:
        """A fresh life of both processes: nothing is remembered but what is stored."""
        clock: Clock = StandingClock()
        self.writer_relay = self._relay(self.writer_database, "counters")
        self.reader_relay = self._relay(self.reader_database, "mirrors")
        self.counters = Aggregates[Counter](
            self.writer_database,
            self.writer_relay,
            "counters",
            Counter,
            tells=(CHECK_INS,),
        )
        self.mirrors = Aggregates[Mirror](
            self.reader_database,
            self.reader_relay,
            "mirrors",
            Mirror,
        )
        self.tallies = Aggregates[Tally](
            self.reader_database,
            self.reader_relay,
            "tallies",
            Tally,
        )
        self.pipeline = Pipeline(clock, self.reader_relay)
        self.reaction = Reaction(CHECK_INS, self.mirrors, mirror, self.effects)

    def _relay(self, database: Any, *collections: str) -> InlineRelay:
        relay = InlineRelay(database, most_unsent=1000)
        relay.use(self.topic)
        for name in collections:
            relay.watch(name)
        return relay

    async def effects(self, events: Any, _: datetime) -> list[Effect[Tally]]:
        """Each event is counted in one tally for all."""

        def count(number: int, name: str) -> Any:
            key = number * 10 + SUBJECTS.index(name)

            def decide(state: Tally | None) -> Decision[Tally] | None:
                counted = state.counted if state else ()
                return None if key in counted else Decision(Tally((*counted, key)))

            return decide

        return [
            Effect(event, self.tallies, "all", count(event.payload.number, event.subject))
            for event in events
        ]

    async def command(self, name: str, number: int) -> None:
        """What an HTTP client sees: an answer after the write, or a broken connection."""
        cause = Cause.http(NOW)
        await self.counters.change([Change(name, take(number, name), cause)])
        self.acknowledged.append((name, number))

    async def publish(self) -> None:
        """The relay's turn, with what the sweeper finds."""
        await self.writer_relay.sweep(timedelta(0))
        await self.writer_relay.send_waiting()

    async def consume(self, most: int) -> None:
        """One batch from the committed offset, then the commit."""
        batch = self.topic.records[self.committed : self.committed + most]
        if not batch:
            return
        events = [
            decode(Record("check-ins", 0, self.committed + index, one.key, one.headers, one.value))
            for index, one in enumerate(batch)
        ]
        await self.pipeline.apply(events, self.reaction)
        await self.schedule.around(lambda: None)
        self.committed += len(batch)


def numbers_of(system: System, name: str) -> tuple[int, ...]:
    kept = system.reader_database.collection("mirrors").documents.get(name)
    return tuple(kept["state"]["numbers"]) if kept else ()


ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("command"), st.sampled_from(SUBJECTS)),
        st.tuples(st.just("publish"), st.just("")),
        st.tuples(st.just("consume"), st.just("")),
        st.tuples(st.just("rewind"), st.just("")),
    ),
    min_size=3,
    max_size=14,
)


async def live(system: System, actions: list[tuple[str, str]]) -> None:
    """Does the actions; after a crash both processes start anew and the client repeats itself."""
    for number, (action, name) in enumerate(actions):
        while True:
            try:
                if action == "command":
                    await system.command(name, number)
                elif action == "publish":
                    await system.publish()
                elif action == "rewind":
                    system.committed = 0
                else:
                    await system.consume(3)
                break
            except Crash:
                system.start()


async def settle(system: System) -> None:
    """No more crashes: everything that is stored finds its way."""
    system.schedule.is_quiet = True
    await system.publish()
    while system.committed < len(system.topic.records):
        await system.consume(5)


def check(system: System) -> None:
    for name in SUBJECTS:
        stored = system.writer_database.collection("counters").documents.get(name)
        taken = tuple(stored["state"]["taken"]) if stored else ()
        acknowledged = {number for who, number in system.acknowledged if who == name}
        assert acknowledged <= set(taken)
        assert stored is None or stored["outbox"] == []
        assert numbers_of(system, name) == tuple(range(1, len(taken) + 1))
        home = system.reader_database.collection("mirrors").documents.get(name)
        assert home is None or home["seen"]["check-ins"] == [len(taken), len(taken)]
        assert home is None or not home.get("parked", {}).get("check-ins")
    tally = system.reader_database.collection("tallies").documents.get("all")
    counted = tally["state"]["counted"] if tally else ()
    expected = sum(len(numbers_of(system, name)) for name in SUBJECTS)
    assert len(counted) == len(set(counted)) == expected


@settings(max_examples=400)
@given(
    actions=ACTIONS,
    before=st.frozensets(st.integers(1, 120), max_size=6),
    after=st.frozensets(st.integers(1, 120), max_size=6),
)
def test_no_schedule_of_crashes_loses_doubles_or_reorders_an_event(
    actions: list[tuple[str, str]], before: frozenset[int], after: frozenset[int]
) -> None:
    async def run() -> None:
        system = System(Schedule(crash_before=before, crash_after=after))
        await live(system, actions)
        await settle(system)
        check(system)

    asyncio.run(run())


@settings(max_examples=150)
@given(actions=ACTIONS, at=st.integers(1, 60), name=st.sampled_from(SUBJECTS))
def test_a_rival_that_gets_in_between_loses_nothing(
    actions: list[tuple[str, str]], at: int, name: str
) -> None:
    async def run() -> None:
        system = System(Schedule())
        rival = System.__new__(System)
        rival.__dict__.update(system.__dict__)
        rival.start()

        async def interfere() -> None:
            await rival.command(name, 1000)
            await rival.publish()
            await rival.consume(3)

        system.schedule.interrupt = {at: interfere}
        await live(system, actions)
        await settle(system)
        check(system)

    asyncio.run(run())


# The tests above must be able to fail: each of these defects makes them red ---------------------


def explore(seed_actions: int = 600) -> None:
    """The first test, without shrinking, on its own examples."""

    @settings(
        max_examples=seed_actions,
        deadline=None,
        database=None,
        report_multiple_bugs=False,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(
        actions=ACTIONS,
        before=st.frozensets(st.integers(1, 60), max_size=6),
        after=st.frozensets(st.integers(1, 60), max_size=6),
    )
    def run(actions: list[tuple[str, str]], before: frozenset[int], after: frozenset[int]) -> None:
        async def one() -> None:
            system = System(Schedule(crash_before=before, crash_after=after))
            await live(system, actions)
            await asyncio.wait_for(settle(system), 5)
            check(system)

        asyncio.run(one())

    run()


def test_the_harness_sees_duplicates_that_are_not_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(WorkingDocument, "_settle_by_mark", lambda *_: None)
    with pytest.raises(AssertionError):
        explore()


def test_the_harness_sees_a_writer_that_sends_only_its_newest_event(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def only_newest(self: Relay, outboxes: Iterable[Unsent]) -> None:
        hand_over(
            self, [Unsent(one.collection, one.document_id, one.entries[-1:]) for one in outboxes]
        )

    hand_over = Relay.hand_over
    monkeypatch.setattr(Relay, "hand_over", only_newest)
    with pytest.raises((AssertionError, TimeoutError)):
        explore()


def test_the_harness_sees_an_outbox_that_is_cleared_before_the_acknowledgement(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def clear_first(self: InlineRelay, entries: Any) -> Any:
        for name in sorted(self._collections):
            for kept in self._database.collection(name).documents.values():
                kept["outbox"] = []
        return await send_wave(self, entries)

    send_wave = Relay._send_wave
    monkeypatch.setattr(Relay, "_send_wave", clear_first)
    with pytest.raises(AssertionError):
        explore()


def test_the_harness_sees_a_mark_that_is_written_before_the_effects(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Effects that come in a life after the mark never come."""

    async def apply(self: Pipeline, batch: Any, reaction: Any) -> None:
        without = Reaction(reaction.stream, reaction.home, reaction.decide)
        known = await reaction.home.stored({event.subject for event in batch})
        admitted = reaction.home.admitted(batch, known)
        await original(self, batch, without)
        changes = await reaction.effects(admitted, NOW)
        await changes[0].collection.change(
            [Change(one.id, one.decide, Cause.of(one.event, NOW)) for one in changes]
        ) if changes else None

    original = Pipeline.apply
    monkeypatch.setattr(Pipeline, "apply", apply)
    with pytest.raises(AssertionError):
        explore()
