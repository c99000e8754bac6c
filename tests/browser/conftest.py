"""Tests in a browser: one Chromium for each file. Pictures of what it saw stay in var/screenshots."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.browser.browsing import Chromium, chromium


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Who asks for the fixture `browser` needs no marker besides."""
    for item in items:
        if "browser" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.browser)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Chromium]:
    """The browser, started. See `Chromium.window` and `Chromium.violations`."""
    async with chromium(tmp_path_factory.mktemp("chromium")) as started:
        yield started
