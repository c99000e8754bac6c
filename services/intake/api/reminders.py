"""Reminders: stopped with one click from any of them (RFC 8058), and wanted again on her page.

To look changes nothing, since mail scanners look. Mail programs send `List-Unsubscribe=One-Click`.
"""

from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from services.intake.api.asking import TheCause, TheIntake, claims_of, problem, sent
from services.intake.api.pages import locale_of, refuse, show
from shared.decisions import Refusal
from shared.security.links import Purpose
from shared.web.forms import wants_page
from shared.web.languages import negotiate

_ONE_CLICK: Final = "List-Unsubscribe"

router = APIRouter()


@router.get("/reminders", include_in_schema=False)
async def reminders_page(request: Request, intake: TheIntake) -> Response:
    """Asks whether she wants no more reminders."""
    claims = claims_of(request, Purpose.UNSUBSCRIBE)
    if isinstance(claims, Refusal):
        return await refuse(request, negotiate(request), claims)
    found = await intake.person(claims.participant_id)
    if isinstance(found, Refusal):
        return await refuse(request, negotiate(request), found)
    return await show(
        request,
        "reminders.html",
        await locale_of(request, intake, claims),
        token=request.query_params.get("token", ""),
        action="/intake/reminders",
        wanted=found[1].contact.reminders,
        done=False,
    )


@router.post("/reminders")
async def choose_by_link(request: Request, intake: TheIntake, cause: TheCause) -> Response:
    """Stops reminders, or, with `wanted=yes`, brings them back. By the link in a reminder."""
    return await _choose(request, intake, cause, Purpose.UNSUBSCRIBE, "/intake/reminders")


@router.post("/me/reminders")
async def choose_on_my_page(request: Request, intake: TheIntake, cause: TheCause) -> Response:
    """The same, from her page."""
    return await _choose(request, intake, cause, Purpose.MY_PAGE, "/intake/me/reminders")


async def _choose(
    request: Request, intake: TheIntake, cause: TheCause, purpose: Purpose, action: str
) -> Response:
    fields = await sent(request, "token", "wanted", _ONE_CLICK)
    claims = claims_of(request, purpose, fields)
    if isinstance(claims, Refusal):
        return await _refused(request, negotiate(request), claims)
    locale = await locale_of(request, intake, claims)
    wanted = str(fields.get("wanted", "no")) == "yes"
    outcome = await intake.choose_reminders(claims.participant_id, wanted=wanted, cause=cause)
    if outcome.refusal is not None:
        return await _refused(request, locale, outcome.refusal)
    if wants_page(request):
        token = str(fields.get("token") or request.query_params.get("token", ""))
        return await show(
            request, "reminders.html", locale, token=token, action=action, wanted=wanted, done=True
        )
    return JSONResponse({"reminders": wanted})


async def _refused(request: Request, locale: str, refusal: Refusal) -> Response:
    if wants_page(request):
        return await refuse(request, locale, refusal)
    raise problem(refusal)
