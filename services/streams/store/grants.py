"""The only module that knows the documents of grants: what integrators may see, and their keys' hashes."""

from collections.abc import Sequence

from pymongo import ASCENDING, IndexModel

from services.streams.domain.grants import Grant
from shared.runtime import Runtime
from shared.storage.changes import Change, Outcome


class Grants:
    """The collection `grants`."""

    def __init__(self, runtime: Runtime) -> None:
        self._grants = runtime.aggregates(
            "grants",
            Grant,
            indexes=(IndexModel([("state.keys.prefix", ASCENDING)], name="key", sparse=True),),
        )

    async def get(self, grant_id: str) -> Grant | None:
        """One grant."""
        return await self._grants.get(grant_id)

    async def with_key(self, prefix: str) -> list[Grant]:
        """Grants with a key that begins like this: mostly one, and none for a guess."""
        return [grant async for _, grant in self._grants.find({"state.keys.prefix": prefix})]

    async def page(self, after: str, limit: int) -> list[Grant]:
        """Grants in the order of their ids, from behind `after` on."""
        found = self._grants.find({"_id": {"$gt": after}}, sort=[("_id", ASCENDING)], limit=limit)
        return [grant async for _, grant in found]

    async def in_force(self) -> list[Grant]:
        """Every grant that is not revoked."""
        return [grant async for _, grant in self._grants.find({"state.revoked_at": None})]

    async def change(self, changes: Sequence[Change[Grant]]) -> list[Outcome[Grant]]:
        """Changes several."""
        return await self._grants.change(changes)

    async def change_one(self, change: Change[Grant]) -> Outcome[Grant]:
        """Changes one."""
        return await self._grants.change_one(change)
