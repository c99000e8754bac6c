"""The only module that knows how far the grants' topics in Kafka were written, and who writes them."""

from datetime import timedelta
from typing import Final

from shared.runtime import Runtime
from shared.storage.leases import Lease

_PREFIX: Final = "topics/"


class Topics:
    """The collection `topics`: a position for each grant's topic, and the lease on writing it."""

    def __init__(self, runtime: Runtime) -> None:
        self._topics = runtime.database.collection("topics")

    async def lease(self, grant_id: str, holder: str, ttl: timedelta) -> Lease | None:
        """Takes or renews the lease on writing a grant's topic; None while another instance has it."""
        return await Lease.acquire(self._topics, f"leases/{grant_id}", holder, ttl)

    async def note(self, grant_id: str, position: int) -> None:
        """It was written up to here. Never goes back."""
        await self._topics.update_one(
            {"_id": _PREFIX + grant_id}, {"$max": {"position": position}}, upsert=True
        )

    async def noted(self, grant_id: str) -> int:
        """Up to where it was written, as was noted last; 0 if nothing was."""
        found = await self._topics.find_one({"_id": _PREFIX + grant_id})
        return found["position"] if found else 0
