"""The use cases of grants: who gets one, which keys open it, and how much it is used.

A key is shown once and kept as its hash. Times here are the machine's: a key is no part of a
programme's life, and a stepped clock must not make one expire.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

import structlog

from services.streams.domain import grants as rules
from services.streams.domain.grants import Grant, Key, Used
from services.streams.domain.integration import GrantedStream
from services.streams.domain.projection import Projected
from services.streams.store.grants import Grants
from shared.decisions import Decision, Refusal
from shared.errors import StillContended
from shared.ids import Ids
from shared.security.keys import hash_key, new_key, scope_of
from shared.storage.changes import Cause, Change, Decide, Outcome, Status
from shared.storage.database import STORAGE_AWAY

_WRITE_USE_EVERY_S: Final = 15.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Wish:
    """What an operator wants to grant."""

    name: str
    programme: str
    streams: tuple[GrantedStream, ...]
    cities: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    all_cities: bool = False


@dataclass(frozen=True, slots=True)
class Issued:
    """A key that was just made, for the one time that it is shown."""

    grant: Grant
    key: str


@dataclass(frozen=True, slots=True)
class Opened:
    """A grant, and which of its keys opened it."""

    grant: Grant
    prefix: str


@dataclass(slots=True)
class _Seen:
    requests: int = 0
    events: int = 0
    position: int = 0
    prefixes: set[str] = field(default_factory=set)


class Granting:
    """Makes grants, opens them, changes their keys, and counts their use."""

    def __init__(self, grants: Grants, ids: Ids) -> None:
        self._grants = grants
        self._ids = ids
        self._seen: dict[str, _Seen] = {}

    # Opening ------------------------------------------------------------------------------------

    async def open(self, key: str) -> Opened | None:
        """The grant that the key opens now, or None: unknown, revoked, expired alike."""
        now = _now()
        prefix = key[: rules.PREFIX_LENGTH]
        for grant in await self._grants.with_key(prefix):
            hashes = [kept.hash for kept in grant.keys_at(now) if kept.prefix == prefix]
            if scope_of(key, hashes) is not None:
                return Opened(grant, prefix)
        return None

    def note(self, opened: Opened, events: Iterable[Projected] = (), *, requests: int = 0) -> None:
        """Counts what was handed out; it is written down a little later."""
        seen = self._seen.setdefault(opened.grant.grant_id, _Seen())
        seen.requests += requests
        seen.prefixes.add(opened.prefix)
        for event in events:
            seen.events += 1
            seen.position = max(seen.position, event.position)

    async def write_use(self) -> None:
        """Writes down what was counted."""
        seen, self._seen = self._seen, {}
        now = _now()
        await self._grants.change(
            [
                Change(grant_id, _noting(_used(of, now)), Cause.due(now))
                for grant_id, of in seen.items()
            ]
        )

    async def run(self) -> None:
        """Writes the use down now and then, for ever. What a crash loses is a count, no event."""
        while True:
            await asyncio.sleep(_WRITE_USE_EVERY_S)
            try:
                await self.write_use()
            except (*STORAGE_AWAY, StillContended) as error:
                log.warning("use_not_written", error=type(error).__name__)

    # For operators ------------------------------------------------------------------------------

    async def make(self, wish: Wish) -> Issued:
        """A new grant with its first key."""
        now = _now()
        key, kept = _fresh_key(now)
        grant = Grant(
            grant_id=self._ids.new(),
            name=wish.name,
            programme=wish.programme,
            streams=wish.streams,
            cities=wish.cities,
            regions=wish.regions,
            all_cities=wish.all_cities,
            pseudonym_key=new_key(),
            created_at=now,
            keys=(kept,),
        )
        await self._change(grant.grant_id, lambda state: rules.make(state, grant), now)
        return Issued(grant, key)

    async def get(self, grant_id: str) -> Grant | None:
        """One grant."""
        return await self._grants.get(grant_id)

    async def page(self, after: str, limit: int) -> list[Grant]:
        """Grants in the order of their ids."""
        return await self._grants.page(after, limit)

    async def add_key(self, grant_id: str) -> Issued | Refusal:
        """One more key, for instance where all others are lost."""
        now = _now()
        key, kept = _fresh_key(now)
        return _issued(
            await self._change(grant_id, lambda state: rules.add_key(state, kept, now), now), key
        )

    async def revoke(self, grant_id: str) -> Outcome[Grant]:
        """The grant is over, at once and for good."""
        now = _now()
        return await self._change(grant_id, lambda state: rules.revoke(state, now), now)

    # For the integrator herself, and for operators ------------------------------------------------

    async def rotate(self, grant_id: str, overlap: timedelta) -> Issued | Refusal:
        """A new key; the others open for the overlap still."""
        now = _now()
        key, kept = _fresh_key(now)
        return _issued(
            await self._change(
                grant_id, lambda state: rules.rotate(state, kept, now, overlap), now
            ),
            key,
        )

    async def revoke_key(self, grant_id: str, prefix: str) -> Outcome[Grant]:
        """A key opens nothing any more."""
        now = _now()
        return await self._change(grant_id, lambda state: rules.revoke_key(state, prefix, now), now)

    async def _change(self, grant_id: str, decide: Decide[Grant], now: datetime) -> Outcome[Grant]:
        return await self._grants.change_one(Change(grant_id, decide, Cause.http(now)))


def _now() -> datetime:
    """The machine's time, in whole milliseconds: what MongoDB can keep."""
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


def _fresh_key(now: datetime) -> tuple[str, Key]:
    key = new_key()
    return key, Key(key[: rules.PREFIX_LENGTH], hash_key(key), now)


def _issued(outcome: Outcome[Grant], key: str) -> Issued | Refusal:
    if outcome.status is Status.REFUSED and outcome.refusal is not None:
        return outcome.refusal
    if outcome.state is None:
        return rules.GrantUnknown()
    return Issued(outcome.state, key)


def _used(seen: _Seen, now: datetime) -> Used:
    return Used(seen.requests, seen.events, seen.position, frozenset(seen.prefixes), now)


def _noting(used: Used) -> "Decide[Grant]":
    def decide(state: Grant | None) -> Decision[Grant] | None:
        return rules.note_use(state, used)

    return decide
