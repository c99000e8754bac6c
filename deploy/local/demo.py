"""The demo: half a year of a mentor network, from an empty platform to a report.

Here is only the order of calls. People act in `deploy.local.simulation`, and `deploy.local.report`
reads what became of it.
"""

import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from deploy.local import report, simulation
from deploy.local.supervisor import Platform

STARTS_AT: Final = datetime(2026, 1, 5, 7, tzinfo=UTC)


def demo(
    *, people: str, weeks: int, seed: int, report_to: Path
) -> Callable[[Platform], Awaitable[int]]:
    """What to do with a platform that has just started on a stepped clock at `STARTS_AT`.

    The seam: `simulation.run(platform, people=, weeks=, seed=)` gives an outcome,
    `report.write(platform, outcome, directory)` gives a verdict with `path` (of the report) and
    `findings` (a sentence for each thing lost, doubled or violated; none if all is well).
    """
    called = time.monotonic()

    async def run(platform: Platform) -> int:
        began = time.monotonic()
        outcome = await platform.guard(
            simulation.run(platform, people=people, weeks=weeks, seed=seed)
        )
        verdict = await platform.guard(
            report.write(platform, outcome, report_to, setup_seconds=began - called)
        )
        for finding in verdict.findings:
            platform.say(f"VIOLATED: {finding}")
        seconds = time.monotonic() - began
        platform.say(f"{weeks} weeks of {people} people in {seconds:.0f} s. Report: {verdict.path}")
        return 1 if verdict.findings else 0

    return run
