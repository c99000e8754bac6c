"""Networks that part, hang and crawl."""

import asyncio
from typing import Final

from tests.faults.network import CLIENTS, Network
from tests.faults.rows import row
from tests.faults.world import World

_CUT_S: Final = 20.0
_LONG_CUT_S: Final = 60.0
_DELAY_S: Final = 0.05
_BYTES_PER_S: Final = 1_000_000 / 8
_BEFORE: Final = 60


def network_of(world: World) -> Network:
    """The proxies. The row must be registered with `proxied=True`."""
    if world.network is None:
        raise RuntimeError("register this row with proxied=True")
    return world.network


@row(9, "services cut off from Kafka", proxied=True)
async def cut_off_from_kafka(world: World) -> str:
    network = network_of(world)
    cut_s = _LONG_CUT_S if world.long else _CUT_S
    await world.load.start()
    await world.load.reaches(_BEFORE)
    before = world.load.acknowledged
    network.silence(network.links(target="kafka"))
    await asyncio.sleep(cut_s / 2)
    network.heal()
    network.reset(network.links(target="kafka"))
    await asyncio.sleep(cut_s / 2)
    meanwhile = world.load.acknowledged - before
    network.heal()
    world.mended()
    return (
        f"no word from any broker for {cut_s / 2:.0f} s, connections reset for {cut_s / 2:.0f} s; "
        f"{meanwhile} requests acknowledged meanwhile"
    )


@row(10, "slow network", proxied=True)
async def slow_network(world: World) -> str:
    network = network_of(world)
    network.slow(network.links(source=CLIENTS), delay_s=_DELAY_S, bytes_per_s=_BYTES_PER_S)
    await world.load.start()
    await world.load.reaches(world.people // 5, within_s=40.0)
    network.heal()
    world.mended()
    carried = sum(link.carried_bytes for link in network.links(source=CLIENTS))
    return f"50 ms each way and 1 Mbit/s to each node; {carried / 1e6:.1f} MB went over in all"
