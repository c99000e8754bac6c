"""HTTP in, the same in every service: what operators see and do about parked events.

The console's pages and the commands of `services.streams` both send here, to the service that owns what is
parked, through the one origin.
"""

import re
from collections.abc import Awaitable
from dataclasses import asdict
from typing import Any, Final, TypeVar
from urllib.parse import urlencode

from aiokafka.errors import KafkaError
from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse
from pydantic import BaseModel, ConfigDict, Field, field_validator

from shared.events.dead_letters import DiscardReason, ParkReason
from shared.messaging.parking import Selection
from shared.messaging.release import MOST_AT_ONCE, Discarded, Parking
from shared.storage.parked import Discarding
from shared.web.access import Operator
from shared.web.contract import takes
from shared.web.forms import FORM, read_sent, wants_page
from shared.web.problems import Problem

Sent = TypeVar("Sent", bound="Letters")
Done = TypeVar("Done")

BACK_TO: Final = "/streams/console/dead-letters"
"""Where a form is answered: the page of the console that has these forms."""
_FORM_IS_LED_BACK: Final[dict[int | str, dict[str, Any]]] = {
    303: {"description": "A form is led back to its page."}
}
_READ: Final = ("application/json", FORM)
_LETTER_ID: Final = re.compile(r"[\w.-]+\.\d+\.\d+", re.ASCII)


class Letters(BaseModel):
    """Which letters: these ids, or all that fit what else is said; nothing said means all."""

    model_config = ConfigDict(extra="forbid")

    letters: frozenset[str] | None = Field(default=None, min_length=1, max_length=MOST_AT_ONCE)
    stream: str | None = None
    reason: ParkReason | None = None
    type: str | None = Field(default=None, description="Short name, as in 'match.accepted'.")
    dry_run: bool = False

    @field_validator("letters", mode="before")
    @classmethod
    def _from_a_form(cls, sent: Any) -> Any:
        """A form names them in one field, separated by spaces."""
        return sent.split() if isinstance(sent, str) else sent

    @field_validator("letters")
    @classmethod
    def _are_ids(cls, letters: frozenset[str] | None) -> frozenset[str] | None:
        if letters is not None and not all(_LETTER_ID.fullmatch(one) for one in letters):
            raise ValueError("ids of letters look like 'followup.matches.0.17'")
        return letters

    def selection(self) -> Selection:
        """As the parking understands it."""
        return Selection(self.letters, self.stream, self.reason, self.type)


class GivenUp(Letters):
    """Which letters are given up, and why."""

    because: DiscardReason
    reference: str | None = Field(
        default=None,
        pattern=r"^[\w#/.:-]{1,64}$",
        description="Where the reason is written down, for example a ticket's number.",
    )


def operator_routes(parking: Parking, service: str) -> APIRouter:
    """`GET /parked` counts what waits, `POST /parked/release` tries again, `…/discard` gives up."""
    router = APIRouter()

    def answer(request: Request, did: str, result: dict[str, Any]) -> Response:
        if not wants_page(request):
            return JSONResponse(result)
        said = {name: value for name, value in result.items() if isinstance(value, int)}
        query = urlencode({"service": service, "did": did, **said})
        return RedirectResponse(f"{BACK_TO}?{query}", 303)

    @router.get("/parked")
    async def parked(_: Operator) -> dict[str, int]:
        """How many subjects wait behind an event, and how many records were set aside alone."""
        return asdict(await parking.parked())

    @router.post(
        "/parked/release", openapi_extra=takes(Letters, *_READ), responses=_FORM_IS_LED_BACK
    )
    async def release(request: Request, _: Operator) -> Response:
        """Hands what is parked to its handler again, in order: after what it failed on is mended.

        Without a body all of it, at most 500 at once: `left` says how many more. With `dry_run`
        nothing is done, and `letters` says what each would come to.
        """
        sent = await read_sent(request, Letters, may_be_empty=True)
        act = parking.plan if sent.dry_run else parking.release
        return answer(
            request,
            "would_release" if sent.dry_run else "released",
            asdict(await _while_kafka_answers(act(sent.selection()))),
        )

    @router.post(
        "/parked/discard", openapi_extra=takes(GivenUp, *_READ), responses=_FORM_IS_LED_BACK
    )
    async def discard(request: Request, caller: Operator) -> Response:
        """Gives up what is parked, for good, with a reason: it is published as `record.discarded`.

        The events behind it follow. Where events are missing before one that waits, the missing ones
        are given up, and it is handled.
        """
        sent = await read_sent(request, GivenUp)
        if sent.dry_run:
            plan = await _while_kafka_answers(parking.plan(sent.selection(), in_order=False))
            would = Discarded(len(plan.letters), plan.left, plan.letters)
            return answer(request, "would_discard", asdict(would))
        discarding = Discarding(caller.name, sent.because, sent.reference)
        done = await _while_kafka_answers(parking.discard(sent.selection(), discarding))
        return answer(request, "discarded", asdict(done))

    return router


async def _while_kafka_answers(work: Awaitable[Done]) -> Done:
    try:
        return await work
    except KafkaError as error:
        detail = f"Kafka does not answer ({type(error).__name__}); please try again."
        raise Problem(503, "Not available just now", detail) from None
