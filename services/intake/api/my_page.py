"""Her own page, and what she can do there: look, change, confirm, rest, come back, leave.

One link opens it. Everything answers a form with a page, and a program with JSON.
"""

from typing import Annotated, Any

from fastapi import APIRouter, Header, Request
from fastapi.responses import JSONResponse, Response

from services.intake.api.asking import TheCause, TheIntake, claims_of, problem, sent, status_of
from services.intake.api.pages import locale_of, refuse, say, show
from services.intake.api.registration import Form
from services.intake.domain.participant import Participant
from services.intake.hers import everything, hers
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
        return _refused(request, negotiate(request), claims)
    outcome = await intake.take_step(
        claims.participant_id, OwnStep.CONFIRM, key.answering(status_of), cause
    )
    return await _answer(request, intake, claims, outcome, OwnStep.CONFIRM)


@router.get("/me")
async def me(request: Request, intake: TheIntake) -> Response:
    """Her page; JSON for a program (`Accept: application/json`)."""
    claims = claims_of(request, Purpose.MY_PAGE)
    as_json = "text/html" not in request.headers.get("accept", "")
    if isinstance(claims, Refusal):
        if as_json:
            raise problem(claims)
        return refuse(negotiate(request), claims)
    found = await intake.person(claims.participant_id)
    if isinstance(found, Refusal):
        if as_json:
            raise problem(found)
        return refuse(negotiate(request), found)
    state, person = found
    if as_json:
        return JSONResponse(hers(state, person), headers={"ETag": f'"{person.edition}"'})
    programme = await intake.programme(state.programme)
    in_force = set() if isinstance(programme, Refusal) else set(programme.charters_in_force)
    affirmed = {affirmation.version for affirmation in person.charters}
    return show(
        "my_page.html",
        await locale_of(request, intake, claims),
        token=request.query_params.get("token", ""),
        name=person.contact.name,
        reminders=person.contact.reminders,
        standing=state.status.value,
        has_match=claims.match_id is not None,
        to_affirm=[] if affirmed & in_force else sorted(in_force),
    )


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
        return _refused(request, negotiate(request), claims)
    outcome = await intake.affirm(
        claims.participant_id, str(fields.get("charter", "")), key.answering(status_of), cause
    )
    return await _answer(request, intake, claims, outcome, "affirm")


@router.get("/me/export")
async def export(request: Request, intake: TheIntake) -> Response:
    """All that intake holds about her."""
    claims = _claims(request)
    found = await intake.person(claims.participant_id)
    if isinstance(found, Refusal):
        raise problem(found)
    headers = {"Content-Disposition": 'attachment; filename="common-ground.json"'}
    return JSONResponse(everything(*found), headers=headers)


@router.post("/me/{step}")
async def take_step(
    request: Request, step: OwnStep, intake: TheIntake, cause: TheCause, key: Idempotent
) -> Response:
    """Confirm, pause, resume or leave."""
    fields = await sent(request, "token")
    claims = claims_of(request, Purpose.MY_PAGE, fields)
    if isinstance(claims, Refusal):
        return _refused(request, negotiate(request), claims)
    locale = await locale_of(request, intake, claims)
    outcome = await intake.take_step(claims.participant_id, step, key.answering(status_of), cause)
    return await _answer(request, intake, claims, outcome, step, locale)


async def _answer(
    request: Request,
    intake: Intake,
    claims: LinkClaims,
    outcome: Outcome[Participant],
    said: str,
    locale: str | None = None,
) -> Response:
    """What came of a step: a page of thanks or JSON; `said` names the words in `said.html`."""
    locale = locale or await locale_of(request, intake, claims)
    if outcome.refusal is not None:
        return _refused(request, locale, outcome.refusal)
    if wants_page(request):
        return say(locale, said)
    return JSONResponse(outcome.answer or (status_of(outcome.state) if outcome.state else {}))


def _refused(request: Request, locale: str, refusal: Refusal) -> Response:
    if wants_page(request):
        return refuse(locale, refusal)
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
