"""A supervisor of two fake services in a process of its own: python standalone.py <directory>."""

import asyncio
import json
import os
import sys
from pathlib import Path

import httpx
from rich.console import Console

from deploy.local.running import run_platform
from deploy.local.settings import PlatformSettings
from deploy.local.supervisor import Platform
from tests.integration.local.conftest import FAKE
from tests.integration.local.fakes import FakeBroker, FakeEngine

NAMES = ("intake", "matching", "origin", "mail", "identity")


class Engine(FakeEngine):
    """Notes when it is stopped."""

    def stop(self) -> None:
        with Path(os.environ["FAKE_ENDED"]).open("a") as ended:
            ended.write("engine\n")


async def work(platform: Platform) -> int:
    if os.environ.get("FAKE_HANGS"):
        # Open work for an hour: draining would take all of its time.
        async with httpx.AsyncClient(trust_env=False) as client:
            await client.post(f"{platform.origin_url}/intake/be-busy?for_s=3600")
    pids = {name: platform.service(name).pid for name in NAMES}
    sys.stdout.write(f"PIDS {json.dumps(pids)}\n")
    sys.stdout.flush()
    await asyncio.Event().wait()
    return 0


if __name__ == "__main__":
    console = Console(width=300)
    settings = PlatformSettings(
        run="test", var=Path(sys.argv[1]), services={"intake": FAKE, "matching": FAKE}
    )
    platform = Platform(settings, console=console, engine=Engine(), broker=FakeBroker())
    sys.exit(run_platform(platform, work, console, when_interrupted=0))
