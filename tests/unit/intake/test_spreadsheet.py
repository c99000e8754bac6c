import csv
import io
import tracemalloc
import zipfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deploy.sample.people import COLUMNS, generate
from services.intake.domain import sheet
from services.intake.domain.record import read_record
from services.intake.domain.spreadsheet import (
    RefusedField,
    TableRefused,
    open_table,
    refusals_csv,
)
from services.intake.domain.tables import load_tables
from tests.unit.intake.records import (
    IN_FORCE,
    REAL_FILE,
    a_record,
    as_csv,
    as_workbook,
    needs_the_real_file,
    rows_of,
)

HEADER = ("role", "story")


def variants(rows: list[list[str]]) -> dict[str, bytes]:
    return {
        "comma.csv": as_csv(rows),
        "mark.csv": as_csv(rows, mark=True),
        "semicolon.csv": as_csv(rows, separator=";"),
        "excel.csv": as_csv(rows, separator=";", mark=True, line_end="\n"),
        "workbook.xlsx": as_workbook(rows),
    }


def read_all(path_or_content: Path | bytes, name: str) -> list[object]:
    source = path_or_content if isinstance(path_or_content, Path) else io.BytesIO(path_or_content)
    return [
        (row.record, row.refused or read_record(row.fields, load_tables(), IN_FORCE))
        for row in open_table(source, name)
    ]


def test_every_kind_of_file_gives_the_same_registrations() -> None:
    rows = [list(COLUMNS), *([person[c] for c in COLUMNS] for person in generate(150, seed=7))]
    read = {name: read_all(content, name) for name, content in variants(rows).items()}
    assert len(read["comma.csv"]) == 150
    for name, registrations in read.items():
        assert registrations == read["comma.csv"], name


@needs_the_real_file
def test_a_real_spreadsheet_gives_the_same_registrations_in_every_kind_of_file() -> None:
    with REAL_FILE.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))[:1001]
    expected = read_all(REAL_FILE, REAL_FILE.name)[:1000]
    for name in ("semicolon.csv", "workbook.xlsx"):
        assert read_all(variants(rows)[name], name) == expected


# What a cell may hold: no NUL and no half of a surrogate pair; and, for a workbook, what XML knows.
cells = st.text(
    st.characters(exclude_categories=("Cs", "Cc"), include_characters="\n\r\t")
    | st.sampled_from('";,=_'),
    max_size=30,
).filter(lambda text: "￾" not in text and "￿" not in text)


@settings(max_examples=60)
@given(st.lists(st.tuples(st.just("mentee"), cells), min_size=1, max_size=5))
def test_cells_stay_as_they_were_in_every_kind_of_file(people: list[tuple[str, str]]) -> None:
    rows = [list(HEADER), *(list(person) for person in people)]
    for name, content in variants(rows).items():
        read = [tuple(row.fields.values()) for row in rows_of(content, name)]
        assert read == people, name


def test_a_line_number_is_that_of_the_records_first_line() -> None:
    read = rows_of(b'role,story\n\nmentee,"one\ntwo\n\nfour"\n\n,\nmentor,x\n')
    assert [(row.record, row.line, row.fields["story"]) for row in read] == [
        (1, 3, "one\ntwo\n\nfour"),
        (2, 9, "x"),
    ]


def test_a_line_number_of_a_workbook_is_its_row() -> None:
    read = rows_of(as_workbook([HEADER, ("mentee", "a"), (None, None), ("mentor", "b")]), "x.xlsx")
    assert [(row.record, row.line) for row in read] == [(1, 2), (2, 4)]


def test_line_ends_inside_a_cell_are_kept() -> None:
    (row,) = rows_of(b'role;story\r\nmentee;"a\r\nb\nc"\r\n')
    assert row.fields["story"] == "a\r\nb\nc"


def test_what_xml_cannot_hold_is_read_as_excel_escapes_it() -> None:
    people = ["a\r\nb", "_x000D_", "_x0041_ and _"]
    read = rows_of(as_workbook([HEADER, *[("mentee", story) for story in people]]), "x.xlsx")
    assert [row.fields["story"] for row in read] == people


def test_a_declared_separator_is_taken() -> None:
    (row,) = rows_of(b"sep=|\r\nrole|story\r\nmentee|a,b;c\r\n")
    assert (row.line, row.fields) == (3, {"role": "mentee", "story": "a,b;c"})


def test_a_separator_in_a_quoted_column_name_does_not_count() -> None:
    (row,) = rows_of(b'role,"a;b;c;d"\nmentee,x\n')
    assert row.fields == {"role": "mentee", "a;b;c;d": "x"}


@pytest.mark.parametrize("bad", [b"mentee,a,b", b"mentee", b"mentee,a,"])
def test_a_record_with_too_many_or_too_few_cells_is_refused_and_no_other(bad: bytes) -> None:
    first, second, third = rows_of(b"role,story\nmentee,a\n" + bad + b"\nmentor,c\n")
    assert not first.refused
    assert not third.refused
    assert second.fields == {}
    assert "2 columns" in second.refused[0].reason


def test_a_workbook_may_leave_out_empty_cells_at_the_end_but_not_have_more() -> None:
    read = rows_of(as_workbook([HEADER, ("mentee",), ("mentee", "a", "b")]), "x.xlsx")
    assert read[0].fields == {"role": "mentee", "story": ""}
    assert "3 cells" in read[1].refused[0].reason


def test_a_record_that_is_not_utf_8_is_refused_and_no_other() -> None:
    content = (
        "role,story\nmentee,på dansk\nmentee,".encode() + b"p\xe5 dansk\nmentor,a\0b\nmentor,x\n"
    )
    read = rows_of(content)
    assert [bool(row.refused) for row in read] == [False, True, True, False]
    assert "UTF-8" in read[1].refused[0].reason


@pytest.mark.parametrize("rest", [b"", b"mentee,x\n" * 40_000])
def test_a_quotation_mark_that_is_not_closed_costs_one_record(rest: bytes) -> None:
    read = rows_of(b'role,story\nmentee,"lost\nmentor,b\nmentor,c\n' + rest)
    assert [(row.record, row.line) for row in read[:3]] == [(1, 2), (2, 3), (3, 4)]
    assert "never closed" in read[0].refused[0].reason
    assert not any(row.refused for row in read[1:])


def test_a_file_full_of_marks_that_are_not_closed_is_refused() -> None:
    with pytest.raises(TableRefused, match="quotation mark"):
        rows_of(b"role,story\n" + b'x",",\n' * 200_000)


def test_a_mark_in_the_middle_of_a_cell_costs_one_record() -> None:
    read = rows_of(b'role,story\nmentee,"a" b\nmentor,c\n')
    assert [bool(row.refused) for row in read] == [True, False]


def test_a_far_too_long_cell_is_refused() -> None:
    longest = sheet.MOST_CHARACTERS_IN_A_CELL
    read = rows_of(as_csv([HEADER, ("mentee", "a" * longest), ("mentee", "a" * (longest + 1))]))
    assert [bool(row.refused) for row in read] == [False, True]


@pytest.mark.parametrize(
    ("content", "name", "said"),
    [
        (b"", "x.csv", "empty"),
        (b"\n\n", "x.csv", "empty"),
        (b"\xef\xbb\xbf", "x.csv", "empty"),
        (b"x" * (2 << 20), "x.csv", "Line 1"),
        ("role,story\n".encode("utf-16"), "x.csv", "UTF-16"),
        (b"r\xf8lle,story\nmentee,a\n", "x.csv", "header.*UTF-8"),
        (b"role,role\n", "x.csv", "Two columns"),
        (b"," * 100 + b"x\n", "x.csv", "more than 100"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "x.xls", "password"),
        (b"role,story\n", "x.xlsx", "cannot be read"),
        (b"PK\x03\x04 and nothing else", "x.xlsx", "cannot be read"),
        (as_workbook([["c"] * 101]), "x.xlsx", "more than 100"),
    ],
)
def test_what_is_no_table_is_refused_with_the_next_step(
    content: bytes, name: str, said: str
) -> None:
    with pytest.raises(TableRefused, match=said):
        rows_of(content, name)


def test_text_without_a_column_is_refused_not_dropped() -> None:
    read = rows_of(b"role,\nmentee,\nmentee,lost\n")
    assert read[0].fields == {"role": "mentee"}
    assert "column without a name" in read[1].refused[0].reason


def test_a_workbooks_numbers_dates_and_truths_are_text() -> None:
    moment = datetime(2026, 1, 5, 9, 30)  # noqa: DTZ001 - a sheet knows no time zones
    values = (101, 461.0, 2.5, True, False, moment, None)
    names = [f"c{number}" for number in range(len(values))]
    (row,) = rows_of(as_workbook([names, values]), "x.xlsx")
    assert list(row.fields.values()) == [
        "101",
        "461",
        "2.5",
        "true",
        "false",
        "2026-01-05T09:30:00",
        "",
    ]


def test_the_first_visible_sheet_is_read() -> None:
    workbook = openpyxl.Workbook()
    hidden = workbook.worksheets[0]
    hidden.append(["hidden"])
    hidden.sheet_state = "hidden"
    shown = workbook.create_sheet()
    shown.append(HEADER)
    shown.append(("mentee", "x"))
    file = io.BytesIO()
    workbook.save(file)
    assert [row.fields["role"] for row in rows_of(file.getvalue(), "x.xlsx")] == ["mentee"]


def _changed(workbook: bytes, part: str, change: bytes) -> bytes:
    """The workbook with one of its files replaced."""
    out = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(workbook)) as old,
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for name in old.namelist():
            new.writestr(name, change if name == part else old.read(name))
    return out.getvalue()


def test_a_bomb_is_refused_before_it_is_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    # A smaller limit than the real one, which takes seconds to fill.
    monkeypatch.setattr("services.intake.domain.xlsx_sheet.MOST_UNPACKED_BYTES", 64 << 20)
    part = "xl/worksheets/sheet1.xml"
    bomb = _changed(as_workbook([HEADER]), part, bytes(65 << 20))
    tracemalloc.start()
    try:
        with pytest.raises(TableRefused, match="MiB"):
            rows_of(bomb, "x.xlsx")
        assert tracemalloc.get_traced_memory()[1] < 20 << 20
    finally:
        tracemalloc.stop()


def test_entities_that_unfold_are_refused() -> None:
    laughs = b"".join(
        b'<!ENTITY l%d "%s">' % (n, b"&l%d;" % (n - 1) * 10 if n else b"lol") for n in range(9)
    )
    xml = b'<?xml version="1.0"?><!DOCTYPE x [%s]><worksheet>&l8;</worksheet>' % laughs
    bomb = _changed(as_workbook([HEADER]), "xl/worksheets/sheet1.xml", xml)
    with pytest.raises(TableRefused, match="cannot be read"):
        rows_of(bomb, "x.xlsx")


def test_a_workbook_that_breaks_off_is_refused_after_what_came_before() -> None:
    workbook = openpyxl.Workbook()
    for row in [HEADER, *[("mentee", "x")] * 3000]:
        workbook.worksheets[0].append(row)
    file = io.BytesIO()
    workbook.save(file)
    whole = file.getvalue()
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        xml = archive.read("xl/worksheets/sheet1.xml")
    broken = _changed(whole, "xl/worksheets/sheet1.xml", xml[: len(xml) // 2])
    read = open_table(io.BytesIO(broken), "x.xlsx")
    assert next(read).fields["role"] == "mentee"
    with pytest.raises(TableRefused, match="cannot be read"):
        list(read)


def test_a_stream_stays_open_and_a_file_is_closed(tmp_path: Path) -> None:
    content = as_csv([HEADER, ("mentee", "x")])
    stream = io.BytesIO(content)
    assert len(list(open_table(stream, "x.csv"))) == 1
    assert not stream.closed
    path = tmp_path / "x.csv"
    path.write_bytes(content)
    assert len(list(open_table(path, path.name))) == 1


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    def peak(count: int) -> int:
        path = tmp_path / f"{count}.csv"
        row = a_record()
        with path.open("wb") as file:
            file.write(as_csv([list(row)]))
            for _ in range(count // 100):
                file.write(as_csv([list(row.values())] * 100))
        tracemalloc.start()
        try:
            assert sum(1 for _ in open_table(path, path.name)) == count
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(100)
    assert peak(8_000) < peak(1_000) + 100_000


def refusals() -> Iterator[RefusedField]:
    yield RefusedField(1, 2, "email", "=HYPERLINK(1)", "This is not an e-mail address.")
    for start in ("+", "-", "@", "\t", "\r"):
        yield RefusedField(2, 3, f"{start}field", f"{start}1", "Why.")
    yield RefusedField(3, 9, "story", 'a "quoted"\nÅse, x', "Why.")


def test_a_list_of_refusals_holds_no_formula() -> None:
    text = "".join(refusals_csv(refusals()))
    assert text.startswith("\ufeffrecord,line,field,value,reason\r\n")
    read = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline="")))
    assert [line["value"] for line in read][:2] == ["'=HYPERLINK(1)", "'+1"]
    assert not any(
        cell.startswith(("=", "+", "-", "@", "\t", "\r")) for line in read for cell in line.values()
    )
    assert read[-1] == {
        "record": "3",
        "line": "9",
        "field": "story",
        "value": 'a "quoted"\nÅse, x',
        "reason": "Why.",
    }
