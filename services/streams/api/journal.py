"""HTTP in: what operators ask the journal."""

from datetime import UTC, datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Response
from fastapi.responses import StreamingResponse
from pydantic import AfterValidator, AwareDatetime

from services.streams.domain.entries import Entry, short_name, wire_name
from services.streams.domain.masking import masked
from services.streams.domain.sentences import sentence
from services.streams.service import Streams
from services.streams.store.journal import Search
from services.streams.store.unmaskings import Unmaskings
from shared.events.payload import Payload
from shared.events.streams import BY_NAME
from shared.events.wire import rfc3339
from shared.web.access import Operator
from shared.web.contract import content
from shared.web.problems import Problem

_MOST_ENTRIES: Final = 1_000
LAST_POSITION: Final = 2**63 - 1
"""The largest number that MongoDB knows."""


def _in_utc(instant: datetime) -> datetime:
    """In UTC, which some instants at the ends of the calendar are not. Raises `ValueError`."""
    try:
        return instant.astimezone(UTC)
    except OverflowError:
        raise ValueError("no such instant exists in UTC") from None


Instant = Annotated[AwareDatetime, AfterValidator(_in_utc)]
After = Annotated[int, Query(ge=0, le=LAST_POSITION, description="Position behind which to go on.")]
Limit = Annotated[int, Query(ge=1, le=_MOST_ENTRIES)]
Show = Annotated[
    str | None,
    Query(min_length=8, max_length=200, description="Why you need to see what is masked."),
]
Since = Annotated[Instant | None, Query(alias="from")]
Until = Annotated[Instant | None, Query(alias="to")]


def journal_routes(streams: Streams, unmaskings: Unmaskings) -> APIRouter:
    """What operators ask the journal; each needs an operator's key."""
    router = APIRouter()

    @router.get("/journal")
    async def journal(
        _: Operator,
        participant: str | None = None,
        match: str | None = None,
        correlation: str | None = None,
        type: str | None = None,  # noqa: A002  (the query parameter's name)
        stream: str | None = None,
        city: str | None = None,
        start: Since = None,
        stop: Until = None,
        after: After = 0,
        limit: Limit = 100,
    ) -> dict[str, Any]:
        """Entries by rising position. `next` is the `after` of the next page, null at the end."""
        what = Search(
            participant=participant,
            match=match,
            correlation=correlation,
            type=known_type(type),
            stream=known_stream(stream),
            city=city,
            start=start,
            stop=stop,
        )
        found = await streams.search(what, after, limit)
        following = found[-1].position if len(found) == limit else None
        return {"entries": [_whole(entry) for entry in found], "next": following}

    @router.get(
        "/journal/export",
        responses=content("application/x-ndjson"),
        response_class=Response,
    )
    async def export(caller: Operator, after: After = 0) -> Response:
        """The whole journal from behind a position: CloudEvents in JSON, one a line, nothing masked.

        Who asks is written down first, for all operators to read in the console.
        """
        await unmaskings.note(caller.name, f"export after {after}", "export of the journal")
        return StreamingResponse(
            (f"{line}\n" async for line in streams.lines(after)), media_type="application/x-ndjson"
        )

    @router.get("/journal/{event_id:path}")
    async def event(caller: Operator, event_id: str, show: Show = None) -> dict[str, Any]:
        """One event, what led to it (the nearest first) and what followed from it.

        What people told about themselves is masked, unless `show` gives a reason: it is written down.
        """
        lineage = await streams.lineage(event_id)
        if lineage is None:
            detail = f"The journal holds no event {event_id!r}; ids look like 'matches/<id>:<n>'."
            raise Problem(404, "Event unknown", detail)
        if show is not None:
            await unmaskings.note(caller.name, event_id, show)
        return {
            **_whole(lineage.entry, is_shown=show is not None),
            "causes": [_line(entry) for entry in lineage.causes],
            "effects": [_line(entry) for entry in lineage.effects],
        }

    @router.get("/journeys/{participant_id}")
    async def journey(_: Operator, participant_id: str) -> dict[str, Any]:
        """Everything around one participant, across services, in order of time."""
        told = await streams.journey(participant_id)
        if not told.entries:
            detail = "The journal holds nothing about this participant (yet)."
            raise Problem(404, "Participant unknown", detail)
        return {
            "participant_id": told.participant_id,
            "matches": told.matches,
            "entries": [_line(entry) for entry in told.entries],
            "is_cut_off": told.is_cut_off,
        }

    @router.get("/positions")
    async def positions(_: Operator) -> dict[str, Any]:
        """How far the journal is."""
        last, counts = await streams.positions()
        return {"last_position": last, "streams": counts}

    return router


def known_type(name: str | None) -> str | None:
    """The full name of a type. Raises `Problem` (422)."""
    if not name:
        return None
    if Payload.of_name(wire_name(name)) is None:
        detail = "No event of the contract has this type; types look like 'match.accepted'."
        raise Problem(422, "Type unknown", detail, errors=[{"field": "type", "reason": detail}])
    return wire_name(name)


def known_stream(name: str | None) -> str | None:
    """A stream's name. Raises `Problem` (422)."""
    if not name:
        return None
    if name not in BY_NAME:
        detail = f"The streams are {', '.join(BY_NAME)}."
        raise Problem(422, "Stream unknown", detail, errors=[{"field": "stream", "reason": detail}])
    return name


def _line(entry: Entry) -> dict[str, Any]:
    return {
        "position": entry.position,
        "id": entry.id,
        "time": rfc3339(entry.time),
        "type": short_name(entry.type),
        "stream": entry.stream,
        "about": list(entry.about),
        "what": sentence(entry),
    }


def _whole(entry: Entry, *, is_shown: bool = False) -> dict[str, Any]:
    return {
        **_line(entry),
        "subject": entry.subject,
        "sequence": entry.sequence,
        "programme": entry.programme,
        "city": entry.city,
        "correlation_id": entry.correlation_id,
        "causation_id": entry.causation_id,
        "payload": entry.payload if is_shown else masked(short_name(entry.type), entry.payload),
    }
