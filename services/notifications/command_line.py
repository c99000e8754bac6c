"""The command line: run the service, print who is told what, hand in what came back."""

import sys
from typing import Annotated, Final

import httpx
import typer

from services.notifications.app import make_app
from services.notifications.domain.table import as_markdown
from services.notifications.settings import Settings
from shared.runtime import run

_TRY_AGAIN: Final = 75
"""`EX_TEMPFAIL`: mail servers keep what they wanted to pipe, and try again later."""

cli = typer.Typer(add_completion=False, no_args_is_help=False)


@cli.callback(invoke_without_command=True)
def serve(context: typer.Context) -> None:
    """Runs the service, with its settings from the environment."""
    if context.invoked_subcommand is None:
        settings = Settings()
        run(make_app(settings), settings)


@cli.command()
def table() -> None:
    """Prints who is told what, in Markdown."""
    typer.echo("\n".join(as_markdown()))


@cli.command()
def bounce(
    origin: Annotated[str, typer.Option(envvar="PUBLIC_URL", help="The platform's address")],
    key: Annotated[str, typer.Option(envvar="BOUNCE_KEY", help="A key for bounces")],
) -> None:
    """Hands in one delivery report from standard input, as mail servers pipe it."""
    try:
        answer = httpx.post(
            f"{origin.rstrip('/')}/notifications/bounces",
            content=sys.stdin.buffer.read(),
            headers={"Authorization": f"Bearer {key}", "Content-Type": "message/rfc822"},
        )
        answer.raise_for_status()
    except httpx.HTTPError as error:
        typer.echo(f"{origin} did not take it: {type(error).__name__}.", err=True)
        raise typer.Exit(_TRY_AGAIN) from None
    typer.echo(answer.json()["result"])
