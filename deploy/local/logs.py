"""The logs of all processes in one place: readable on the terminal, complete in a file for each.

A child writes JSON lines (`timestamp`, `level`, `event`, `service`, …). Every line is kept as it came
in `<directory>/<name>.jsonl`; the terminal shows one line an entry, from a chosen level on. Warnings
and errors are always shown, and so is whatever a child says on stderr (a traceback at import).
"""

import json
import sys
from collections import deque
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TextIO

import structlog
from rich.console import Console
from rich.text import Text

LEVELS: Final = {"debug": 10, "info": 20, "warning": 30, "error": 40, "critical": 50}
_ALWAYS_SHOWN: Final = LEVELS["warning"]
_LEVEL_STYLES: Final = {"warning": "yellow", "error": "bold red", "critical": "bold red"}
_NAME_STYLES: Final = ("cyan", "green", "magenta", "blue", "bright_cyan", "bright_magenta")
_SHOWN_APART: Final = frozenset({"timestamp", "level", "event", "service", "instance", "exception"})
_LINES_KEPT: Final = 20


class LogView:
    """Takes the output of child processes line by line, keeps it and shows it.

    directory: where `<name>.jsonl` is appended. level: a key of `LEVELS`.
    """

    def __init__(self, console: Console, directory: Path, level: str) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._console = console
        self._directory = directory
        self._shown_from = min(LEVELS[level], _ALWAYS_SHOWN)
        self._files: dict[str, TextIO] = {}
        self._last: dict[str, deque[str]] = {}

    def take(self, name: str, line: bytes, *, stderr: bool = False) -> None:
        """Keeps one line that the child `name` wrote, and shows it if its level says so."""
        text = line.decode("utf-8", "replace").rstrip()
        if not text:
            return
        entry = _entry(name, text, stderr=stderr)
        self._keep(name, entry, text)
        if LEVELS.get(str(entry["level"]).lower(), _ALWAYS_SHOWN) >= self._shown_from:
            self._console.print(self._rendered(name, entry), soft_wrap=True)

    def last_lines(self, name: str) -> str:
        """What the child said last, for the message that tells why everything was stopped."""
        return "\n".join(f"  {line}" for line in self._last.get(name, ()))

    def close(self) -> None:
        """Closes the files."""
        for file in self._files.values():
            file.close()
        self._files.clear()

    def _keep(self, name: str, entry: dict[str, object], text: str) -> None:
        if name not in self._files:
            path = self._directory / f"{name}.jsonl"
            self._files[name] = path.open("a", encoding="utf-8", buffering=1)
            self._last[name] = deque(maxlen=_LINES_KEPT)
        as_it_came = text if text.startswith("{") else json.dumps(entry, ensure_ascii=False)
        self._files[name].write(as_it_came + "\n")
        self._last[name].append(_printable(str(entry["event"])))
        if "exception" in entry:
            self._last[name].append(_printable(str(entry["exception"])))

    def _rendered(self, name: str, entry: dict[str, object]) -> Text:
        level = str(entry["level"]).lower()
        line = Text(no_wrap=True)
        line.append(_time_of_day(entry.get("timestamp")), style="dim")
        line.append(f" {name:<13} ", style=_NAME_STYLES[sum(name.encode()) % len(_NAME_STYLES)])
        line.append(_printable(str(entry["event"])), style=_LEVEL_STYLES.get(level, ""))
        for key, value in entry.items():
            if key not in _SHOWN_APART:
                shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
                line.append(f" {_printable(key)}=", style="dim")
                line.append(_printable(shown))
        if "exception" in entry:
            line.append("\n" + _printable(str(entry["exception"]), keep="\n"), style="red")
        return line


def _entry(name: str, text: str, *, stderr: bool) -> dict[str, object]:
    """The line as an entry; what is not a JSON object becomes the event of one."""
    try:
        entry = json.loads(text) if text.startswith("{") else None
    except ValueError:
        entry = None
    if isinstance(entry, dict):
        return {"level": "info", "event": "", **entry}
    level = "error" if stderr else "info"
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    return {"timestamp": now, "level": level, "event": text, "service": name}


def _time_of_day(timestamp: object) -> str:
    try:
        return datetime.fromisoformat(str(timestamp)).astimezone().strftime("%H:%M:%S.%f")[:-3]
    except ValueError:
        return datetime.now(UTC).astimezone().strftime("%H:%M:%S.%f")[:-3]


def _printable(text: str, keep: str = "") -> str:
    """Text without control characters: a log line must not be able to steer the terminal."""
    return "".join(c if c.isprintable() or c in keep else " " for c in text)


def write_json_logs() -> None:
    """Makes structlog of this process write JSON lines to stdout, as every service does."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.dict_tracebacks,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stdout),
    )
