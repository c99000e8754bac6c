"""Builders of records and of the files that hold them."""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path

import openpyxl
import pytest
from openpyxl.cell import WriteOnlyCell

from services.intake.domain.columns import FieldProblem
from services.intake.domain.profile import Registration
from services.intake.domain.record import read_record
from services.intake.domain.spreadsheet import Row, open_table
from services.intake.domain.tables import load_tables

IN_FORCE = frozenset({"2026-1"})
REAL_FILE = Path(__file__).parents[4] / "shared" / "data" / "people-3300.csv"
needs_the_real_file = pytest.mark.skipif(
    not REAL_FILE.exists(), reason="../shared/data/people-3300.csv is not beside this project"
)


def a_record(**changes: str) -> dict[str, str]:
    """A mentor's record in which nothing is wrong; `None`-like absence is by `without`."""
    return {
        "role": "mentor",
        "name": "Åse Kjær",
        "email": "ase@example.org",
        "phone": "+4532123456",
        "municipality": "Aarhus",
        "languages": "dansk; English",
        "profession": "Nursing professionals",
        "isco": "2221",
        "education": "6",
        "wants_or_offers": "job_search;confidence",
        "interests": "Choir  singing; chess",
        "common_topics": "parenting",
        "availability": "tue-evening;sat-morning",
        "online_ok": "ja",
        "seats": "2",
        "not_with": "",
        "locale": "da",
        "charter": "2026-1",
        "story": " Min historie\n",
        "goals": "",
        "request": "",
    } | changes


def read(**changes: str) -> Registration | tuple[FieldProblem, ...]:
    return read_record(a_record(**changes), load_tables(), IN_FORCE)


def registered(**changes: str) -> Registration:
    result = read(**changes)
    assert isinstance(result, Registration), result
    return result


def problems(**changes: str) -> tuple[FieldProblem, ...]:
    result = read(**changes)
    assert isinstance(result, tuple), result
    return result


def rows_of(content: bytes, filename: str = "people.csv") -> list[Row]:
    return list(open_table(io.BytesIO(content), filename))


def as_csv(
    rows: Iterable[Sequence[str]],
    *,
    separator: str = ",",
    mark: bool = False,
    line_end: str = "\r\n",
) -> bytes:
    text = io.StringIO()
    # A writer quotes a line end only if it is its own; others would end the line for a reader.
    writer = csv.writer(
        text,
        delimiter=separator,
        lineterminator=line_end,
        quoting=csv.QUOTE_MINIMAL if line_end == "\r\n" else csv.QUOTE_ALL,
    )
    writer.writerows(rows)
    return text.getvalue().encode("utf-8-sig" if mark else "utf-8")


Value = str | float | datetime | None


def as_workbook(rows: Iterable[Sequence[Value]]) -> bytes:
    """As Excel writes it: text is never a formula, and what XML cannot hold is escaped."""
    workbook = openpyxl.Workbook(write_only=True)
    sheet = workbook.create_sheet()
    for row in rows:
        cells = []
        for value in row:
            if isinstance(value, str):
                escaped = re.sub(r"_(?=x[0-9A-Fa-f]{4}_)", "_x005F_", value)
                cell = WriteOnlyCell(sheet, escaped.replace("\r", "_x000D_"))
                cell.data_type = "s"
            else:
                cell = WriteOnlyCell(sheet, value)
            cells.append(cell)
        sheet.append(cells)
    file = io.BytesIO()
    workbook.save(file)
    return file.getvalue()
