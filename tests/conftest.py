"""What tests share: engines that are started once a file or a run, and clean ground on them.

A test on a shared engine either uses `fresh.empty(engine)` first or writes under ids of its own,
and reads with `fresh.group(...)`, a consumer group that nobody else has.
"""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, settings

from deploy.local import topics
from deploy.local.engines import Engine, open_engine
from tests import capabilities
from tests.five import Five, start_five
from tests.fresh import Fresh

# How long an example takes says something of the machine, nothing of the code: speed is measured in
# tests/bench.
settings.register_profile(
    "untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile("untimed")


def pytest_configure() -> None:
    """Refuse a REQUIRE that names nothing we know, before any test runs."""
    capabilities.required()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Who asks for the fixture `apache` needs no marker besides."""
    for item in items:
        if "apache" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.apache)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip or fail a test that needs what this machine does not have."""
    for marker, capability in capabilities.BY_MARKER.items():
        if item.get_closest_marker(marker):
            capabilities.require(capability)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say at the end what this machine could and could not test."""
    terminalreporter.write_line(capabilities.summary())


@pytest.fixture
def fresh() -> Fresh:
    """Clean ground: see `Fresh`."""
    return Fresh()


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """The embedded engine, started, with all topics.

    Its own for each file: it starts in half a second, and no test reads what another file wrote.
    """
    yield from _started("embedded", tmp_path_factory)


@pytest.fixture(scope="module")
def five(embedded: Engine) -> Iterator[Five]:
    """The five services, started once for each file, on clean ground."""
    yield from start_five(embedded)


@pytest.fixture(scope="session")
def apache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """Apache Kafka (one broker) and mongod (one node), started, with all topics."""
    yield from _started("apache", tmp_path_factory)


def _started(name: str, folders: pytest.TempPathFactory) -> Iterator[Engine]:
    with open_engine(name, var=folders.mktemp("engine")) as engine:
        # In a thread: an event loop may be about to run, or running, in this one.
        with ThreadPoolExecutor(1) as pool:
            pool.submit(asyncio.run, topics.apply(engine.addresses, "local")).result()
        yield engine
