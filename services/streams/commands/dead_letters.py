"""`dead-letters list | show | replay | discard`: what was set aside, for people and for scripts."""

from typing import Annotated, Any, Final, Literal

import typer
from rich.table import Table

from services.streams.commands import KEY, SOMETHING_LEFT, DryRun
from services.streams.platform import AsJson, Origin, Platform, console, out
from shared.events.asyncapi import SERVICES
from shared.events.dead_letters import DiscardReason, ParkReason

dead_letters = typer.Typer(no_args_is_help=True, help="Records that a service set aside.")

_COUNTS: Final = ("released", "still_parked", "gone", "discarded", "left")

Letters = Annotated[
    list[str] | None, typer.Argument(help="Ids, as in followup.matches.0.17; none for a group.")
]
Service = Annotated[str | None, typer.Option(help=f"One of {', '.join(SERVICES)}.")]
Stream = Annotated[str | None, typer.Option(help="The stream that the records came from.")]
Reason = Annotated[ParkReason | None, typer.Option(help="Why they were set aside.")]
Type = Annotated[str | None, typer.Option(help="Type of event, as in match.accepted.")]
All = Annotated[bool, typer.Option("--all", help="Everything that every service set aside.")]


@dead_letters.command("list")
def list_letters(
    origin: Origin,
    service: Service = None,
    stream: Stream = None,
    reason: Reason = None,
    type: Type = None,  # noqa: A002  (the option's name)
    state: Annotated[Literal["open", "released", "discarded"], typer.Option()] = "open",
    limit: Annotated[int, typer.Option(min=1, max=500)] = 100,
    *,
    as_json: AsJson = False,
) -> None:
    """Groups that are alike, and the newest letters one by one."""
    which = {
        "service": service,
        "stream": stream,
        "reason": reason.value if reason else None,
        "type": type,
        "state": state,
        "limit": limit,
    }
    answer = Platform(origin, KEY).ask("GET", "/dead-letters", params=which)
    if as_json:
        out.print_json(data=answer)
        return
    groups = Table(title="Open, by cause")
    for name in ("service", "stream", "type", "reason", "count", "why"):
        groups.add_column(name, justify="right" if name == "count" else "left")
    for one in answer["groups"]:
        groups.add_row(*(str(one[column.header] or "") for column in groups.columns))
    out.print(groups)
    letters = Table(title=f"{state.capitalize()}, one by one")
    for name in ("letter_id", "at", "type", "why"):
        letters.add_column(name, overflow="fold")
    for one in answer["letters"]:
        letters.add_row(*(str(one[column.header] or "") for column in letters.columns))
    out.print(letters)


@dead_letters.command()
def show(letter_id: str, origin: Origin, *, as_json: AsJson = False) -> None:
    """One letter: where its record lies, and all that was said of it."""
    answer = Platform(origin, KEY).ask("GET", f"/dead-letters/{letter_id}")
    if as_json:
        out.print_json(data=answer)
        return
    table = Table(title=letter_id, show_header=False)
    for name in ("state", "service", "reason", "why", "type", "at"):
        table.add_row(name, str(answer[name] or ""))
    for name in ("topic", "partition", "offset", "key", "attempts"):
        table.add_row(name, str((answer["record"] or {}).get(name, "")))
    for one in answer["history"]:
        table.add_row(one["time"], one["what"])
    out.print(table)


@dead_letters.command()
def replay(
    origin: Origin,
    letters: Letters = None,
    service: Service = None,
    stream: Stream = None,
    reason: Reason = None,
    type: Type = None,  # noqa: A002  (the option's name)
    *,
    everything: All = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Has records tried again, in order: after what they failed on is mended."""
    which = _which(letters, service, stream, reason, type, everything=everything)
    _act(Platform(origin, KEY), "release", which, {}, dry_run=dry_run, as_json=as_json)


@dead_letters.command()
def discard(
    origin: Origin,
    because: Annotated[DiscardReason, typer.Option(help="Why they are given up.")],
    letters: Letters = None,
    service: Service = None,
    stream: Stream = None,
    reason: Reason = None,
    type: Type = None,  # noqa: A002  (the option's name)
    reference: Annotated[
        str | None, typer.Option(help="Where the reason is written down, a ticket's number, say.")
    ] = None,
    *,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Gives records up, for good and never silently. Those behind them go on."""
    which = _which(letters, service, stream, reason, type, everything=False)
    why = {"because": because.value, "reference": reference}
    _act(Platform(origin, KEY), "discard", which, why, dry_run=dry_run, as_json=as_json)


def _which(
    letters: list[str] | None,
    service: str | None,
    stream: str | None,
    reason: ParkReason | None,
    type_: str | None,
    *,
    everything: bool,
) -> dict[str, dict[str, Any]]:
    """By service what is to be sent to it: its letters, or its group."""
    if letters:
        by_service: dict[str, dict[str, Any]] = {}
        for letter in letters:
            owner = letter.partition(".")[0]
            by_service.setdefault(owner, {"letters": []})["letters"].append(letter)
        return by_service
    if service is None and stream is None and not everything:
        raise typer.BadParameter("Name letters, or a --service, or a --stream, or say --all.")
    group = {"stream": stream, "reason": reason.value if reason else None, "type": type_}
    return {name: dict(group) for name in ([service] if service else SERVICES)}


def _act(
    platform: Platform,
    what: str,
    which: dict[str, dict[str, Any]],
    why: dict[str, Any],
    *,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Asks each service, again while something is left that one request did not reach."""
    answers: dict[str, dict[str, Any]] = {}
    for service, selection in which.items():
        with console.status(f"{service}: {what}"):
            answers[service] = _until_done(
                platform,
                service,
                f"/parked/{what}",
                {**selection, **why, "dry_run": dry_run},
            )
    if as_json:
        out.print_json(data=answers)
    else:
        _tell(answers, dry_run=dry_run)
    if any(one.get("still_parked", 0) + one.get("gone", 0) for one in answers.values()):
        raise typer.Exit(SOMETHING_LEFT)


def _until_done(
    platform: Platform, service: str, path: str, body: dict[str, Any]
) -> dict[str, Any]:
    answer: dict[str, Any] = platform.ask("POST", path, body=body, service=service)
    total = dict(answer)
    # What fails again stays, so a request that moves nothing is the last one.
    while (
        not body["dry_run"] and answer["left"] and answer.get("released", answer.get("discarded"))
    ):
        answer = platform.ask("POST", path, body=body, service=service)
        for name in _COUNTS:
            if name in ("released", "discarded") and name in total:
                total[name] += answer[name]
            elif name in total:
                total[name] = answer[name]
        total["letters"] = [*total["letters"], *answer["letters"]]
    return total


def _tell(answers: dict[str, dict[str, Any]], *, dry_run: bool) -> None:
    table = Table(title="What would happen" if dry_run else "What happened")
    columns = [name for name in _COUNTS if any(name in one for one in answers.values())]
    table.add_column("service")
    for name in columns:
        table.add_column(name.replace("_", " "), justify="right")
    for service, one in answers.items():
        table.add_row(service, *(str(one.get(name, "")) for name in columns))
    out.print(table)
    if dry_run:
        for one in answers.values():
            for fate in one["letters"]:
                behind = f", {fate['behind']} behind it" if fate["behind"] else ""
                out.print(f"{fate['letter_id']}: {fate['then'].replace('_', ' ')}{behind}")
