"""Positions are contiguous, whoever writes, whatever collides. On the real engine."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pymongo.errors import BulkWriteError, ConnectionFailure, WTimeoutError

from deploy.local.engines import Engine
from shared.storage.append_log import AppendLog
from shared.storage.database import Database
from tests.conftest import Fresh  # type: ignore[attr-defined]


@pytest.fixture
async def database(embedded: Engine) -> AsyncIterator[Database]:
    opened = Database(embedded.mongodb_url("streams"))
    yield opened
    opened.close()


async def a_log(database: Database, fresh: Fresh) -> AppendLog:
    log = AppendLog(database, f"log-{fresh.tag}")
    await log.prepare()
    return log


def entries(*ids: object) -> list[dict[str, object]]:
    return [{"_id": str(one)} for one in ids]


async def whole(log: AppendLog) -> list[tuple[int, str]]:
    return [(entry["position"], entry["_id"]) for entry in await log.read({}, limit=100_000)]


async def test_positions_begin_at_one_and_follow_on(database: Database, fresh: Fresh) -> None:
    log = await a_log(database, fresh)
    first = await log.append(entries("a", "b"))
    second = await log.append(entries("c"))
    assert (first.first_position, second.first_position) == (1, 3)
    assert await whole(log) == [(1, "a"), (2, "b"), (3, "c")]
    assert await log.last_position() == 3


async def test_nothing_and_what_is_known_are_dropped(database: Database, fresh: Fresh) -> None:
    log = await a_log(database, fresh)
    assert (await log.append([])).appended == 0
    await log.append(entries("a", "b"))
    mixed = await log.append(entries("b", "c", "a", "d", "d"))
    assert (mixed.first_position, mixed.appended, mixed.duplicates) == (3, 2, 3)
    assert await whole(log) == [(1, "a"), (2, "b"), (3, "c"), (4, "d")]
    again = await log.append(entries("a", "d"))
    assert (again.first_position, again.appended, again.duplicates) == (None, 0, 2)


async def test_a_batch_full_of_repeats_goes_in_at_once(database: Database, fresh: Fresh) -> None:
    log = await a_log(database, fresh)
    done = await log.append(entries(*(n // 2 for n in range(400))))
    assert (done.appended, done.duplicates) == (200, 200)
    assert [one for _, one in await whole(log)] == [str(n) for n in range(200)]


async def test_a_new_process_goes_on_behind_the_last(database: Database, fresh: Fresh) -> None:
    await (await a_log(database, fresh)).append(entries("a"))
    other = await a_log(database, fresh)
    assert (await other.append(entries("b"))).first_position == 2


async def test_writers_that_race_leave_no_gap_lose_nothing_and_double_nothing(
    database: Database, fresh: Fresh
) -> None:
    logs = [await a_log(database, fresh) for _ in range(6)]

    async def write(writer: int) -> None:
        for batch in range(15):
            own = [f"{writer}-{batch}-{n}" for n in range(7)]
            shared = [f"shared-{batch}-{n}" for n in range(3)]
            await logs[writer].append(entries(*own, *shared))

    await asyncio.gather(*(write(writer) for writer in range(6)))
    kept = await whole(logs[0])
    assert [position for position, _ in kept] == list(range(1, len(kept) + 1))
    assert len({one for _, one in kept}) == len(kept) == 6 * 15 * 7 + 15 * 3
    mine = [one for _, one in kept if one.startswith("2-")]
    assert mine == [f"2-{batch}-{n}" for batch in range(15) for n in range(7)]


async def test_a_crash_in_the_middle_of_a_batch_is_made_good_by_the_same_batch(
    database: Database, fresh: Fresh
) -> None:
    log = await a_log(database, fresh)
    await log.append(entries("a", "b"))  # As far as the process came that crashed.
    restarted = await a_log(database, fresh)
    done = await restarted.append(entries("a", "b", "c", "d"))
    assert (done.appended, done.duplicates) == (2, 2)
    assert await whole(log) == [(1, "a"), (2, "b"), (3, "c"), (4, "d")]


async def test_a_reader_by_position_sees_everything_while_others_write(
    database: Database, fresh: Fresh
) -> None:
    logs = [await a_log(database, fresh) for _ in range(3)]
    seen: list[str] = []

    async def read() -> None:
        position, deadline = 0, time.monotonic() + 20
        while len(seen) < 300 and time.monotonic() < deadline:
            for entry in await logs[2].read({}, after=position, limit=13):
                position = entry["position"]
                seen.append(entry["_id"])

    async def write(writer: int) -> None:
        for batch in range(15):
            await logs[writer].append(entries(*(f"{writer}-{batch}-{n}" for n in range(10))))

    await asyncio.gather(read(), write(0), write(1))
    assert len(set(seen)) == len(seen) == 300


async def test_what_no_majority_holds_is_not_called_appended(
    database: Database, fresh: Fresh, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = await a_log(database, fresh)

    class Slow:
        async def insert_many(self, *_: object, **__: object) -> None:
            late = {"code": 64, "errmsg": "waiting for replication timed out"}
            raise BulkWriteError({"writeErrors": [], "writeConcernErrors": [late], "nInserted": 1})

    with monkeypatch.context() as patched:
        patched.setattr(log, "_collection", Slow())
        with pytest.raises(WTimeoutError):
            await log.append(entries("a"))
    assert (await log.append(entries("a"))).first_position == 1


async def test_an_error_that_is_no_collision_is_not_swallowed(
    database: Database, fresh: Fresh, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = await a_log(database, fresh)

    class Broken:
        async def insert_many(self, *_: object, **__: object) -> None:
            raise ConnectionFailure("gone")

    monkeypatch.setattr(log, "_collection", Broken())
    with pytest.raises(ConnectionFailure):
        await log.append(entries("a"))


@given(st.lists(st.lists(st.integers(0, 12), max_size=6), max_size=6))
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_batches_leave_each_entry_once_in_order_of_first_sight(
    embedded: Engine, batches: list[list[int]]
) -> None:
    async def run() -> None:
        database = Database(embedded.mongodb_url("streams"))
        log = await a_log(database, Fresh())
        for batch in batches:
            await log.append(entries(*batch))
        flat = [str(one) for batch in batches for one in batch]
        expected = list(enumerate(dict.fromkeys(flat), start=1))
        assert await whole(log) == expected
        await database.collection(log._name).drop()
        database.close()

    asyncio.run(run())
