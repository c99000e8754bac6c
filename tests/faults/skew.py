"""A clock that is wrong in one process: domain time, shifted by what the process's plan says now."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from shared import clock, runtime
from shared.clock import Clock
from shared.events.wire import rfc3339
from shared.messaging.work import Offsets

if TYPE_CHECKING:
    from tests.faults.crashing import Plan


class SkewedClock:
    """Another clock, so many seconds ahead (or behind); the plan may change at any moment."""

    def __init__(self, clock: Clock, plan: "Plan") -> None:
        self._clock = clock
        self._plan = plan

    @property
    def skew(self) -> timedelta:
        """How far this clock is ahead of the right one."""
        return timedelta(seconds=self._plan.read().get("skew_s", 0))

    def now(self) -> datetime:
        """The wrong time."""
        return self._clock.now() + self.skew


def wrap_clock(plan: "Plan") -> None:
    """Gives the process the wrong clock. What it says to the clock's driver is put right again."""
    opened, describe = clock.open_clock, runtime.Runtime.describe_work

    def opening(setting: str) -> Clock:
        return SkewedClock(opened(setting), plan)

    async def describing(
        self: runtime.Runtime, wait_s: float = 0.0, read_to: Offsets = runtime.NO_OFFSETS
    ) -> dict[str, Any]:
        answer = await describe(self, wait_s, read_to)
        if isinstance(self.clock, SkewedClock):
            for name in ("looked_at", "next_at"):
                if answer[name] is not None:
                    instant = datetime.fromisoformat(answer[name]) - self.clock.skew
                    answer[name] = rfc3339(instant)
        return answer

    vars(runtime)["open_clock"] = opening
    runtime.Runtime.describe_work = describing  # type: ignore[method-assign]
