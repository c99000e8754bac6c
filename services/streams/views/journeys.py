"""What happened around one participant or match, as a picture with a lane for each service and as a list."""

import base64
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from markupsafe import Markup

from services.streams.domain.entries import Entry, short_name
from services.streams.domain.masking import has_masked, masked
from services.streams.domain.sentences import sentence
from services.streams.views.pictures import Dot, lanes
from shared.events.streams import BY_NAME

_ID: Final = re.compile(r"\b([0-9a-f]{8})-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b")
LANES: Final = ("intake", "matching", "notifications", "followup", "streams")


def lane_of(entry: Entry) -> int:
    """The number of the lane of the service that said it; parked records are told by their consumer."""
    owner = BY_NAME[entry.stream].owner
    if owner == "any":
        owner = str(entry.payload.get("consumer", "streams")).partition(".")[0]
    return LANES.index(owner) if owner in LANES else len(LANES) - 1


def row(entry: Entry) -> dict[str, Any]:
    """One entry as a line of a list."""
    return {
        "position": entry.position,
        "id": entry.id,
        "time": entry.time,
        "type": short_name(entry.type),
        "city": entry.city,
        "lane": lane_of(entry),
        "service": LANES[lane_of(entry)],
        "what": words(entry),
    }


def words(entry: Entry) -> str:
    """What happened, with ids cut to their beginnings: whole they stand on the event's own page."""
    return _ID.sub(r"\1…", sentence(entry))


def rows(entries: Sequence[Entry]) -> list[dict[str, Any]]:
    """Lines of a list; `is_new_day` where the date is another than before."""
    made = []
    day = None
    for entry in entries:
        line = row(entry)
        made.append({**line, "is_new_day": entry.time.date() != day})
        day = entry.time.date()
    return made


def picture(entries: Sequence[Entry]) -> Markup:
    """The whole time from left to right, a lane for each service."""
    times = [entry.time for entry in entries]
    first, last = min(times), max(times)
    dots = [
        Dot(
            _share(entry.time, first, last),
            lane_of(entry),
            f"{entry.time:%d %b %Y}: {words(entry)}",
        )
        for entry in entries
    ]
    label = f"{len(entries)} events from {first:%d %b %Y} to {last:%d %b %Y}, by service"
    return lanes(LANES, dots, label)


def opened(entry: Entry, *, is_shown: bool) -> dict[str, Any]:
    """One event as its page shows it: masked, unless a reason was given."""
    name = short_name(entry.type)
    payload = _readable(entry.payload) if is_shown else masked(name, entry.payload)
    return {
        **row(entry),
        "stream": entry.stream,
        "subject": entry.subject,
        "sequence": entry.sequence,
        "programme": entry.programme,
        "correlation_id": entry.correlation_id,
        "causation_id": entry.causation_id,
        "about": entry.about,
        "fields": list(payload.items()),
        "is_masked": not is_shown and has_masked(name, entry.payload),
    }


def _readable(payload: Mapping[str, Any]) -> dict[str, Any]:
    """A record that was set aside is quoted in Base64; here it stands as text too, as far as it is any."""
    quoted = payload.get("value")
    if not isinstance(quoted, str):
        return dict(payload)
    text = base64.b64decode(quoted).decode(errors="backslashreplace")
    return {**payload, "value as text": text}


def _share(at: datetime, first: datetime, last: datetime) -> float:
    whole = (last - first).total_seconds()
    return (at - first).total_seconds() / whole if whole else 0.5
