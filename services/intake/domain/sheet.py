"""What a spreadsheet of either format is read into, and how much of one is read at all.

The limits keep memory constant, whatever is sent: a file that goes past one is refused.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from shared.errors import CommonGroundError

MOST_CHARACTERS_IN_A_CELL: Final = 32_767
"""The most that a cell of Excel holds."""

MOST_BYTES_IN_A_RECORD: Final = 1 << 20
MOST_COLUMNS: Final = 100
MOST_ROWS: Final = 1_048_576
"""The most that a sheet of Excel holds."""

MOST_UNPACKED_BYTES: Final = 512 << 20
MOST_SHARED_TEXT_BYTES: Final = 64 << 20
"""Unpacked size of a workbook, and of the part of it that has to be held in memory."""

UNREADABLE_TEXT: Final = (
    "There are characters here that are not UTF-8. Save the file as 'CSV UTF-8' and send it again."
)


class TableRefused(CommonGroundError):
    """A file that cannot be read as a table of people at all. The message says what to do."""


@dataclass(frozen=True, slots=True)
class SheetRow:
    """The cells of one row, or why they cannot be read.

    line: the row's first line in the file (CSV) or its row in the sheet, from 1.
    is_padded: whether a row may be shorter than the header, since empty cells are not stored.
    """

    line: int
    cells: Sequence[str]
    problem: str | None = None
    is_padded: bool = False
