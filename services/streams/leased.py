"""Tasks of which each runs in one instance at a time: whoever holds its lease.

A lease only spreads the work. What a task writes must be guarded by the lease's epoch, or harmless when
two do it. Leases run on the machine's time.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import structlog

from shared.errors import LeaseLost
from shared.storage.database import STORAGE_AWAY
from shared.storage.leases import Lease

_RENEWALS_A_LEASE: Final = 3
_TAKEN_AT_ONCE: Final = 20
"""That an instance takes in one look, so that those who start together share them."""

log = structlog.get_logger(__name__)

Acquire = Callable[[str, timedelta], Awaitable[Lease | None]]
Work = Callable[[str, Lease], Awaitable[None]]


@dataclass(slots=True)
class _Held:
    lease: Lease
    task: asyncio.Task[None]
    renew_at: float


class Leased:
    """Runs `work(name, lease)` for each name whose lease it gets with `acquire(name, ttl)`."""

    def __init__(self, acquire: Acquire, work: Work, ttl: timedelta) -> None:
        self._acquire = acquire
        self._work = work
        self._ttl = ttl
        self._held: dict[str, _Held] = {}

    @property
    def names(self) -> Collection[str]:
        """What runs here."""
        return self._held.keys()

    async def look(self, wanted: Collection[str]) -> None:
        """Ends what is not wanted or has ended by itself, renews the leases, takes what is free."""
        for name, held in list(self._held.items()):
            if name not in wanted or held.task.done():
                await self._leave(name)
        await self._renew()
        free = sorted(set(wanted) - self._held.keys())
        for name in random.sample(free, min(len(free), _TAKEN_AT_ONCE)):
            lease = await self._acquire(name, self._ttl)
            if lease is not None:
                task = asyncio.create_task(self._run(name, lease), name=name)
                self._held[name] = _Held(lease, task, self._next_renewal())

    async def stop(self, within_s: float) -> None:
        """Waits a little for tasks that know that they are to end, then ends all and frees the leases."""
        if self._held:
            await asyncio.wait([held.task for held in self._held.values()], timeout=within_s)
        for name in list(self._held):
            try:
                await self._leave(name)
            except STORAGE_AWAY:
                return  # The leases run out by themselves.

    async def _run(self, name: str, lease: Lease) -> None:
        try:
            await self._work(name, lease)
        except Exception:
            # One that fails is left, and tried again by whoever gets it next.
            log.exception("leased_task_failed", task=name)

    async def _renew(self) -> None:
        now = time.monotonic()
        due = [(name, held) for name, held in self._held.items() if held.renew_at <= now]
        renewed = await asyncio.gather(
            *(held.lease.renew(self._ttl) for _, held in due), return_exceptions=True
        )
        for (name, held), error in zip(due, renewed, strict=True):
            if error is None:
                held.renew_at = self._next_renewal()
            elif isinstance(error, LeaseLost):
                await self._leave(name)
            elif not isinstance(error, STORAGE_AWAY):
                raise error

    def _next_renewal(self) -> float:
        return time.monotonic() + self._ttl.total_seconds() / _RENEWALS_A_LEASE

    async def _leave(self, name: str) -> None:
        held = self._held.pop(name)
        held.task.cancel()
        await asyncio.gather(held.task, return_exceptions=True)
        await held.lease.release()
