import io
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Self

import pytest
from rich.console import Console

from deploy.local.logs import LogView


class Terminal:
    """A log view on a terminal that remembers what it showed."""

    def __init__(self, directory: Path, level: str) -> None:
        self._screen = io.StringIO()
        self.view = LogView(Console(file=self._screen, width=300), directory, level)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_raised: object) -> None:
        self.view.close()

    def shown(self) -> list[str]:
        return self._screen.getvalue().splitlines()


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Callable[[str], Terminal]]:
    """Opens terminals that show logs from a level on."""
    with ExitStack() as stack:
        yield lambda level: stack.enter_context(Terminal(tmp_path, level))


def a_line(event: str, level: str = "info", **more: object) -> bytes:
    entry = {"timestamp": "2026-01-05T08:00:00.5Z", "level": level, "event": event, **more}
    return json.dumps(entry).encode() + b"\n"


def test_an_entry_is_one_readable_line(tmp_path: Path, terminal: Callable[[str], Terminal]) -> None:
    screen = terminal("info")
    screen.view.take("matching", a_line("round done", service="matching", pairs=3, city="Odense"))
    (line,) = screen.shown()
    assert line.endswith(" matching      round done pairs=3 city=Odense")


@pytest.mark.parametrize(
    ("level", "shown"),
    [("debug", 4), ("info", 3), ("warning", 2), ("error", 2), ("critical", 2)],
)
def test_the_level_filters_but_never_a_warning(
    tmp_path: Path, terminal: Callable[[str], Terminal], level: str, shown: int
) -> None:
    screen = terminal(level)
    for each in ("debug", "info", "warning", "error"):
        screen.view.take("intake", a_line("x", each))
    assert len(screen.shown()) == shown
    assert len((tmp_path / "intake.jsonl").read_text().splitlines()) == 4


def test_a_traceback_on_stderr_is_shown_and_kept_as_json(
    tmp_path: Path, terminal: Callable[[str], Terminal]
) -> None:
    screen = terminal("warning")
    screen.view.take("intake", b"ModuleNotFoundError: No module named 'x'\n", stderr=True)
    assert "ModuleNotFoundError" in screen.shown()[0]
    assert json.loads((tmp_path / "intake.jsonl").read_text())["level"] == "error"
    assert "ModuleNotFoundError" in screen.view.last_lines("intake")


def test_a_line_cannot_steer_the_terminal(
    tmp_path: Path, terminal: Callable[[str], Terminal]
) -> None:
    screen = terminal("info")
    screen.view.take("intake", a_line("\x1b[2J\rhidden", name="[bold]\x07æ ع"))
    (line,) = screen.shown()
    assert "\x1b" not in line
    assert "[bold] æ ع" in line


@pytest.mark.parametrize(
    "line", [b"{not json}\n", b"[1]\n", b"\xff\xfe\n", b"{}\n", b'{"level": 3, "event": null}\n']
)
def test_a_line_that_is_no_entry_is_shown_as_it_is(
    terminal: Callable[[str], Terminal], line: bytes
) -> None:
    screen = terminal("info")
    screen.view.take("intake", line)
    assert len(screen.shown()) == 1
