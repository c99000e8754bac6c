"""The command line: run the service, and what operators and integrators do with a running one."""

from typing import Annotated, Any

import typer
from rich.table import Table

from services.streams.app import make_app
from services.streams.commands.dead_letters import dead_letters
from services.streams.commands.replays import rebuild, replay
from services.streams.kafka_commands import kafka
from services.streams.platform import AsJson, GrantId, Origin, Platform, console, out, pages, show
from services.streams.settings import Settings
from services.streams.webhook_commands import webhooks
from shared.runtime import run

cli = typer.Typer(add_completion=False, no_args_is_help=False)
integrators = typer.Typer(help="Who gets events: grants and their keys.")
cli.add_typer(integrators, name="integrators")
cli.add_typer(webhooks, name="webhooks")
cli.add_typer(kafka, name="kafka")
cli.add_typer(dead_letters, name="dead-letters")
cli.add_typer(replay, name="replay")
cli.command("rebuild")(rebuild)


@cli.callback(invoke_without_command=True)
def serve(context: typer.Context) -> None:
    """Runs the service, with its settings from the environment."""
    if context.invoked_subcommand is None:
        settings = Settings()
        run(make_app(settings), settings)


@integrators.command("add")
def add(
    origin: Origin,
    name: Annotated[str, typer.Option(help="The organisation.")],
    programme: Annotated[str, typer.Option(help="The programme's id.")],
    stream: Annotated[list[str], typer.Option(help="matches, check-ins; several times for both.")],
    city: Annotated[
        list[str] | None, typer.Option(help="A municipality's code; several times for several.")
    ] = None,
    region: Annotated[
        list[str] | None, typer.Option(help="A region, for its small municipalities.")
    ] = None,
    *,
    all_cities: Annotated[bool, typer.Option("--all-cities", help="Every place.")] = False,
    as_json: AsJson = False,
) -> None:
    """Grants an integrator what is named, and shows its first key, once. Needs OPERATOR_KEY."""
    wish = {
        "name": name,
        "programme": programme,
        "streams": stream,
        "cities": city or [],
        "regions": region or [],
        "all_cities": all_cities,
    }
    made = Platform(origin, "OPERATOR_KEY").ask("POST", "/integrators", body=wish)
    show(made, as_json, _table([made]))
    _show_key(made, as_json)


@integrators.command("list")
def list_all(origin: Origin, *, as_json: AsJson = False) -> None:
    """Every grant with its keys' beginnings and its use. Needs OPERATOR_KEY."""
    found = pages(Platform(origin, "OPERATOR_KEY"), "/integrators", "integrators")
    show(found, as_json, _table(found))


@integrators.command("show")
def show_own(origin: Origin, *, as_json: AsJson = False) -> None:
    """Your own grant: what you see, your keys' beginnings, your use. Needs INTEGRATOR_KEY."""
    own = Platform(origin, "INTEGRATOR_KEY").ask("GET", "/grant")
    show(own, as_json, _table([own]))


@integrators.command("rotate")
def rotate(
    origin: Origin,
    overlap_hours: Annotated[
        int, typer.Option(min=0, help="How long the old keys still open.")
    ] = 24 * 7,
    *,
    as_json: AsJson = False,
) -> None:
    """A new key of your own grant, shown once. Needs INTEGRATOR_KEY."""
    body = {"overlap_hours": overlap_hours}
    made = Platform(origin, "INTEGRATOR_KEY").ask("POST", "/grant/keys", body=body)
    show(made, as_json, _table([made]))
    _show_key(made, as_json)


@integrators.command("new-key")
def new_key(origin: Origin, grant_id: GrantId, *, as_json: AsJson = False) -> None:
    """One more key for a grant, for an integrator who lost hers. Needs OPERATOR_KEY."""
    made = Platform(origin, "OPERATOR_KEY").ask("POST", f"/integrators/{grant_id}/keys")
    show(made, as_json, _table([made]))
    _show_key(made, as_json)


@integrators.command("revoke-key")
def revoke_key(
    origin: Origin,
    prefix: Annotated[
        str, typer.Argument(help="The key's beginning, as `show` and `list` have it.")
    ],
    grant_id: Annotated[
        str | None, typer.Option(help="As an operator: whose key. Else it is one of your own.")
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """A key opens nothing any more, at once. Needs INTEGRATOR_KEY, or OPERATOR_KEY with --grant-id."""
    if grant_id is None:
        left = Platform(origin, "INTEGRATOR_KEY").ask("DELETE", f"/grant/keys/{prefix}")
    else:
        path = f"/integrators/{grant_id}/keys/{prefix}"
        left = Platform(origin, "OPERATOR_KEY").ask("DELETE", path)
    show(left, as_json, _table([left]))


@integrators.command("revoke")
def revoke(origin: Origin, grant_id: GrantId, *, as_json: AsJson = False) -> None:
    """Ends a grant, at once and for good. Needs OPERATOR_KEY."""
    left = Platform(origin, "OPERATOR_KEY").ask("POST", f"/integrators/{grant_id}/revoke")
    show(left, as_json, _table([left]))


def _table(grants: list[Any]) -> Table:
    table = Table(title="Integrators")
    for column in (
        "grant",
        "name",
        "programme",
        "streams",
        "places",
        "keys",
        "events",
        "last used",
    ):
        table.add_column(column)
    for grant in grants:
        places = ["all"] if grant["all_cities"] else [*grant["cities"], *grant["regions"]]
        alive = [key["prefix"] for key in grant["keys"] if key["revoked_at"] is None]
        table.add_row(
            grant["grant_id"],
            grant["name"],
            grant["programme"],
            ", ".join(grant["streams"]),
            ", ".join(places),
            "revoked" if grant["revoked_at"] else ", ".join(alive),
            f"{grant['usage']['events']:,}",
            grant["usage"]["last_used_at"] or "never",
        )
    return table


def _show_key(made: Any, as_json: bool) -> None:  # noqa: FBT001  (an option of the command)
    if not as_json:
        console.print("This key is shown once; only its hash is kept. Pass it on safely:")
        out.print(made["key"], markup=False, soft_wrap=True, highlight=False)
