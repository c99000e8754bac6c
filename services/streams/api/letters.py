"""HTTP in: what was set aside, as pages and for programs. What is done about it goes to its service."""

from dataclasses import asdict
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse
from pydantic import BaseModel

from services.streams.api.pages import OperatorAtAPage, page_maker
from services.streams.console import Console, OpenedLetter
from services.streams.domain.masking import masked
from services.streams.store.letters import Letter
from services.streams.views import journeys
from shared.events.asyncapi import SERVICES
from shared.events.dead_letters import DiscardReason
from shared.events.wire import rfc3339
from shared.web.access import Operator
from shared.web.problems import Problem

_MOST: Final = 500
_WORDS: Final = {
    DiscardReason.MENDED_ELSEWHERE: "it was put right by other means",
    DiscardReason.NO_LONGER_MATTERS: "it no longer matters",
    DiscardReason.NEVER_AN_EVENT: "it never was an event of ours",
    DiscardReason.LOST_FOR_GOOD: "it is lost for good",
}
_SAID: Final = {
    "released": "{service} tried again: {released} handled, {still_parked} still set aside, "
    "{gone} no longer in Kafka.",
    "would_release": "{service} would try {released} again; {still_parked} wait for events that are "
    "missing, {gone} are no longer in Kafka. Nothing was done yet.",
    "discarded": "{service} gave up {discarded}.",
    "would_discard": "{service} would give up {discarded}. Nothing was done yet.",
}


class Done(BaseModel):
    """What a service said when it led the browser back here: words of ours and numbers, no text."""

    did: Literal["released", "would_release", "discarded", "would_discard"] | None = None
    service: Literal["intake", "matching", "notifications", "followup", "streams"] | None = None
    stream: str | None = None
    reason: str | None = None
    type: str | None = None
    state: Literal["open", "released", "discarded"] = "open"
    released: int = 0
    still_parked: int = 0
    gone: int = 0
    discarded: int = 0
    left: int = 0

    def sentence(self) -> str:
        """For the person who pressed the button; empty if she did not."""
        if self.did is None or self.service is None:
            return ""
        said = _SAID[self.did].format_map(self.model_dump())
        return f"{said} {self.left} more are left: press again." if self.left else said

    def fields(self) -> dict[str, str | None]:
        """Which letters are listed."""
        which = None if self.did else self.service
        return {
            "service": which,
            "stream": self.stream or None,
            "reason": self.reason or None,
            "type": self.type or None,
        }


def letter_routes(console: Console) -> APIRouter:
    """Pages below `/console/dead-letters`, and the same as JSON below `/dead-letters`."""
    router = APIRouter()
    page_for = page_maker()

    @router.get("/console/dead-letters", include_in_schema=False)
    async def letters_page(
        request: Request, caller: OperatorAtAPage, asked: Annotated[Done, Query()]
    ) -> HTMLResponse:
        return page_for(request, caller, "/dead-letters")(
            "letters.html",
            said=asked.sentence(),
            letter=None,
            groups=await console.groups(),
            letters=await console.letters(_MOST, state=asked.state, **asked.fields()),
            reasons=[(reason.value, words) for reason, words in _WORDS.items()],
        )

    @router.get("/console/dead-letters/{letter_id}", include_in_schema=False)
    async def letter_page(
        request: Request, caller: OperatorAtAPage, letter_id: str
    ) -> HTMLResponse:
        opened = _known(await console.letter(letter_id), letter_id)
        return page_for(request, caller, "/dead-letters")(
            "letters.html",
            said="",
            letter=opened.letter,
            record=_record(opened),
            history=[journeys.row(entry) for entry in opened.history],
            reasons=[(reason.value, words) for reason, words in _WORDS.items()],
        )

    @router.get("/dead-letters")
    async def letters(
        _: Operator,
        state: Literal["open", "released", "discarded"] = "open",
        service: str | None = None,
        stream: str | None = None,
        reason: str | None = None,
        type: str | None = None,  # noqa: A002  (the query parameter's name)
        limit: Annotated[int, Query(ge=1, le=_MOST)] = 100,
    ) -> dict[str, Any]:
        """Open letters in groups that are alike, and the newest letters one by one."""
        found = await console.letters(
            limit, state=state, service=service, stream=stream, reason=reason, type=type
        )
        return {
            "groups": [
                {**asdict(one), "oldest": rfc3339(one.oldest), "newest": rfc3339(one.newest)}
                for one in await console.groups()
            ],
            "letters": [_said_of(one) for one in found],
        }

    @router.get("/dead-letters/{letter_id}")
    async def letter(_: Operator, letter_id: str) -> dict[str, Any]:
        """One letter, where its record lies, and all that was said of it."""
        opened = _known(await console.letter(letter_id), letter_id)
        entry = opened.record
        return {
            **_said_of(opened.letter),
            "record": masked("record.parked", entry.payload) if entry is not None else None,
            "history": [
                {
                    "id": one["id"],
                    "time": rfc3339(one["time"]),
                    "type": one["type"],
                    "what": one["what"],
                }
                for one in map(journeys.row, opened.history)
            ],
        }

    return router


def _said_of(letter: Letter) -> dict[str, Any]:
    return {**asdict(letter), "at": rfc3339(letter.at)}


def _record(opened: OpenedLetter) -> dict[str, Any]:
    """Where the record lies; its headers, where they are quoted. Its value is behind a reason."""
    payload = opened.record.payload if opened.record is not None else {}
    place = f"{payload.get('topic')}, partition {payload.get('partition')}, offset {payload.get('offset')}"
    return {
        "place": place,
        "headers": [(name, value) for name, value in payload.get("headers", ()) if _is_ours(name)],
        "value": payload.get("value"),
    }


def _is_ours(header: str) -> bool:
    return header.startswith("ce_") or header in ("traceparent", "content-type")


def _known(opened: OpenedLetter | None, letter_id: str) -> OpenedLetter:
    if opened is None:
        services = ", ".join(SERVICES)
        detail = (
            f"No letter {letter_id!r} was written by {services}; ids look like 'matching.pool.0.7'."
        )
        raise Problem(404, "Letter unknown", detail)
    return opened
