"""What a platform on one machine is made of: its data directory, engine, clock and processes."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Final

from deploy.local.engines import SERVICES

PROJECT: Final = Path(__file__).resolve().parents[2]


def _commands() -> Mapping[str, tuple[str, ...]]:
    return MappingProxyType(
        {name: (sys.executable, "-m", f"services.{name}") for name in SERVICES},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformSettings:
    """One platform.

    run: names the data directory, `<var>/<run>`; two platforms cannot share one.
    starts_at: where the stepped clock begins; None is the system's clock.
    step: how far the stepped clock goes at once, at most.
    seed: makes ids repeatable on a stepped clock.
    port: of the origin; 0 lets the kernel choose, and so does a port that is taken.
    log_level: from where on logs are shown on the terminal (`deploy.local.logs.LEVELS`).
    services: the command that starts each service.
    environment: by service, settings that it is given in place of the usual ones.
    deaths: how many times within half a minute a process may die before the platform gives up.
    """

    run: str
    var: Path = PROJECT / "var"
    engine: str = "embedded"
    brokers: int = 1
    mongo_nodes: int = 1
    starts_at: datetime | None = None
    step: timedelta = timedelta(hours=12)
    seed: int = 1
    port: int = 0
    log_level: str = "info"
    ready_within_s: float = 90.0
    stop_within_s: float = 10.0
    services: Mapping[str, tuple[str, ...]] = field(default_factory=_commands)
    environment: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    deaths: int = 5

    @property
    def directory(self) -> Path:
        """Where everything of this platform is kept."""
        return self.var.resolve() / self.run

    @property
    def topics(self) -> str:
        """The profile of deploy/topics.yaml for so many brokers."""
        return "three-brokers" if self.brokers == 3 else "local"

    @property
    def clock(self) -> str:
        """The setting `CLOCK` of its processes."""
        return "system" if self.starts_at is None else f"stepped:{self.directory / 'clock'}"
