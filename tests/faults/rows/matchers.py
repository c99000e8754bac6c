"""Two matchers, one lease, and people who change while a round is under way."""

import asyncio
import random
import time
from typing import Final

from tests.faults.rows import row
from tests.faults.world import World

_LEASE_S: Final = 3.0
_UNTIL_FROZEN_S: Final = 30.0


@row(
    22,
    "two matchers at once, the lease lost in mid-round, seats lowered and people leaving",
    patched=True,
    environment={"matching": {"LEASE_SECONDS": str(_LEASE_S), "PROPOSALS_AT_ONCE": "5"}},
)
async def two_matchers(world: World) -> str:
    chance = random.Random(world.seed)
    second = await world.start_another("matching")
    await world.load.start(rate=100.0)
    frozen = changed = 0
    for _ in range(2 if not world.long else 10):
        for name in ("matching", second.name):
            world.freeze(name, "fenced", at=2)
        until = time.monotonic() + _UNTIL_FROZEN_S
        while world.is_armed("matching") and world.is_armed(second.name):
            if time.monotonic() > until:
                break
            await asyncio.sleep(0.02)
        holders = [name for name in ("matching", second.name) if not world.is_armed(name)]
        for name in ("matching", second.name):
            world.mend(name)
        changed += await _change_mentors(world, chance)
        await asyncio.sleep(_LEASE_S + 2.0)
        for name in holders:
            world.service(name).resume()
        frozen += len(holders)
    world.mended()
    assert frozen, "no round was under way: the load is too small"
    return (
        f"{frozen} times the holder was frozen between two transactions of a round for longer than "
        f"its lease, the other took over; meanwhile {changed} mentors lowered their seats or left"
    )


async def _change_mentors(world: World, chance: random.Random) -> int:
    """Some mentors lower their seats, one leaves: while nobody knows which round is the valid one."""
    pages = world.load.pages_of("mentor")
    chosen = chance.sample(pages, min(6, len(pages)))
    for number, (participant_id, token) in enumerate(chosen):
        key = f"row-22-{participant_id}-{number}"
        if number == 0:
            await world.load.witness.ask("POST", "/intake/me/leave", key=key, data={"token": token})
        else:
            await world.load.witness.ask(
                "PATCH", f"/intake/me?token={token}", key=key, json={"seats": 1}
            )
    return len(chosen)
