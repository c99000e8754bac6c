"""Platforms of fake services: real processes, real HTTP, no engine unless a test asks for one."""

import io
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
import pytest_asyncio
from rich.console import Console

from deploy.local.settings import PlatformSettings
from deploy.local.supervisor import Platform
from tests.integration.local.fakes import FakeBroker, FakeEngine

STARTS_AT = datetime(2026, 1, 5, 7, tzinfo=UTC)
FAKE = (sys.executable, "-m", "tests.integration.local.fake_service")


@dataclass
class Ground:
    """Where a test's platforms live, and what was said on their terminal."""

    settings: PlatformSettings
    ended: Path
    terminal: io.StringIO

    def platform(self) -> Platform:
        """A platform of two fake services without an engine, not started."""
        return Platform(
            self.settings,
            console=Console(file=self.terminal, width=300),
            engine=FakeEngine(),
            broker=FakeBroker(),
        )

    def said(self) -> str:
        """All that the terminal showed."""
        return self.terminal.getvalue()


def a_ground(directory: Path) -> Ground:
    """Two fake services on a stepped clock, everything below `directory`."""
    settings = PlatformSettings(
        run="test",
        var=directory,
        starts_at=STARTS_AT,
        services={"intake": FAKE, "matching": FAKE},
        ready_within_s=30.0,
    )
    return Ground(settings, directory / "ended", io.StringIO())


@pytest.fixture
def ground(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ground:
    """What a platform of this test's own is made of."""
    ground = a_ground(tmp_path)
    monkeypatch.setenv("FAKE_ENDED", str(ground.ended))
    return ground


@pytest.fixture
async def platform(ground: Ground) -> AsyncIterator[Platform]:
    """The platform of `ground`, started."""
    async with ground.platform() as platform:
        yield platform


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_platform(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Platform]:
    """One started platform for all tests of a file; whoever kills something waits for it."""
    ground = a_ground(tmp_path_factory.mktemp("platform"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FAKE_ENDED", str(ground.ended))
        async with ground.platform() as platform:
            yield platform
