"""Who serves which endpoint: any number of instances, each endpoint by one of them at a time.

What must stay true: a turn is noted only under the lease's epoch (see `subscriptions.turned`), so of two
who both believe to serve an endpoint only the newer moves its position; and one endpoint, however slow,
holds up no other. All of it runs on machine time and holds no clock.
"""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Final

import structlog
from prometheus_client import Counter

from services.streams.domain.grants import Grant
from services.streams.domain.integration import BY_WIRE_NAME, GrantedStream
from services.streams.domain.subscriptions import Endpoint, EndpointState, Wanted, taken_over
from services.streams.following import Following
from services.streams.leased import Leased
from services.streams.projecting import Projections, View
from services.streams.store.grants import Grants
from services.streams.store.journal import Journal
from services.streams.store.webhooks import Webhooks
from services.streams.tail import Tail
from services.streams.webhooks.courier import Courier, machine_now
from services.streams.webhooks.notes import Notes
from services.streams.webhooks.sending import Sender
from shared.decisions import Decision, Refusal
from shared.errors import StillContended
from shared.storage.changes import Cause, Change
from shared.storage.database import STORAGE_AWAY
from shared.storage.leases import Lease

LOOK_EVERY_S: Final = 1.0
_STOP_WITHIN_S: Final = 4.0
_GATHER_S: Final = 0.05
"""What comes in quick succession is delivered in one turn and noted in one write."""
NOTE_IDLE_EVERY_S = 5.0
"""A position that moved with nothing to deliver is noted only so often."""

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Served:
    """One endpoint that is served here, as far as is known."""

    endpoint: Endpoint
    view: View
    noted_after: int
    noted_at: float = field(default_factory=time.monotonic)
    changed: asyncio.Event = field(default_factory=asyncio.Event)


class Serving:
    """Serves the endpoints whose leases this process gets."""

    def __init__(
        self,
        store: Webhooks,
        grants: Grants,
        journal: Journal,
        projections: Projections,
        tail: Tail,
        sender: Sender,
        courier: Courier,
        attempts: Counter,
        *,
        holder: str,
        lease: timedelta,
    ) -> None:
        self._store = store
        self._grants = grants
        self._journal = journal
        self._projections = projections
        self._tail = tail
        self._sender = sender
        self._courier = courier
        self._notes = Notes(store, attempts)
        self._leased = Leased(
            lambda endpoint_id, ttl: store.lease(endpoint_id, holder, ttl), self._serve, lease
        )
        self._views: Mapping[str, View] = {}
        self._served: dict[str, _Served] = {}

    async def run(self) -> None:
        """From start to stop; at the stop, turns under way come to their end, for a few seconds."""
        notes = asyncio.create_task(self._notes.run(), name="webhook notes")
        try:
            while True:
                try:
                    await self._look()
                except (*STORAGE_AWAY, StillContended) as error:
                    log.warning("webhooks_wait", error=type(error).__name__)
                await asyncio.sleep(LOOK_EVERY_S)
        finally:
            self._courier.stopping.set()
            for served in self._served.values():
                served.changed.set()
            await self._leased.stop(_STOP_WITHIN_S)
            notes.cancel()
            await self._sender.close()

    async def _look(self) -> None:
        """Sees what is to be served, and what somebody changed."""
        active = await self._store.active()
        grants: dict[str, Grant] = {}
        if active:
            grants = {grant.grant_id: grant for grant in await self._grants.in_force()}
        self._views = {
            endpoint_id: view_of(self._projections, grants[endpoint.grant_id], endpoint.wanted)
            for endpoint_id, endpoint in active.items()
            if endpoint.grant_id in grants
        }
        for endpoint_id, served in self._served.items():
            if endpoint_id in self._views:
                self._adopt(served, active[endpoint_id], self._views[endpoint_id])
        await self._leased.look(self._views.keys())

    def _adopt(self, served: _Served, found: Endpoint, view: View) -> None:
        """What somebody changed: the address, the secrets, the filters, the position; or resumed it."""
        mine, theirs = served.endpoint.progress, found.progress
        is_older = theirs.turned_back < mine.turned_back or theirs.begun_anew < mine.begun_anew
        if found.epoch != served.endpoint.epoch or is_older:
            return  # Read before what is known here; or taken over, which the lease will tell.
        if theirs.turned_back > mine.turned_back:
            served.noted_after = theirs.after
        elif theirs.begun_anew > mine.begun_anew:
            # Paused and resumed between two looks: nothing that failed before keeps it waiting.
            found = replace(found, progress=replace(theirs, after=max(theirs.after, mine.after)))
        else:
            found = replace(found, progress=mine)
        if found != served.endpoint:
            served.endpoint = found
            served.changed.set()
        if (view.scope, view.pseudonyms) != (served.view.scope, served.view.pseudonyms):
            served.view = view
            served.changed.set()

    # One endpoint -------------------------------------------------------------------------------

    async def _serve(self, endpoint_id: str, lease: Lease) -> None:
        def decide(endpoint: Endpoint | None) -> Decision[Endpoint] | Refusal | None:
            return taken_over(endpoint, lease.epoch) if endpoint is not None else None

        change = Change(endpoint_id, decide, Cause.due(machine_now()))
        endpoint = (await self._store.change_one(change)).state
        if endpoint is None or endpoint.state is not EndpointState.ACTIVE:
            return
        served = _Served(endpoint, self._views[endpoint_id], endpoint.progress.after)
        self._served[endpoint_id] = served
        try:
            while not self._courier.stopping.is_set():
                try:
                    if not await self._follow(served):
                        return
                except (*STORAGE_AWAY, StillContended) as error:
                    log.warning("webhook_waits", endpoint=endpoint_id, error=type(error).__name__)
                    await asyncio.sleep(LOOK_EVERY_S)
        finally:
            del self._served[endpoint_id]

    async def _follow(self, served: _Served) -> bool:
        """Turn after turn with one view of the journal. False if it is no longer to be served here."""
        view = served.view
        async with Following(self._journal, self._projections, self._tail, view) as following:
            while served.view is view and not self._courier.stopping.is_set():
                served.changed.clear()
                if not await self._turn(served, following):
                    return False
        return True

    async def _turn(self, served: _Served, following: Following) -> bool:
        """One turn, noted; or a wait for something to do. False if it is no longer to be served here."""
        endpoint = served.endpoint
        turn = await self._courier.turn(endpoint, following)
        if not turn.runs:
            if served.endpoint is endpoint:
                moved = replace(endpoint.progress, after=turn.reached)
                served.endpoint = replace(endpoint, progress=moved)
            if not self._is_worth_noting(served):
                if following.is_at_end or not endpoint.progress.due(machine_now()).new:
                    await self._wait(served, following)
                return True
        noted = await self._notes.note(endpoint.endpoint_id, turn)
        if noted is None:
            # It no longer counted: somebody took over, or set the position.
            noted = await self._store.get(endpoint.endpoint_id)
            if noted is None or noted.epoch != endpoint.epoch:
                return False
        served.endpoint = noted
        served.noted_after = noted.progress.after
        served.noted_at = time.monotonic()
        return noted.state is EndpointState.ACTIVE

    def _is_worth_noting(self, served: _Served) -> bool:
        has_moved = served.endpoint.progress.after > served.noted_after
        return has_moved and time.monotonic() - served.noted_at >= NOTE_IDLE_EVERY_S

    async def _wait(self, served: _Served, following: Following) -> None:
        """Until something new may be there, a lane is due, or somebody changed something."""
        progress = served.endpoint.progress
        now = machine_now()
        within_s = LOOK_EVERY_S
        if progress.next_at is not None:
            within_s = min(within_s, max((progress.next_at - now).total_seconds(), 0.0))
        if progress.due(now).new:
            await following.wait(within_s)
            await asyncio.sleep(_GATHER_S)
        else:
            try:
                async with asyncio.timeout(within_s):
                    await served.changed.wait()
            except TimeoutError:
                pass


def view_of(projections: Projections, grant: Grant, wanted: Wanted) -> View:
    """What an endpoint is sent: what its grant shows, narrowed to what it wants."""
    streams = {GrantedStream(name) for name in wanted.streams} or set(GrantedStream)
    types = set(wanted.types) or BY_WIRE_NAME.keys()
    seen = [BY_WIRE_NAME[name] for name in types if BY_WIRE_NAME[name].stream in streams]
    return projections.view(grant).narrowed(seen, wanted.cities or None)
