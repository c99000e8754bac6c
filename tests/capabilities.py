"""What this machine has that some tests need. A test that needs more is skipped, and says why.

`REQUIRE=apache-kafka,browser` (see `make test`) turns such a skip into a failure.
"""

import os
import shutil
from collections.abc import Callable
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Final

import docker
import pytest
from docker.errors import DockerException

from deploy.local.engines.jars import missing_tools
from tests.browser import browsing

_DOCKER_SOCKET: Final = Path("/var/run/docker.sock")


def _apache_kafka() -> str:
    missing = missing_tools()
    return f"{' and '.join(missing)} not found" if missing else ""


def _containers() -> str:
    if "DOCKER_HOST" not in os.environ and not _DOCKER_SOCKET.exists():
        return "no Docker on this machine"
    try:
        with closing(docker.from_env(timeout=3)) as client:
            client.ping()
    except DockerException:
        return "Docker does not answer"
    return ""


def _browser() -> str:
    return browsing.missing()


def _promtool() -> str:
    return "" if shutil.which("promtool") else "promtool not found (Debian: package prometheus)"


#: By name: a function that says what is missing, or nothing.
_CAPABILITIES: Final[dict[str, Callable[[], str]]] = {
    "apache-kafka": _apache_kafka,
    "containers": _containers,
    "browser": _browser,
    "promtool": _promtool,
}

#: Which marker of a test stands for which capability.
BY_MARKER: Final = {"apache": "apache-kafka", "containers": "containers", "browser": "browser"}


@cache
def what_is_missing(capability: str) -> str:
    """Why this machine does not have it; empty where it does."""
    return _CAPABILITIES[capability]()


def required() -> frozenset[str]:
    """The capabilities of `REQUIRE`. Raises `pytest.UsageError` for an unknown one."""
    names = {name.strip() for name in os.environ.get("REQUIRE", "").split(",")} - {""}
    if unknown := names - set(_CAPABILITIES):
        raise pytest.UsageError(
            f"REQUIRE={','.join(sorted(unknown))}: known are {', '.join(_CAPABILITIES)}"
        )
    return frozenset(names)


def require(capability: str) -> None:
    """Skip the test where the capability is missing; fail it where `REQUIRE` names it."""
    missing = what_is_missing(capability)
    if not missing:
        return
    if capability in required():
        pytest.fail(f"REQUIRE names {capability}, but {missing}", pytrace=False)
    pytest.skip(f"no {capability}: {missing}")


def summary() -> str:
    """One line for the end of a run: what was there and what was not."""
    states = (
        f"{name} {'missing (' + missing + ')' if (missing := what_is_missing(name)) else 'found'}"
        for name in _CAPABILITIES
    )
    return f"capabilities: {'; '.join(states)}"
