"""Hostile HTTP: what is refused cheaply, and that the service lives on."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from http.client import HTTPConnection
from typing import Final

import httpx
import psutil

from tests.faults.hostile import Seen, say, strange_requests
from tests.faults.rows import row
from tests.faults.world import World

_SAMPLE: Final = 25
_DRIPPERS: Final = 60
_HOLDERS: Final = 1_000
_FLOOD: Final = 300
_AT_ONCE: Final = 200
_MOST_MORE_BYTES: Final = 250 * 1024 * 1024
_CPU_S_A_REQUEST: Final = 0.1
"""On average, the largest bodies among them. CPU time: what else the machine does counts little."""
_ANSWERS_WITHIN_S: Final = 30.0
_HEAD: Final = b"POST /link HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"


@row(26, "hostile HTTP input: refused cheaply, service alive")
async def hostile_http(world: World) -> str:
    await world.load.start()
    before = {name: _memory_of(world, name) for name in world.services}
    seen: Counter[str] = Counter()
    await asyncio.gather(*(_attack(world, name, seen) for name in world.services))
    for name in world.services:
        await _flood(world.service(name).url, name, seen)
    grown = max(_memory_of(world, name) - before[name] for name in world.services)
    world.mended()
    assert grown < _MOST_MORE_BYTES, f"a service grew by {grown / 1e6:.0f} MB"
    told = ", ".join(f"{count} {what}" for what, count in seen.most_common())
    return f"{told}; no service grew by more than {grown / 1e6:.0f} MB"


async def _attack(world: World, name: str, seen: Counter[str]) -> None:
    url = world.service(name).url
    pid = world.service(name).pid
    keys = (world.platform.keys.operator, None)
    asked, used_before_s = 0, _cpu_s_of(world, name)
    async for one in strange_requests(url, keys, sample=1 if world.long else _SAMPLE):
        assert one.is_refusal, f"{name}: {one.what} was answered {one.status} {one.media_type}"
        asked += 1
    used_s = (_cpu_s_of(world, name) - used_before_s) / asked
    assert used_s < _CPU_S_A_REQUEST, f"{name}: a strange request takes {used_s * 1e3:.0f} CPU ms"
    seen["strange requests"] += asked
    async for wanted, one in _raw(url):
        assert one.status in wanted, f"{name}: {one.what} was answered {one.status}, not {wanted}"
        seen["broken or giant ones"] += 1
    await _slowloris(url, name, seen)
    assert world.service(name).pid == pid, f"{name} has died of it"


async def _raw(url: str) -> AsyncIterator[tuple[tuple[int, ...], Seen]]:
    """What no client library sends, with the statuses that will do."""
    yield (400,), await say(url, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
    yield (400,), await say(url, b"POST /link HTTP/1.1\r\nContent-Length: -1\r\n\r\n")
    yield (431,), await say(url, b"GET / HTTP/1.1\r\nX: ", *[b"y" * 10_000] * 1_000)
    yield (413,), await say(url, _HEAD + b"Content-Length: 9999999999\r\n\r\n")
    chunk = b"10000\r\n" + b"a" * 65_536 + b"\r\n"
    endless = (_HEAD + b"Transfer-Encoding: chunked\r\n\r\n", *[chunk] * 100)
    # Where there is no such route, that is said before the body is read.
    yield (413, 404, 405), await say(url, *endless)


async def _slowloris(url: str, name: str, seen: Counter[str]) -> None:
    """Hundreds hold connections and say nothing, others drip; meanwhile health answers."""
    host, port = httpx.URL(url).host, httpx.URL(url).port
    holders = [await asyncio.open_connection(host, port) for _ in range(_HOLDERS)]
    drip = [b"GET / HTTP/1.1\r\n", *[b"X: y\r\n"] * 200]
    dripping = [asyncio.create_task(say(url, *drip, pause_s=0.1)) for _ in range(_DRIPPERS)]
    await _lives(url, name)
    answers = await asyncio.gather(*dripping)
    # Shown out without a word, since the house is full, or told that it took too long.
    assert {one.status for one in answers} <= {0, 408}, f"{name}: a dripping head was served"
    await _lives(url, name)
    for _, writer in holders:
        writer.close()
    seen["slow clients"] += _HOLDERS + _DRIPPERS


async def _flood(url: str, name: str, seen: Counter[str]) -> None:
    """More requests at once than a service does; each is answered, and none by an error of ours."""
    # Below the server's own: a connection that is closed just as it is used again is nobody's fault.
    limits = httpx.Limits(max_connections=_AT_ONCE, keepalive_expiry=1.0)
    async with httpx.AsyncClient(
        base_url=url, limits=limits, timeout=60.0, trust_env=False
    ) as client:
        asking = [
            client.post("/link", json={"email": f"{n}@example.org", "x": "y" * 10_000})
            for n in range(_FLOOD)
        ]
        answers = await asyncio.gather(*asking)
    statuses = Counter(answer.status_code for answer in answers)
    assert all(status < 500 or status == 503 for status in statuses), f"{name}: {statuses}"
    seen["requests of a flood"] += _FLOOD
    await _lives(url, name)


async def _lives(url: str, name: str) -> None:
    """Asked from a thread: this process's loop is busy with harm, and late itself."""

    def ask() -> tuple[int, bytes]:
        address = httpx.URL(url)
        connection = HTTPConnection(address.host, address.port or 80, timeout=_ANSWERS_WITHIN_S)
        try:
            connection.request("GET", "/health/live")
            answer = connection.getresponse()
            return answer.status, answer.read(200)
        finally:
            connection.close()

    status, told = await asyncio.to_thread(ask)
    assert status == httpx.codes.OK, f"{name} does not live: {status} {told!r}"


def _cpu_s_of(world: World, name: str) -> float:
    pid = world.service(name).pid
    if pid is None:
        return 0.0
    times = psutil.Process(pid).cpu_times()
    return times.user + times.system


def _memory_of(world: World, name: str) -> int:
    pid = world.service(name).pid
    return psutil.Process(pid).memory_info().rss if pid is not None else 0
