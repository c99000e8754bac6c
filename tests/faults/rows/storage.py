"""MongoDB away, its primary gone or cut off; and disks that are full."""

import asyncio
import contextlib
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

import httpx
from pymongo import AsyncMongoClient
from pymongo.errors import PyMongoError

from deploy.local.engines import Node
from tests.faults.disk import NoSmallDisk, SmallDisk
from tests.faults.rows import row
from tests.faults.rows.network import network_of
from tests.faults.world import CannotRun, World

_AWAY_S: Final = 20.0
_LONG_AWAY_S: Final = 180.0
_CUT_S: Final = 15.0
_PRIMARY_WITHIN_S: Final = 40.0
_SPARE_BYTES: Final = 64 * 1024 * 1024
_ENDS_WITHIN_S: Final = 30.0


async def _primary(world: World, *, other_than: Node | None = None) -> Node:
    """The member that is primary now. Each is asked directly, past every proxy."""
    until = time.monotonic() + _PRIMARY_WITHIN_S
    while time.monotonic() < until:
        for node in world.engine.mongo_nodes:
            if node is not other_than and node.running and await _is_primary(node):
                return node
        await asyncio.sleep(0.1)
    raise AssertionError(f"no primary within {_PRIMARY_WITHIN_S:.0f} s")


async def _is_primary(node: Node) -> bool:
    url = f"mongodb://{node.address}/?directConnection=true"
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(url, serverSelectionTimeoutMS=1_000)
    async with client:
        try:
            return bool((await client.admin.command("hello"))["isWritablePrimary"])
        except PyMongoError:
            return False


async def _status_of_a_registration(world: World) -> int:
    """How intake answers somebody who asks for a link, now."""
    async with httpx.AsyncClient(timeout=40.0, trust_env=False) as client:
        url = f"{world.service('intake').url}/link"
        answer = await client.post(url, json={"email": "nobody@example.org"})
        return answer.status_code


@row(15, "MongoDB away: consumers wait, nothing is parked, HTTP says 503")
async def storage_away(world: World) -> str:
    away_s = _LONG_AWAY_S if world.long else _AWAY_S
    nodes = world.engine.mongo_nodes
    await world.load.start()
    await world.load.reaches(world.people // 20, within_s=5.0)
    for node in nodes:
        node.kill()
    began = time.monotonic()
    status = await _status_of_a_registration(world)
    await asyncio.sleep(max(0.0, away_s - (time.monotonic() - began)))
    await _start_together(nodes)
    await _primary(world)
    world.mended()
    assert status == httpx.codes.SERVICE_UNAVAILABLE, f"HTTP answered {status} without storage"
    return f"all {len(nodes)} mongods killed for {time.monotonic() - began:.0f} s; HTTP said 503"


@row(16, "primary of MongoDB killed, and stepped down")
async def primary_killed(world: World) -> str:
    _three(world)
    await world.load.start()
    await world.load.reaches(world.people // 20, within_s=5.0)
    first = await _primary(world)
    first.kill()
    killed_at = time.monotonic()
    second = await _primary(world, other_than=first)
    elected_s = time.monotonic() - killed_at
    await asyncio.to_thread(first.start)
    await world.load.reaches(world.people // 20, within_s=10.0)
    async with AsyncMongoClient[dict[str, Any]](world.engine.addresses.mongodb_admin) as client:
        try:
            await client.admin.command("replSetStepDown", 10, secondaryCatchUpPeriodSecs=5)
        except PyMongoError as error:
            # Some versions close the connection that asked, which is an answer too.
            if not isinstance(error, ConnectionError) and "stepdown" in str(error).casefold():
                raise
    third = await _primary(world, other_than=second)
    world.mended()
    return (
        f"SIGKILL to the primary {first.name} ({second.name} elected after {elected_s:.1f} s), "
        f"then {second.name} stepped down for {third.name}"
    )


@row(17, "primary of MongoDB cut off from the majority", proxied=True)
async def primary_cut_off(world: World) -> str:
    _three(world)
    network = network_of(world)
    await world.load.start()
    await world.load.reaches(world.people // 20, within_s=5.0)
    old = await _primary(world)
    before = world.load.acknowledged
    network.cut_off(old)
    began = time.monotonic()
    new = await _primary(world, other_than=old)
    elected_s = time.monotonic() - began
    were_two = await _is_primary(old)
    await asyncio.sleep(max(0.0, _CUT_S - elected_s))
    meanwhile = world.load.acknowledged - before
    network.heal()
    world.mended()
    both = "for a while there were two primaries" if were_two else "the old one had given up"
    return (
        f"{old.name} without its fellows for {_CUT_S:.0f} s, its clients still with it; {new.name} "
        f"elected after {elected_s:.1f} s, when {both}; {meanwhile} requests acknowledged meanwhile"
    )


@row(20, "disk full at a broker of Kafka")
async def disk_full_at_kafka(world: World) -> str:
    node = world.engine.kafka_nodes[-1]
    if len(world.engine.kafka_nodes) < 3:
        raise CannotRun("there is one broker only: it takes --engine apache, with three")

    async def write_more() -> None:
        await asyncio.sleep(0.2)

    return await _fill_the_disk_of(world, node, "kafka/3", write_more)


@row(20, "disk full at the primary of MongoDB")
async def disk_full_at_mongodb(world: World) -> str:
    _three(world)
    primary = await _primary(world)

    async def write_more() -> None:
        """As much as the journal and the files still have room for, which is more than the load writes."""
        async with _admin(world) as client:
            with contextlib.suppress(PyMongoError):
                documents = [{"ballast": random.randbytes(500_000)} for _ in range(20)]
                await client["ballast"]["ballast"].insert_many(documents)
                await client.admin.command("fsync")

    did = await _fill_the_disk_of(world, primary, f"mongodb/{primary.name[-1]}", write_more)
    async with _admin(world) as client:
        await client.drop_database("ballast")
    return did


def _admin(world: World) -> AsyncMongoClient[dict[str, Any]]:
    return AsyncMongoClient(world.engine.addresses.mongodb_admin, timeoutMS=5_000)


async def _fill_the_disk_of(
    world: World, node: Node, folder: str, write_more: Callable[[], Awaitable[None]]
) -> str:
    """Until the node has ended of it; then there is room again, and it is started."""
    disk = SmallDisk(node, world.platform.settings.var / world.engine.name / folder)
    try:
        await asyncio.to_thread(disk.mount, _SPARE_BYTES)
    except NoSmallDisk as error:
        raise CannotRun(str(error)) from None
    try:
        await world.load.start()
        await world.load.reaches(world.people // 20, within_s=5.0)
        filled = await asyncio.to_thread(disk.fill)
        until = time.monotonic() + _ENDS_WITHIN_S
        while node.running and time.monotonic() < until:
            await write_more()
        has_ended = not node.running
        await world.load.reaches(world.people // 20, within_s=10.0)
        disk.free()
        if has_ended:
            await asyncio.to_thread(node.start)
        await world.load.reaches(world.people // 20, within_s=5.0)
        world.mended()
        await world.settled()
    finally:
        await asyncio.to_thread(disk.unmount)
    assert has_ended, f"{node.name} went on for {_ENDS_WITHIN_S:.0f} s without room"
    return (
        f"{node.name} on a small disk, filled with {filled / 1e6:.0f} MB: it ended by itself, the "
        "others went on; then room again, and a start"
    )


def _three(world: World) -> None:
    if len(world.engine.mongo_nodes) < 3:
        raise CannotRun("there is one mongod only: it takes --engine apache, with three")


async def _start_together(nodes: Sequence[Node]) -> None:
    for node in nodes:
        node.launch()
    for node in nodes:
        await asyncio.to_thread(node.wait_until_it_listens)
