"""What turns did, written down for many endpoints together: while one write is under way, the next gathers."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Final

import structlog
from prometheus_client import Counter

from services.streams.domain.deliveries import Run
from services.streams.domain.subscriptions import (
    DisabledFor,
    Endpoint,
    EndpointState,
    Turn,
    turned,
)
from services.streams.store.webhooks import Webhooks
from services.streams.webhooks.courier import Now, machine_now
from shared.decisions import Decision, Refusal
from shared.errors import StillContended
from shared.storage.changes import Cause, Change, Status
from shared.storage.database import STORAGE_AWAY

_MOST_AT_ONCE: Final = 500
_PAUSE_S: Final = 0.5

log = structlog.get_logger(__name__)

Noted = Endpoint | None


class Notes:
    """Writes turns. `note` returns when a turn is written; whoever serves waits for it."""

    def __init__(self, store: Webhooks, attempts: Counter, now: Now = machine_now) -> None:
        self._store = store
        self._attempts = attempts
        self._now = now
        self._waiting: list[tuple[str, Turn, asyncio.Future[Noted]]] = []
        self._rung = asyncio.Event()

    async def note(self, endpoint_id: str, turn: Turn) -> Noted:
        """The endpoint after the turn; None if the turn no longer counted."""
        written: asyncio.Future[Noted] = asyncio.get_running_loop().create_future()
        self._waiting.append((endpoint_id, turn, written))
        self._rung.set()
        return await written

    async def run(self) -> None:
        """For ever, until cancelled."""
        while True:
            await self._rung.wait()
            batch, self._waiting = self._waiting[:_MOST_AT_ONCE], self._waiting[_MOST_AT_ONCE:]
            if not self._waiting:
                self._rung.clear()
            try:
                await self._write(batch)
            finally:
                for _, _, written in batch:
                    if not written.done():
                        written.set_result(None)

    async def _write(self, batch: list[tuple[str, Turn, asyncio.Future[Noted]]]) -> None:
        now = self._now()
        changes = [_change(endpoint_id, turn, now) for endpoint_id, turn, _ in batch]
        while True:
            try:
                outcomes = await self._store.change(changes)
                break
            except (*STORAGE_AWAY, StillContended) as error:
                log.warning("webhook_notes_wait", error=type(error).__name__)
                await asyncio.sleep(_PAUSE_S)
        done: list[tuple[Endpoint, Sequence[Run]]] = []
        for (_, turn, written), outcome in zip(batch, outcomes, strict=True):
            if outcome.status is Status.CHANGED and outcome.state is not None:
                done.append((outcome.state, turn.runs))
                self._count(turn.runs)
                _tell_if_disabled(outcome.state, now)
            if not written.done():
                written.set_result(outcome.state if outcome.status is Status.CHANGED else None)
        try:
            await self._store.log(done)
        except STORAGE_AWAY as error:
            # The log tells what was done and decides nothing.
            log.warning("webhook_log_lost", turns=len(done), error=type(error).__name__)

    def _count(self, runs: Sequence[Run]) -> None:
        for run in runs:
            for attempt in run.attempts:
                self._attempts.labels(attempt.verdict.value).inc()


def _change(endpoint_id: str, turn: Turn, now: datetime) -> Change[Endpoint]:
    def decide(endpoint: Endpoint | None) -> Decision[Endpoint] | Refusal | None:
        return turned(endpoint, turn, now) if endpoint is not None else None

    return Change(endpoint_id, decide, Cause.due(now))


def _tell_if_disabled(endpoint: Endpoint, now: datetime) -> None:
    """The notice to operators. Never the address: it may hold what is secret."""
    if endpoint.state is EndpointState.DISABLED and endpoint.disabled_at == now:
        reason = endpoint.disabled_for or DisabledFor.FAILING
        log.warning(
            "webhook_disabled",
            endpoint=endpoint.endpoint_id,
            grant=endpoint.grant_id,
            reason=reason.value,
            failing_since=endpoint.progress.failing_since,
        )
