"""Leases: who does a piece of work now. A lease spreads load; what it guards is fenced by its epoch.

Leases run on the machine's clock, never on domain time. A holder that was asleep past its time still
believes in its lease, so nothing may rest on that belief: whatever the lease guards is written in a
transaction that also touches the lease's document with its epoch (`Aggregates.change(fence=…)`).
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from shared.errors import LeaseLost
from shared.storage.database import Document, MotorCollection, MotorSession


@dataclass(frozen=True, slots=True)
class Lease:
    """A lease that was ours when we took it. `epoch` rises with every change of holder."""

    collection: MotorCollection
    name: str
    holder: str
    epoch: int

    @classmethod
    async def acquire(
        cls, collection: MotorCollection, name: str, holder: str, ttl: timedelta
    ) -> "Lease | None":
        """Takes or renews the lease `name`; None while another instance holds it."""
        now = datetime.now(UTC)
        renewed: Document | None = await collection.find_one_and_update(
            {"_id": name, "holder": holder, "expires_at": {"$gt": now}},
            {"$set": {"expires_at": now + ttl}},
            return_document=ReturnDocument.AFTER,
        )
        if renewed is not None:
            return cls(collection, name, holder, renewed["epoch"])
        try:
            taken = await collection.find_one_and_update(
                {"_id": name, "expires_at": {"$lte": now}},
                {"$set": {"holder": holder, "expires_at": now + ttl}, "$inc": {"epoch": 1}},
                return_document=ReturnDocument.AFTER,
                upsert=True,
            )
        except DuplicateKeyError:  # It exists and has not expired.
            return None
        return cls(collection, name, holder, taken["epoch"])

    async def renew(self, ttl: timedelta) -> None:
        """Extends the lease, or raises `LeaseLost`."""
        kept = await self.collection.update_one(
            self._is_mine(), {"$set": {"expires_at": datetime.now(UTC) + ttl}}
        )
        if kept.matched_count == 0:
            raise LeaseLost(f"The lease {self.name!r} is no longer held by {self.holder!r}.")

    async def release(self) -> None:
        """Lets the next one take it at once. Nothing happens if it was lost already."""
        await self.collection.update_one(
            self._is_mine(), {"$set": {"expires_at": datetime.now(UTC)}}
        )

    async def fence(self, session: MotorSession) -> None:
        """Touches the lease inside a transaction, or raises `LeaseLost`.

        Of two transactions that touch the same document only one commits, so a new holder cannot
        take over between this check and the commit.
        """
        touched = await self.collection.update_one(
            self._is_mine(), {"$inc": {"writes": 1}}, session=session
        )
        if touched.matched_count == 0:
            raise LeaseLost(f"The lease {self.name!r} is no longer held by {self.holder!r}.")

    def _is_mine(self) -> dict[str, object]:
        return {"_id": self.name, "holder": self.holder, "epoch": self.epoch}
