"""What needs a process of its own: one that stops, one that is strict, one whose journal was cut."""

import asyncio

from deploy.local.engines import Engine
from shared.storage.database import Database
from tests.integration.streams.doors import messages
from tests.integration.streams.ground import bearer, open_ground, until_listening


async def test_all_who_wait_are_let_go_when_the_process_stops(embedded: Engine) -> None:
    async with open_ground(embedded) as ground:
        grant = await ground.granted()
        headers = bearer(grant["key"])
        asking = asyncio.create_task(
            ground.http.get("/feed/matches", params={"wait": 30}, headers=headers)
        )
        async with ground.http.stream("GET", "/feed/matches/stream", headers=headers) as answer:
            told = messages(answer)
            await anext(told)
            await until_listening(ground, 2)
            ground.runtime.asked_to_stop()
            async with asyncio.timeout(5):
                assert not [event async for event in told if "data" in event]
        waited = await asyncio.wait_for(asking, 5)
        assert (waited.status_code, waited.json()) == (200, [])


async def test_who_asks_too_often_is_told_to_wait(embedded: Engine) -> None:
    async with open_ground(embedded, requests_per_minute=5) as ground:
        statuses = [
            (await ground.http.get("/grant", headers=bearer("cg_guess"))).status_code
            for _ in range(7)
        ]
    assert statuses == [403] * 5 + [429] * 2


async def test_a_cursor_older_than_what_is_kept_is_told_where_to_go_on(
    embedded: Engine,
) -> None:
    async with open_ground(embedded) as ground:
        grant = await ground.granted()
        await ground.lives("one", 6)
        database = Database(embedded.mongodb_url("streams"))
        await database.collection("journal").delete_many({"position": {"$lte": 10}})
        database.close()
        headers = bearer(grant["key"])
        gone = await ground.http.get("/feed/matches", params={"after": 3}, headers=headers)
        assert gone.status_code == 410
        assert "go on with after=10" in gone.json()["detail"]
        kept = await ground.http.get("/feed/matches", params={"after": 10}, headers=headers)
        assert kept.status_code == 200
