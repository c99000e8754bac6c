"""The pages behind the links in messages. To look at one changes nothing; each holds a plain form.

Forms go to the services that own the answers, through the one origin.
"""

from pathlib import Path
from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from services.intake.api.asking import TheIntake, claims_of
from services.intake.domain.participant import Participant, Person
from services.intake.domain.refusals import Forgotten
from services.intake.service import Intake
from shared.decisions import Refusal
from shared.events.matches import DeclineReason
from shared.security.links import LinkClaims, LinkRefused, Purpose
from shared.web.frame import Pages
from shared.web.languages import LOCALES, negotiate

_PAGES: Final = Pages(Path(__file__).parents[1])

router = APIRouter(include_in_schema=False)


def say(locale: str, what: str) -> HTMLResponse:
    """A short page of thanks; `what` names its words in `said.html`."""
    return _PAGES.render("said.html", locale, what=what, refusal=None)


def refuse(locale: str, refusal: Refusal) -> HTMLResponse:
    """A page that says why not, and what helps: a new link, where the old one is the trouble."""
    return _PAGES.render(
        "said.html",
        locale,
        status=refusal.kind.value,
        what="refused",
        refusal=refusal.detail,
        needs_link=isinstance(refusal, LinkRefused),
    )


def show(template: str, locale: str, **context: Any) -> HTMLResponse:
    """A page of this service."""
    return _PAGES.render(template, locale, **context)


async def locale_of(request: Request, intake: Intake, claims: LinkClaims) -> str:
    """The language she asks for, else the one of her messages, else her browser's."""
    return _locale(request, await intake.person(claims.participant_id))


def _locale(request: Request, found: tuple[Participant, Person] | Refusal) -> str:
    if request.query_params.get("lang", "") in LOCALES or isinstance(found, Refusal):
        return negotiate(request)
    return found[1].contact.locale


async def _page(
    request: Request, intake: Intake, purpose: Purpose, template: str, **context: Any
) -> HTMLResponse:
    claims = claims_of(request, purpose)
    if isinstance(claims, Refusal):
        return refuse(negotiate(request), claims)
    found = await intake.person(claims.participant_id)
    locale = _locale(request, found)
    if isinstance(found, Forgotten):
        return refuse(locale, found)
    return show(template, locale, token=request.query_params.get("token", ""), **context)


@router.get("/confirm")
async def confirm_page(request: Request, intake: TheIntake) -> HTMLResponse:
    """Asks whether this is her address."""
    return await _page(request, intake, Purpose.CONFIRM, "confirm.html")


@router.get("/answer")
async def answer_page(request: Request, intake: TheIntake) -> HTMLResponse:
    """Asks whether she would like to meet. The answer goes to matching."""
    reasons = [reason.value for reason in DeclineReason]
    return await _page(request, intake, Purpose.ANSWER, "answer.html", reasons=reasons)


@router.get("/check-in")
async def check_in_page(request: Request, intake: TheIntake) -> HTMLResponse:
    """Asks how it goes and what comes next. The answer goes to followup."""
    return await _page(request, intake, Purpose.CHECK_IN, "check_in.html")
