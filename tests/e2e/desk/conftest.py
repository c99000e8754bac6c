"""One platform with two cities for each file, and one browser."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.browser.browsing import Chromium, chromium
from tests.e2e.desk.network import Network, network


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def two_cities(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Network]:
    """Aarhus and Odense, in the middle of their life."""
    async with network(tmp_path_factory.mktemp("desk")) as one:
        yield one


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Chromium]:
    """A real browser."""
    async with chromium(tmp_path_factory.mktemp("chromium")) as started:
        yield started
