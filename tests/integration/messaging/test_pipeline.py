"""The pipeline on real engines: a writer and a reader process, with poison, restarts and a lost broker.

Each test runs on the embedded engine and on Apache Kafka.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from pydantic import SecretStr
from pymongo import AsyncMongoClient

from deploy.local.engines import Engine
from shared.clock import SteppedClock
from shared.decisions import Decision, Refusal
from shared.errors import LeaseLost, StreamUndeclared
from shared.events.check_ins import CheckInDue, CheckInStatus
from shared.events.streams import CHECK_INS, DEAD_LETTERS
from shared.events.wire import Event
from shared.messaging.reactions import Reaction
from shared.runtime import Batch, Runtime
from shared.settings import ServiceSettings
from shared.storage.aggregates import Aggregates
from shared.storage.changes import Cause, Change, Idempotency, Status
from shared.storage.leases import Lease
from tests.brokers import kafka_settings
from tests.fresh import Fresh

NOW = datetime(2026, 1, 5, 8, tzinfo=UTC)
DEADLINE_S = 30


@pytest.fixture(params=["embedded", "apache"])
def engine(request: pytest.FixtureRequest) -> Engine:
    engine: Engine = request.getfixturevalue(request.param)
    return engine


@dataclass(frozen=True, slots=True)
class Mentorship:
    """What the writer keeps."""

    match_id: str
    times: int
    wake_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Mirror:
    """What the reader keeps."""

    numbers: tuple[int, ...]


def settings_for(engine: Engine, service: str, **more: Any) -> ServiceSettings:
    return ServiceSettings(
        **kafka_settings(engine.addresses),
        mongodb_url=engine.mongodb_url(service),
        link_secret=SecretStr("link"),
        hash_secret=SecretStr("hash"),
        **more,
    )


def once_more(match_id: str) -> Callable[[Mentorship | None], Decision[Mentorship]]:
    def decide(state: Mentorship | None) -> Decision[Mentorship]:
        times = state.times + 1 if state else 1
        event = CheckInDue(
            programme="p",
            city="461",
            match_id=match_id,
            mentee_id="a",
            mentor_id="b",
            number=times,
            status=CheckInStatus.DUE,
            day=14,
            due_at=NOW,
        )
        return Decision(Mentorship(match_id, times), (event,))

    return decide


def mirrored(state: Mirror | None, event: Event[CheckInDue], _: datetime) -> Decision[Mirror]:
    return Decision(Mirror((*(state.numbers if state else ()), event.payload.number)))


def waking(name: str, at: datetime) -> Callable[[Mentorship | None], Decision[Mentorship]]:
    return lambda _: Decision(Mentorship(name, 0, at))


async def until(is_true: Callable[[], bool], what: str) -> None:
    async def asked() -> bool:
        return is_true()

    await until_async(asked, what)


async def until_async(is_true: Callable[[], Awaitable[Any]], what: str) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not await is_true():
        assert time.monotonic() < deadline, f"still not after {DEADLINE_S} s: {what}"
        await asyncio.sleep(0.02)


@asynccontextmanager
async def writer(
    engine: Engine, fresh: Fresh, **settings: Any
) -> AsyncIterator[Aggregates[Mentorship]]:
    runtime = Runtime("followup", settings_for(engine, "followup", **settings))
    collection = runtime.aggregates(f"written_{fresh.tag}", Mentorship, tells=(CHECK_INS,))
    async with runtime.life():
        yield collection
        await runtime.relay.flush()


class Reader:
    """A reading service under a name of its own, so that its groups are its own."""

    def __init__(self, engine: Engine, fresh: Fresh, instance: str = "1") -> None:
        self.runtime = Runtime(
            fresh.group("reader"), settings_for(engine, "matching", instance=instance)
        )
        self.home = self.runtime.aggregates(f"mirrors_{fresh.tag}", Mirror)
        self.bad: set[str] = set()
        reaction = Reaction(CHECK_INS, self.home, self.decide)

        @self.runtime.on(CHECK_INS)
        async def on_check_ins(batch: Batch) -> None:
            await self.runtime.pipeline.apply(batch, reaction)

    def decide(
        self, state: Mirror | None, event: Event[CheckInDue], now: datetime
    ) -> Decision[Mirror]:
        if event.subject in self.bad:
            raise RuntimeError("a bug")
        return mirrored(state, event, now)


async def until_all(reader: Reader, query: dict[str, Any], count: int) -> None:
    async def is_so() -> bool:
        return await reader.home.count(query) >= count

    await until_async(is_so, "all events were applied")


async def numbers(reader: Reader, ids: list[str]) -> dict[str, tuple[int, ...]]:
    return {name: state.numbers for name, state in (await reader.home.load(ids)).items()}


async def test_every_event_arrives_once_and_in_order(engine: Engine, fresh: Fresh) -> None:
    ids = [f"{fresh.tag}-{number}" for number in range(300)]
    reader = Reader(engine, fresh)
    async with writer(engine, fresh) as written, reader.runtime.life():
        for _ in range(3):
            await written.change([Change(name, once_more(name), Cause.http(NOW)) for name in ids])
        await until_all(
            reader, {"_id": {"$in": ids}, "state.numbers.2": {"$exists": True}}, len(ids)
        )
        assert set((await numbers(reader, ids)).values()) == {(1, 2, 3)}
        assert await written.mark_of(ids[0], "check-ins") == (0, 0)
        assert await reader.home.mark_of(ids[0], "check-ins") == (3, 3)


async def test_two_readers_share_the_work_and_one_that_stops_leaves_nothing_behind(
    engine: Engine, fresh: Fresh
) -> None:
    ids = [f"{fresh.tag}-{number}" for number in range(200)]
    first, second = Reader(engine, fresh, "1"), Reader(engine, fresh, "2")
    async with writer(engine, fresh) as written, second.runtime.life():
        async with first.runtime.life():
            await written.change([Change(name, once_more(name), Cause.http(NOW)) for name in ids])
        await written.change([Change(name, once_more(name), Cause.http(NOW)) for name in ids])
        await until_all(
            second, {"_id": {"$in": ids}, "state.numbers.1": {"$exists": True}}, len(ids)
        )
        assert set((await numbers(second, ids)).values()) == {(1, 2)}


async def test_poison_is_parked_with_its_reason_and_the_partition_goes_on(
    engine: Engine, fresh: Fresh
) -> None:
    name, other = f"{fresh.tag}-bad", f"{fresh.tag}-good"
    reader = Reader(engine, fresh)
    reader.bad = {name}
    producer = AIOKafkaProducer(bootstrap_servers=list(engine.addresses.kafka))
    await producer.start()
    await producer.send_and_wait(
        CHECK_INS.name, b"{no json", key=b"x", headers=[("ce_id", b"\xff")]
    )
    await producer.stop()
    async with writer(engine, fresh) as written, reader.runtime.life():
        for subject in (name, other, name):
            await written.change([Change(subject, once_more(subject), Cause.http(NOW))])
        await until(lambda: reader.runtime.pipeline.counts.parked >= 2, "both are parked")
        await until_async(lambda: numbers(reader, [other]), "the other went on")
        assert (await numbers(reader, [name, other])) == {other: (1,)}
        reasons = await letters_of(engine, reader.runtime.service)
        assert {"handler_failed", "unreadable"} <= set(reasons)


async def test_after_the_fix_what_was_parked_is_released_in_its_order(
    engine: Engine, fresh: Fresh
) -> None:
    name = f"{fresh.tag}-bad"
    reader = Reader(engine, fresh)
    reader.bad = {name}
    async with writer(engine, fresh) as written, reader.runtime.life():
        for _ in range(3):
            await written.change([Change(name, once_more(name), Cause.http(NOW))])
        await until(lambda: reader.runtime.pipeline.counts.parked >= 3, "all three wait")
        # Letters that other tests left on this engine are tried too, and stay as unreadable.
        letters = (await reader.runtime.parking.parked()).letters
        tried = await reader.runtime.parking.release()
        assert (tried.released, tried.still_parked) == (0, 1 + letters)
        assert await numbers(reader, [name]) == {}
        reader.bad = set()
        assert (await reader.runtime.parking.release()).released == 1
        assert await numbers(reader, [name]) == {name: (1, 2, 3)}
        assert (await reader.runtime.parking.parked()).waiting == 0


async def test_after_a_restore_no_sequence_is_used_again_and_everybody_catches_up(
    engine: Engine, fresh: Fresh
) -> None:
    old, young = f"{fresh.tag}-old", f"{fresh.tag}-young"
    reader = Reader(engine, fresh)
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(engine.addresses.mongodb_admin)
    database = client["followup"]
    async with client, reader.runtime.life():
        async with writer(engine, fresh) as written:
            await written.change([Change(old, once_more(old), Cause.http(NOW))])
            backup = await database[written.name].find({}).to_list(None)
            for subject in (old, young, young):
                await written.change([Change(subject, once_more(subject), Cause.http(NOW))])
        await until_all(reader, {"_id": young, "state.numbers": {"$size": 2}}, 1)
        await database[written.name].delete_many({})
        await database[written.name].insert_many(backup)
        async with writer(engine, fresh, after_restore=True) as written:
            for subject in (old, young):
                await written.change([Change(subject, once_more(subject), Cause.http(NOW))])
            # Each is the third event of its subject: a second would be dropped as a duplicate.
            mine = {"_id": {"$in": [old, young]}}
            await until_all(reader, {**mine, "state.numbers": {"$size": 3}}, 2)


@pytest.mark.parametrize("was_cut_off", [False, True])
async def test_after_a_restore_that_knows_of_nothing_every_kind_that_tells_a_stream_counts_on(
    engine: Engine, fresh: Fresh, *, was_cut_off: bool
) -> None:
    """Two kinds tell one stream, as people and cities do of the pool; the backup is older than both."""
    name, kinds = f"written_{fresh.tag}", ("one", "other")
    reader = Reader(engine, fresh)
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(engine.addresses.mongodb_admin)

    async def one_more_of_each(**settings: Any) -> None:
        runtime = Runtime("followup", settings_for(engine, "followup", **settings))
        homes = {
            f"{fresh.tag}-{kind}": runtime.aggregates(
                name, Mentorship, prefix=f"{kind}/", tells=(CHECK_INS,)
            )
            for kind in kinds
        }
        async with runtime.life():
            for subject, home in homes.items():
                await home.change([Change(subject, once_more(subject), Cause.http(NOW))])
            await runtime.relay.flush()

    async with client, reader.runtime.life():
        await one_more_of_each()
        mine = {"_id": {"$regex": f"^{fresh.tag}-"}}
        await until_all(reader, {**mine, "state.numbers": {"$size": 1}}, 2)
        written = client["followup"][name]
        await written.delete_many({})
        if was_cut_off:  # when the first kind's counters were made, and the second's not yet
            await written.insert_many(
                {"_id": f"one/{fresh.tag}-{kind}", "version": 1, "sequences": {CHECK_INS.name: 1}}
                for kind in kinds
            )
        await one_more_of_each(after_restore=True)
        await until_all(reader, {**mine, "state.numbers": {"$size": 2}}, 2)


async def test_an_event_of_a_stream_that_its_kind_does_not_name_is_not_sent(
    engine: Engine, fresh: Fresh
) -> None:
    """After a restore nobody would count on from it."""
    runtime = Runtime("followup", settings_for(engine, "followup"))
    kind = runtime.aggregates(f"written_{fresh.tag}", Mentorship)
    async with runtime.life():
        with pytest.raises(StreamUndeclared, match="check-ins"):
            await kind.change([Change("a", once_more("a"), Cause.http(NOW))])
        assert await kind.load(["a"]) == {}


async def letters_of(engine: Engine, consumer_name: str) -> list[str]:
    from shared.events.dead_letters import RecordParked

    consumer = AIOKafkaConsumer(
        DEAD_LETTERS.name,
        bootstrap_servers=list(engine.addresses.kafka),
        auto_offset_reset="earliest",
    )
    await consumer.start()
    found: list[str] = []
    try:
        async with asyncio.timeout(DEADLINE_S):
            while len(found) < 2:
                for records in (await consumer.getmany(timeout_ms=500)).values():
                    letters = [RecordParked.model_validate_json(one.value) for one in records]
                    found += [
                        one.reason.value
                        for one in letters
                        if one.consumer in (f"{consumer_name}.check-ins", "matching")
                    ]
    finally:
        await consumer.stop()
    return found


async def test_what_another_instance_has_done_does_not_hold_the_clock(
    engine: Engine, fresh: Fresh, tmp_path: Path
) -> None:
    stepped = SteppedClock(tmp_path / "clock")
    stepped.set(NOW)
    settings = settings_for(engine, "followup", clock=f"stepped:{tmp_path / 'clock'}")
    runtime, other = Runtime("followup", settings), Runtime("followup", settings)
    due, of_other = (
        one.aggregates(f"due_{fresh.tag}", Mentorship, tells=(CHECK_INS,))
        for one in (runtime, other)
    )
    ticker = runtime.every_tick(due, lambda *_: None)

    async def next_at() -> str | None:
        runtime.work.looked_at[ticker.name] = NOW
        told: str | None = (await runtime.describe_work())["next_at"]
        return told

    try:
        await due.prepare()
        await due.change([Change("it", waking("it", NOW), Cause.due(NOW))])
        assert await next_at() is None  # it is due now
        later = waking("it", NOW + timedelta(days=1))
        await of_other.change([Change("it", later, Cause.due(NOW))])
        assert await next_at() == "2026-01-06T08:00:00.000Z"
    finally:
        runtime.database.close()
        other.database.close()


async def test_what_is_due_is_done_once_by_two_instances(engine: Engine, fresh: Fresh) -> None:
    """Each due aggregate changes once, though both instances see it due at the same time."""

    def due(state: Mentorship, _: datetime) -> Decision[Mentorship]:
        return Decision(Mentorship(state.match_id, state.times + 1))

    runtimes = [
        Runtime("followup", settings_for(engine, "followup", instance=number))
        for number in ("1", "2")
    ]
    collections = [
        one.aggregates(f"due_{fresh.tag}", Mentorship, tells=(CHECK_INS,)) for one in runtimes
    ]
    for runtime, collection in zip(runtimes, collections, strict=True):
        runtime.every_tick(collection, due)
    ids = [f"{fresh.tag}-{number}" for number in range(200)]
    async with runtimes[0].life(), runtimes[1].life():
        at = runtimes[0].clock.now() + timedelta(milliseconds=300)
        await collections[0].change(
            [Change(name, waking(name, at), Cause.due(NOW)) for name in ids]
        )

        async def all_are_done() -> bool:
            return await collections[0].count({"state.times": 0}) == 0

        await until_async(all_are_done, "all have been woken")
        states = await collections[1].load(ids)
    assert {state.times for state in states.values()} == {1}


async def test_an_idempotency_key_gives_the_same_answer_and_one_effect(
    engine: Engine, fresh: Fresh
) -> None:
    name = fresh.tag

    def key(fingerprint: str) -> Idempotency[Mentorship]:
        return Idempotency("key-1", fingerprint, lambda state: {"times": state.times})

    async with writer(engine, fresh) as written:
        outcomes = [
            await written.change_one(
                Change(name, once_more(name), Cause.http(NOW), idempotency=key(fingerprint))
            )
            for fingerprint in ("same", "same", "other")
        ]
        state = await written.get(name)
    assert [outcome.status for outcome in outcomes] == [
        Status.CHANGED,
        Status.ANSWERED,
        Status.REFUSED,
    ]
    assert outcomes[0].answer == outcomes[1].answer == {"times": 1}
    assert state is not None
    assert state.times == 1


async def test_a_lost_lease_writes_nothing(engine: Engine, fresh: Fresh) -> None:
    async with writer(engine, fresh) as written:
        leases = written._database.collection(f"leases_{fresh.tag}")
        slow = await Lease.acquire(leases, "round", "slow", timedelta(milliseconds=1))
        assert slow is not None
        await asyncio.sleep(0.05)
        quick = await Lease.acquire(leases, "round", "quick", timedelta(seconds=30))
        assert quick is not None
        assert await Lease.acquire(leases, "round", "third", timedelta(seconds=30)) is None
        changes = [Change("fenced", once_more("fenced"), Cause.http(NOW))]
        with pytest.raises(LeaseLost):
            await written.change(changes, fence=slow)
        assert await written.get("fenced") is None
        await written.change(changes, fence=quick)
        assert await written.get("fenced") is not None


class SeatTaken(Refusal):
    """The unique index refused it."""


async def test_a_unique_index_refuses_and_the_others_are_written(
    engine: Engine, fresh: Fresh
) -> None:
    from pymongo import IndexModel

    runtime = Runtime("followup", settings_for(engine, "followup"))
    index = IndexModel([("state.times", 1)], name="one_each", unique=True)
    collection = runtime.aggregates(
        f"unique_{fresh.tag}",
        Mentorship,
        tells=(CHECK_INS,),
        indexes=[index],
        refusals={"one_each": SeatTaken("Taken.")},
    )

    def numbered(name: str, number: int) -> Change[Mentorship]:
        return Change(name, lambda _: Decision(Mentorship(name, number)), Cause.http(NOW))

    async with runtime.life():
        leases = runtime.database.collection(f"leases_{fresh.tag}")
        fence = await Lease.acquire(leases, "round", "me", timedelta(seconds=30))
        plain = await collection.change([numbered("a", 1), numbered("b", 1), numbered("c", 2)])
        fenced = await collection.change(
            [numbered("d", 3), numbered("e", 2), numbered("f", 4)], fence=fence
        )
        # A transaction is told of one refusal at a time; here nearly all are refused.
        many = [numbered(f"g{each}", 2) for each in range(40)]
        most = await collection.change([*many, numbered("h", 5)], fence=fence)
    assert sorted(outcome.status.name for outcome in plain) == ["CHANGED", "CHANGED", "REFUSED"]
    assert [outcome.status.name for outcome in fenced] == ["CHANGED", "REFUSED", "CHANGED"]
    assert [outcome.status.name for outcome in most] == ["REFUSED"] * 40 + ["CHANGED"]


async def test_one_that_time_cannot_handle_does_not_stop_the_others(
    embedded: Engine, fresh: Fresh
) -> None:
    def due(state: Mentorship, _: datetime) -> Decision[Mentorship]:
        if state.match_id == "bad":
            raise RuntimeError("a bug")
        return Decision(Mentorship(state.match_id, state.times + 1))

    async with writer(embedded, fresh) as written:
        names = ["bad", *(f"good-{number}" for number in range(7))]
        await written.change([Change(name, waking(name, NOW), Cause.due(NOW)) for name in names])
        with pytest.raises(RuntimeError, match="a bug"):
            await written.wake(due, NOW, at_once=2)
        states = await written.load(names)
    assert states.pop("bad").times == 0
    assert {state.times for state in states.values()} == {1}
