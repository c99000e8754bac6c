"""The first way to find what was lost or doubled: sequences, owner against topic against consumers."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from deploy.local.books.records import Topics
from deploy.local.books.stores import Document, Stores
from shared.events.asyncapi import SERVICES as CONSUMED
from shared.events.streams import ALL_STREAMS, DEAD_LETTERS


@dataclass(slots=True)
class Findings:
    """What does not add up, each as a sentence that names the event or subject."""

    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)

    def add(self, other: "Findings") -> None:
        """Takes over another's findings."""
        self.lost += other.lost
        self.doubled += other.doubled


def check_sequences(topics: Topics, stores: Stores) -> Findings:
    """For each stream and subject: the owner's last, the topic's, and what each consumer applied."""
    findings = Findings(lost=[f"{event_id} came out of order" for event_id in topics.out_of_order])
    published = _published(topics)
    _check_owners(published, stores, findings)
    for service, streams in CONSUMED.items():
        if service == "streams":
            _check_journal(published, stores, findings)
            continue
        marks = _marks(stores, service)
        for stream in streams:
            for subject, sequences in published.get(stream.name, {}).items():
                last, count = marks.get((stream.name, subject), (0, 0))
                where = f"{service}: {stream.name}/{subject}"
                _compare(where, max(sequences), len(sequences), last, count, findings)
    return findings


def _compare(
    where: str, last: int, count: int, seen_last: int, seen_count: int, findings: Findings
) -> None:
    if seen_last < last or seen_count < count:
        findings.lost.append(
            f"{where} applied {seen_count} up to {seen_last} of {count} up to {last}"
        )
    if seen_last > last or seen_count > count:
        findings.doubled.append(
            f"{where} applied {seen_count} up to {seen_last} of {count} up to {last}"
        )


def _published(topics: Topics) -> dict[str, dict[str, set[int]]]:
    published: dict[str, dict[str, set[int]]] = {}
    for stream in ALL_STREAMS:
        subjects: dict[str, set[int]] = defaultdict(set)
        for event in topics.of(stream):
            subjects[event.subject].add(event.sequence)
        published[stream.name] = subjects
    return published


def _check_owners(
    published: Mapping[str, Mapping[str, set[int]]], stores: Stores, findings: Findings
) -> None:
    """Each document's own counter of a stream against what the topic holds of its subject."""
    _check_letters(published, stores, findings)
    for stream in ALL_STREAMS:
        if stream is DEAD_LETTERS:
            continue
        subjects = published[stream.name]
        homes: dict[str, list[int]] = defaultdict(list)
        mere_counters: dict[str, list[int]] = defaultdict(list)
        for document in (found for name in stream.writers for found in stores.of_service(name)):
            last = document.get("sequences", {}).get(stream.name, 0)
            if not last:
                continue
            subject = next((one for one in _subjects(document) if one in subjects), None)
            if subject is None:
                findings.lost.append(
                    f"{stream.owner} wrote {last} events of {document['_id']} to {stream.name}: none there"
                )
                continue
            (homes if "state" in document else mere_counters)[subject].append(last)
        # After a restore mere counters may lie beside a subject's home; nobody goes on from those.
        counted = mere_counters | homes
        for subject, last in [(one, last) for one, lasts in counted.items() for last in lasts]:
            if missing := set(range(1, last + 1)) - subjects[subject]:
                findings.lost.append(f"{stream.name}/{subject} lacks {sorted(missing)}")
            if more := {number for number in subjects[subject] if number > last}:
                findings.doubled.append(f"{stream.name}/{subject} has {sorted(more)} too many")
        for subject in sorted(set(subjects) - counted.keys()):
            findings.doubled.append(f"{stream.name}/{subject} is in the topic, and nobody wrote it")


def _check_letters(
    published: Mapping[str, Mapping[str, set[int]]], stores: Stores, findings: Findings
) -> None:
    """Letters are subjects of their own, written by the document behind which an event waits."""
    written = sum(
        document.get("sequences", {}).get(DEAD_LETTERS.name, 0)
        for service in CONSUMED
        for document in stores.of_service(service)
    )
    found = sum(len(sequences) for sequences in published[DEAD_LETTERS.name].values())
    if found < written:
        findings.lost.append(f"{written} letters were written, {found} are in dead-letters")
    if found > written:
        findings.doubled.append(f"{written} letters were written, {found} are in dead-letters")


def _subjects(document: Document) -> Iterator[str]:
    """A document's id, and that id without what stands before its slashes (`waiting/<id>`)."""
    whole = str(document["_id"])
    yield whole
    for found in re.finditer("/", whole):
        yield whole[found.end() :]


def _marks(stores: Stores, service: str) -> dict[tuple[str, str], tuple[int, int]]:
    marks: dict[tuple[str, str], tuple[int, int]] = {}
    for document in stores.of_service(service):
        for stream, (last, count) in document.get("seen", {}).items():
            for subject in _subjects(document):
                before_last, before_count = marks.get((stream, subject), (0, 0))
                # What an operator gave up was not applied, and is accounted for all the same.
                settled = count + _given_up(document, stream)
                marks[stream, subject] = max(last, before_last), before_count + settled
    return marks


def _check_journal(
    published: Mapping[str, Mapping[str, set[int]]], stores: Stores, findings: Findings
) -> None:
    journaled: dict[tuple[str, str], list[int]] = defaultdict(list)
    for entry in stores.journal:
        journaled[entry["stream"], entry["subject"]].append(entry["sequence"])
    for stream in CONSUMED["streams"]:
        for subject, sequences in published[stream.name].items():
            kept = journaled.get((stream.name, subject), [])
            where = f"journal: {stream.name}/{subject}"
            _compare(
                where, max(sequences), len(sequences), max(kept, default=0), len(kept), findings
            )
    positions = sorted(entry["position"] for entry in stores.journal)
    if positions != list(range(1, len(positions) + 1)):
        findings.lost.append("journal: its positions are not contiguous from 1")


def parked(stores: Stores) -> int:
    """How many events wait in home documents."""
    return sum(
        len(waiting)
        for service in CONSUMED
        for document in stores.of_service(service)
        for waiting in document.get("parked", {}).values()
    )


def discarded(stores: Stores) -> int:
    """How many sequences operators have given up, over all home documents."""
    return sum(
        _given_up(document, stream)
        for service in CONSUMED
        for document in stores.of_service(service)
        for stream in document.get("discarded", {})
    )


def _given_up(document: Document, stream: str) -> int:
    ranges = document.get("discarded", {}).get(stream, [])
    return sum(last - first + 1 for first, last in ranges)
