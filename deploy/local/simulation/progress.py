"""What the person in front of the terminal sees meanwhile: a live line, or plain ones into a file."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

Line = Callable[[int, str], None]
"""Told how much is done, and in words how things stand."""

_LINES_OF_A_FILE: Final = 26
"""Without a terminal a stage is told in at most about so many lines."""


@contextmanager
def stage(console: Console, name: str, total: int) -> Iterator[Line]:
    """One stretch of work of `total` steps."""
    if console.is_terminal:
        with _live(console) as progress:
            task = progress.add_task(name, total=total, words="")

            def tell(done: int, words: str) -> None:
                progress.update(task, completed=done, words=words)

            yield tell
    else:
        yield _plain(console, name, total)


def _live(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TextColumn("{task.fields[words]}"),
        TimeElapsedColumn(),
        console=console,
    )


def _plain(console: Console, name: str, total: int) -> Line:
    every = max(1, total // _LINES_OF_A_FILE)
    told = -every

    def tell(done: int, words: str) -> None:
        nonlocal told
        if done >= told + every or done == total > told:
            told = done
            console.print(f"{name}: {words}", markup=False, highlight=False, soft_wrap=True)

    return tell
