"""HTTP in: send a range again from the journal, make a projection anew; as a page and for programs."""

import json
from collections.abc import AsyncIterator
from dataclasses import asdict
from typing import Annotated, Any, Final, Self
from urllib.parse import urlencode

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field, model_validator

from services.streams.api.journal import LAST_POSITION, Instant
from services.streams.api.pages import BASE, OperatorAtAPage, page_maker
from services.streams.domain.replaying import REPLAYED, Replay, refused
from services.streams.rebuilding import Rebuilding
from services.streams.replaying import Asked, Plan, Replaying
from shared.decisions import Refusal
from shared.events.asyncapi import SERVICES
from shared.events.wire import rfc3339
from shared.web.access import Operator
from shared.web.contract import takes
from shared.web.forms import FORM, read_sent, wants_page
from shared.web.problems import Problem, problem_of

_NEWEST: Final = 50
_LINES_OR_A_COUNT: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "A line of JSON for each step; with `dry_run` a count.",
        "content": {
            "application/x-ndjson": {"schema": {"type": "string"}},
            "application/json": {"schema": {"type": "object"}},
        },
    }
}
Position = Annotated[int, Field(ge=0, le=LAST_POSITION)]


class Order(BaseModel):
    """What is to be sent again. Without bounds the whole stream, as far as the journal has it."""

    model_config = ConfigDict(extra="forbid")

    stream: str = Field(description=f"One of {', '.join(REPLAYED)}.")
    to: str | None = Field(
        default=None, description="Only for this consumer, as in 'followup.matches'."
    )
    after: Position = 0
    until: Position | None = None
    start: Instant | None = Field(default=None, alias="from")
    stop: Instant | None = Field(default=None, alias="before")
    dry_run: bool = False

    @model_validator(mode="after")
    def _is_a_range(self) -> Self:
        if self.until is not None and self.until < self.after:
            raise ValueError("'until' lies before 'after'")
        return self

    def asked(self) -> Asked:
        """As the use case takes it."""
        return Asked(self.stream, self.to, self.after, self.until, self.start, self.stop)


def replay_routes(replaying: Replaying) -> APIRouter:
    """`/replays` for programs, `/console/replays` for people."""
    router = APIRouter()
    page_for = page_maker()

    @router.get("/console/replays", include_in_schema=False)
    async def page(
        request: Request,
        caller: OperatorAtAPage,
        said: Annotated[str, Query(pattern="^(would|begun)?$")] = "",
        events: Annotated[int, Query(ge=0)] = 0,
    ) -> HTMLResponse:
        words = {
            "would": f"{events:,} events would be sent again. Nothing was sent yet.",
            "begun": "It has begun.",
        }
        return page_for(request, caller, "/replays")(
            "replays.html",
            said=words.get(said, ""),
            replays=await replaying.newest(_NEWEST),
            streams=REPLAYED,
            groups=_groups(),
        )

    @router.post(
        "/replays",
        status_code=202,
        openapi_extra=takes(Order, "application/json", FORM),
        responses={
            200: {
                "description": "With `dry_run`: how many events would be sent.",
                "content": {"application/json": {"schema": {"type": "object"}}},
            },
            303: {"description": "A form is led back to its page."},
        },
    )
    async def begin(request: Request, caller: Operator) -> Response:
        """Sends a range again, in the background; `GET /replays/{id}` says how far it is.

        Whoever has applied an event drops it. With `dry_run` it is only counted.
        """
        order = await read_sent(request, Order)
        planned = _or_problem(await replaying.plan(order.asked()))
        there = f"{BASE}/replays"
        if order.dry_run:
            if wants_page(request):
                query = urlencode({"said": "would", "events": planned.events})
                return RedirectResponse(f"{there}?{query}", 303)
            return JSONResponse(asdict(planned))
        replay_id = _or_problem(await replaying.begin(order.asked(), caller.name))
        if wants_page(request):
            return RedirectResponse(f"{there}?said=begun", 303)
        return JSONResponse({"replay_id": replay_id, **asdict(planned)}, 202)

    @router.get("/replays")
    async def replays(_: Operator) -> dict[str, Any]:
        """The last replays, the newest first."""
        return {"replays": [_told(name, one) for name, one in await replaying.newest(_NEWEST)]}

    @router.get("/replays/{replay_id}")
    async def replay(_: Operator, replay_id: str) -> dict[str, Any]:
        """How far it is."""
        return _told(replay_id, _known(await replaying.get(replay_id), replay_id))

    @router.post("/replays/{replay_id}/stop")
    async def stop(request: Request, _: Operator, replay_id: str) -> Response:
        """Stops it. What was sent stays sent."""
        stopped = _known(await replaying.end(replay_id), replay_id)
        if wants_page(request):
            return RedirectResponse(f"{BASE}/replays", 303)
        return JSONResponse(_told(replay_id, stopped))

    return router


def projection_routes(rebuilding: Rebuilding) -> APIRouter:
    """`POST /projections/{name}/rebuild`."""
    router = APIRouter()

    @router.post(
        "/projections/{name}/rebuild", responses=_LINES_OR_A_COUNT, response_class=Response
    )
    async def rebuild(
        _: Operator, name: Annotated[str, Path()], *, dry_run: bool = False
    ) -> Response:
        """Makes a projection of the journal anew: a line of JSON for each step. With `dry_run` counts."""
        if name not in rebuilding.projections:
            known = ", ".join(rebuilding.projections)
            raise Problem(404, "Projection unknown", f"There is no {name!r}; there are: {known}.")
        if dry_run:
            return JSONResponse({"entries": await rebuilding.plan(name)})

        async def lines() -> AsyncIterator[str]:
            async for progress in rebuilding.rebuild(name):
                yield f"{json.dumps(asdict(progress))}\n"

        return StreamingResponse(lines(), media_type="application/x-ndjson")

    return router


def _groups() -> list[str]:
    """Every consumer that can be meant."""
    return [
        f"{service}.{stream.name}"
        for service, streams in SERVICES.items()
        for stream in streams
        if refused(stream.name, f"{service}.{stream.name}") is None
    ]


def _or_problem(answer: Plan | str | Refusal) -> Any:
    if isinstance(answer, Refusal):
        raise problem_of(answer)
    return answer


def _known(replay: Replay | None, replay_id: str) -> Replay:
    if replay is None:
        raise Problem(404, "Replay unknown", f"There is no replay {replay_id!r}; see GET /replays.")
    return replay


def _told(replay_id: str, replay: Replay) -> dict[str, Any]:
    return {
        "replay_id": replay_id,
        **asdict(replay),
        "start": rfc3339(replay.start) if replay.start else None,
        "stop": rfc3339(replay.stop) if replay.stop else None,
        "share": round(replay.share, 4),
    }
