"""A small population's life on a platform of its own, from nothing to the report."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console

from deploy.local import report, simulation
from deploy.local.report import Verdict
from deploy.local.settings import PlatformSettings
from deploy.local.simulation import Outcome
from deploy.local.supervisor import Platform

STARTS_AT = datetime(2026, 1, 5, 7, tzinfo=UTC)

Disturbance = Callable[[Platform], Callable[[datetime], Awaitable[None]]]


def play(
    directory: Path,
    *,
    people: str = "60",
    weeks: int = 5,
    seed: int = 1,
    engine: str = "embedded",
    disturbance: Disturbance | None = None,
) -> tuple[Verdict, Outcome, str]:
    """The verdict, the outcome, and what was said on the terminal. Everything is below `directory`."""
    with (directory / "terminal").open("w+", encoding="utf-8") as terminal:
        console = Console(file=terminal, width=300)
        settings = PlatformSettings(
            run="demo",
            var=directory,
            engine=engine,
            starts_at=STARTS_AT,
            seed=seed,
            log_level="error",
        )
        verdict, outcome = asyncio.run(
            _play(Platform(settings, console=console), directory, people, weeks, seed, disturbance)
        )
        terminal.seek(0)
        return verdict, outcome, terminal.read()


async def _play(
    platform: Platform,
    directory: Path,
    people: str,
    weeks: int,
    seed: int,
    disturbance: Disturbance | None,
) -> tuple[Verdict, Outcome]:
    async with platform:
        disturb = disturbance(platform) if disturbance is not None else None
        outcome = await platform.guard(
            simulation.run(platform, people=people, weeks=weeks, seed=seed, disturb=disturb)
        )
        return await platform.guard(report.write(platform, outcome, directory / "report")), outcome


def what_must_not_differ(verdict: Verdict) -> dict[str, Any]:
    """The report without what a crash may change: seconds, mails sent again, repeats dropped."""
    kept = {name: part for name, part in verdict.report.items() if name not in ("seconds", "steps")}
    kept["messages"] = {n: v for n, v in kept["messages"].items() if n != "resent"}
    kept["events"] = {n: v for n, v in kept["events"].items() if n != "duplicates_dropped"}
    return kept
