"""Registering on the web, one step at a time, without script.

What has been filled in travels with the form, so going back loses nothing and nothing is kept of
somebody who does not go on. Only the last step registers.
"""

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse, Response

from services.intake.api.asking import TheCause, TheIntake, admit, alike
from services.intake.api.pages import PAGES, refuse, say
from services.intake.api.questions import MISSING, Form, cities_of, told
from services.intake.domain.form import columns
from services.intake.domain.programme import Programme
from services.intake.domain.refusals import NoSuchProgramme
from services.intake.domain.steps import (
    Draft,
    Step,
    after,
    before,
    first_missing,
    missing,
    read_draft,
    values_of_draft,
)
from services.intake.service import Intake
from shared.decisions import Refusal
from shared.events.participants import Role
from shared.storage.changes import Idempotency
from shared.web.forms import sent_pairs
from shared.web.idempotency import Idempotent
from shared.web.languages import negotiate

_NOT_WHOLE: Final = 422

router = APIRouter(include_in_schema=False)


@router.get("/")
async def start(request: Request, intake: TheIntake, programme: str = "") -> HTMLResponse:
    """Whom this is for: the two ways in, and the way back to her own page."""
    known = [found async for _, found in intake.store.programmes.find(sort=[("_id", 1)])]
    chosen = [each for each in known if each.programme == programme or len(known) == 1]
    return PAGES.render(
        "start.html",
        negotiate(request),
        request=request,
        programme=_named(chosen[0]) if chosen else None,
        programmes=[_named(each) for each in known],
    )


@router.get("/register")
async def first_step(
    request: Request,
    intake: TheIntake,
    role: Role | None = None,
    programme: Annotated[str, Query(max_length=64)] = "",
) -> HTMLResponse:
    """The first questions; without a role, the choice of one."""
    known = await intake.store.programmes.ids({}, limit=2)
    found = await intake.programme(programme or (known[0] if len(known) == 1 else ""))
    if role is None or isinstance(found, Refusal):
        return await start(request, intake, programme)
    return _show(request, intake, found, Draft(role), Step.WISHES, {})


@router.post("/register")
async def next_step(request: Request, intake: TheIntake) -> HTMLResponse:
    """Goes on, back, or to the step that was asked for. What is missing is said beside its field."""
    sent = await sent_pairs(request)
    programme, draft, step = await _read(intake, sent)
    if isinstance(programme, Refusal):
        return await refuse(request, negotiate(request), programme)
    match dict(sent).get("go", "next"):
        case "stay":
            return _show(request, intake, programme, draft, step, {}, sent)
        case "back":
            return _show(request, intake, programme, draft, before(step), {}, sent)
        case wanted if wanted in set(Step):
            return _show(request, intake, programme, draft, Step(wanted), {}, sent)
    lacking = missing(step, draft, intake.tables, programme.charters_in_force)
    if lacking:
        return _show(request, intake, programme, draft, step, _in_words(lacking), sent)
    return _show(request, intake, programme, draft, after(step), {}, sent)


@router.post("/register/send", dependencies=[Depends(admit), Depends(alike, scope="function")])
async def register(
    request: Request, intake: TheIntake, cause: TheCause, key: Idempotent
) -> Response:
    """Registers her. What comes next comes by mail, and the page never tells who is known."""
    sent = await sent_pairs(request)
    programme, draft, _ = await _read(intake, sent)
    if isinstance(programme, Refusal):
        return await refuse(request, negotiate(request), programme)
    lacking = first_missing(draft, intake.tables, programme.charters_in_force)
    if lacking is not None:
        step, fields = lacking
        return _show(request, intake, programme, draft, step, _in_words(fields), sent)
    fields_sent = columns(values_of_draft(draft, intake.tables))
    once: Idempotency[object] | None = key.answering(lambda _: {})
    refused = await intake.register(programme, fields_sent, None, once, cause)  # type: ignore[arg-type]
    if refused is not None:
        named = tuple(problem.field for problem in refused.problems)
        return _show(request, intake, programme, draft, Step.WISHES, _in_words(named), sent)
    return await say(request, negotiate(request), "registered")


async def _read(
    intake: Intake, sent: list[tuple[str, str]]
) -> tuple[Programme | NoSuchProgramme, Draft, Step]:
    fields = dict(sent)
    role = Role.MENTOR if fields.get("role") == Role.MENTOR else Role.MENTEE
    step = Step(fields["step"]) if fields.get("step") in set(Step) else Step.WISHES
    return await intake.programme(fields.get("programme", "")), read_draft(role, sent), step


def _show(
    request: Request,
    intake: Intake,
    programme: Programme,
    draft: Draft,
    step: Step,
    errors: dict[str, str],
    sent: list[tuple[str, str]] | None = None,
) -> HTMLResponse:
    locale = negotiate(request)
    version = programme.charter_to_affirm or ""
    language, promises = programme.promises(version, locale)
    cities = cities_of(programme)
    translate = PAGES.translate(locale)
    form = Form(
        programme=programme.programme,
        draft=draft,
        step=step,
        errors=errors,
        tables=intake.tables,
        language=locale,
        programme_cities=cities,
        charter=version,
        promises_language=language,
        promises=promises,
        told=told(draft, cities, translate) if step is Step.CHECK else (),
        translate=translate,
    )
    return PAGES.render(
        "register.html",
        locale,
        status=_NOT_WHOLE if errors else 200,
        request=request,
        sent=sent or (),
        switch_form="form",
        switch_action="/intake/register",
        form=form,
    )


def _in_words(fields: tuple[str, ...]) -> dict[str, str]:
    return {name: MISSING[name] for name in fields if name in MISSING}


def _named(programme: Programme) -> dict[str, str]:
    return {"id": programme.programme, "name": programme.name}
