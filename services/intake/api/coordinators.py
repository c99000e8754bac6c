"""What coordinators do: bring in a spreadsheet, see who is there, let mentors into the pool."""

import json
from collections.abc import AsyncIterator
from enum import StrEnum
from typing import Annotated, Any, BinaryIO, Final

from fastapi import APIRouter, Query, UploadFile
from fastapi.responses import Response, StreamingResponse

from services.intake.api.asking import TheCause, TheIntake, problem, status_of
from services.intake.domain.participant import Participant, Status
from services.intake.domain.programme import Programme
from services.intake.domain.refusals import NobodyHere
from services.intake.domain.spreadsheet import TableRefused, open_table, refusals_csv
from services.intake.importing import Tally, import_people
from services.intake.service import Intake
from shared.decisions import Refusal
from shared.errors import CommonGroundError
from shared.events.wire import rfc3339
from shared.security.scopes import Scope
from shared.storage.changes import Cause
from shared.storage.database import STORAGE_AWAY
from shared.web.access import Coordinator
from shared.web.contract import content
from shared.web.idempotency import Idempotent
from shared.web.problems import Problem

_CUT_OFF: Final = "The import was cut off. What is counted is done; send the same file again."

router = APIRouter()


class ReportFormat(StrEnum):
    """How an import is answered."""

    NDJSON = "ndjson"
    CSV = "csv"


@router.post(
    "/programmes/{programme}/imports",
    responses=content("application/x-ndjson", "text/csv"),
    response_class=Response,
)
async def import_file(
    caller: Coordinator,
    programme: str,
    file: UploadFile,
    intake: TheIntake,
    cause: TheCause,
    report_format: Annotated[ReportFormat, Query(alias="format")] = ReportFormat.NDJSON,
) -> Response:
    """Registers everybody in a CSV or .xlsx file who lives in the caller's cities.

    `ndjson`: a line with counts after each 500 records, then one line `{"report": …}`; if it was cut
    off, the last line is `{"problem": …}`. `csv`: at the end, the list of what was refused.
    """
    found = await intake.programme(programme)
    if isinstance(found, Refusal):
        raise problem(found)
    tallies = _tallies(intake, found, caller.scope, file.file, file.filename or "", cause)
    try:
        first = await anext(tallies)
    except TableRefused as refused:
        raise Problem(422, "The file cannot be read", str(refused)) from None
    if report_format is ReportFormat.CSV:
        name = 'attachment; filename="refused.csv"'
        return StreamingResponse(
            _refusals(first, tallies), media_type="text/csv", headers={"Content-Disposition": name}
        )
    return StreamingResponse(_lines(first, tallies), media_type="application/x-ndjson")


def _tallies(
    intake: Intake,
    programme: Programme,
    scope: Scope,
    file: BinaryIO,
    filename: str,
    cause: Cause,
) -> AsyncIterator[Tally]:
    return import_people(intake, programme, scope.cities, open_table(file, filename), cause)


async def _lines(first: Tally, tallies: AsyncIterator[Tally]) -> AsyncIterator[str]:
    tally = first
    yield _line(tally.counts())
    try:
        async for tally in tallies:
            yield _line(tally.counts())
    except (CommonGroundError, *STORAGE_AWAY) as error:
        why = str(error) if isinstance(error, TableRefused) else _CUT_OFF
        yield _line({"problem": {"detail": why, **tally.report()}})
    else:
        yield _line({"report": tally.report()})


async def _refusals(first: Tally, tallies: AsyncIterator[Tally]) -> AsyncIterator[str]:
    tally = first
    async for tally in tallies:  # noqa: B007  (the last one is what is told)
        pass
    for line in refusals_csv(tally.refusals):
        yield line


def _line(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False) + "\n"


@router.get("/programmes/{programme}/participants")
async def participants(
    caller: Coordinator,
    programme: str,
    intake: TheIntake,
    city: Annotated[str | None, Query(max_length=10)] = None,
    status: Status | None = None,
    after: Annotated[str, Query(max_length=100)] = "",
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> dict[str, Any]:
    """Who takes part, without names or contact data, in pages: `after` is the last id seen."""
    found = await intake.programme(programme)
    if isinstance(found, Refusal):
        raise problem(found)
    cities = caller.scope.cities_for(city)
    page = await intake.store.page_of(
        programme, cities=cities, status=status, after=after, limit=limit + 1
    )
    shown = page[:limit]
    return {
        "participants": [_shown(participant) for participant in shown],
        "after": shown[-1].participant_id if len(page) > limit else None,
    }


def _shown(participant: Participant) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "participant_id": participant.participant_id,
        "status": participant.status.value,
    }
    person = participant.person
    if person is not None:
        since = person.available_since
        shown |= {
            "role": person.role.value,
            "city": person.profile.city,
            "origin": person.origin.value,
            "registered_at": rfc3339(person.registered_at),
            "available_since": rfc3339(since) if since else None,
            "paused_for": person.paused_for.value if person.paused_for else None,
            "kinds_of_help": [kind.value for kind in person.profile.kinds_of_help],
            "profession": person.profile.profession,
            "languages": list(person.profile.languages),
            "seats": person.profile.seats,
        }
    return shown


@router.post("/participants/{participant_id}/screen")
async def screen(
    caller: Coordinator, participant_id: str, intake: TheIntake, cause: TheCause, key: Idempotent
) -> dict[str, Any]:
    """Lets a mentor into the pool after the talk with her."""
    caller.hers(await intake.store.participants.get(participant_id), NobodyHere())
    once = key.answering(status_of)
    outcome = await intake.screen(participant_id, caller.name, once, cause)
    if outcome.refusal is not None:
        raise problem(outcome.refusal)
    return outcome.answer or (status_of(outcome.state) if outcome.state else {})
