"""Reads the first visible sheet of an .xlsx workbook row by row, every cell as text.

A workbook is a zip of XML and can unpack to anything, so its sizes are looked at before it is
opened. defusedxml, when it is installed, keeps entities from unfolding (openpyxl uses it).
"""

import re
import zipfile
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time
from typing import BinaryIO, Final

import openpyxl
from openpyxl.workbook import Workbook

from services.intake.domain.sheet import (
    MOST_COLUMNS,
    MOST_ROWS,
    MOST_SHARED_TEXT_BYTES,
    MOST_UNPACKED_BYTES,
    SheetRow,
    TableRefused,
)

MOST_FILES: Final = 1_000
UNREADABLE_WORKBOOK: Final = (
    "This workbook cannot be read. Open it in a spreadsheet program, save it as .xlsx, or as "
    "'CSV UTF-8', and send it again."
)

_ESCAPED: Final = re.compile(r"_x([0-9A-Fa-f]{4})_")
"""How a workbook writes characters that XML cannot hold: ECMA-376 part 1, 22.9.2.19 (ST_Xstring)."""


def rows(file: BinaryIO) -> Iterator[SheetRow]:
    """The rows of the first visible sheet, the header first; empty rows come without text."""
    try:
        _refuse_bombs(file)
        workbook = openpyxl.load_workbook(file, read_only=True, data_only=True, keep_links=False)
        try:
            for line, cells in enumerate(_cells(workbook), start=1):
                texts = [_text(value) for value in cells]
                while texts and not texts[-1]:
                    texts.pop()
                yield SheetRow(line, texts, is_padded=True)
        finally:
            workbook.close()
    except TableRefused:
        raise
    except Exception as error:
        # Broken XML comes up as any kind of error of zipfile, the XML parser or openpyxl.
        raise TableRefused(UNREADABLE_WORKBOOK) from error


def _refuse_bombs(file: BinaryIO) -> None:
    """By the sizes that the zip declares: reading a file of it stops at the declared size."""
    with zipfile.ZipFile(file) as archive:
        files = archive.infolist()
    unpacked = sum(entry.file_size for entry in files)
    shared = sum(e.file_size for e in files if e.filename.lower().endswith("sharedstrings.xml"))
    if len(files) > MOST_FILES or unpacked > MOST_UNPACKED_BYTES or shared > MOST_SHARED_TEXT_BYTES:
        raise TableRefused(
            f"This workbook unpacks to {unpacked / (1 << 20):,.0f} MiB, which is too much. Save "
            "the sheet as 'CSV UTF-8' and send that."
        )
    file.seek(0)


def _cells(workbook: Workbook) -> Iterator[Sequence[object]]:
    for sheet in workbook.worksheets:
        if sheet.sheet_state == "visible":
            # The size that a sheet declares may be wrong, and is not needed.
            sheet.reset_dimensions()
            # One column more than is allowed, so that too wide a header shows.
            yield from sheet.iter_rows(
                max_row=MOST_ROWS, max_col=MOST_COLUMNS + 1, values_only=True
            )
            return
    raise TableRefused("This workbook has no visible sheet. Show the one with the people.")


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, date | datetime | time):
        return value.isoformat()
    return _ESCAPED.sub(lambda code: chr(int(code[1], 16)), str(value))
