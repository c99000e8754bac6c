"""HTTP in: one event opened, one journey told, and who has seen what is masked."""

import json
from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, ConfigDict, Field

from services.streams.api.pages import OperatorAtAPage, page_maker
from services.streams.console import Console
from services.streams.service import Lineage
from services.streams.views import journeys
from shared.web.forms import form_field, read_sent
from shared.web.problems import Problem

_LOOKS: Final = 500
SHORTEST_REASON: Final = 8
LONGEST_REASON: Final = 200


class Unmask(BaseModel):
    """Which event is to be shown, and why."""

    model_config = ConfigDict(extra="forbid")

    event: str
    reason: str = Field(min_length=SHORTEST_REASON, max_length=LONGEST_REASON)


def opened_routes(console: Console) -> APIRouter:
    """The pages; each needs an operator's key or session."""
    router = APIRouter(prefix="/console", include_in_schema=False)
    page_for = page_maker()

    @router.get("/events/{event_id:path}")
    async def event(request: Request, caller: OperatorAtAPage, event_id: str) -> HTMLResponse:
        lineage = _known(await console.opened(event_id), event_id)
        return page_for(request, caller, "/events")(
            "event.html", **_opened(lineage, is_shown=False)
        )

    @router.post("/unmask")
    async def unmask(request: Request, caller: OperatorAtAPage) -> HTMLResponse:
        event_id = await form_field(request, "event")
        reason = (await form_field(request, "reason")).strip()
        page = page_for(request, caller, "/events")
        if len(reason) < SHORTEST_REASON:
            lineage = _known(await console.opened(event_id), event_id)
            words = "Please say in a few more words why you need to see it."
            shown = _opened(lineage, is_shown=False)
            return page("event.html", status=422, **{**shown, "problem": words})
        sent = await read_sent(request, Unmask)
        lineage = _known(await console.show(caller.name, sent.event, sent.reason), sent.event)
        return page("event.html", **_opened(lineage, is_shown=True))

    @router.get("/journeys")
    async def journey(
        request: Request,
        caller: OperatorAtAPage,
        id: str = "",  # noqa: A002  (the parameter's name)
    ) -> HTMLResponse:
        asked = id.strip()
        told = await console.journey(asked) if asked else None
        entries = told.entries if told else []
        return page_for(request, caller, "/journeys")(
            "journey.html",
            asked=asked,
            entries=journeys.rows(entries),
            matches=[one for one in told.matches if one != asked] if told else [],
            is_cut_off=told.is_cut_off if told else False,
            picture=journeys.picture(entries) if entries else "",
        )

    @router.get("/audit")
    async def audit(request: Request, caller: OperatorAtAPage) -> HTMLResponse:
        return page_for(request, caller, "/audit")("audit.html", looks=await console.looks(_LOOKS))

    return router


def _opened(lineage: Lineage, *, is_shown: bool) -> dict[str, Any]:
    shown = journeys.opened(lineage.entry, is_shown=is_shown)
    fields = [(name, _plain(value)) for name, value in shown["fields"]]
    return {
        "event": {**shown, "fields": fields},
        "causes": [journeys.row(entry) for entry in lineage.causes],
        "effects": [journeys.row(entry) for entry in lineage.effects],
        "problem": "",
    }


def _plain(value: Any) -> str:
    """A field's value to be read: text as it is, the rest as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _known(lineage: Lineage | None, event_id: str) -> Lineage:
    if lineage is None:
        detail = f"The journal holds no event {event_id!r}; ids look like 'matches/<id>:<n>'."
        raise Problem(404, "Event unknown", detail)
    return lineage
