"""What the endpoints share: who asks, with which link, how often, and how a refusal is put."""

import asyncio
import math
import time
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import Depends, Request

from services.intake.domain.participant import Participant
from services.intake.domain.refusals import FieldsRefused
from services.intake.service import Intake
from shared.decisions import Refusal
from shared.security.links import LinkClaims, Links, Purpose
from shared.storage.changes import Cause
from shared.web.access import bearer_token
from shared.web.forms import sent_fields
from shared.web.problems import Problem, problem_of
from shared.web.rate_limits import RateLimit, site_of


def intake_of(request: Request) -> Intake:
    """The service behind this request."""
    intake: Intake = request.app.state.intake
    return intake


def cause_of(request: Request) -> Cause:
    """The request as what a change follows from, at the domain's time."""
    return Cause.http(request.app.state.runtime.clock.now())


async def admit(request: Request) -> None:
    """Counts a request to an endpoint that anybody may call."""
    limit: RateLimit = request.app.state.rate_limit
    await limit.admit(site_of(request))


async def alike(request: Request) -> AsyncIterator[None]:
    """Answers, whatever they are, at a multiple of the same time: nothing can be told from it."""
    step: float = request.app.state.runtime.settings.alike_answer_seconds
    started = time.monotonic()
    yield
    if step > 0:
        passed = time.monotonic() - started
        await asyncio.sleep(math.ceil(passed / step) * step - passed)


TheIntake = Annotated[Intake, Depends(intake_of)]
TheCause = Annotated[Cause, Depends(cause_of)]


async def sent(request: Request, *allowed: str) -> dict[str, Any]:
    """The fields that were sent as form or JSON, if any. Raises `Problem` (422) for others."""
    fields = await sent_fields(request) if await request.body() else {}
    unknown = sorted(set(fields) - set(allowed))
    if unknown:
        errors = [{"field": name, "reason": "There is no such field here."} for name in unknown]
        raise Problem(422, "The request is not valid", "Some fields are unknown.", errors=errors)
    return fields


def claims_of(
    request: Request, purpose: Purpose, fields: dict[str, Any] | None = None
) -> LinkClaims | Refusal:
    """What the link says: from the header, the address, or the form that came with it."""
    links: Links = request.app.state.runtime.links
    token = (
        bearer_token(request)
        or request.query_params.get("token")
        or (fields or {}).get("token")
        or ""
    )
    return links.read(str(token), purpose)


def status_of(state: Participant) -> dict[str, Any]:
    """How a step is answered."""
    return {"status": state.status.value}


def problem(refusal: Refusal) -> Problem:
    """The problem document for a refusal, with one error for each field."""
    made = problem_of(refusal)
    if isinstance(refusal, FieldsRefused):
        made.errors = [{"field": fault.field, "reason": fault.reason} for fault in refusal.problems]
    return made
