"""Reads a CSV file row by row: UTF-8, separated by comma, semicolon or tab, quoted or not.

One bad row spoils no other. Of a row whose quotation mark is never closed, only the first line is
given up: reading goes on with the line after it.
"""

import codecs
import csv
import io
import re
from collections import deque
from collections.abc import Iterator
from typing import BinaryIO, Final

from services.intake.domain.sheet import (
    MOST_BYTES_IN_A_RECORD,
    UNREADABLE_TEXT,
    SheetRow,
    TableRefused,
)

SEPARATORS: Final = (",", ";", "\t")
MOST_ROWS_READ_AGAIN: Final = 20
"""Reading lines again takes time, so a file that asks for it more often is refused."""

_SEPARATOR_LINE: Final = re.compile(r"sep=(.)\r?\n?", re.IGNORECASE)
_QUOTED: Final = re.compile(r'"[^"]*"')


class _RecordTooLong(Exception):
    """A quotation mark that is not closed, most likely."""


class _Lines:
    """The lines of a file, numbered from 1; those of the row at hand can be read again."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._again: deque[bytes] = deque()
        self._of_this_row: list[bytes] = []
        self._bytes_of_this_row = 0
        self.number = 0
        self.is_readable = True

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._next_line()
        self.number += 1
        self._of_this_row.append(line)
        self._bytes_of_this_row += len(line)
        if self._bytes_of_this_row > MOST_BYTES_IN_A_RECORD:
            raise _RecordTooLong
        try:
            return line.decode("utf-8")
        except UnicodeDecodeError:
            self.is_readable = False
            return line.decode("utf-8", errors="replace")

    def begin_row(self) -> None:
        """Forgets the lines of the row before."""
        self._of_this_row.clear()
        self._bytes_of_this_row = 0
        self.is_readable = True

    def give_up_first_line(self) -> bool:
        """Reads the row's lines again, except for the first. False if there is no other."""
        others = self._of_this_row[1:]
        self._again.extendleft(reversed(others))
        self.number -= len(others)
        return bool(others)

    def peek(self) -> str:
        """The next line, without taking it."""
        try:
            line = self._next_line()
        except StopIteration:
            return ""
        self._again.appendleft(line)
        return line.decode("utf-8", errors="replace")

    def _next_line(self) -> bytes:
        if self._again:
            return self._again.popleft()
        line = self._file.readline(MOST_BYTES_IN_A_RECORD + 1)
        if not line:
            raise StopIteration
        if len(line) > MOST_BYTES_IN_A_RECORD:
            raise TableRefused(
                f"Line {self.number + 1} has more than {MOST_BYTES_IN_A_RECORD:,} bytes: this is "
                "no table of people. Save the sheet as 'CSV UTF-8' and send it again."
            )
        return line


def rows(file: BinaryIO) -> Iterator[SheetRow]:
    """The rows of a CSV file, the header first; empty lines come as rows without text."""
    start = file.read(len(codecs.BOM_UTF8))
    if start != codecs.BOM_UTF8:
        file.seek(-len(start), io.SEEK_CUR)
    lines = _Lines(file)
    separator = _separator(lines)
    read_again = 0
    while True:
        lines.begin_row()
        line = lines.number + 1
        try:
            # A reader for each row: it holds no state from one row to the next.
            cells = next(csv.reader(lines, delimiter=separator, strict=True), None)
        except (csv.Error, _RecordTooLong) as error:
            read_again += lines.give_up_first_line()
            if read_again > MOST_ROWS_READ_AGAIN:
                raise TableRefused(
                    f"In {read_again} rows, at last in line {line}, a quotation mark is not "
                    "closed. Save the sheet as 'CSV UTF-8' and send it again."
                ) from error
            yield SheetRow(line, (), _why(error))
            continue
        if cells is None:
            return
        yield SheetRow(line, cells, None if lines.is_readable else UNREADABLE_TEXT)


def _separator(lines: _Lines) -> str:
    """As the first line says, or the one that the header has most of."""
    declared = _SEPARATOR_LINE.fullmatch(lines.peek())
    if declared:
        next(lines)
        return declared[1]
    header = _QUOTED.sub("", lines.peek())
    return max(SEPARATORS, key=header.count)


def _why(error: csv.Error | _RecordTooLong) -> str:
    if isinstance(error, _RecordTooLong) or "end of data" in str(error) or "limit" in str(error):
        return "A quotation mark is opened here and never closed. Close it, or write it twice."
    return "A quotation mark stands in the middle of a cell. Write it twice, and quote the cell."
