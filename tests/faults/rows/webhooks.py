"""An integrator's endpoint that does not answer: nobody else may feel it."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

from aiohttp import web
from standardwebhooks import Webhook

from deploy.sample import programme
from tests.faults.rows import row
from tests.faults.rows.pressure import lag_of
from tests.faults.world import World

_DEAD_S: Final = 12.0
_CAUGHT_UP_WITHIN_S: Final = 30.0


class _Endpoint:
    """A receiver that verifies, and answers, or hangs."""

    def __init__(self) -> None:
        self.secret = ""
        self.ids: set[str] = set()
        self.hanging: asyncio.Event | None = None
        self.asked = 0

    async def receive(self, request: web.Request) -> web.Response:
        self.asked += 1
        body = await request.read()
        if self.hanging is not None:
            await self.hanging.wait()
        self.ids.add(Webhook(self.secret).verify(body, dict(request.headers))["id"])
        return web.Response(status=204)


@asynccontextmanager
async def _served(endpoint: _Endpoint) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_post("/", endpoint.receive)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/"
    finally:
        await runner.cleanup()


@row(
    23,
    "dead webhook: others unaffected, all of it comes once it is back",
    environment={"streams": {"WEBHOOK_NETWORKS": "127.0.0.0/8"}},
)
async def dead_webhook(world: World) -> str:
    well, dead = _Endpoint(), _Endpoint()
    dead.hanging = asyncio.Event()
    async with _served(well) as well_at, _served(dead) as dead_at:
        key = await _granted(world)
        well_id = await _subscribed(world, key, well, well_at)
        dead_id = await _subscribed(world, key, dead, dead_at)
        await world.load.start()
        await world.load.reaches(world.people // 10, within_s=20.0)
        await asyncio.sleep(_DEAD_S)
        waiting = await lag_of(world, ("intake", "matching", "followup", "streams"))
        assert not waiting, f"somebody waited for the webhook: {waiting}"
        assert dead.asked, "the dead endpoint was never asked"
        await world.settled()
        all_ids = await _in_the_feed(world, key)
        await _until(lambda: well.ids >= all_ids)
        assert well.ids == all_ids, "the endpoint that is well got something else than the feed"
        assert not dead.ids
        asked = dead.asked
        dead.hanging.set()
        dead.hanging = None
        world.mended()
        await _streams(world, "POST", f"/webhooks/{dead_id}/pause", key)
        await _streams(world, "POST", f"/webhooks/{dead_id}/resume", key)
        await _until(lambda: dead.ids >= all_ids)
        assert dead.ids == all_ids
        for endpoint_id in (well_id, dead_id):
            await _streams(world, "POST", f"/webhooks/{endpoint_id}/pause", key)
    return (
        f"one endpoint hung for {_DEAD_S:.0f} s and more and was asked {asked} times; the other got its "
        f"{len(all_ids)} events meanwhile; the dead one got the same when it was back, and nobody was behind"
    )


async def _granted(world: World) -> str:
    """An integrator who sees everything of the programme; her key."""
    wish = {
        "name": "An integrator",
        "programme": programme.load().programme_id,
        "streams": ["matches", "check-ins"],
        "all_cities": True,
    }
    made = await _streams(world, "POST", "/integrators", world.platform.keys.operator, wish)
    return str(made["key"])


async def _subscribed(world: World, key: str, endpoint: _Endpoint, url: str) -> str:
    made = await _streams(world, "POST", "/webhooks", key, {"url": url, "after": 0})
    endpoint.secret = made["secret"]
    return str(made["webhook_id"])


async def _in_the_feed(world: World, key: str) -> set[str]:
    """Ids of all that the integrator may see by now."""
    found: set[str] = set()
    for stream in ("matches", "check-ins"):
        after = 0
        while events := await _streams(
            world, "GET", f"/feed/{stream}?after={after}&limit=1000", key
        ):
            found |= {event["id"] for event in events}
            after = int(events[-1]["position"])
    return found


async def _streams(
    world: World, method: str, path: str, key: str, body: dict[str, Any] | None = None
) -> Any:
    answer = await world.load.witness.ask(method, f"/streams{path}", bearer=key, json=body)
    return json.loads(answer.text)


async def _until(is_true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _CAUGHT_UP_WITHIN_S
    while not is_true():
        assert time.monotonic() < deadline, "not everything came to an endpoint in time"
        await asyncio.sleep(0.1)
