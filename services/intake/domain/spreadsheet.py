"""A coordinator's spreadsheet, record by record, and the list of what was refused in it.

Streams: a file of any length takes the same memory (of an .xlsx, the shared texts are held, up to
a limit). One record that cannot be read is refused with a reason; the others go on.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from services.intake.domain import csv_sheet, xlsx_sheet
from services.intake.domain.columns import FieldProblem
from services.intake.domain.sheet import (
    MOST_CHARACTERS_IN_A_CELL,
    MOST_COLUMNS,
    UNREADABLE_TEXT,
    SheetRow,
    TableRefused,
)

__all__ = ["RefusedField", "Row", "TableRefused", "open_table", "refusals_csv"]

_ZIP: Final = b"PK\x03\x04"
_OLD_EXCEL: Final = b"\xd0\xcf\x11\xe0"
_UTF_16: Final = (b"\xff\xfe", b"\xfe\xff")
_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class Row:
    """One record. `refused` says why its cells cannot be read; `fields` is empty then.

    record: 1 for the first after the header; empty rows do not count.
    line: where it begins in the file: its first line (CSV) or its row (.xlsx), from 1.
    fields: its cells, unchanged, by the names in the header.
    """

    record: int
    line: int
    fields: dict[str, str]
    refused: tuple[FieldProblem, ...] = ()


@dataclass(frozen=True, slots=True)
class RefusedField:
    """One line of the list of refusals."""

    record: int
    line: int
    field: str
    value: str
    reason: str


def open_table(path_or_stream: Path | BinaryIO, filename: str) -> Iterator[Row]:
    """The records of a CSV or .xlsx file with a header. A stream must be seekable; it stays open.

    Raises TableRefused, at the first record or later, if the file cannot be read as a table.
    """
    with ExitStack() as stack:
        if isinstance(path_or_stream, Path):
            file: BinaryIO = stack.enter_context(path_or_stream.open("rb"))
        else:
            file = path_or_stream
        rows = (row for row in _sheet(file, filename) if row.problem or any(row.cells))
        header = _header(next(rows, None))
        for record, row in enumerate(rows, start=1):
            problem = row.problem or _problem(row, header)
            if problem:
                yield Row(record, row.line, {}, (FieldProblem("", "", problem),))
            else:
                missing = len(header) - len(row.cells)
                cells = (*row.cells, *([""] * missing))
                named = zip(header, cells, strict=False)
                yield Row(record, row.line, {name: cell for name, cell in named if name})


def refusals_csv(refusals: Iterable[RefusedField]) -> Iterator[str]:
    """The refusals as lines of a CSV file, which spreadsheet programs open as it is meant.

    It begins with a byte order mark, without which Excel takes UTF-8 for something else, and no
    cell is taken for a formula: one that begins like a formula gets an apostrophe.
    """
    yield "\ufeff" + _csv_line(("record", "line", "field", "value", "reason"))
    for refused in refusals:
        texts = (refused.field, refused.value, refused.reason)
        yield _csv_line((str(refused.record), str(refused.line), *map(_harmless, texts)))


def _sheet(file: BinaryIO, filename: str) -> Iterator[SheetRow]:
    """By what the file begins with; a name may say anything."""
    start = file.read(4)
    file.seek(-len(start), io.SEEK_CUR)
    if start == _ZIP:
        return xlsx_sheet.rows(file)
    if start == _OLD_EXCEL:
        raise TableRefused(
            "This is a workbook of the old format, or one with a password. Save it as .xlsx "
            "without a password, or as 'CSV UTF-8', and send it again."
        )
    if start[:2] in _UTF_16:
        raise TableRefused("This file is UTF-16. Save it as 'CSV UTF-8' and send it again.")
    if Path(filename).suffix.lower() in {".xlsx", ".xls", ".ods"}:
        raise TableRefused(xlsx_sheet.UNREADABLE_WORKBOOK)
    return csv_sheet.rows(file)


def _header(row: SheetRow | None) -> list[str]:
    """The names of the columns; empty for a column without one."""
    if row is None:
        raise TableRefused("The file is empty. The first row has to name the columns.")
    if row.problem:
        raise TableRefused(f"The header cannot be read. {row.problem}")
    names = [cell.strip() for cell in row.cells]
    if len(names) > MOST_COLUMNS:
        raise TableRefused(
            f"The header has more than {MOST_COLUMNS} columns. Delete those that are not needed."
        )
    twice = next((name for name in names if name and names.count(name) > 1), None)
    if twice:
        raise TableRefused(f"Two columns are called {twice[:80]!r}. Rename or delete one.")
    return names


def _problem(row: SheetRow, header: Sequence[str]) -> str | None:
    if len(row.cells) > len(header) or (len(row.cells) < len(header) and not row.is_padded):
        return (
            f"There are {len(row.cells)} cells here and {len(header)} columns in the header. Look "
            "for a separator that is missing or too many, and quote cells with line breaks."
        )
    if any(cell and not name for name, cell in zip(header, row.cells, strict=False)):
        return "There is text in a column without a name. Name the column, or empty the cell."
    longest = max(map(len, row.cells))
    if longest > MOST_CHARACTERS_IN_A_CELL:
        return f"A cell has {longest:,} characters. Shorten it to {MOST_CHARACTERS_IN_A_CELL:,}."
    if not all(map(_is_text, row.cells)):
        return UNREADABLE_TEXT
    return None


def _is_text(cell: str) -> bool:
    """Whether it can be stored and sent: no NUL, no half of a surrogate pair."""
    if cell.isascii():
        return "\0" not in cell
    return not any(letter == "\0" or "\ud800" <= letter <= "\udfff" for letter in cell)


def _harmless(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text


def _csv_line(cells: Iterable[str]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(cells)
    return line.getvalue()
