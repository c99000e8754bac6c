"""The report as one HTML file that needs nothing else."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from deploy.local.report.figures import Bar, Place, Series, bars, columns, country
from deploy.local.report.numbers import Numbers
from services.intake.domain.tables import Tables

_HERE: Final = Path(__file__).parent
_ROOM_OF_GROUPS: Final = 330
_TONES: Final = {
    "due": "tone-2",
    "completed": "tone-1",
    "overdue": "tone-3",
    "escalated": "tone-4",
}


def render(
    report: Mapping[str, Any], numbers: Numbers, tables: Tables, findings: Sequence[str], weeks: int
) -> str:
    """The whole page."""
    environment = Environment(
        loader=FileSystemLoader(_HERE),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    week_names = [f"week {week + 1}" if week == 0 else str(week + 1) for week in range(weeks)]
    series = [Series(name, numbers.check_ins_by_week[name], tone) for name, tone in _TONES.items()]
    longest = _last_filled(numbers.weeks_waited)
    cities = sorted(numbers.by_city.items(), key=lambda item: (-item[1], item[0]))
    return environment.get_template("report.html").render(
        report=report,
        numbers=numbers,
        findings=findings,
        weeks=weeks,
        funnel_figure=bars(
            "Mentees from registered to mentorship",
            [Bar(name, value) for name, value in numbers.funnel.items()],
        ),
        waiting_figure=columns(
            "Mentees by the week in which their mentorship began",
            week_names[:longest],
            [Series("mentees", numbers.weeks_waited[:longest], "tone-1")],
        ),
        weeks_waited=list(zip(week_names[:longest], numbers.weeks_waited, strict=False)),
        audit_figures=[
            bars(
                f"{audit.title}: placed of a hundred",
                [Bar(name, share) for name, _, _, share, _, _ in audit.rows],
                room=_ROOM_OF_GROUPS,
            )
            for audit in numbers.audits
        ],
        check_in_figure=columns(
            "Check-ins in each week, by what became of them", week_names, series
        ),
        check_in_series=series,
        check_in_rows=[
            (name, *(each.values[week] for each in series)) for week, name in enumerate(week_names)
        ],
        map_figure=country("Mentorships by municipality", _places(numbers, tables)),
        city_rows=[(_name(code, tables), value) for code, value in cities],
        message_rows=[
            (kind.replace("_", " "), value) for kind, value in numbers.messages.most_common()
        ],
        violation_rows=[
            (rule.replace("_", " "), value) for rule, value in report["violations"].items()
        ],
    )


def _places(numbers: Numbers, tables: Tables) -> list[Place]:
    """The municipalities' seats; approximate, to two decimals of a degree."""
    with (_HERE / "positions.csv").open(encoding="utf-8", newline="") as file:
        return [
            Place(
                _name(row["code"], tables),
                float(row["north"]),
                float(row["east"]),
                numbers.by_city[row["code"]],
            )
            for row in csv.DictReader(file)
        ]


def _name(code: str, tables: Tables) -> str:
    return tables.places[code].name if code in tables.places else code or "not said"


def _last_filled(values: Sequence[int]) -> int:
    filled = [place for place, value in enumerate(values) if value]
    return max(filled, default=0) + 1
