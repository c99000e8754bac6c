"""The demo on a small population: it ends well, twice alike, whatever is killed on the way."""

import asyncio
import gzip
import json
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from deploy.local.engines import SERVICES
from deploy.local.report import Verdict
from deploy.local.simulation.people import SITS_DOWN_AT
from deploy.local.supervisor import Platform
from services.matching.domain.engine import ColumnarEngine
from services.matching.replay.history import read_journal
from services.matching.replay.verify import verify
from tests.e2e.demo.playing import STARTS_AT, play, what_must_not_differ

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Verdict, Path]:
    """A run in which nothing is broken, and where it lies."""
    directory = tmp_path_factory.mktemp("undisturbed")
    verdict, _, _ = play(directory)
    return verdict, directory


def test_a_small_network_lives_for_five_weeks_and_everything_adds_up(
    undisturbed: tuple[Verdict, Path],
) -> None:
    verdict, directory = undisturbed
    assert verdict.findings == ()
    report = json.loads((directory / "report" / "report.json").read_text())
    assert report == json.loads(json.dumps(verdict.report))
    people = report["people"]
    assert people["records"] == 60
    assert people["registered"] - people["on_the_web"] + people["refused"] == 60
    assert people["repeated"] == 0
    assert report["imported_again"]["registered"] == 0
    assert len({refusal["record"] for refusal in report["refusals"]}) == people["refused"]
    assert report["mentees"]["placed"] >= 5
    assert report["check_ins"]["completed"] >= 1
    assert report["events"]["journaled"] > 500
    assert set(report["violations"].values()) == {0}


def test_the_page_needs_nothing_else_and_says_in_words_what_the_pictures_show(
    undisturbed: tuple[Verdict, Path],
) -> None:
    verdict, _ = undisturbed
    html = verdict.path.read_text()
    assert "<script" not in html
    assert "http" not in html.replace('http-equiv="Content-Security-Policy"', "")
    assert html.count('role="img"') == html.count("<title>") - 1 - html.count("<circle")
    assert f"{verdict.report['mentees']['placed']} of" in html
    assert "points)" in html


def test_every_round_comes_out_again_from_the_journal_and_no_contact_is_in_it(
    undisturbed: tuple[Verdict, Path],
) -> None:
    _, directory = undisturbed
    journal = directory / "report" / "journal.ndjson.gz"
    history = read_journal(str(journal), None, None)
    compared = verify(history, ColumnarEngine(), seed=1)
    assert len(compared) >= 3
    assert [one.round_id for one in compared if not one.is_same] == []
    text = gzip.decompress(journal.read_bytes()).decode()
    assert "@" not in text
    assert '"source":"/intake/contacts"' not in text


def test_the_same_seed_gives_the_same_life(
    undisturbed: tuple[Verdict, Path], tmp_path: Path
) -> None:
    again, _, _ = play(tmp_path)
    assert what_must_not_differ(again) == what_must_not_differ(undisturbed[0])


def killing(service: str, after: timedelta, how_soon_s: float) -> Callable[[Platform], "Disturb"]:
    """Kills a service once, while people act: `how_soon_s` after a step of the clock."""

    def on(platform: Platform) -> Disturb:
        killed: list[asyncio.Task[None]] = []

        async def kill() -> None:
            await asyncio.sleep(how_soon_s)
            platform.service(service).kill()

        async def disturb(now: datetime) -> None:
            if now >= STARTS_AT + after and now.hour == SITS_DOWN_AT.hour and not killed:
                killed.append(asyncio.create_task(kill()))

        return disturb

    return on


Disturb = Callable[[datetime], Awaitable[None]]


@pytest.mark.parametrize("service", SERVICES)
def test_killing_a_service_changes_nothing_but_repeats_and_seconds(
    service: str, undisturbed: tuple[Verdict, Path], tmp_path: Path
) -> None:
    disturbance = killing(service, after=timedelta(days=9), how_soon_s=0.02)
    verdict, _, said = play(tmp_path, disturbance=disturbance)
    assert f"{service} was ended by SIGKILL" in said
    assert what_must_not_differ(verdict) == what_must_not_differ(undisturbed[0])


@pytest.mark.apache
def test_the_life_is_the_same_on_apache_kafka(
    undisturbed: tuple[Verdict, Path], tmp_path: Path
) -> None:
    verdict, _, _ = play(tmp_path, engine="apache")
    there, here = what_must_not_differ(verdict), what_must_not_differ(undisturbed[0])
    assert there.pop("engine") == "apache"
    assert here.pop("engine") == "embedded"
    assert there == here
