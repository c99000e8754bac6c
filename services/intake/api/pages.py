"""The pages behind the links in messages. To look at one changes nothing; each holds a plain form.

Forms go to the services that own the answers, through the one origin. A link shows no more than it
must: one for an answer opens the proposal, never a name or an address.
"""

from pathlib import Path
from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from services.intake.api.asking import TheIntake, claims_of
from services.intake.api.ground import common_ground
from services.intake.domain.journeys import KnownMatch
from services.intake.domain.participant import Participant, Person
from services.intake.domain.refusals import ProposalOver
from services.intake.service import Intake
from shared.decisions import Refusal
from shared.events.matches import MatchStatus
from shared.events.participants import Role
from shared.security.links import LinkClaims, LinkRefused, Purpose
from shared.web.forms import sent_pairs
from shared.web.frame import Pages
from shared.web.languages import LOCALES, negotiate

PAGES: Final = Pages(Path(__file__).parents[1])

router = APIRouter(include_in_schema=False)


async def say(request: Request, locale: str, what: str) -> HTMLResponse:
    """A short page of thanks; `what` names its words in `said.html`."""
    return PAGES.render(
        "said.html",
        locale,
        request=request,
        sent=await sent_pairs(request),
        what=what,
        refusal=None,
    )


async def refuse(request: Request, locale: str, refusal: Refusal) -> HTMLResponse:
    """A page that says why not, and what helps: a new link, where the old one is the trouble."""
    return PAGES.render(
        "said.html",
        locale,
        status=refusal.kind.value,
        request=request,
        sent=await sent_pairs(request),
        what="refused",
        refusal=refusal.detail,
        needs_link=isinstance(refusal, LinkRefused),
    )


async def locale_of(request: Request, intake: Intake, claims: LinkClaims) -> str:
    """The language she asks for, else the one of her messages, else her browser's."""
    return _locale(request, await intake.person(claims.participant_id))


def _locale(request: Request, found: tuple[Participant, Person] | Refusal) -> str:
    if request.query_params.get("lang", "") in LOCALES or isinstance(found, Refusal):
        return negotiate(request)
    return found[1].contact.locale


async def opened(
    request: Request, intake: Intake, purpose: Purpose
) -> tuple[LinkClaims, Person, str] | HTMLResponse:
    """What the link says, whose it is, and her language; or the page that says why not."""
    claims = claims_of(request, purpose)
    if isinstance(claims, Refusal):
        return await refuse(request, negotiate(request), claims)
    found = await intake.person(claims.participant_id)
    locale = _locale(request, found)
    if isinstance(found, Refusal):
        return await refuse(request, locale, found)
    return claims, found[1], locale


async def show(
    request: Request, template: str, locale: str, token: str | None = None, **context: Any
) -> HTMLResponse:
    """A page of this service that a link opens. token: of the link, for its forms."""
    token = token or request.query_params.get("token", "")
    return PAGES.render(
        template, locale, request=request, sent=await sent_pairs(request), token=token, **context
    )


@router.get("/confirm")
async def confirm_page(request: Request, intake: TheIntake) -> HTMLResponse:
    """Asks whether this is her address."""
    found = await opened(request, intake, Purpose.CONFIRM)
    if isinstance(found, HTMLResponse):
        return found
    _, _, locale = found
    return await show(request, "confirm.html", locale)


@router.get("/answer")
async def answer_page(request: Request, intake: TheIntake) -> HTMLResponse:
    """The proposal, and the question whether she would like to meet. The answer goes to matching."""
    found = await opened(request, intake, Purpose.ANSWER)
    if isinstance(found, HTMLResponse):
        return found
    claims, person, locale = found
    match = await intake.store.matches.get(claims.match_id or "")
    if match is not None and _is_answered(match, person.role):
        return await refuse(request, locale, ProposalOver())
    return await _proposal(request, intake, match, person, locale)


@router.get("/me/proposal")
async def proposal_page(request: Request, intake: TheIntake) -> HTMLResponse:
    """The same from her own page, with a way back."""
    found = await opened(request, intake, Purpose.MY_PAGE)
    if isinstance(found, HTMLResponse):
        return found
    claims, person, locale = found
    match = await intake.store.matches.get(claims.match_id or "")
    side = match.side_of(claims.participant_id) if match is not None else None
    if match is None or side is None or match.whose_turn is not side:
        return await refuse(request, locale, ProposalOver())
    runtime = request.app.state.runtime
    answer = runtime.links.sign(
        Purpose.ANSWER,
        claims.participant_id,
        programme=claims.programme,
        match_id=match.match_id,
        valid_for=claims.expires_at - runtime.clock.now(),
    )
    return await _proposal(request, intake, match, person, locale, answer)


async def _proposal(
    request: Request,
    intake: Intake,
    match: KnownMatch | None,
    person: Person,
    locale: str,
    answer: str = "",
) -> HTMLResponse:
    """answer: the token that her answer is sent with, where she comes from her own page."""
    token = request.query_params.get("token", "")
    return await show(
        request,
        "answer.html",
        locale,
        answer=answer or token,
        my_page=token if answer else "",
        proposal=await proposal_of(intake, match, person.role, locale),
        role=person.role.value,
    )


@router.get("/check-in")
async def check_in_page(request: Request, intake: TheIntake) -> HTMLResponse:
    """Asks how it goes and what comes next. The answer goes to followup."""
    found = await opened(request, intake, Purpose.CHECK_IN)
    if isinstance(found, HTMLResponse):
        return found
    claims, _, locale = found
    page = request.query_params.get("page", "")
    back = request.app.state.runtime.links.way_back(page, claims.participant_id)
    return await show(request, "check_in.html", locale, my_page=back)


def _is_answered(match: KnownMatch, side: Role) -> bool:
    """Whether there is nothing left to answer for this side.

    Her link may be here before the event that makes it her turn: that is not an end.
    """
    if side is Role.MENTEE and match.status is MatchStatus.MENTEE_ACCEPTED:
        return True
    return match.status is not None and match.whose_turn is None


async def proposal_of(
    intake: Intake, match: KnownMatch | None, side: Role, locale: str
) -> dict[str, Any]:
    """A proposal as one side may see it: what the two share, then the other's own words by her wish.

    Without a match (its events are still on their way) there is nothing to show yet.
    """
    if match is None or not match.may_see(side):
        return {"ground": [], "words": {}, "online": False}
    other = await intake.store.participants.get(match.person(side.other))
    shown = other.person.words.shown() if other is not None and other.person is not None else {}
    return {
        "ground": common_ground(match, side, locale, PAGES.translate(locale)),
        "words": {each.value: text for each, text in shown.items()},
        "online": match.online,
    }


@router.get("/survey")
async def survey_page(request: Request, intake: TheIntake) -> HTMLResponse:
    """Asks at the end how it was. The answer goes to followup."""
    found = await opened(request, intake, Purpose.MY_PAGE)
    if isinstance(found, HTMLResponse):
        return found
    _, person, locale = found
    return await show(request, "survey.html", locale, role=person.role.value)
