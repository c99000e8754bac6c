"""Bringing people in by spreadsheet: choose a file, see what would come of it, then bring them in."""

from typing import Final

from fastapi import APIRouter, Response, UploadFile

from services.intake.desk.desk import MOST_DRAFT_BYTES
from services.intake.desk.visiting import TheVisit
from services.intake.domain.spreadsheet import TableRefused, refusals_csv
from services.intake.importing import Tally
from shared.decisions import Refusal
from shared.web.contract import content
from shared.web.problems import Problem, problem_of

_REFUSALS_SHOWN: Final = 200

router = APIRouter(prefix="/coordinator/import")


@router.get("")
async def choose_file(visit: TheVisit) -> Response:
    """Asks for the file."""
    return visit.page("import.html", why=None)


@router.post("/imports")
async def preview(visit: TheVisit, file: UploadFile) -> Response:
    """What would come of the file. Nobody is registered yet."""
    if (file.size or 0) > MOST_DRAFT_BYTES:
        return visit.page("import.html", status=413, why="too_large")
    whole = await file.read()
    try:
        draft_id, tally = await visit.desk.look_at_file(
            visit.caller, visit.programme, file.filename or "", whole, visit.cause
        )
    except TableRefused as refused:
        return visit.page("import.html", status=422, why=str(refused))
    return _told(visit, "import_preview.html", tally, draft_id)


@router.get("/{draft_id}/refused.csv", responses=content("text/csv"))
async def refused(visit: TheVisit, draft_id: str) -> Response:
    """The lines that would be refused, to hand back to whoever wrote the file."""
    tally = await visit.desk.look_again(visit.caller, visit.programme, draft_id)
    lines = "".join(refusals_csv(_known(tally).refusals))
    headers = {"Content-Disposition": 'attachment; filename="refused.csv"'}
    return Response(lines, media_type="text/csv; charset=utf-8", headers=headers)


@router.post("/{draft_id}")
async def bring_in(visit: TheVisit, draft_id: str) -> Response:
    """Registers everybody whom the file holds. Sent again, it goes on where it was cut off."""
    try:
        tally = await visit.desk.bring_in(visit.caller, visit.programme, draft_id, visit.cause)
    except TableRefused as refused:
        raise Problem(422, "The file cannot be read", str(refused)) from None
    return _told(visit, "import_done.html", _known(tally), draft_id)


def _known(tally: Tally | Refusal) -> Tally:
    if isinstance(tally, Refusal):
        raise problem_of(tally)
    return tally


def _told(visit: TheVisit, template: str, tally: Tally, draft_id: str) -> Response:
    return visit.page(
        template,
        tally=tally,
        draft_id=draft_id,
        refusals=tally.refusals[:_REFUSALS_SHOWN],
        more_refusals=max(0, len(tally.refusals) - _REFUSALS_SHOWN),
        notices=tally.notices[:_REFUSALS_SHOWN],
    )
