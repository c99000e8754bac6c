"""What a request for events names, and whether the grant holds it: never more than was granted."""

from typing import Annotated, Final

from fastapi import Query

from services.streams.domain.grants import Grant
from services.streams.domain.integration import (
    BY_WIRE_NAME,
    INTEGRATION_PREFIX,
    GrantedStream,
    integration_name,
)
from services.streams.domain.places import may_be_named
from services.streams.granting import Opened
from services.streams.projecting import Projections, View
from shared.web.problems import Problem

LAST_POSITION: Final = 2**63 - 1
"""The largest number that MongoDB knows."""
_MOST_NAMED: Final = 100

After = Annotated[
    int,
    Query(ge=0, le=LAST_POSITION, description="Your cursor: the position that you have got to."),
]
Kinds = Annotated[
    list[str] | None,
    Query(max_length=_MOST_NAMED, description="Only these types, such as match.accepted."),
]
Cities = Annotated[
    list[str] | None, Query(max_length=_MOST_NAMED, description="Only these municipalities.")
]
Programme = Annotated[str | None, Query(description="Only this programme.")]


def view_of(
    projections: Projections,
    opened: Opened,
    stream: GrantedStream,
    kinds: list[str] | None = None,
    cities: list[str] | None = None,
    programme: str | None = None,
) -> View:
    """The journal as this grant sees one stream, narrowed as asked. Raises `Problem` 403, 422."""
    grant = opened.grant
    if stream not in grant.streams:
        raise Problem(403, "Not granted", f"Your grant does not hold the stream {stream.value!r}.")
    if programme is not None and programme != grant.programme:
        raise Problem(403, "Not granted", f"Your grant is for the programme {grant.programme!r}.")
    if others := [city for city in cities or () if not may_ask_for(grant, city)]:
        detail = (
            f"You can ask for the cities that you were granted, but not for {', '.join(others)}."
        )
        raise Problem(403, "Not granted", detail)
    of_stream = {event for event in BY_WIRE_NAME.values() if event.stream is stream}
    names = {event.wire_name: event for event in of_stream}
    wanted = {integration_name(kind) for kind in kinds or ()}
    if unknown := sorted(wanted - set(names)):
        short = [name.removeprefix(INTEGRATION_PREFIX).rpartition(".v")[0] for name in names]
        detail = f"The types of {stream.value!r} are {', '.join(sorted(short))}."
        raise Problem(
            422,
            "Type unknown",
            detail,
            errors=[{"field": "type", "reason": f"{len(unknown)} unknown. {detail}"}],
        )
    seen = {names[name] for name in wanted} if wanted else of_stream
    return projections.view(grant).narrowed(seen, cities or None)


def may_ask_for(grant: Grant, city: str) -> bool:
    """Also who was granted all cities cannot ask for a small one: its events are its region's."""
    return may_be_named(city) and (grant.all_cities or city in grant.cities)
