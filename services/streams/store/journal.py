"""The only module that knows the journal's documents: indexes, queries."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from pymongo import ASCENDING, IndexModel

from services.streams.domain.entries import ABOUT_THE_TWO, ERASED, Entry, short_name, without
from services.streams.domain.integration import GrantedStream
from services.streams.store.flows import FIELDS as FLOW_FIELDS
from shared.events.payload import Payload
from shared.events.streams import PARTICIPANTS
from shared.events.wire import event_id
from shared.storage.append_log import Appended, AppendLog
from shared.storage.database import Database, Document

_MOST_OF_ONE: Final = 10_000


@dataclass(frozen=True, slots=True)
class Search:
    """What is looked for in the journal; None where it does not matter. `stop` is not included."""

    participant: str | None = None
    match: str | None = None
    correlation: str | None = None
    type: str | None = None
    stream: str | None = None
    city: str | None = None
    start: datetime | None = None
    stop: datetime | None = None

    def query(self) -> dict[str, Any]:
        """The same as a query of MongoDB."""
        fields = {"correlation_id": self.correlation, "city": self.city, "type": self.type}
        query: dict[str, Any] = {name: value for name, value in fields.items() if value}
        about = [one for one in (self.participant, self.match) if one]
        if about:
            query["about"] = {"$all": about}
        if self.stream and not self.type:
            query["type"] = {"$in": _types_of(self.stream)}
        if self.start or self.stop:
            bounds = {"$gte": self.start, "$lt": self.stop}
            query["time"] = {name: at for name, at in bounds.items() if at is not None}
        return query

    def fits(self, entry: Entry) -> bool:
        """Whether an entry is one of those that the query finds."""
        wanted = (
            (self.correlation, entry.correlation_id),
            (self.city, entry.city),
            (self.type, entry.type),
            (self.stream, entry.stream),
        )
        return (
            all(not asked or asked == found for asked, found in wanted)
            and all(one in entry.about for one in (self.participant, self.match) if one)
            and (self.start is None or entry.time >= self.start)
            and (self.stop is None or entry.time < self.stop)
        )


class Journal:
    """The collection `journal`: every event of every stream but `contacts`, in one order.

    It needs no marks beside it: which events have come is what it holds.
    """

    def __init__(self, database: Database) -> None:
        def index(*fields: str, **options: Any) -> IndexModel:
            return IndexModel([(field, ASCENDING) for field in fields], **options)

        self._log = AppendLog(
            database,
            "journal",
            indexes=(
                index("about", "position", name="about"),
                index("type", "position", name="type"),
                index("correlation_id", "position", name="correlation"),
                index("causation_id", name="causation", sparse=True),
                # Who is erased is asked for with every batch.
                index(
                    "subject",
                    name="erased",
                    partialFilterExpression={"type": ERASED},
                ),
                # What flows through the last day is counted from this index alone.
                index(*FLOW_FIELDS, name="flow"),
                # What integrators read: a grant of some cities finds its entries and no others.
                index(
                    "programme",
                    "stream",
                    "city",
                    "position",
                    name="granted",
                    partialFilterExpression={
                        "stream": {"$in": [one.value for one in GrantedStream]}
                    },
                ),
            ),
        )

        self._erased: set[str] = set()

    async def prepare(self) -> None:
        """Makes the indexes, and learns who has been erased."""
        await self._log.prepare()
        self.never_keep(await self._log.values("subject", {"type": ERASED}))

    async def append(self, entries: Sequence[Entry]) -> Appended:
        """Appends those that are new, in one write."""
        return await self._log.append(
            [_document(without(entry, self._erased)) for entry in entries]
        )

    async def search(self, what: Search, after: int, limit: int) -> list[Entry]:
        """Entries by rising position, from behind `after`."""
        return [_entry(d) for d in await self._log.read(what.query(), after=after, limit=limit)]

    async def newest(self, what: Search, limit: int, before: int | None = None) -> list[Entry]:
        """The last entries that fit, by falling position, from before a position."""
        found = await self._log.read_back(what.query(), before=before, limit=limit)
        return [_entry(document) for document in found]

    async def seen(
        self,
        programme: str,
        streams: Collection[str],
        types: Collection[str],
        cities: Collection[str] | None,
        *,
        after: int,
        until: int,
        limit: int,
    ) -> list[Entry]:
        """Entries of these types in these cities (None: in all), from behind `after` to `until`."""
        query = granted(programme, streams, types, cities)
        found = await self._log.read(query, after=after, until=until, limit=limit)
        return [_entry(document) for document in found]

    async def first_position(self) -> int:
        """The lowest position that is kept; 1 while nothing has come."""
        return await self._log.first_position()

    async def about(self, ids: Collection[str], limit: int) -> list[Entry]:
        """The first entries about any of these people and matches."""
        query = {"about": {"$in": sorted(ids)}}
        return [_entry(d) for d in await self._log.read(query, limit=limit)]

    async def of_subject(self, stream: str, subject: str, limit: int) -> list[Entry]:
        """The first entries of one subject, found by their ids: stream, subject and `:` sequence."""
        start = event_id(stream, subject, 0)[:-1]
        query = {"_id": {"$gte": start, "$lt": f"{start[:-1]};"}}
        return [_entry(d) for d in await self._log.read(query, limit=limit)]

    async def matches_of(self, participant_id: str) -> list[str]:
        """Ids of the matches that she was in."""
        return sorted(await self._log.values("payload.match_id", {"about": participant_id}))

    async def get(self, event_id: str) -> Entry | None:
        """One entry."""
        found = await self._log.get(event_id)
        return _entry(found) if found else None

    async def caused_by(self, event_ids: Collection[str]) -> list[Entry]:
        """Entries that follow directly from any of these."""
        query = {"causation_id": {"$in": sorted(event_ids)}}
        return [_entry(d) for d in await self._log.read(query, limit=_MOST_OF_ONE)]

    async def count(self, what: Search, after: int, until: int) -> int:
        """How many entries fit, from behind `after` to `until`."""
        return await self._log.count(what.query(), after=after, until=until)

    async def page(self, what: Search, after: int, until: int, limit: int) -> list[Entry]:
        """Entries that fit, by rising position, from behind `after` to `until`."""
        found = await self._log.read(what.query(), after=after, until=until, limit=limit)
        return [_entry(document) for document in found]

    async def last_position(self) -> int:
        """The highest position; 0 while nothing has come."""
        return await self._log.last_position()

    async def counts(self) -> dict[str, int]:
        """How many entries there are of each stream."""
        counts: dict[str, int] = {}
        for wire_name, count in (await self._log.counts("type")).items():
            payload = Payload.of_name(wire_name)
            stream = payload.stream.name if payload else short_name(wire_name)
            counts[stream] = counts.get(stream, 0) + count
        return counts

    def never_keep(self, participant_ids: Collection[str]) -> None:
        """From here on, of what comes about these people only the bare course is kept."""
        self._erased.update(participant_ids)

    async def erased_among(self, participant_ids: Collection[str]) -> set[str]:
        """Those of them who are erased, whichever instance was told so."""
        query = {"subject": {"$in": sorted(participant_ids)}, "type": ERASED}
        return set(await self._log.values("subject", query))

    async def forget(self, participant_ids: Collection[str]) -> int:
        """Of these people leaves ids and the bare course of things. How many entries were changed."""
        self.never_keep(participant_ids)
        changed = 0
        for participant_id in sorted(participant_ids):
            hers = {"about": participant_id, "type": {"$ne": ERASED}, "is_erased": {"$ne": True}}
            profile = {**hers, "stream": PARTICIPANTS.name}
            only_id = {"payload": {"participant_id": participant_id}, "is_erased": True}
            changed += await self._log.redact(profile, only_id)
            for name, value in ABOUT_THE_TWO.items():
                field = f"payload.{name}"
                told = {"about": participant_id, field: {"$exists": True, "$ne": value}}
                changed += await self._log.redact(told, {field: value})
        return changed


def granted(
    programme: str,
    streams: Collection[str],
    types: Collection[str],
    cities: Collection[str] | None,
) -> dict[str, Any]:
    """What a grant asks for, as a query of MongoDB: where it names cities, the index `granted` answers."""
    query: dict[str, Any] = {"programme": programme, "type": {"$in": sorted(types)}}
    if cities is not None:
        query |= {"stream": {"$in": sorted(streams)}, "city": {"$in": sorted(cities)}}
    return query


def _types_of(stream: str) -> list[str]:
    return [payload.wire_name for payload in Payload.all() if payload.stream.name == stream]


def _document(entry: Entry) -> Document:
    return {
        "_id": entry.id,
        "stream": entry.stream,
        "subject": entry.subject,
        "sequence": entry.sequence,
        "type": entry.type,
        "time": entry.time,
        "programme": entry.programme,
        "city": entry.city,
        "about": list(entry.about),
        "correlation_id": entry.correlation_id,
        "causation_id": entry.causation_id,
        "payload": entry.payload,
    }


def _entry(document: Document) -> Entry:
    return Entry(
        id=document["_id"],
        stream=document["stream"],
        subject=document["subject"],
        sequence=document["sequence"],
        type=document["type"],
        time=document["time"],
        programme=document["programme"],
        city=document["city"],
        about=tuple(document["about"]),
        correlation_id=document["correlation_id"],
        causation_id=document["causation_id"],
        payload=document["payload"],
        position=document["position"],
    )
