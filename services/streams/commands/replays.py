"""`replay send | list | stop` and `rebuild`: the journal put to use again."""

import time
from datetime import UTC, datetime
from typing import Annotated, Any, Final

import typer
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from services.streams.commands import KEY, SOMETHING_LEFT, DryRun
from services.streams.platform import AsJson, Origin, Platform, console, out

replay = typer.Typer(no_args_is_help=True, help="Send a stream's range again from the journal.")

_LOOK_EVERY_S: Final = 0.5
Instant = Annotated[
    datetime | None, typer.Option(formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"], help="In UTC.")
]


@replay.command()
def send(
    stream: str,
    origin: Origin,
    to: Annotated[
        str | None, typer.Option(help="Only for this consumer: followup.matches.")
    ] = None,
    after: Annotated[int, typer.Option(min=0, help="Behind this position.")] = 0,
    until: Annotated[int | None, typer.Option(min=0, help="Up to this position.")] = None,
    start: Instant = None,
    before: Instant = None,
    *,
    dry_run: DryRun = False,
    wait: Annotated[bool, typer.Option(help="Stay until all is sent.")] = True,
    as_json: AsJson = False,
) -> None:
    """Sends the same events again, with the same ids. Who has applied one drops it."""
    platform = Platform(origin, KEY)
    order = {
        "stream": stream,
        "to": to,
        "after": after,
        "until": until,
        "from": _utc(start),
        "before": _utc(before),
        "dry_run": dry_run,
    }
    answer = platform.ask("POST", "/replays", body=order)
    if not dry_run and wait:
        answer = _wait_for(platform, answer["replay_id"], quiet=as_json)
    if as_json:
        out.print_json(data=answer)
    elif dry_run:
        out.print(
            f"{answer['events']:,} events would be sent again, up to position {answer['until']}."
        )
    else:
        out.print(
            f"{answer.get('sent', 0):,} of {stream} sent again ({answer.get('state', 'begun')})."
        )
    if answer.get("state") == "stopped":
        raise typer.Exit(SOMETHING_LEFT)


@replay.command("list")
def list_replays(origin: Origin, *, as_json: AsJson = False) -> None:
    """The last ones, and how far they are."""
    answer = Platform(origin, KEY).ask("GET", "/replays")
    if as_json:
        out.print_json(data=answer)
        return
    table = Table()
    for name in ("replay_id", "stream", "to", "state", "share", "sent", "by"):
        table.add_column(name, overflow="fold")
    for one in answer["replays"]:
        table.add_row(*("" if one[c.header] is None else str(one[c.header]) for c in table.columns))
    out.print(table)


@replay.command()
def stop(replay_id: str, origin: Origin, *, as_json: AsJson = False) -> None:
    """Stops one. What was sent stays sent."""
    answer = Platform(origin, KEY).ask("POST", f"/replays/{replay_id}/stop")
    if as_json:
        out.print_json(data=answer)
    else:
        out.print(f"{answer['sent']:,} were sent ({answer['state']}).")


def rebuild(
    projection: Annotated[str, typer.Argument(help="'letters': what the console knows of them.")],
    origin: Origin,
    *,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Makes a projection of the journal anew."""
    platform = Platform(origin, KEY)
    path = f"/projections/{projection}/rebuild"
    last: dict[str, Any] = {}
    if dry_run:
        last = platform.ask("POST", path, params={"dry_run": True})
    else:
        with _progress(quiet=as_json) as progress:
            task = progress.add_task(projection, total=1.0)
            for last in platform.lines(path):
                progress.update(task, completed=last["position"] / max(1, last["until"]))
    if as_json:
        out.print_json(data=last)
    else:
        out.print(f"{last.get('read', last.get('entries', 0)):,} entries.")


def _wait_for(platform: Platform, replay_id: str, *, quiet: bool) -> dict[str, Any]:
    with _progress(quiet=quiet) as progress:
        task = progress.add_task("Sending again", total=1.0)
        while True:
            told: dict[str, Any] = platform.ask("GET", f"/replays/{replay_id}")
            progress.update(task, completed=told["share"])
            if told["state"] != "running":
                return told
            time.sleep(_LOOK_EVERY_S)


def _progress(*, quiet: bool) -> Progress:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
    )
    return Progress(*columns, console=console, disable=quiet)


def _utc(instant: datetime | None) -> str | None:
    return instant.replace(tzinfo=UTC).isoformat() if instant is not None else None
