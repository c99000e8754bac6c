"""After a restore from a backup: sequences go on above the topics' highest, never used twice.

A sequence that is used twice is dropped by every consumer as a duplicate. Whoever calls this has
stopped every instance of the service.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from pymongo import UpdateOne

from shared.events.wire import Event, event_id
from shared.storage.database import Document, MotorCollection

_LOOKED_UP_AT_ONCE: Final = 10_000

Highest = Mapping[str, Mapping[str, int]]
"""By stream and subject the highest sequence that its topic holds."""

Recalled = Mapping[str, Mapping[str, Event[Any]]]
"""By stream that its owner has taken back, by subject, the last event that was taken back."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where subjects of a stream are counted: in documents whose id is `prefix` and the subject."""

    collection: MotorCollection
    prefix: str

    def subject_of(self, document_id: str) -> str | None:
        """The subject that a document of this place counts; None for another kind's document."""
        if not document_id.startswith(self.prefix):
            return None
        return document_id[len(self.prefix) :]


Places = Sequence[Place]


@dataclass(slots=True)
class Raised:
    """What was done."""

    documents: int = 0
    states_sent: int = 0


async def sequences_known(
    places: Places, stream: str, highest: Mapping[str, int]
) -> dict[str, int]:
    """Of the subjects of which Kafka has more than their documents tell: the sequence these tell.

    0 for a subject of which the backup has no document.
    """
    known = dict.fromkeys(highest, 0)
    field = f"sequences.{stream}"
    for place in places:
        async for document in place.collection.find({field: {"$exists": True}}, {field: 1}):
            subject = place.subject_of(str(document["_id"]))
            if subject in known:
                known[subject] = document["sequences"][stream]
    return {subject: sequence for subject, sequence in known.items() if sequence < highest[subject]}


async def raise_sequences(
    places: Mapping[str, Places],
    highest: Highest,
    erased: frozenset[str],
    recalled: Recalled,
) -> Raised:
    """Raises each document's counters to what Kafka has; can be repeated. `places`: by stream.

    Documents that were made after the backup, and that their owner has not taken back, are made again
    with nothing but their counter. Of compacted streams the restored state is sent again above the
    highest, so that everybody comes back to what the owner knows; not of the erased, whose last word
    stays, nor of streams that the owner has recalled, since it knows then what was said last.
    """
    raised = Raised()
    for stream, subjects in highest.items():
        await _Raising(places[stream], stream, subjects, erased, recalled.get(stream)).run(raised)
    return raised


class _Raising:
    """One stream. placed: subjects whose home is found, a document that has more than a counter."""

    def __init__(
        self,
        places: Places,
        stream: str,
        highest: Mapping[str, int],
        erased: frozenset[str],
        recalled: Mapping[str, Event[Any]] | None,
    ) -> None:
        self._places = places
        self._stream = stream
        self._highest = highest
        self._erased = erased
        self._recalled = recalled
        self._placed: set[str] = set()

    async def run(self, raised: Raised) -> None:
        """Those that count in this stream already, those taken back, those that are nowhere."""
        for place in self._places:
            await self._raise_counting(place, raised)
        for place in self._places:
            await self._raise_taken_back(place, raised)
        missing = sorted(self._highest.keys() - self._placed)
        for place in self._places:
            # Where a stream has several places, nothing tells in which one a subject will be counted
            # next. A counter that is never used does no harm; one that is missing loses an event.
            await self._make(place, missing)
        raised.documents += len(missing)

    async def _make(self, place: Place, missing: Sequence[str]) -> None:
        for some in _chunks(missing):
            made = [
                UpdateOne(
                    {"_id": place.prefix + subject},
                    {
                        "$max": {f"sequences.{self._stream}": self._highest[subject]},
                        "$setOnInsert": {"version": 1},
                    },
                    upsert=True,
                )
                for subject in some
            ]
            await place.collection.bulk_write(made, ordered=False)

    async def _raise_counting(self, place: Place, raised: Raised) -> None:
        updates: list[UpdateOne] = []
        counting = {f"sequences.{self._stream}": {"$exists": True}}
        async for document in place.collection.find(counting, {"outbox": 0}):
            subject = place.subject_of(str(document["_id"]))
            if subject is None or subject not in self._highest:
                continue
            if "state" in document:
                # A mere counter may be what an earlier try has made, which was cut off before the next place.
                self._placed.add(subject)
            if update := self._update(document, subject):
                raised.states_sent += "$push" in update
                updates.append(UpdateOne({"_id": document["_id"]}, update))
        if updates:
            await place.collection.bulk_write(updates, ordered=False)
        raised.documents += len(updates)

    async def _raise_taken_back(self, place: Place, raised: Raised) -> None:
        """Documents that their owner made again."""
        missing = sorted((self._recalled or {}).keys() & self._highest.keys() - self._placed)
        for some in _chunks(missing):
            ids = {place.prefix + subject: subject for subject in some}
            made = place.collection.find(
                {"_id": {"$in": list(ids)}, "state": {"$exists": True}}, {"_id": 1}
            )
            found = {ids[document["_id"]] async for document in made}
            updates = [
                UpdateOne({"_id": name}, {"$set": self._as_told(subject)})
                for name, subject in ids.items()
                if subject in found
            ]
            if updates:
                await place.collection.bulk_write(updates, ordered=False)
            self._placed.update(found)
            raised.documents += len(updates)

    def _update(self, document: Document, subject: str) -> dict[str, Any] | None:
        highest = self._highest[subject]
        if document["sequences"][self._stream] >= highest:
            return None
        last = document.get("last", {}).get(self._stream)
        if self._recalled is not None:
            return {"$set": self._as_told(subject)}
        if last is None or subject in self._erased:
            return {"$set": {f"sequences.{self._stream}": highest}}
        sequence = highest + 1
        name = event_id(self._stream, subject, sequence)
        headers = {**last["headers"], "ce_id": name, "ce_sequence": str(sequence)}
        entry = {
            **last, "id": name, "sequence": sequence, "headers": headers, "at": datetime.now(UTC)
        }  # fmt: skip
        return {
            "$set": {f"sequences.{self._stream}": sequence, f"last.{self._stream}": entry},
            "$push": {"outbox": entry},
        }

    def _as_told(self, subject: str) -> dict[str, Any]:
        """The counter, and of a compacted stream the last event as Kafka has it."""
        told: dict[str, Any] = {f"sequences.{self._stream}": self._highest[subject]}
        event = (self._recalled or {}).get(subject)
        if event is not None and event.stream.is_compacted and event.record is not None:
            told[f"last.{self._stream}"] = {
                "id": event.id,
                "stream": self._stream,
                "sequence": event.sequence,
                "key": (event.record.key or b"").decode(),
                "headers": {name: value.decode() for name, value in event.record.headers},
                "value": event.record.value,
                "at": datetime.now(UTC),
            }
        return told


def _chunks(items: Sequence[str]) -> Iterator[Sequence[str]]:
    for begin in range(0, len(items), _LOOKED_UP_AT_ONCE):
        yield items[begin : begin + _LOOKED_UP_AT_ONCE]
