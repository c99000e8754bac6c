"""Too much at once, and neighbours that do not answer."""

import asyncio
import time
from typing import Any, Final

import httpx
import psutil

from tests.faults.rows import row
from tests.faults.world import World

_DEAD_S: Final = 12.0
_BURST_RATE: Final = 250.0
_MOST_UNSENT: Final = 20
_MOST_MORE_BYTES: Final = 200 * 1024 * 1024


@row(23, "dead SMTP server: others unaffected, mail goes out once when it is back")
async def dead_mail_server(world: World) -> str:
    await world.load.start()
    await world.load.reaches(world.people // 10, within_s=20.0)
    mails = len(world.platform.mailbox.messages())
    before = world.load.acknowledged
    world.service("mail").pause()
    await asyncio.sleep(_DEAD_S)
    meanwhile = world.load.acknowledged - before
    waiting = await lag_of(world, ("intake", "matching", "followup", "streams"))
    world.service("mail").resume()
    await world.platform.mailbox.refuse(_DEAD_S / 3)
    await asyncio.sleep(_DEAD_S / 3)
    world.mended()
    assert meanwhile, "nobody was answered while the mail server was dead"
    assert not waiting, f"others waited for the mail server: {waiting}"
    return (
        f"the mail server hung for {_DEAD_S:.0f} s after {mails} mails and refused for "
        f"{_DEAD_S / 3:.0f} s more; {meanwhile} requests acknowledged meanwhile, no other service "
        "was behind"
    )


async def lag_of(world: World, names: tuple[str, ...], within_s: float = 20.0) -> list[str]:
    """What these services have open or unread although nothing but mail is missing."""
    until = time.monotonic() + within_s
    left: list[str] = []
    while time.monotonic() < until:
        async with httpx.AsyncClient(trust_env=False) as client:
            answers = [
                (await client.get(f"{world.service(name).url}/internal/work")).json()
                for name in names
            ]
        left = [
            f"{answer['service']}: {count} {what}"
            for answer in answers
            for what, count in answer["open"].items()
            if count
        ]
        if not left:
            break
        await asyncio.sleep(0.2)
    return left


@row(
    24,
    "burst of ten times the load",
    environment={"intake": {"MOST_UNSENT_EVENTS": str(_MOST_UNSENT)}},
)
async def burst(world: World) -> str:
    before = _resident(world)
    for node in world.engine.kafka_nodes:
        node.pause()
    await world.load.start(rate=_BURST_RATE)
    refused, waits = 0, ""
    until = time.monotonic() + 25.0
    async with httpx.AsyncClient(base_url=world.platform.origin_url, trust_env=False) as client:
        while time.monotonic() < until and refused < 5:
            answer = await client.post("/intake/link", data={"email": "nobody@example.org"})
            if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE:
                refused += 1
                waits = answer.headers.get("retry-after", "")
            await asyncio.sleep(0.2)
    during = _resident(world)
    for node in world.engine.kafka_nodes:
        node.resume()
    world.mended()
    await world.settled()
    more = {name: during[name] - before[name] for name in before}
    too_much = {name: size for name, size in more.items() if size > _MOST_MORE_BYTES}
    assert refused, "nobody was refused: the bound on unsent events did not hold"
    assert waits, "a refusal did not say when to come back"
    assert not too_much, f"memory grew without bound: {too_much}"
    largest = max(more.values()) / 1e6
    return (
        f"{_BURST_RATE:.0f} registrations a second, up to the bound of {_MOST_UNSENT} unsent "
        f"documents while Kafka hung: then 503 with Retry-After {waits}; no process grew by more "
        f"than {largest:.0f} MB"
    )


def _resident(world: World) -> dict[str, int]:
    """Resident memory of each service in bytes."""
    sizes: dict[str, int] = {}
    for name in world.services:
        pid: Any = world.service(name).pid
        sizes[name] = psutil.Process(pid).memory_info().rss
    return sizes
