"""The life that was lived, as a file of events that `services.matching replay` reads.

What the service `streams` keeps in its journal and exports: every stream but `contacts`, and of
people who were erased no profile.
"""

import gzip
from collections.abc import Iterator
from pathlib import Path

from deploy.local.books.records import Topics
from shared.events.lines import line_of, line_of_event
from shared.events.participants import ParticipantErased
from shared.events.streams import ALL_STREAMS, CONTACTS, DEAD_LETTERS, PARTICIPANTS

_LEVEL = 6


def write(topics: Topics, path: Path) -> None:
    """Writes the file, compressed, in order of time."""
    with gzip.open(path, "wt", encoding="utf-8", compresslevel=_LEVEL) as file:
        for line in _lines(topics):
            file.write(line)
            file.write("\n")


def _lines(topics: Topics) -> Iterator[str]:
    erased = {event.subject for event in topics.of_type(ParticipantErased)}
    events = [
        event
        for stream in ALL_STREAMS
        if stream not in (CONTACTS, DEAD_LETTERS)
        for event in topics.of(stream)
    ]
    # Stable: what has one instant stays in the order of its stream.
    for event in sorted(events, key=lambda one: one.time):
        was_forgotten = event.stream is PARTICIPANTS and event.subject in erased
        if was_forgotten and not isinstance(event.payload, ParticipantErased):
            yield line_of(
                event.stream,
                event.payload.wire_name,
                event.subject,
                event.sequence,
                event.time,
                {"participant_id": event.subject},
                programme=event.programme,
            )
        else:
            yield line_of_event(event)
