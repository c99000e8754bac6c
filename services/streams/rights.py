"""What the journal holds about one person: given to her, or forgotten."""

from collections.abc import Mapping, Sequence
from typing import Any

from services.streams.service import MOST_OF_A_JOURNEY
from services.streams.store.journal import Journal
from shared.storage.changes import Cause


class JournalData:
    """Answers for the collection `journal`, which holds ids and codes only."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    async def gather(self, participant_id: str) -> Mapping[str, Sequence[Any]]:
        """The events about her. Who else is named in one is not hers to know: ids are left out."""
        entries = await self._journal.about([participant_id], MOST_OF_A_JOURNEY)
        return {
            "events": [
                {
                    "type": entry.type,
                    "time": entry.time,
                    **{
                        name: value
                        for name, value in entry.payload.items()
                        if not name.endswith("_id") or value == participant_id
                    },
                }
                for entry in entries
            ]
        }

    async def forget(self, participant_id: str, _: Cause) -> int:
        """Of her entries only ids and the course of things are left, also of those yet to come."""
        return await self._journal.forget([participant_id])
