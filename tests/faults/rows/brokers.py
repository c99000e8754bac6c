"""Kafka's brokers: killed, restarted, too few of them."""

import asyncio
import time
from collections.abc import Sequence
from typing import Final

import httpx
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, KafkaTimeoutError, NotEnoughReplicasError

from deploy.local import topics
from deploy.local.engines import Node
from tests.faults.rows import row
from tests.faults.world import CannotRun, World

_DOWN_S: Final = 4.0
_TOO_FEW_S: Final = 10.0
_ROUNDS: Final = 5
_IN_SYNC_WITHIN_S: Final = 60.0
_REFUSED_WITHIN_S: Final = 40.0
_REFUSALS: Final = (NotEnoughReplicasError, KafkaTimeoutError)
"""The client tries again after the first of them, and gives up with the second."""
_PROBE: Final = "probe"


async def _in_sync(world: World) -> None:
    """Returns when every partition has all of its replicas in sync again."""
    until = time.monotonic() + _IN_SYNC_WITHIN_S
    behind: Sequence[str] = ("nobody was asked yet",)
    while time.monotonic() < until:
        try:
            behind = await _behind(world)
        except (KafkaError, OSError) as error:
            behind = (type(error).__name__,)
        if not behind:
            return
        await asyncio.sleep(0.2)
    raise AssertionError(f"not in sync after {_IN_SYNC_WITHIN_S:.0f} s: {', '.join(behind[:5])}")


async def _behind(world: World) -> list[str]:
    admin = AIOKafkaAdminClient(bootstrap_servers=list(world.engine.addresses.kafka))
    await admin.start()
    try:
        names = [name for name in await admin.list_topics() if not name.startswith("__")]
        return [
            f"{topic['topic']}-{part['partition']}"
            for topic in await admin.describe_topics(names)
            for part in topic["partitions"]
            if len(part["isr"]) < len(part["replicas"]) or part["leader"] < 0
        ]
    finally:
        await admin.close()


def _three(world: World) -> Sequence[Node]:
    nodes = world.engine.kafka_nodes
    if len(nodes) < 3:
        raise CannotRun("there is one broker only: it takes --engine apache, with three")
    return nodes


@row(6, "each broker killed in turn")
async def each_broker_killed(world: World) -> str:
    nodes = _three(world)
    await world.load.start()
    for node in nodes:
        await world.load.reaches(world.people // 20, within_s=5.0)
        node.kill()
        await asyncio.sleep(_DOWN_S)
        await asyncio.to_thread(node.start)
        await _in_sync(world)
    world.mended()
    return f"SIGKILL to each of {len(nodes)} brokers, {_DOWN_S:.0f} s down, back before the next"


@row(7, "rolling restart of the brokers, five times")
async def rolling_restart(world: World) -> str:
    nodes = _three(world)
    await world.load.start()
    for number in range(_ROUNDS):
        # An orderly end takes a broker of three seconds or so: without --long they take turns.
        for node in nodes if world.long else (nodes[number % len(nodes)],):
            await asyncio.to_thread(node.stop)
            await asyncio.to_thread(node.start)
            await _in_sync(world)
    world.mended()
    each = "all three, one after the other" if world.long else "one broker after the other"
    return f"SIGTERM and start, {_ROUNDS} times: {each}, each time until all replicas are in sync"


@row(8, "fewer in-sync replicas than the minimum: publishing is refused, outboxes drain later")
async def too_few_replicas(world: World) -> str:
    nodes = _three(world)
    await world.load.start()
    await world.load.reaches(world.people // 20, within_s=5.0)
    # Two brokers of three cannot be taken away: the controllers among them would have no majority.
    await _demand_in_sync(world, 3)
    nodes[2].kill()
    refusal = await _refusal(world)
    before = world.load.acknowledged
    await asyncio.sleep(_TOO_FEW_S)
    meanwhile = world.load.acknowledged - before
    unsent = await _unsent(world)
    await asyncio.to_thread(nodes[2].start)
    await _in_sync(world)
    await _demand_in_sync(world, 2)
    world.mended()
    assert unsent, "no event waited in an outbox while Kafka refused them all"
    return (
        f"three in-sync replicas demanded and one broker killed, for {_TOO_FEW_S:.0f} s: publishing "
        f"ends with {refusal}; {meanwhile} requests acknowledged meanwhile, {unsent} documents with "
        "unsent events"
    )


async def _demand_in_sync(world: World, replicas: int) -> None:
    """Sets `min.insync.replicas` of all our topics; the probe's too, which it makes."""
    file = topics.read_topics()
    profile = file.profiles["three-brokers"].model_copy(update={"min_insync_replicas": replicas})
    wanted = {name: topic.settings(profile) for name, topic in file.topics.items()}
    wanted[_PROBE] = {"min.insync.replicas": str(replicas)}
    admin = AIOKafkaAdminClient(bootstrap_servers=list(world.engine.addresses.kafka))
    await admin.start()
    try:
        if _PROBE not in await admin.list_topics():
            await admin.create_topics([NewTopic(_PROBE, 1, 3)])
        answers = await admin.alter_configs(
            [ConfigResource(ConfigResourceType.TOPIC, name, each) for name, each in wanted.items()]
        )
    finally:
        await admin.close()
    refused = [name for answer in answers for code, _, _, name in answer.resources if code]
    assert not refused, f"Kafka did not take the settings of {', '.join(refused)}"


async def _refusal(world: World) -> str:
    """What a producer that wants all in-sync replicas is told, as soon as it is not served."""
    producer = AIOKafkaProducer(
        bootstrap_servers=list(world.engine.addresses.kafka),
        acks="all",
        request_timeout_ms=3_000,
    )
    await producer.start()
    try:
        until = time.monotonic() + _REFUSED_WITHIN_S
        while time.monotonic() < until:
            try:
                await producer.send_and_wait(_PROBE, b"is this taken?")
            except _REFUSALS as error:
                return type(error).__name__
            except KafkaError:
                pass  # The dead broker led it: somebody else will in a moment.
            await asyncio.sleep(0.2)
    finally:
        await producer.stop()
    raise AssertionError(f"two of three brokers still acknowledge after {_REFUSED_WITHIN_S:.0f} s")


async def _unsent(world: World) -> int:
    """How many documents say that they have unsent events."""
    async with httpx.AsyncClient(trust_env=False) as client:
        answers = [
            (await client.get(f"{world.service(name).url}/internal/work")).json()
            for name in world.services
        ]
    return sum(int(answer["open"]["outbox"]) for answer in answers)
