"""Her own page: what happens now and next, and what she can do there. One link opens it.

Everything answers a form with a page, and a program with JSON.
"""

from typing import Annotated, Any

from fastapi import APIRouter, Header, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response

from services.intake.api.asking import TheCause, TheIntake, claims_of, problem, sent, status_of
from services.intake.api.pages import locale_of, refuse, say, show
from services.intake.api.registration import Form
from services.intake.api.situation import situation
from services.intake.domain.participant import Participant
from services.intake.hers import hers
from services.intake.service import Intake, OwnStep
from shared.decisions import Refusal
from shared.security.links import LinkClaims, Purpose
from shared.storage.changes import Outcome
from shared.web.forms import wants_page
from shared.web.idempotency import Idempotent
from shared.web.languages import negotiate
from shared.web.problems import Problem

router = APIRouter()


@router.post("/confirm")
async def confirm(
    request: Request, intake: TheIntake, cause: TheCause, key: Idempotent
) -> Response:
    """She confirms her address with the link of our first message."""
    fields = await sent(request, "token")
    claims = claims_of(request, Purpose.CONFIRM, fields)
    if isinstance(claims, Refusal):
        return await _refused(request, negotiate(request), claims)
    outcome = await intake.take_step(
        claims.participant_id, OwnStep.CONFIRM, key.answering(status_of), cause
    )
    locale = await locale_of(request, intake, claims)
    if outcome.refusal is not None:
        return await _refused(request, locale, outcome.refusal)
    if wants_page(request):
        return await say(request, locale, OwnStep.CONFIRM)
    return _json(outcome)


@router.get("/me")
async def me(request: Request, intake: TheIntake) -> Response:
    """Her page; JSON for a program (`Accept: application/json`)."""
    claims = claims_of(request, Purpose.MY_PAGE)
    as_json = "text/html" not in request.headers.get("accept", "")
    if isinstance(claims, Refusal):
        if as_json:
            raise problem(claims)
        return await refuse(request, negotiate(request), claims)
    found = await intake.person(claims.participant_id)
    if isinstance(found, Refusal):
        if as_json:
            raise problem(found)
        return await refuse(request, negotiate(request), found)
    state, person = found
    if as_json:
        return JSONResponse(hers(state, person), headers={"ETag": f'"{person.edition}"'})
    locale = await locale_of(request, intake, claims)
    token = request.query_params.get("token", "")
    return await page_of(request, intake, claims, token, locale)


@router.patch("/me")
async def change_me(
    request: Request,
    change: Form,
    intake: TheIntake,
    cause: TheCause,
    key: Idempotent,
    if_match: Annotated[str | None, Header()] = None,
) -> Response:
    """She changes the fields that are sent; the others stay. `If-Match` guards what she saw."""
    claims = _claims(request)
    changes = change.model_dump(exclude_unset=True)
    outcome = await intake.revise(
        claims.participant_id, changes, _edition(if_match), key.answering(_edited), cause
    )
    if outcome.refusal is not None:
        raise problem(outcome.refusal)
    answer = outcome.answer or (_edited(outcome.state) if outcome.state else {})
    return JSONResponse(answer, headers={"ETag": f'"{answer["edition"]}"'})


@router.post("/me/affirm")
async def affirm(request: Request, intake: TheIntake, cause: TheCause, key: Idempotent) -> Response:
    """She affirms the charter in its present version."""
    fields = await sent(request, "token", "charter")
    claims = claims_of(request, Purpose.MY_PAGE, fields)
    if isinstance(claims, Refusal):
        return await _refused(request, negotiate(request), claims)
    outcome = await intake.affirm(
        claims.participant_id, str(fields.get("charter", "")), key.answering(status_of), cause
    )
    return await _answer(request, intake, claims, outcome, "affirm", str(fields.get("token", "")))


@router.post("/me/{step}")
async def take_step(
    request: Request, step: OwnStep, intake: TheIntake, cause: TheCause, key: Idempotent
) -> Response:
    """Confirm, pause, resume, ask for another match, or leave."""
    fields = await sent(request, "token")
    claims = claims_of(request, Purpose.MY_PAGE, fields)
    if isinstance(claims, Refusal):
        return await _refused(request, negotiate(request), claims)
    locale = await locale_of(request, intake, claims)
    outcome = await intake.take_step(claims.participant_id, step, key.answering(status_of), cause)
    token = str(fields.get("token", ""))
    return await _answer(request, intake, claims, outcome, step, token, locale)


async def page_of(
    request: Request,
    intake: Intake,
    claims: LinkClaims,
    token: str,
    locale: str,
    *,
    said: str = "",
) -> HTMLResponse:
    """Her page as it is now. said: what she has just done, in `done.html`."""
    found = await intake.person(claims.participant_id)
    if isinstance(found, Refusal):
        return await refuse(request, locale, found)
    context = await situation(request, intake, claims, *found, locale)
    return await show(request, "my_page.html", locale, token, said=said, **context)


async def _answer(
    request: Request,
    intake: Intake,
    claims: LinkClaims,
    outcome: Outcome[Participant],
    said: str,
    token: str,
    locale: str | None = None,
) -> Response:
    """What came of a step: her page with a word about it, or JSON."""
    locale = locale or await locale_of(request, intake, claims)
    if outcome.refusal is not None:
        return await _refused(request, locale, outcome.refusal)
    if wants_page(request):
        return await page_of(request, intake, claims, token, locale, said=said)
    return _json(outcome)


def _json(outcome: Outcome[Participant]) -> JSONResponse:
    return JSONResponse(outcome.answer or (status_of(outcome.state) if outcome.state else {}))


async def _refused(request: Request, locale: str, refusal: Refusal) -> Response:
    if wants_page(request):
        return await refuse(request, locale, refusal)
    raise problem(refusal)


def _claims(request: Request) -> LinkClaims:
    claims = claims_of(request, Purpose.MY_PAGE)
    if isinstance(claims, Refusal):
        raise problem(claims)
    return claims


def _edition(if_match: str | None) -> int | None:
    """The edition in `If-Match: "3"`; None if there is no such header, or it is `*`."""
    if if_match is None or if_match.strip() == "*":
        return None
    text = if_match.strip().removeprefix("W/").strip('"')
    if not text.isascii() or not text.isdigit():
        detail = 'If-Match takes the ETag of your page, as in If-Match: "3".'
        raise Problem(400, "If-Match is not valid", detail)
    return int(text)


def _edited(state: Participant) -> dict[str, Any]:
    return {"edition": state.person.edition if state.person else 0}
