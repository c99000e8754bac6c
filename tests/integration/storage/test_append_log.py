"""The journal's positions are contiguous whoever writes, and no entry is lost or doubled."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from deploy.local.engines import Engine
from shared.storage.append_log import AppendLog
from shared.storage.database import Database
from tests.fresh import Fresh


@pytest.fixture
async def database(embedded: Engine) -> AsyncIterator[Database]:
    opened = Database(embedded.mongodb_url("streams"))
    yield opened
    opened.close()


def entries(writer: str, count: int) -> list[dict[str, Any]]:
    return [{"_id": f"{writer}-{number}", "stream": "matches"} for number in range(count)]


async def positions(log: AppendLog) -> list[int]:
    return [entry["position"] for entry in await log.read({}, limit=10_000)]


async def test_two_writers_at_once_leave_no_hole_and_no_repeat(
    database: Database, fresh: Fresh
) -> None:
    logs = [AppendLog(database, fresh.tag) for _ in range(2)]
    await logs[0].prepare()

    async def write(log: AppendLog, writer: str) -> None:
        for start in range(0, 600, 60):
            await log.append(entries(writer, 600)[start : start + 60])

    await asyncio.gather(write(logs[0], "a"), write(logs[1], "b"))
    assert await positions(logs[0]) == list(range(1, 1201))
    ids = {entry["_id"] for entry in await logs[0].read({}, limit=10_000)}
    assert ids == {entry["_id"] for entry in (*entries("a", 600), *entries("b", 600))}


async def test_what_is_in_the_log_is_not_appended_again(database: Database, fresh: Fresh) -> None:
    log = AppendLog(database, fresh.tag)
    await log.prepare()
    first = await log.append(entries("a", 10))
    again = await log.append(entries("a", 15))
    assert (first.first_position, first.appended, first.duplicates) == (1, 10, 0)
    assert (again.first_position, again.appended, again.duplicates) == (11, 5, 10)
    assert await positions(log) == list(range(1, 16))


async def test_an_entry_twice_in_one_batch_is_appended_once(
    database: Database, fresh: Fresh
) -> None:
    log = AppendLog(database, fresh.tag)
    await log.prepare()
    appended = await log.append([*entries("a", 3), *entries("a", 3)])
    assert (appended.appended, appended.duplicates) == (3, 3)
    assert await positions(log) == [1, 2, 3]


async def test_a_cursor_never_skips_an_entry_while_others_write(
    database: Database, fresh: Fresh
) -> None:
    writer, reader = (AppendLog(database, fresh.tag) for _ in range(2))
    await writer.prepare()
    seen: list[int] = []

    async def read() -> None:
        while len(seen) < 500:
            found = await reader.read({}, after=seen[-1] if seen else 0, limit=50)
            seen.extend(entry["position"] for entry in found)
            await asyncio.sleep(0)

    async def write() -> None:
        for start in range(0, 500, 20):
            await writer.append(entries("a", 500)[start : start + 20])

    async with asyncio.timeout(30):
        await asyncio.gather(read(), write())
    assert seen == list(range(1, 501))
