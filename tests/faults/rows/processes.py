"""Processes that die or hang: killed between any two steps, frozen past every time-out, all at once."""

import asyncio
import random
import time
from collections.abc import Collection
from typing import Final

from tests.faults.rows import row
from tests.faults.world import CannotRun, World

_CONSUMERS: Final = ("matching", "notifications", "followup", "streams")
_PUBLISHERS: Final = ("intake", "matching", "notifications", "followup")
_WITH_FORMS: Final = ("intake", "matching", "followup")
_ROUND_WITHIN_S: Final = 25.0
_LONGER_THAN_LEASE_S: Final = 17.0
_CHANGE_EVERY_S: Final = 5.0
_NEXT_STEPS: Final = 4


async def _crash_each(world: World, names: Collection[str], points: Collection[str]) -> str:
    """Each of these processes kills itself once at each of these points, whenever it gets there."""
    chance = random.Random(world.seed * 100 + world.row)
    await world.load.start()
    died = 0
    for point in points:
        # The journal is no aggregate: it is written in one step with no outbox.
        for name in (name for name in names if (name, point) != ("streams", "written")):
            world.crash(name, point, at=chance.randint(1, 4))
        until = time.monotonic() + _ROUND_WITHIN_S
        while any(world.is_armed(name) for name in names) and time.monotonic() < until:
            await asyncio.sleep(0.05)
        died += sum(not world.is_armed(name) for name in names)
        for name in names:
            world.mend(name)
    world.mended()
    if not died:
        raise AssertionError(f"no process came to {', '.join(points)}: the load is too small")
    return f"{died} deaths by SIGKILL at {' and '.join(points)}, of {', '.join(names)}"


@row(1, "kill -9 after the write, before the commit", patched=True)
async def killed_before_the_commit(world: World) -> str:
    return await _crash_each(world, _CONSUMERS, ("written", "handled"))


@row(1, "kill -9 after a write of hers, and her next step at another instance", patched=True)
async def next_step_elsewhere(world: World) -> str:
    """What the dead one left unsent must leave before what she does next, whoever writes that."""
    second = await world.start_another("intake")
    await world.load.start()
    await world.load.reaches(world.people // 2, within_s=30.0)
    await world.settled()
    ask, died = world.load.witness.ask, 0
    for participant_id, token in world.load.pages_of("mentor")[:_NEXT_STEPS]:
        world.crash("intake", "written")
        key, hers = f"row-1-{participant_id}", {"token": token}
        pausing = asyncio.create_task(ask("POST", "/intake/me/pause", key=key, data=hers))
        until = time.monotonic() + _ROUND_WITHIN_S
        while world.is_armed("intake") and time.monotonic() < until:
            await asyncio.sleep(0.005)
        died += not world.is_armed("intake")
        world.mend("intake")
        await ask("POST", f"{second.url}/me/resume", key=f"{key}-back", data=hers)
        await pausing
    world.mended()
    assert died, "nobody's step was written: the load is too small"
    return (
        f"{died} times intake killed when a mentor's break was written and not yet sent; "
        "a second one writes at once that she is back"
    )


@row(2, "kill -9 after the fetch, before the write", patched=True)
async def killed_before_the_write(world: World) -> str:
    return await _crash_each(world, _CONSUMERS, ("fetched", "fetched"))


@row(3, "kill -9 between publishing and clearing the outbox", patched=True)
async def killed_before_clearing(world: World) -> str:
    return await _crash_each(world, _PUBLISHERS, ("published", "published"))


@row(
    4,
    "HTTP server killed after the write, before the reply",
    patched=True,
    # Ids at random, as in production: that one address is one participant, only the index keeps.
    environment={"intake": {"SEED": ""}},
)
async def killed_before_the_reply(world: World) -> str:
    did = await _crash_each(world, _WITH_FORMS, ("replied", "replied"))
    await world.settled()
    again = world.load.witness.asked_again
    if not again:
        raise AssertionError("no answer was lost, so no key was used again: the load is too small")
    return f"{did}; {again} lost answers asked for again under the same key"


@row(5, "SIGSTOP past session and lease, then resume")
async def frozen_and_revived(world: World) -> str:
    names = ("matching", "followup", "notifications")
    for name in names:
        await world.start_another(name)
    await world.load.start()
    await world.load.reaches(world.people // 10, within_s=20.0)
    for name in (*names, "streams"):
        world.service(name).pause()
    await asyncio.sleep(_LONGER_THAN_LEASE_S)
    for name in (*names, "streams"):
        world.service(name).resume()
    world.mended()
    await world.load.reaches(world.people // 10, within_s=20.0)
    return (
        f"{', '.join(names)} (each beside a second one) and streams frozen for "
        f"{_LONGER_THAN_LEASE_S:.0f} s: sessions end after 6, leases after 15"
    )


@row(11, "a consumer joins or leaves every 5 s")
async def consumers_come_and_go(world: World) -> str:
    await world.load.start()
    names = (
        ("matching", "followup", "notifications", "matching") if not world.long else _CONSUMERS * 5
    )
    changes = 0
    for name in names:
        another = await world.start_another(name)
        await asyncio.sleep(_CHANGE_EVERY_S)
        await world.dismiss(another)
        await asyncio.sleep(_CHANGE_EVERY_S)
        changes += 2
    world.mended()
    return f"{changes} times a second process of {', '.join(sorted(set(names)))} joined or left"


@row(18, "all nodes of everything killed at once")
async def everything_killed(world: World) -> str:
    if world.engine.name == "embedded":
        raise CannotRun(
            "the embedded broker keeps nothing over its death: it takes --engine apache"
        )
    await world.load.start()
    await world.load.reaches(world.people // 5, within_s=30.0)
    nodes = [*world.engine.kafka_nodes, *world.engine.mongo_nodes]
    processes = [*world.services, "mail", "origin"]
    for name in processes:
        world.service(name).kill()
    for node in nodes:
        node.kill()
    await asyncio.sleep(1.0)
    for node in nodes:
        await asyncio.to_thread(node.launch)
    for node in nodes:
        await asyncio.to_thread(node.wait_until_it_listens)
    world.mended()
    return (
        f"{len(world.engine.kafka_nodes)} brokers, {len(world.engine.mongo_nodes)} mongods and "
        f"{len(processes)} processes killed within one moment, then started again"
    )
