"""A real browser as our people have it: a phone or a desk, with JavaScript or without, in a language.

axe-core runs on a copy of the page in a window of its own: it needs scripts, which the page itself
may have switched off and its policy forbids.
"""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, Final

from playwright.async_api import Browser, BrowserContext, Page, ViewportSize, async_playwright

CHROMIUM: Final = ("chromium", "chromium-browser", "google-chrome")
AXE: Final = Path(__file__).with_name("node_modules") / "axe-core" / "axe.min.js"
SCREENSHOTS: Final = Path("var/screenshots")

_ARGUMENTS: Final = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
_RULES: Final = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


class Size(Enum):
    """The windows that we look through, in CSS pixels."""

    PHONE = ViewportSize(width=390, height=844)
    DESKTOP = ViewportSize(width=1280, height=900)
    ZOOMED = ViewportSize(width=320, height=256)
    """A desktop of 1280 by 1024 at 400%: nothing may have to be scrolled sideways."""


def missing() -> str:
    """What this machine lacks for tests in a browser; empty if nothing."""
    if not any(shutil.which(name) for name in CHROMIUM):
        return f"none of {', '.join(CHROMIUM)} found"
    return "" if AXE.is_file() else "no axe-core: run `make browser`"


@dataclass(frozen=True, slots=True)
class Chromium:
    """A running browser. Contexts of it share nothing."""

    browser: Browser

    @asynccontextmanager
    async def window(
        self,
        size: Size = Size.PHONE,
        *,
        javascript: bool = True,
        locale: str = "en",
        base_url: str | None = None,
    ) -> AsyncIterator[Page]:
        """A page in a fresh context: no cookies, nothing remembered."""
        context: BrowserContext = await self.browser.new_context(
            viewport=size.value,
            java_script_enabled=javascript,
            locale=locale,
            base_url=base_url,
            has_touch=size is Size.PHONE,
        )
        try:
            yield await context.new_page()
        finally:
            await context.close()

    async def violations(self, page: Page) -> list[str]:
        """What axe-core finds wrong with the page by WCAG 2.2 AA and good practice, a line for each."""
        size = page.viewport_size or Size.DESKTOP.value
        context = await self.browser.new_context(viewport=size)
        try:
            copy = await context.new_page()
            await copy.set_content(await page.content())
            await copy.evaluate(AXE.read_text(encoding="utf-8"))
            found: dict[str, Any] = await copy.evaluate(
                "rules => axe.run({runOnly: {type: 'tag', values: rules}})", _RULES
            )
        finally:
            await context.close()
        return [
            f"{rule['id']} ({rule['help']}): {node['html'][:300]}"
            for rule in found["violations"]
            for node in rule["nodes"]
        ]


@asynccontextmanager
async def chromium(profile: Path) -> AsyncIterator[Chromium]:
    """Debian's or anybody's Chromium, headless. `profile` is where it may keep its data."""
    path = next(found for name in CHROMIUM if (found := shutil.which(name)))
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=path, args=_ARGUMENTS, env={"HOME": str(profile)}
        )
        try:
            yield Chromium(browser)
        finally:
            await browser.close()


async def screenshot(page: Page, name: str) -> Path:
    """Keeps how the whole page looks, as `var/screenshots/<name>.png`, for people to look at."""
    path = SCREENSHOTS / f"{name}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    await page.screenshot(path=path, full_page=True)
    return path
