"""Clocks that disagree between services."""

import asyncio
import random
from typing import Final

from tests.faults.rows import row
from tests.faults.world import World

_WRONG_BY_S: Final = 300.0
_CHANGES: Final = 5
_EVERY_S: Final = 3.0


@row(19, "clocks wrong by minutes between services, stepping", patched=True)
async def wrong_clocks(world: World) -> str:
    chance = random.Random(world.seed)
    await world.load.start()
    for _ in range(_CHANGES):
        for name in world.services:
            world.skew(name, round(chance.uniform(-_WRONG_BY_S, _WRONG_BY_S)))
        await asyncio.sleep(_EVERY_S)
    for name in world.services:
        world.mend(name)
    world.mended()
    return (
        f"each service's clock up to {_WRONG_BY_S / 60:.0f} minutes wrong, stepping forth and back "
        f"{_CHANGES} times"
    )
