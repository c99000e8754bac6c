"""Webhooks for the benchmark: subscribers of one city each, who want the one rare kind of event."""

import asyncio
import json
import sys
import time
from typing import Any, Final

import httpx

from deploy.local.engines.spawn import free_ports
from services.streams.domain.places import places
from tests.bench.streams.load import PROGRAMME, RARE_CITIES

DEAD: Final = 5
HANGING: Final = 5
_SERVED_WITHIN_S: Final = 60.0


class Receivers:
    """The process of the receivers, and the webhooks that lead to it. The first ten are dead or hang."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def subscribed(cls, http: httpx.AsyncClient, count: int) -> "Receivers":
        """Starts the receivers, and makes `count` webhooks; returns when all are served."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.bench.streams.receivers"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        hanging = list(range(DEAD, DEAD + HANGING))
        process.stdin.write(json.dumps(hanging).encode() + b"\n")
        await process.stdin.drain()
        url = (await process.stdout.readline()).decode().strip()
        (nobody,) = free_ports(1)
        cities = [code for code, place in places().items() if not place.is_small][:RARE_CITIES]
        for number in range(count):
            at = f"http://127.0.0.1:{nobody}/" if number < DEAD else f"{url}/{number}"
            await _subscribe(http, at, cities[number % len(cities)])
        await _until_served(http, count)
        return cls(process)

    async def told(self) -> dict[str, Any]:
        """What came, at the end."""
        assert self._process.stdout is not None
        self._process.terminate()
        told: dict[str, Any] = json.loads((await self._process.stdout.read()).splitlines()[-1])
        await self._process.wait()
        return told


async def _subscribe(http: httpx.AsyncClient, url: str, city: str) -> None:
    wish = {
        "name": "Subscriber",
        "programme": PROGRAMME,
        "streams": ["matches"],
        "cities": [city],
    }
    grant = await http.post("/integrators", json=wish)
    grant.raise_for_status()
    made = await http.post(
        "/webhooks",
        json={"url": url, "wanted": {"types": ["match.ended"]}},
        headers={"Authorization": f"Bearer {grant.json()['key']}"},
    )
    made.raise_for_status()


async def _until_served(http: httpx.AsyncClient, count: int) -> None:
    """Twenty are taken a second; then some time more for each to come to the journal's end."""
    await asyncio.sleep(count / 20 + 3)
    deadline = time.monotonic() + _SERVED_WITHIN_S
    while not (await http.get("/health/ready")).is_success:
        if time.monotonic() > deadline:
            raise TimeoutError("streams is not ready any more")
        await asyncio.sleep(0.1)
