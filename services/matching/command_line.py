"""The command line: run the service, or replay a recorded history under another policy."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Final

import typer
import yaml
from pydantic import ValidationError
from rich.console import Console
from rich.table import Table

from services.matching.app import make_app
from services.matching.domain.engine import ColumnarEngine
from services.matching.replay.answers import Answers
from services.matching.replay.history import (
    History,
    HistoryUnusable,
    read_journal,
    read_population,
)
from services.matching.replay.outcome import Outcome
from services.matching.replay.play import NewPolicy, as_recorded, play
from services.matching.replay.plot import curves
from services.matching.replay.verify import Compared, verify
from services.matching.settings import Settings
from shared.events.programmes import Policy
from shared.runtime import run

_SHOWN_DIFFERENCES: Final = 5

cli = typer.Typer(add_completion=False, no_args_is_help=False, pretty_exceptions_enable=False)
replay = typer.Typer(add_completion=False, no_args_is_help=False)
cli.add_typer(replay, name="replay", help="Live a recorded history again; see `replay verify` too.")
console = Console()

Journal = Annotated[
    str | None,
    typer.Option(help="A file of events, one a line (.ndjson, .gz), or the address of streams."),
]
OperatorKey = Annotated[
    str | None, typer.Option(envvar="OPERATOR_KEY", help="An operator's key.", show_default=False)
]
Programme = Annotated[str | None, typer.Option(help="Which, if the journal holds several.")]
Seed = Annotated[
    int | None, typer.Option(help="The SEED that the services had; the demo's is its --seed.")
]


@cli.callback(invoke_without_command=True)
def serve(context: typer.Context) -> None:
    """Runs the service, with its settings from the environment."""
    if context.invoked_subcommand is None:
        settings = Settings()
        run(make_app(settings), settings)


@replay.callback(invoke_without_command=True)
def compare(
    context: typer.Context,
    journal: Journal = None,
    population: Annotated[
        Path | None, typer.Option(help="A file of people, one participant's state a line.")
    ] = None,
    policy: Annotated[
        Path | None, typer.Option(help="YAML: what the other policy changes in the recorded one.")
    ] = None,
    key: OperatorKey = None,
    programme: Programme = None,
    seed: Seed = None,
    weeks: Annotated[
        int | None, typer.Option(min=1, help="How long; else to the journal's end, or 26.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Where replay.json and replay.svg are written.")] = Path(
        "var/replay"
    ),
) -> None:
    """Lives a history again under its own policy and another, and shows both side by side."""
    if context.invoked_subcommand is not None:
        return
    if (journal is None) is (population is None):
        raise _stop("Give either --journal or --population.")
    try:
        history = (
            read_journal(journal, key, programme)
            if journal is not None
            else read_population(population or Path())
        )
        change = _change_of(policy) if policy is not None else None
    except HistoryUnusable as error:
        raise _stop(str(error)) from None
    outcomes = _lives(history, change, policy.stem if policy else "", seed, weeks)
    _show(outcomes)
    _write(outcomes, out)


@replay.command("verify")
def verify_rounds(
    journal: Annotated[str, typer.Option(help="A file of events, or the address of streams.")],
    key: OperatorKey = None,
    programme: Programme = None,
    seed: Seed = None,
) -> None:
    """Solves each recorded round again; ends with 1 if one comes out differently."""
    try:
        history = read_journal(journal, key, programme)
        compared = verify(history, ColumnarEngine(), seed)
    except HistoryUnusable as error:
        raise _stop(str(error)) from None
    different = [one for one in compared if not one.is_same]
    for one in different:
        _tell_difference(one)
    proposals = sum(one.proposals for one in compared)
    console.print(
        f"{len(compared) - len(different)} of {len(compared)} rounds and top-ups with {proposals} "
        f"proposals came out as recorded."
    )
    if history.unread:
        console.print(f"{history.unread} lines tell no event any more; people may be missing.")
    if different:
        raise typer.Exit(1)


def _lives(
    history: History, change: NewPolicy | None, name: str, seed: int | None, weeks: int | None
) -> list[Outcome]:
    if weeks is not None or not history.is_recorded:
        until = history.began + timedelta(weeks=weeks or 26)
    else:
        until = history.ended
    answers, engine = Answers.of(history, seed or 0), ColumnarEngine()
    found = [as_recorded(history, engine, until)] if history.is_recorded else []
    found.append(play(history, answers, engine, seed=seed, until=until, label="same policy"))
    if change is not None:
        label = name or "other policy"
        found.append(
            play(history, answers, engine, seed=seed, until=until, label=label, policy=change)
        )
    return found


def _change_of(path: Path) -> NewPolicy:
    """What the file changes in a policy; in `weights` too only what it names. May raise."""
    try:
        changes = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (OSError, yaml.YAMLError) as error:
        raise HistoryUnusable(f"{path} cannot be read as YAML: {type(error).__name__}.") from None
    if not isinstance(changes, dict):
        raise HistoryUnusable(f"{path} must map fields of a policy to values.")

    def changed(recorded: Policy) -> Policy:
        fields: dict[str, Any] = recorded.model_dump(mode="json")
        weights = {**fields["weights"], **(changes.get("weights") or {})}
        return Policy.model_validate_json(json.dumps({**fields, **changes, "weights": weights}))

    try:
        changed(Policy())
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()
        )
        raise HistoryUnusable(f"{path} is no policy: {faults}.") from None
    return changed


def _show(outcomes: Sequence[Outcome]) -> None:
    table = Table(title="The same people, side by side")
    table.add_column("")
    for outcome in outcomes:
        table.add_column(outcome.label, justify="right")
    for words, values in _rows(outcomes):
        table.add_row(words, *(_said(value) for value in values))
    console.print(table)


def _rows(outcomes: Sequence[Outcome]) -> list[tuple[str, list[Any]]]:
    def each(words: str, pick: Any) -> tuple[str, list[Any]]:
        return words, [pick(one) for one in outcomes]

    return [
        each("mentees who could be matched", lambda one: one.mentees),
        each("placed", lambda one: one.placed),
        each("placed, share", lambda one: f"{one.placed_share:.1%}"),
        *(
            each(f"wait of the placed, days: {words}", lambda one, place=place: _at(one, place))
            for place, words in enumerate(("quarter", "half", "three quarters", "nine tenths"))
        ),
        each("waiting at the end", lambda one: one.still_waiting),
        each("their wait, days: half", lambda one: one.still_waiting_days),
        each("proposals", lambda one: one.proposed),
        each("declined", lambda one: one.declined),
        each("no answer in time", lambda one: one.expired),
        each("taken back", lambda one: one.taken_back),
        each("mentorships", lambda one: one.mentorships),
        each("score of the placed, mean", lambda one: one.mean_score),
        each("worst-off tenth, mean score", lambda one: one.worst_tenth),
        each("placed of those who speak the host language", lambda one: one.placed_speaking),
        each("placed of those who do not", lambda one: one.placed_not_speaking),
        each("rounds and top-ups", lambda one: one.rounds),
        each("blocking pairs in them", lambda one: one.blocking_pairs),
    ]


def _at(outcome: Outcome, place: int) -> float | None:
    return outcome.days[place] if outcome.days else None


def _said(value: Any) -> str:
    if value is None:
        return "–"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _write(outcomes: Sequence[Outcome], out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    text = json.dumps([asdict(one) for one in outcomes], ensure_ascii=False, indent=2)
    (out / "replay.json").write_text(text + "\n", encoding="utf-8")
    (out / "replay.svg").write_text(curves(outcomes), encoding="utf-8")
    console.print(f"The numbers and the curves are in {out}/replay.json and {out}/replay.svg.")


def _tell_difference(one: Compared) -> None:
    console.print(
        f"{one.kind.value} {one.round_id}: of {one.proposals} recorded proposals "
        f"{len(one.missing)} did not come out again, and {len(one.new)} others did.",
        style="red",
        markup=False,
    )
    for words, pairs in (("recorded only", one.missing), ("now only", one.new)):
        for mentee_id, mentor_id in sorted(pairs)[:_SHOWN_DIFFERENCES]:
            console.print(f"  {words}: {mentee_id} with {mentor_id}", markup=False)


def _stop(why: str) -> typer.Exit:
    Console(stderr=True).print(why, style="red", markup=False, soft_wrap=True)
    return typer.Exit(1)
