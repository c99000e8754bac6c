"""The command line: run the service, or bring a coordinator's spreadsheet into a running one."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Final

import httpx
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from services.intake.app import make_app
from services.intake.domain.spreadsheet import RefusedField, TableRefused, open_table, refusals_csv
from services.intake.settings import Settings
from shared.runtime import run

_SILENCE_S: Final = 120.0
"""Longest that a running import may say nothing."""

cli = typer.Typer(add_completion=False, no_args_is_help=False)
console = Console(stderr=True)


@cli.callback(invoke_without_command=True)
def serve(context: typer.Context) -> None:
    """Runs the service, with its settings from the environment."""
    if context.invoked_subcommand is None:
        settings = Settings()
        run(make_app(settings), settings)


@cli.command("import")
def import_file(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="CSV or .xlsx")],
    origin: Annotated[str, typer.Option(help="The platform's address, http(s)://…")],
    programme: Annotated[str, typer.Option(help="The programme's id")],
    key: Annotated[str, typer.Option(envvar="COORDINATOR_KEY", help="A coordinator's key")],
    refused: Annotated[
        Path | None, typer.Option(help="Where to write what was refused, as CSV")
    ] = None,
) -> None:
    """Registers everybody in FILE. To send the same file again registers nobody twice."""
    try:
        total = sum(1 for _ in open_table(file, file.name))
        report = _import(
            file, f"{origin.rstrip('/')}/intake/programmes/{programme}/imports", key, total
        )
    except TableRefused as error:
        raise _stop(str(error)) from None
    except httpx.HTTPError as error:
        raise _stop(f"{origin} cannot be reached: {type(error).__name__}.") from None
    _show(report)
    if refused is not None:
        refusals = [RefusedField(**each) for each in report["refusals"]]
        refused.write_text("".join(refusals_csv(refusals)), encoding="utf-8", newline="")
        console.print(f"{len(refusals)} refused fields are in {refused}")
    if "detail" in report:
        raise _stop(report["detail"])


def _import(file: Path, url: str, key: str, total: int) -> dict[str, Any]:
    """Sends the file and shows how far it is; returns the report, or what was done until the end."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    report: dict[str, Any] = {}
    with Progress(*columns, console=console) as progress, file.open("rb") as content:
        task = progress.add_task("Importing", total=total)
        for line in _answer(url, key, file.name, content):
            report = line.get("report") or line.get("problem") or report
            progress.update(task, completed=line.get("read", report.get("read", 0)))
    if not report:
        raise _stop("The answer ended too early; send the same file again.")
    return report


def _answer(url: str, key: str, name: str, content: Any) -> Iterator[dict[str, Any]]:
    timeout = httpx.Timeout(_SILENCE_S)
    headers = {"Authorization": f"Bearer {key}"}
    with httpx.stream(
        "POST", url, headers=headers, files={"file": (name, content)}, timeout=timeout
    ) as response:
        if response.status_code != httpx.codes.OK:
            response.read()
            raise _stop(f"{response.status_code}: {_detail(response)}")
        for line in response.iter_lines():
            if line:
                yield json.loads(line)


def _detail(response: httpx.Response) -> str:
    try:
        return str(response.json()["detail"])
    except (ValueError, KeyError, TypeError):
        return response.reason_phrase


def _show(report: dict[str, Any]) -> None:
    table = Table(title="Import")
    for name in ("read", "registered", "repeated", "refused"):
        table.add_column(name, justify="right")
    table.add_row(*(str(report[name]) for name in ("read", "registered", "repeated", "refused")))
    console.print(table)


def _stop(why: str) -> typer.Exit:
    console.print(why, style="red", markup=False)
    return typer.Exit(1)
