"""A copy of all her data, and being forgotten: asking, fetching, and the proof."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse, Response

from services.intake.api.asking import TheCause, TheIntake, admit, claims_of, problem, sent
from services.intake.api.pages import locale_of, refuse, show
from services.intake.domain.refusals import Forgotten
from services.intake.domain.requests import Request as Asked
from shared.decisions import Refusal
from shared.events.rights import ErasureCause
from shared.events.wire import rfc3339
from shared.security.links import Purpose
from shared.web.access import Operator
from shared.web.forms import wants_page
from shared.web.languages import negotiate

_PAGE: Final = 100
_ARCHIVE: Final = {
    "Content-Disposition": 'attachment; filename="common-ground.zip"',
    "Cache-Control": "no-store",
}

router = APIRouter()


@router.post("/me/export", status_code=202)
async def ask_for_export(request: Request, intake: TheIntake, cause: TheCause) -> Response:
    """She asks for a copy of all her data from all services. A message tells her when it is there."""
    fields = await sent(request, "token")
    claims = claims_of(request, Purpose.MY_PAGE, fields)
    if isinstance(claims, Refusal):
        return await _refused(request, negotiate(request), claims)
    locale = await locale_of(request, intake, claims)
    asked = await intake.rights.ask_for_export(claims.participant_id, cause)
    if isinstance(asked, Refusal):
        return await _refused(request, locale, asked)
    if wants_page(request):
        return await show(request, "data.html", locale, what="export_asked")
    return JSONResponse({"number": asked.request_id}, 202)


@router.post("/me/erase")
async def erase(request: Request, intake: TheIntake, cause: TheCause) -> Response:
    """She asks to be forgotten. The number opens the proof, and nothing else."""
    fields = await sent(request, "token")
    claims = claims_of(request, Purpose.MY_PAGE, fields)
    if isinstance(claims, Refusal):
        return await _refused(request, negotiate(request), claims)
    locale = await locale_of(request, intake, claims)
    asked = await intake.rights.erase(claims.participant_id, ErasureCause.OWN_WISH, cause)
    if isinstance(asked, Refusal) and not isinstance(asked, Forgotten):
        return await _refused(request, locale, asked)
    number = None if isinstance(asked, Refusal) else asked.request_id
    if wants_page(request):
        return await show(request, "data.html", locale, what="erase", number=number)
    return JSONResponse({"status": "erased", "number": number})


@router.get("/export", include_in_schema=False)
async def export_page(request: Request, intake: TheIntake) -> Response:
    """Asks whether she wants to save her data now: whoever only looks at a link gets nothing."""
    claims = claims_of(request, Purpose.EXPORT)
    if isinstance(claims, Refusal):
        return await refuse(request, negotiate(request), claims)
    locale = await locale_of(request, intake, claims)
    token = request.query_params.get("token", "")
    return await show(request, "data.html", locale, what="fetch", token=token)


@router.post("/export", responses={200: {"content": {"application/zip": {}}}})
async def fetch(request: Request, intake: TheIntake) -> Response:
    """Her data, as an archive."""
    fields = await sent(request, "token")
    claims = claims_of(request, Purpose.EXPORT, fields)
    if isinstance(claims, Refusal):
        return await _refused(request, negotiate(request), claims)
    locale = await locale_of(request, intake, claims)
    found = await intake.rights.fetch(claims.match_id or "", claims.participant_id, locale)
    if isinstance(found, Refusal):
        return await _refused(request, locale, found)
    return Response(found, media_type="application/zip", headers=_ARCHIVE)


@router.get("/erasures/{number}", dependencies=[Depends(admit)])
async def proof(request: Request, number: str, intake: TheIntake) -> Response:
    """What was erased, where and when. It names nobody; only who has the number can ask."""
    asks_for_page = "text/html" in request.headers.get("accept", "")
    locale = negotiate(request)
    found = await intake.rights.proof(number)
    if isinstance(found, Refusal):
        if asks_for_page:
            return await refuse(request, locale, found)
        raise problem(found)
    if asks_for_page:
        return await show(request, "data.html", locale, what="proof", proof=_shown(found))
    return JSONResponse(_shown(found))


@router.get("/rights")
async def requests(
    _: Operator,
    intake: TheIntake,
    *,
    unfinished: bool = False,
    after: str = "",
    limit: Annotated[int, Query(ge=1, le=1000)] = _PAGE,
) -> dict[str, Any]:
    """Requests for data and erasure, and which service has answered. For operators."""
    found = await intake.rights.requests(unfinished=unfinished, after=after, limit=limit)
    is_cut_off = len(found) == limit
    return {
        "requests": [_shown(each) for each in found],
        "next": found[-1].request_id if is_cut_off else None,
    }


def _shown(asked: Asked) -> dict[str, Any]:
    """A request without whose it is."""
    return {
        "number": asked.request_id,
        "programme": asked.programme,
        "kind": asked.kind.value,
        "because": asked.because.value,
        "requested_at": rfc3339(asked.requested_at),
        "finished_at": rfc3339(asked.finished_at) if asked.finished_at else None,
        "missing": [service.value for service in asked.missing],
        "answers": [
            {
                "service": answer.service.value,
                "records": answer.records,
                "at": rfc3339(answer.complete_at) if answer.complete_at else None,
            }
            for answer in asked.answers
        ],
    }


async def _refused(request: Request, locale: str, refusal: Refusal) -> Response:
    if wants_page(request):
        return await refuse(request, locale, refusal)
    raise problem(refusal)
