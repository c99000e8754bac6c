"""The platform on this machine, from the command line.

    python -m deploy.local up      # starts everything and keeps it running
    python -m deploy.local demo    # half a year in minutes, from nothing to a report

Both stop in good order on Ctrl-C.
"""

import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console

from deploy.local.running import FAILED, INTERRUPTED, run_platform
from deploy.local.settings import PlatformSettings
from deploy.local.supervisor import Platform
from shared.errors import CommonGroundError

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
console = Console()

Engine = Annotated[
    Literal["embedded", "apache", "containers", "external"],
    typer.Option(help="What Kafka and MongoDB run on."),
]
LogLevel = Annotated[
    Literal["debug", "info", "warning", "error", "critical"],
    typer.Option(help="Show logs from this level on."),
]


@app.command()
def up(
    engine: Engine = "embedded",
    log_level: LogLevel = "info",
    port: Annotated[int, typer.Option(help="Of the origin; another if it is taken.")] = 8080,
    run: Annotated[str, typer.Option(help="Names the data directory below var/.")] = "up",
) -> None:
    """Start everything on this machine and keep it running; data stays between runs."""
    settings = PlatformSettings(run=run, engine=engine, log_level=log_level, port=port)
    raise typer.Exit(_run(settings, _serve, when_interrupted=0))


@app.command()
def demo(
    people: Annotated[
        str, typer.Option(help="How many take part, or a spreadsheet of them (.csv, .xlsx).")
    ] = "800",
    weeks: Annotated[int, typer.Option(min=1, help="How long they live.")] = 26,
    seed: Annotated[int, typer.Option(help="The same seed gives the same life.")] = 1,
    engine: Engine = "embedded",
    report: Annotated[Path, typer.Option(help="Where the report is written.")] = Path("var/demo"),
    log_level: LogLevel = "warning",
) -> None:
    """Play half a year of a mentor network with simulated people and write a report."""
    # Only the demo needs the simulation and what draws the report's figures.
    from deploy.local.demo import STARTS_AT
    from deploy.local.demo import demo as play

    settings = PlatformSettings(
        run="demo",
        engine=engine,
        log_level=log_level,
        starts_at=STARTS_AT,
        seed=seed,
    )
    began = time.monotonic()
    status = _run(
        settings,
        play(people=people, weeks=weeks, seed=seed, report_to=report.resolve()),
        when_interrupted=INTERRUPTED,
        wiped=True,
    )
    console.print(f"{time.monotonic() - began:.0f} s in all, start and end included.")
    raise typer.Exit(status)


async def _serve(platform: Platform) -> int:
    from deploy.local.simulation.browser import Browser
    from deploy.local.simulation.opening import make_programme
    from deploy.sample import programme as sample_programme

    # As it is in the file, so that people have something to register in; to say so again changes nothing.
    async with Browser(platform.origin_url) as browser:
        await make_programme(browser, sample_programme.load(), platform.keys)
    platform.say(f"Take part      {platform.origin_url}/intake/register  (mentee or mentor)")
    platform.say(
        f"Local mail     {platform.origin_url}/mailbox/  (everybody's links: her own page)"
    )
    platform.say(
        f"Coordinate     {platform.origin_url}/intake/coordinator/  (a click says who you are)"
    )
    platform.say(f"Console        {platform.origin_url}/streams/console")
    platform.say(f"Keys           {platform.settings.directory / 'secrets.json'}")
    platform.say("Ctrl-C stops everything in good order.")
    await platform.failed()
    return 1


def _run(
    settings: PlatformSettings,
    work: Callable[[Platform], Awaitable[int]],
    *,
    when_interrupted: int,
    wiped: bool = False,
) -> int:
    platform = Platform(settings, console=console)
    try:
        if wiped:
            platform.wipe()
    except CommonGroundError as error:
        console.print(str(error), style="bold red", markup=False, soft_wrap=True)
        return FAILED
    return run_platform(platform, work, console, when_interrupted=when_interrupted)


if __name__ == "__main__":
    app()
