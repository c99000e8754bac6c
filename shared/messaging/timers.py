"""Time as a way in: what is due is done in batches, by any number of instances, each thing once.

The claim is the state change itself (guarded by the document's version), so no lease is needed.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Final

import structlog

from shared.clock import Clock, SteppedClock
from shared.errors import LeaseLost, StillContended
from shared.messaging.work import Work
from shared.storage.database import STORAGE_AWAY

Tick = Callable[[datetime], Awaitable[datetime | None]]
"""Does everything due at an instant; returns when it next has something to do, if known."""

_STEPPED_POLL_S: Final = 0.5
_SYSTEM_POLL_S: Final = 1.0
_PAUSE_AFTER_FAILURE_S: Final = 1.0

log = structlog.get_logger(__name__)


class Ticker:
    """Calls a tick whenever domain time has moved on, or somebody pokes it."""

    def __init__(self, name: str, clock: Clock, work: Work, tick: Tick) -> None:
        self._clock = clock
        self._work = work
        self._tick = tick
        self._poll_s = _STEPPED_POLL_S if isinstance(clock, SteppedClock) else _SYSTEM_POLL_S
        self._is_poked = False
        self._woken = asyncio.Event()
        self.name = name
        self.done_at = 0.0
        """When a tick last came to its end (Unix time)."""
        self.failures = 0
        """Ticks that were cut off, by whatever it was."""
        work.looked_at[name] = None
        work.next_at[name] = None

    def poke(self) -> None:
        """Has it look again now, since something may have become due at this very instant."""
        self._work.looked_at[self.name] = None
        self._is_poked = True
        self._woken.set()

    def notice(self, now: datetime) -> None:
        """Tells it the time, which it would else find out a little later."""
        if self._work.looked_at[self.name] != now:
            self._woken.set()

    async def run(self) -> None:
        """For ever, until cancelled."""
        while True:
            now = self._clock.now()
            if self._is_needed(now):
                self._is_poked = False
                self._work.looked_at[self.name] = None
                try:
                    self._work.next_at[self.name] = await self._tick(now)
                    self.done_at = time.time()
                    if not self._is_poked:
                        self._work.looked_at[self.name] = now
                except (*STORAGE_AWAY, LeaseLost, StillContended) as error:
                    self.failures += 1
                    log.warning("timer_waits", timer=self.name, error=type(error).__name__)
                    await asyncio.sleep(_PAUSE_AFTER_FAILURE_S)
                except Exception:
                    self.failures += 1
                    log.exception("timer_failed", timer=self.name)
                    await asyncio.sleep(_PAUSE_AFTER_FAILURE_S)
            await self._pause()

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(self._poll_s):
                await self._woken.wait()
        except TimeoutError:
            pass
        self._woken.clear()

    def _is_needed(self, now: datetime) -> bool:
        """A clock that stands still needs no second look, unless poked; a running one always does."""
        return (
            self._is_poked
            or self._poll_s == _SYSTEM_POLL_S
            or self._work.looked_at[self.name] != now
        )
