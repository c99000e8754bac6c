"""A spreadsheet brought in over HTTP: streamed, repeatable, and told to the last wrong field."""

import asyncio
import csv
import io
import json
from collections import Counter
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from openpyxl import Workbook
from pymongo.errors import AutoReconnect
from typer.testing import CliRunner

from deploy.sample.people import generate
from services.intake import command_line
from shared.events.participants import ParticipantRegistered, ParticipantState
from shared.events.streams import CONTACTS, PARTICIPANTS
from shared.web import doorkeeper
from tests.integration.intake.conftest import COORDINATOR_KEY, MONDAY, Served, eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

HEADER = "role,name,email,municipality,languages,wants_or_offers,charter,seats,not_with\n"
COORDINATORS_FILE = Path(__file__).parents[4] / "shared" / "data" / "people-3300.csv"


def a_mentee(email: str, not_with: str = "", charter: str = "2026-1") -> str:
    return f"mentee,Олена,{email},Odense,uk,job_search,{charter},,{not_with}\n"


def a_mentor(email: str, not_with: str = "") -> str:
    return f"mentor,Karen,{email},Odense,da,job_search,2026-1,2,{not_with}\n"


def lines(answer: httpx.Response) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.text
    return [json.loads(line) for line in answer.text.splitlines()]


def report(answer: httpx.Response) -> dict[str, Any]:
    told: dict[str, Any] = lines(answer)[-1]["report"]
    return told


def as_csv(people: Iterable[dict[str, str]]) -> str:
    people = list(people)
    out = io.StringIO()
    writer = csv.DictWriter(out, people[0])
    writer.writeheader()
    writer.writerows(people)
    return out.getvalue()


async def test_the_good_are_registered_and_the_others_named(intake: Served) -> None:
    content = HEADER + a_mentee("a@example.org") + a_mentee("b@example.org", charter="")
    told = report(await intake.import_csv(content + a_mentee("A@example.org")))
    counts = {name: told[name] for name in ("read", "registered", "repeated", "refused")}
    assert counts == {"read": 3, "registered": 1, "repeated": 1, "refused": 1}
    (refused,) = told["refusals"]
    assert (refused["record"], refused["line"], refused["field"]) == (2, 3, "charter")
    (found,) = await intake.participants()
    assert found["status"] == "active"


async def test_the_same_file_again_changes_and_tells_nothing(intake: Served) -> None:
    content = as_csv(generate(60, seed=3))
    await intake.import_csv(content)
    before = await all_told(intake)
    again = report(await intake.import_csv(content))
    assert again["registered"] == 0
    assert again["repeated"] == again["read"] - again["refused"]
    assert await all_told(intake) == before


async def all_told(intake: Served) -> set[str]:
    return {event.id for stream in (PARTICIPANTS, CONTACTS) for event in await intake.told(stream)}


async def test_one_person_may_be_mentee_and_mentor(intake: Served) -> None:
    content = HEADER + a_mentee("a@example.org") + a_mentor("a@example.org")
    assert report(await intake.import_csv(content))["registered"] == 2


async def test_whom_somebody_named_is_kept_apart_wherever_she_stands_in_the_file(
    intake: Served,
) -> None:
    names = [f"p{number}@example.org" for number in range(1100)]
    first, late = names[0], names[-1]
    content = HEADER + a_mentee(first, not_with=late)
    content += "".join(map(a_mentor, names[1:]))
    assert len(lines(await intake.import_csv(content))) == 4
    apart = {
        event.subject: event.payload.apart_from
        for event in await intake.told(PARTICIPANTS)
        if isinstance(event.payload, ParticipantState)
    }
    pairs = {subject: others for subject, others in apart.items() if others}
    (one, other) = pairs
    assert pairs == {one: (other,), other: (one,)}


async def test_refusals_come_as_a_spreadsheet_if_asked_for(intake: Served) -> None:
    content = HEADER + a_mentee("=cmd()") + a_mentee("b@example.org")
    answer = await intake.import_csv(content, format="csv")
    assert answer.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"))))
    assert [(row["record"], row["field"], row["value"]) for row in rows] == [
        ("1", "email", "'=cmd()")
    ]


async def test_a_workbook_is_read_like_text(intake: Served) -> None:
    workbook = Workbook()
    assert workbook.active is not None
    for row in csv.reader(io.StringIO(HEADER + a_mentor("a@example.org"))):
        workbook.active.append(row)
    content = io.BytesIO()
    workbook.save(content)
    answer = await intake.http.post(
        f"/programmes/{intake.programme}/imports",
        files={"file": ("people.xlsx", content.getvalue())},
        headers={"Authorization": f"Bearer {COORDINATOR_KEY}"},
    )
    assert report(answer)["registered"] == 1


@pytest.mark.parametrize("content", ["", "\ufeff", "PK\x03\x04 and no workbook"])
async def test_a_file_that_is_no_table_is_refused_with_the_next_step(
    intake: Served, content: str
) -> None:
    answer = await intake.import_csv(content)
    assert answer.status_code == 422
    assert answer.json()["detail"]


async def test_only_coordinators_import(intake: Served) -> None:
    answer = await intake.http.post(
        f"/programmes/{intake.programme}/imports", files={"file": ("a.csv", b"")}
    )
    assert answer.status_code == 401


async def test_an_import_may_take_longer_than_a_body_may_be_silent(
    intake: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doorkeeper, "BODY_SILENCE_S", 0.05)
    content = as_csv(generate(1500, seed=3))
    assert "report" in lines(await intake.import_csv(content))[-1]


async def test_an_import_that_was_cut_off_is_finished_by_sending_it_again(
    intake: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = HEADER + "".join(a_mentee(f"p{number}@example.org") for number in range(1200))
    with monkeypatch.context() as patched:
        cut_off_in_the_second_batch(intake, patched, RuntimeError("the process dies here"))
        with pytest.raises(httpx.RemoteProtocolError):
            await intake.import_csv(content)
    again = report(await intake.import_csv(content))
    assert again["registered"] + again["repeated"] == 1200
    intake.clock.set(MONDAY + timedelta(hours=12))
    registered: list[str] = []

    async def are_all_told() -> bool:
        registered[:] = [
            event.subject
            for event in await intake.told(PARTICIPANTS)
            if isinstance(event.payload, ParticipantRegistered)
        ]
        return len(set(registered)) == 1200

    await eventually(are_all_told)
    assert set(Counter(registered).values()) == {1}


async def test_an_import_says_at_its_end_that_the_storage_went_away(
    intake: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = HEADER + "".join(a_mentee(f"p{number}@example.org") for number in range(1200))
    cut_off_in_the_second_batch(intake, monkeypatch, AutoReconnect("away"))
    problem = lines(await intake.import_csv(content))[-1]["problem"]
    assert "send the same file again" in problem["detail"]
    assert problem["registered"] == 500


def cut_off_in_the_second_batch(
    intake: Served, patched: pytest.MonkeyPatch, error: Exception
) -> None:
    """After its people are put down, and before anybody is told."""
    programmes = intake.intake.store.programmes
    load = programmes.load
    calls = 0

    async def cut_off(ids: Iterable[str]) -> Any:
        nonlocal calls
        calls += 1
        if calls == 3:  # To find the programme, then once a batch.
            raise error
        return await load(ids)

    patched.setattr(programmes, "load", cut_off)


async def test_the_command_line_shows_the_report_and_writes_what_was_refused(
    intake: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, refused = tmp_path / "people.csv", tmp_path / "refused.csv"
    file.write_text(HEADER + a_mentee("a@example.org") + a_mentee("b"), encoding="utf-8")
    url = intake.url
    origin = f"{url}/behind"
    sent = httpx.stream

    def without_the_origin(method: str, url: str, **more: Any) -> Any:
        return sent(method, url.replace("/behind/intake", ""), **more)

    monkeypatch.setattr(httpx, "stream", without_the_origin)
    result = await run_in_thread(
        "import",
        str(file),
        *("--origin", origin, "--programme", intake.programme, "--refused", str(refused)),
    )
    assert result.exit_code == 0, result.output
    assert "email" in refused.read_text(encoding="utf-8")
    assert len(await intake.participants()) == 1


async def run_in_thread(*arguments: str) -> Any:
    runner = CliRunner(env={"COORDINATOR_KEY": COORDINATOR_KEY})
    return await asyncio.to_thread(runner.invoke, command_line.cli, arguments)


@pytest.mark.skipif(
    not COORDINATORS_FILE.exists(), reason=f"no {COORDINATORS_FILE.name} beside the project"
)
async def test_a_coordinators_file_of_3300_people_is_imported_as_its_truth_says(
    intake: Served,
) -> None:
    truth = json.loads(COORDINATORS_FILE.with_suffix(".truth.json").read_text())
    content = COORDINATORS_FILE.read_text(encoding="utf-8")
    told = report(await intake.import_csv(content))
    assert told["read"] == truth["records"]
    assert told["registered"] == truth["valid_unique"]
    assert told["repeated"] == truth["repeated_records"]
    assert told["refused"] == len(truth["bad"])
    roles = Counter(
        event.payload.role.value
        for event in await intake.told(PARTICIPANTS)
        if isinstance(event.payload, ParticipantRegistered)
    )
    assert roles == {"mentee": truth["mentees"], "mentor": truth["mentors"]}
