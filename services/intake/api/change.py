"""She looks at what she has told us and changes it: the questions of registering, one step at a time."""

from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from services.intake.api.asking import TheCause, TheIntake, claims_of
from services.intake.api.my_page import page_of
from services.intake.api.pages import PAGES, locale_of, opened, refuse
from services.intake.api.questions import MISSING, Form, cities_of, told
from services.intake.domain.participant import Person
from services.intake.domain.refusals import FieldsRefused
from services.intake.domain.steps import (
    Draft,
    Step,
    draft_of,
    fields_of,
    missing,
    read_draft,
    values_of_draft,
)
from services.intake.service import Intake
from shared.decisions import Refusal
from shared.security.links import LinkClaims, Purpose
from shared.web.forms import sent_pairs
from shared.web.languages import negotiate

_NOT_WHOLE: Final = 422
_CHANGEABLE: Final = (
    Step.WISHES,
    Step.WORK,
    Step.MEETING,
    Step.GROUND,
    Step.STORY,
    Step.YOU,
)

router = APIRouter(include_in_schema=False)


@router.get("/me/profile")
async def profile(request: Request, intake: TheIntake) -> HTMLResponse:
    """All that she has told us, step by step, each with a way to change it."""
    found = await opened(request, intake, Purpose.MY_PAGE)
    if isinstance(found, HTMLResponse):
        return found
    claims, person, locale = found
    token = request.query_params.get("token", "")
    draft = draft_of(person, intake.tables)
    return await _show(request, intake, claims, draft, None, {}, (token, locale, person))


@router.get("/me/change")
async def questions(request: Request, intake: TheIntake, step: Step = Step.WISHES) -> HTMLResponse:
    """The questions of one step, with her answers in them."""
    found = await opened(request, intake, Purpose.MY_PAGE)
    if isinstance(found, HTMLResponse):
        return found
    claims, person, locale = found
    token = request.query_params.get("token", "")
    draft = draft_of(person, intake.tables)
    return await _show(
        request, intake, claims, draft, _changeable(step), {}, (token, locale, person)
    )


@router.post("/me/change")
async def change(request: Request, intake: TheIntake, cause: TheCause) -> HTMLResponse:
    """Changes what this step asks for; everything else stays."""
    sent = await sent_pairs(request)
    fields = dict(sent)
    claims = claims_of(request, Purpose.MY_PAGE, fields)
    if isinstance(claims, Refusal):
        return await refuse(request, negotiate(request), claims)
    locale = await locale_of(request, intake, claims)
    found = await intake.person(claims.participant_id)
    if isinstance(found, Refusal):
        return await refuse(request, locale, found)
    _, person = found
    step = _changeable(fields.get("step", ""))
    draft = _merged(draft_of(person, intake.tables), read_draft(person.role, sent), step)
    shown = (fields.get("token", ""), locale, person)
    if fields.get("go") == "stay":
        return await _show(request, intake, claims, draft, step, {}, shown)
    affirmed = person.charters[-1].version
    lacking = missing(step, draft, intake.tables, {affirmed})
    if lacking:
        return await _show(request, intake, claims, draft, step, _in_words(lacking), shown)
    values = fields_of(step, values_of_draft(draft, intake.tables), draft)
    edition = fields.get("edition", "")
    outcome = await intake.revise(
        claims.participant_id, values, int(edition) if edition.isdecimal() else None, None, cause
    )
    if isinstance(outcome.refusal, FieldsRefused):
        named = tuple(problem.field for problem in outcome.refusal.problems)
        return await _show(request, intake, claims, draft, step, _in_words(named), shown)
    if outcome.refusal is not None:
        return await refuse(request, locale, outcome.refusal)
    return await page_of(request, intake, claims, shown[0], locale, said="changed")


def _changeable(step: str) -> Step:
    return Step(step) if step in _CHANGEABLE else Step.WISHES


def _merged(kept: Draft, sent: Draft, step: Step) -> Draft:
    """What she has, with this step's questions as they were answered now."""
    own = dict(Draft(sent.role, sent.values).values)
    others = dict(kept.carried(step))
    stays = {name: kept.values[name] for name in others}
    if step is Step.YOU:
        # The address is who she is here; only her coordinator can change it.
        own["email"] = kept.values["email"]
    return Draft(
        kept.role, stays | {name: value for name, value in own.items() if name not in stays}
    )


def _in_words(fields: tuple[str, ...]) -> dict[str, str]:
    return {name: MISSING[name] for name in fields if name in MISSING}


async def _show(
    request: Request,
    intake: Intake,
    claims: LinkClaims,
    draft: Draft,
    step: Step | None,
    errors: dict[str, str],
    shown: tuple[str, str, Person],
) -> HTMLResponse:
    """The questions of a step; without one, all that she has told us."""
    token, locale, person = shown
    programme = await intake.programme(claims.programme)
    cities = [] if isinstance(programme, Refusal) else cities_of(programme)
    translate = PAGES.translate(locale)
    form = Form(
        programme=claims.programme,
        draft=draft,
        step=step or Step.CHECK,
        errors=errors,
        tables=intake.tables,
        language=locale,
        programme_cities=cities,
        is_change=True,
        told=told(draft, cities, translate) if step is None else (),
        translate=translate,
    )
    more = {"switch_form": "form", "switch_action": "/intake/me/change"} if step else {}
    return PAGES.render(
        "change.html" if step else "profile.html",
        locale,
        status=_NOT_WHOLE if errors else 200,
        request=request,
        form=form,
        token=token,
        edition=person.edition,
        **more,  # type: ignore[arg-type]  # these two are for the template
    )
