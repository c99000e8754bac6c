"""Time as a cause: what it brings is claimed by one of several, also when the clocks are put forward."""

from datetime import UTC, datetime, timedelta
from typing import Final

from tests.faults.rows import row
from tests.faults.world import World

_BEFORE_SUMMER_TIME: Final = datetime(2026, 3, 15, 7, tzinfo=UTC)
_SUMMER_TIME: Final = datetime(2026, 3, 29, 1, tzinfo=UTC)
_BEFORE_WINTER_TIME: Final = datetime(2026, 10, 11, 7, tzinfo=UTC)
_WINTER_TIME: Final = datetime(2026, 10, 25, 1, tzinfo=UTC)
_MOST_PEOPLE: Final = 300
_AROUND: Final = timedelta(days=2)
"""The first check-ins, two weeks after the first matches, fall due within these days."""


async def _three_followups(world: World, change: datetime) -> str:
    """Life goes on until after the change; on both sides of it one of three dies in mid-claim."""
    others = [await world.start_another("followup") for _ in range(2)]
    await world.load.start(rate=100.0)
    await world.load.reaches(world.people // 2, within_s=30.0)
    await world.settled()
    await world.load.live_on((change - _AROUND - world.clock.now()) / timedelta(days=1))
    names = ["followup", *(other.name for other in others)]
    died = 0
    for name in names:
        world.crash(name, "written", at=1)
        await world.load.live_on(_AROUND / timedelta(days=1))
        died += not world.is_armed(name)
        world.mend(name)
    world.mended()
    assert world.clock.now() > change, "the clocks were not changed within this row"
    assert died, "none died in mid-claim: the load is too small"
    return (
        f"three followup processes from {_day(change - _AROUND)} to {_day(world.clock.now())} "
        f"across the change of the clocks; {died} killed between claim and publishing"
    )


def _day(instant: datetime) -> str:
    return instant.date().isoformat()


@row(
    21,
    "three followup instances, one killed in mid-claim, across the change to summer time",
    patched=True,
    starts_at=_BEFORE_SUMMER_TIME,
    most_people=_MOST_PEOPLE,
)
async def into_summer_time(world: World) -> str:
    return await _three_followups(world, _SUMMER_TIME)


@row(
    21,
    "three followup instances, one killed in mid-claim, across the change to winter time",
    patched=True,
    starts_at=_BEFORE_WINTER_TIME,
    most_people=_MOST_PEOPLE,
)
async def into_winter_time(world: World) -> str:
    return await _three_followups(world, _WINTER_TIME)
