"""What a replay is fed with: a journal of events, or a file of people.

A journal is a file of lines as `shared.events.lines` writes them (`.gz` or plain), or the address of
the service `streams`, which exports them to operators. A file of people holds one JSON object a line:
the state of a participant as in the data of `participant.registered`.
"""

import gzip
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, TextIO, cast

import httpx
from pydantic import ValidationError

from shared.errors import CommonGroundError, EventUnreadable
from shared.events.lines import read_line
from shared.events.participants import ParticipantRegistered
from shared.events.payload import Payload
from shared.events.programmes import Charter, City, ProgrammeChanged
from shared.events.streams import CHECK_INS, MATCHES, MESSAGES, PARTICIPANTS, PROGRAMMES
from shared.events.wire import Event, event_id

NEEDED: Final = frozenset({PROGRAMMES, PARTICIPANTS, MESSAGES, CHECK_INS, MATCHES})
_SILENCE_S: Final = 60.0


class HistoryUnusable(CommonGroundError):
    """What was given cannot be replayed. The message names the thing and the next step."""


@dataclass(frozen=True, slots=True)
class History:
    """The events of one programme in the order of their time.

    `unread`: how many lines were no events that a replay needs; among them those about people who
    were erased, of whom only the id is left. `is_recorded`: whether matches are in it.
    """

    programme: str
    events: tuple[Event[Payload], ...]
    unread: int

    @property
    def is_recorded(self) -> bool:
        """Whether it tells what became of people, or only who they are."""
        return any(event.stream is MATCHES for event in self.events)

    @property
    def began(self) -> datetime:
        """The instant of its first event about a participant."""
        return next(event.time for event in self.events if event.stream is PARTICIPANTS)

    @property
    def ended(self) -> datetime:
        """The instant of its last event."""
        return self.events[-1].time


def read_journal(source: str, key: str | None, programme: str | None) -> History:
    """From a file, or from an address with an operator's key. Raises `HistoryUnusable`."""
    if source.startswith(("http://", "https://")):
        return _history(_exported(source, key), programme)
    try:
        with _open(Path(source)) as lines:
            return _history(lines, programme)
    except OSError as error:
        raise HistoryUnusable(f"{source} cannot be read: {error.strerror}.") from None


def read_population(path: Path) -> History:
    """From a file of people, under the default policy. Raises `HistoryUnusable`."""
    people: list[ParticipantRegistered] = []
    try:
        with _open(path) as lines:
            for number, line in enumerate(lines, start=1):
                if not line.strip():
                    continue
                try:
                    people.append(ParticipantRegistered.model_validate_json(line, extra="ignore"))
                except ValidationError as error:
                    fault = ".".join(map(str, error.errors()[0]["loc"]))
                    raise HistoryUnusable(
                        f"Line {number} of {path.name} is no participant: see {fault or 'the JSON'}."
                    ) from None
    except OSError as error:
        raise HistoryUnusable(f"{path} cannot be read: {error.strerror}.") from None
    if not people:
        raise HistoryUnusable(f"{path.name} holds nobody; write one participant a line.")
    people.sort(key=lambda one: (one.available_since or one.registered_at, one.participant_id))
    first = people[0]
    programme = ProgrammeChanged(
        programme=first.programme,
        name=first.programme,
        charters=(Charter(version="1"),),
        cities=tuple(
            City(code=code, name=code, region="")
            for code in sorted({one.city for one in people if one.city})
        ),
        time_zone=first.time_zone,
    )
    began = first.available_since or first.registered_at
    events = [_event(programme, began)]
    events += [_event(one, one.available_since or one.registered_at) for one in people]
    return History(first.programme, tuple(events), 0)


def _event(payload: Payload, time: datetime) -> Event[Payload]:
    return Event(
        id=event_id(payload.stream.name, payload.subject, 1),
        stream=payload.stream,
        subject=payload.subject,
        sequence=1,
        time=time,
        programme=payload.programme,
        city=payload.city,
        correlation_id="",
        causation_id=None,
        traceparent=None,
        payload=payload,
    )


def _history(lines: Iterable[str], programme: str | None) -> History:
    events: dict[str, Event[Payload]] = {}
    unread = 0
    for line in lines:
        if not line.strip():
            continue
        try:
            event = read_line(line)
        except EventUnreadable:
            unread += 1
            continue
        if event.stream in NEEDED:
            events.setdefault(event.id, event)
    named = sorted({e.programme for e in events.values() if e.stream is PROGRAMMES})
    if not named:
        raise HistoryUnusable("The journal holds no programme; export it from its beginning.")
    if programme is None and len(named) > 1:
        raise HistoryUnusable(f"Say which --programme: the journal holds {', '.join(named)}.")
    chosen = programme or named[0]
    if chosen not in named:
        raise HistoryUnusable(f"The journal holds no {chosen!r}; it holds {', '.join(named)}.")
    ours = [event for event in events.values() if event.programme == chosen]
    if not any(event.stream is PARTICIPANTS for event in ours):
        raise HistoryUnusable(f"The journal holds nobody of {chosen!r}.")
    # Stable: what has one instant keeps the order in which it was written.
    ours.sort(key=lambda event: event.time)
    return History(chosen, tuple(ours), unread)


def _open(path: Path) -> TextIO:
    if path.suffix == ".gz":
        return cast("TextIO", gzip.open(path, "rt", encoding="utf-8"))
    return path.open(encoding="utf-8")


def _exported(address: str, key: str | None) -> Iterator[str]:
    if not key:
        raise HistoryUnusable("Set OPERATOR_KEY to an operator's key to read a journal by HTTP.")
    url = f"{address.rstrip('/')}/journal/export"
    headers = {"Authorization": f"Bearer {key}"}
    try:
        with httpx.stream("GET", url, headers=headers, timeout=_SILENCE_S) as response:
            if response.status_code != httpx.codes.OK:
                raise HistoryUnusable(f"{url} answered {response.status_code}; check the key.")
            yield from response.iter_lines()
    except httpx.HTTPError as error:
        raise HistoryUnusable(f"{url} cannot be read: {type(error).__name__}.") from None
    except json.JSONDecodeError:
        raise HistoryUnusable(f"{url} does not answer in lines of JSON.") from None
