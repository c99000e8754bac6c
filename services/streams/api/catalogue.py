"""HTTP in: the catalogue of events, as pages and to download. Nothing in it is about anybody."""

import json
from itertools import groupby
from pathlib import Path
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Request, Response

from services.streams.domain.catalogue import Contract, EventKind, catalogue
from services.streams.generate import asyncapi_document
from services.streams.settings import Settings
from shared.events.asyncapi import SERVICES, document_of
from shared.web.access import coordinator
from shared.web.contract import content
from shared.web.frame import Pages
from shared.web.problems import Problem

_FOLDER: Final = Path(__file__).parents[1]
_CHANGELOG: Final = Path(__file__).parents[3] / "CHANGELOG.md"
_INTEGRATORS: Final = "integrators"
_LONGEST_WORDS: Final = 200

Words = Annotated[str, Query(max_length=_LONGEST_WORDS)]


async def may_look(request: Request) -> None:
    """Lets everybody in, or only who has a key: as the deployment wants it."""
    settings: Settings = request.app.state.runtime.settings
    if settings.catalogue_for == "key_holders":
        await coordinator(request)


def catalogue_routes(pages: Pages) -> APIRouter:
    """The catalogue. Made once: it changes with the code only."""
    changelog = _CHANGELOG.read_text(encoding="utf-8") if _CHANGELOG.exists() else ""
    kinds = catalogue(changelog)
    by_name = {kind.wire_name: kind for kind in kinds}
    documents = {service: document_of(service) for service in SERVICES}
    documents[_INTEGRATORS] = asyncapi_document()
    router = APIRouter(dependencies=[Depends(may_look)])

    @router.get("/catalogue", responses=content("text/html"), response_class=Response)
    async def all_events(q: Words = "", stream: Words = "", contract: Words = "") -> Response:
        """Every event, or those that fit: by words, stream and for whom they are."""
        found = [kind for kind in kinds if kind.fits(q, stream, contract)]
        return pages.render(
            "catalogue.html",
            "en",
            asked={"words": q, "stream": stream, "contract": contract},
            streams=sorted({kind.stream for kind in kinds}),
            contracts=[contract.value for contract in Contract],
            services=list(SERVICES),
            groups=_grouped(found),
            found=len(found),
            total=len(kinds),
        )

    @router.get(
        "/catalogue/events/{wire_name}", responses=content("text/html"), response_class=Response
    )
    async def one_event(wire_name: str) -> Response:
        """One event: meaning, owner, readers, fields, an example, versions, changes."""
        kind = _known(by_name, wire_name)
        return pages.render("event_kind.html", "en", kind=kind, example=_example(kind))

    @router.get("/catalogue/schemas/{wire_name}.json")
    async def schema(wire_name: str) -> dict[str, Any]:
        """The JSON Schema (2020-12) of an event's data."""
        return dict(_known(by_name, wire_name).schema)

    @router.get("/catalogue/asyncapi/{name}.json")
    async def asyncapi(name: str) -> dict[str, Any]:
        """The AsyncAPI 3 document of a service, or of what `integrators` get."""
        if name not in documents:
            detail = f"There is no such document; there are {', '.join(documents)}."
            raise Problem(404, "Document unknown", detail)
        return documents[name]

    return router


def _known(by_name: dict[str, EventKind], wire_name: str) -> EventKind:
    kind = by_name.get(wire_name)
    if kind is None:
        detail = "No event has this type; types look like 'commonground.match.accepted.v1'."
        raise Problem(404, "Event unknown", detail)
    return kind


def _grouped(kinds: list[EventKind]) -> list[dict[str, Any]]:
    """By stream, the integrators' first."""

    def group(kind: EventKind) -> tuple[bool, str, str]:
        return kind.contract is Contract.SERVICES, kind.stream, kind.stream_meaning

    return [
        {
            "title": stream if inside else f"{stream}, for integrators",
            "meaning": meaning
            if inside
            else "What integrators get of it, by grant, under pseudonyms of their own.",
            "kinds": list(members),
        }
        for (inside, stream, meaning), members in groupby(sorted(kinds, key=group), group)
    ]


def _example(kind: EventKind) -> str:
    return json.dumps({**kind.envelope, "data": kind.data}, indent=2, ensure_ascii=False)
