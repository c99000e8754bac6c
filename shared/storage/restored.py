"""After a restore from a backup: sequences go on above the topics' highest, never used twice.

A sequence that is used twice is dropped by every consumer as a duplicate. Whoever calls this has
stopped every instance of the service.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pymongo import UpdateOne

from shared.events.wire import event_id
from shared.storage.database import Document, MotorCollection

Highest = Mapping[str, Mapping[str, int]]
"""By stream and subject the highest sequence that its topic holds."""


@dataclass(slots=True)
class Raised:
    """What was done. `unplaced`: subjects of which the backup shows no document of their kind."""

    documents: int = 0
    states_sent: int = 0
    unplaced: int = 0


async def raise_sequences(
    collections: Sequence[MotorCollection], highest: Highest, erased: frozenset[str]
) -> Raised:
    """Raises each document's counters to what Kafka has; can be repeated.

    Documents that were made after the backup are made again with nothing but their counter. Of
    compacted streams the restored state is sent again above the highest, so that everybody comes back
    to what the owner knows; not of the erased, whose last word stays.
    """
    raised = Raised()
    for stream, subjects in highest.items():
        placed: set[str] = set()
        places: set[tuple[int, str]] = set()
        for number, collection in enumerate(collections):
            updates: list[UpdateOne] = []
            found = collection.find({f"sequences.{stream}": {"$exists": True}}, {"outbox": 0})
            async for document in found:
                subject = _subject_of(str(document["_id"]), subjects)
                if subject is None:
                    continue
                placed.add(subject)
                places.add((number, document["_id"][: -len(subject)]))
                if update := _update(document, stream, subject, subjects[subject], erased):
                    raised.states_sent += "$push" in update
                    updates.append(UpdateOne({"_id": document["_id"]}, update))
            if updates:
                await collection.bulk_write(updates, ordered=False)
            raised.documents += len(updates)
        missing = subjects.keys() - placed
        if len(places) == 1 and missing:
            ((number, prefix),) = places
            made = [
                UpdateOne(
                    {"_id": prefix + subject},
                    {
                        "$max": {f"sequences.{stream}": subjects[subject]},
                        "$setOnInsert": {"version": 1},
                    },
                    upsert=True,
                )
                for subject in missing
            ]
            await collections[number].bulk_write(made, ordered=False)
            raised.documents += len(made)
        else:
            raised.unplaced += len(missing)
    return raised


def _subject_of(document_id: str, subjects: Mapping[str, int]) -> str | None:
    """A document has its subject's id, or that id behind a prefix that ends with a slash."""
    starts = [0, *(found.end() for found in re.finditer("/", document_id))]
    return next((document_id[at:] for at in starts if document_id[at:] in subjects), None)


def _update(
    document: Document, stream: str, subject: str, highest: int, erased: frozenset[str]
) -> dict[str, Any] | None:
    if document["sequences"][stream] >= highest:
        return None
    last = document.get("last", {}).get(stream)
    if last is None or subject in erased:
        return {"$set": {f"sequences.{stream}": highest}}
    sequence = highest + 1
    name = event_id(stream, subject, sequence)
    headers = {**last["headers"], "ce_id": name, "ce_sequence": str(sequence)}
    entry = {**last, "id": name, "sequence": sequence, "headers": headers, "at": datetime.now(UTC)}
    return {
        "$set": {f"sequences.{stream}": sequence, f"last.{stream}": entry},
        "$push": {"outbox": entry},
    }
