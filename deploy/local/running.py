"""Runs a platform for someone at a terminal: signals, failures, exit status."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from typing import Final

import uvloop
from rich.console import Console

from deploy.local.supervisor import Platform
from shared.errors import CommonGroundError

FAILED: Final = 1
INTERRUPTED: Final = 130


def run_platform(
    platform: Platform,
    work: Callable[[Platform], Awaitable[int]],
    console: Console,
    *,
    when_interrupted: int,
) -> int:
    """Starts the platform, does the work, stops it. Returns the process's exit status.

    The first Ctrl-C or SIGTERM stops in good order and gives `when_interrupted`; the second kills
    everything at once. A failure of our own is one message and status 1, not a traceback.
    """
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(_until_interrupted(platform, work))
    except asyncio.CancelledError:
        return when_interrupted
    except CommonGroundError as error:
        console.print(str(error), style="bold red", markup=False, highlight=False, soft_wrap=True)
        return FAILED


async def _until_interrupted(platform: Platform, work: Callable[[Platform], Awaitable[int]]) -> int:
    loop, running = asyncio.get_running_loop(), asyncio.current_task()
    heard = False

    def on_signal() -> None:
        nonlocal heard
        if heard:
            platform.kill()
            # What the engine started dies with us.
            os._exit(INTERRUPTED)
        heard = True
        platform.say("Stopping in good order; once more to kill at once.")
        if running is not None and not platform.stopping:
            running.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, on_signal)
    async with platform:
        return await work(platform)
