"""`python -m tests.faults`: hurts the platform row by row, tells what was lost, and writes a report."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Annotated, Final

import typer
import uvloop
from rich.console import Console
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table

from deploy.local.held import DirectoryInUse, held
from deploy.local.settings import PROJECT
from tests.faults.ground import Ground
from tests.faults.rows import Row, all_rows
from tests.faults.runner import Result, run_rows

_VAR: Final = PROJECT / "var" / "faults"
_REPORT: Final = "report.json"


def main(
    rows: Annotated[str, typer.Option(help="Numbers, separated by commas; all if empty")] = "",
    people: Annotated[int, typer.Option(help="How many take part in each row")] = 1_000,
    engine: Annotated[str, typer.Option(help="apache or embedded")] = "apache",
    seed: Annotated[int, typer.Option(help="The same seed gives the same people")] = 1,
    long: Annotated[
        bool, typer.Option("--long", help="The long faults: minutes, not seconds")
    ] = False,
    only_list: Annotated[bool, typer.Option("--list", help="Show the rows and end")] = False,
) -> None:
    """Run rows of the fault matrix. Exit status 1 if one fails; one that cannot run says why."""
    known, console = all_rows(), Console(width=None if sys.stdout.isatty() else 160)
    if only_list:
        for row in known:
            console.print(f"{row.number:3} {row.name}", highlight=False)
        return
    chosen = _chosen(rows, known)
    try:
        with held(_VAR), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            results = runner.run(_run(chosen, console, engine, people, seed, _VAR, long=long))
    except DirectoryInUse as error:
        console.print(str(error), style="bold red", markup=False, soft_wrap=True)
        raise typer.Exit(1) from None
    console.print(f"Report: {_VAR / _REPORT}", highlight=False)
    if any(result.passed is False for result in results):
        raise typer.Exit(1)


def _chosen(numbers: str, known: list[Row]) -> list[Row]:
    if not numbers:
        return known
    wanted = [number.strip() for number in numbers.split(",") if number.strip()]
    there = {str(row.number) for row in known}
    if unknown := [number for number in wanted if number not in there]:
        raise typer.BadParameter(f"no row {', '.join(unknown)}: --list shows them")
    return [row for number in wanted for row in known if row.number == int(number)]


async def _run(
    rows: list[Row],
    console: Console,
    engine: str,
    people: int,
    seed: int,
    var: Path,
    *,
    long: bool,
) -> list[Result]:
    size = 1 if engine == "embedded" else 3
    results: list[Result] = []
    with Live(console=console, auto_refresh=True, refresh_per_second=4) as live:
        live.update(Spinner("dots", "starting the engines"))
        async with Ground(engine, var, brokers=size, mongo_nodes=size) as ground:
            live.update(_table(results, rows))
            running = run_rows(rows, ground, people=people, seed=seed, var=var, long=long)
            async for result in running:
                results.append(result)
                _write_report(results, engine, people, seed, var)
                live.update(_table(results, rows))
                if not console.is_terminal:
                    console.print(_line(result), highlight=False, soft_wrap=True, markup=False)
    return results


def _write_report(results: list[Result], engine: str, people: int, seed: int, var: Path) -> None:
    """After each row, so that a run which is cut off leaves what it has found."""
    report = {
        "engine": engine,
        "people": people,
        "seed": seed,
        "rows": [result.as_report() for result in results],
    }
    text = json.dumps(report, indent=2, ensure_ascii=False) + "\n"
    unfinished = var / f"{_REPORT}.new"
    unfinished.write_text(text, encoding="utf-8")
    unfinished.replace(var / _REPORT)


def _table(results: list[Result], rows: list[Row]) -> Table:
    table = Table(title="What was lost, what was doubled", expand=True)
    for name in ("row", "fault", "what was done"):
        table.add_column(name, overflow="fold")
    for name in ("acknowledged", "effects", "lost", "doubled", "recovered", "took", "passed"):
        table.add_column(name, justify="right", no_wrap=True)
    for result in results:
        style = {True: "", False: "bold red", None: "yellow"}[result.passed]
        table.add_row(*_cells(result), style=style)
    if len(results) < len(rows):
        row = rows[len(results)]
        table.add_row(str(row.number), row.name, Spinner("dots", "under way"), *[""] * 7)
    return table


def _cells(result: Result) -> list[str]:
    said = {True: "yes", False: "NO", None: "cannot run"}[result.passed]
    recovered = f"{result.recovered_s:.1f} s" if result.recovered_s is not None else ""
    told = result.did if not result.why else f"{result.did}\n{result.why}".strip()
    numbers = (result.acknowledged, result.effects, result.lost, result.doubled)
    return [
        str(result.row),
        result.name,
        told,
        *(str(number) for number in numbers),
        recovered,
        f"{result.seconds:.0f} s",
        said,
    ]


def _line(result: Result) -> str:
    return " | ".join(cell.replace("\n", ": ") for cell in _cells(result))


if __name__ == "__main__":
    typer.run(main)
