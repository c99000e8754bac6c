"""The monthly report: a year in numbers and pictures, and as CSV."""

from collections.abc import Sequence
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query, Response

from services.intake.desk.charts import Bars
from services.intake.desk.visiting import TheVisit, Visit
from services.intake.domain.monthly import Figures, Month, as_csv, monthly
from services.intake.domain.needs import need_of
from services.intake.domain.participant import Status
from shared.web.contract import content
from shared.web.problems import Problem

router = APIRouter(prefix="/coordinator")

AskedMonth = Annotated[str | None, Query(alias="month", max_length=7)]


@router.get("/report")
async def report(visit: TheVisit, month: AskedMonth = None) -> Response:
    """One month beside the eleven before it, of her cities."""
    last = _month(visit, month)
    figures = await _figures(visit, last)
    return visit.page(
        "report.html",
        last=last,
        is_newest=last == _now(visit),
        figures=figures,
        this=figures[-1],
        accepted=Bars.of([(each.month, each.accepted) for each in figures]),
        registered=Bars.of(
            [(each.month, each.mentees_registered + each.mentors_registered) for each in figures]
        ),
        now_active=await _standing(visit),
    )


@router.get("/report.csv", responses=content("text/csv"))
async def report_csv(visit: TheVisit, month: AskedMonth = None) -> Response:
    """The same numbers, one line a month."""
    last = _month(visit, month)
    headers = {"Content-Disposition": f'attachment; filename="report-{last}.csv"'}
    text = as_csv(await _figures(visit, last))
    return Response(text, media_type="text/csv; charset=utf-8", headers=headers)


async def _figures(visit: Visit, last: Month) -> Sequence[Figures]:
    store, programme = visit.intake.store, visit.programme.programme
    people = await store.people_in(programme, visit.cities)
    matches = await store.matches_in(programme, visit.cities)
    return monthly(people, matches, last, ZoneInfo(visit.programme.time_zone))


async def _standing(visit: Visit) -> dict[str, int]:
    """How things stand today, whatever the month that is shown."""
    store, programme = visit.intake.store, visit.programme.programme
    people = await store.people_in(programme, visit.cities, status=Status.ACTIVE.value)
    accepted = await store.matches_in(programme, visit.cities, accepted_at={"$ne": None})
    running = [match for match in accepted if match.is_running]
    taken = await store.people_in_open_matches([each.participant_id for each in people])
    return {
        "active": len(people),
        "waiting": sum(each.participant_id not in taken for each in people),
        "running": len(running),
        "in_need": sum(need_of(match).is_urgent for match in running),
    }


def _now(visit: Visit) -> Month:
    return Month.of(visit.cause.time, ZoneInfo(visit.programme.time_zone))


def _month(visit: Visit, asked: str | None) -> Month:
    if not asked:
        return _now(visit)
    month = Month.read(asked)
    if month is None or month.year < 2000:
        raise Problem(422, "No such month", "Write a month as in 2026-03.")
    return month
