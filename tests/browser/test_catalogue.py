"""The catalogue of events in a browser, without JavaScript: found by words, read, downloaded, by everybody."""

import re
from collections.abc import Iterator

import pytest
from playwright.async_api import Page, expect

from deploy.local.engines import Engine
from tests.browser.browsing import Chromium, Size, screenshot
from tests.browser.everybody import out_of_reach, small_targets, too_wide
from tests.five import start_five

pytestmark = pytest.mark.asyncio(loop_scope="module")

EVENT = "commonground.match.declined.v1"
ELSEWHERE = re.compile(r"\.\./\w+/openapi\.json$")
PAGES = {"list": "catalogue", "event": f"catalogue/events/{EVENT}"}


@pytest.fixture(scope="module")
def streams(embedded: Engine) -> Iterator[str]:
    """Where streams answers."""
    for five in start_five(embedded, only=("streams",)):
        yield five.urls["streams"] + "/"


async def test_an_event_is_found_by_words_and_read_without_javascript(
    browser: Chromium, streams: str
) -> None:
    async with browser.window(Size.PHONE, javascript=False, base_url=streams) as page:
        await page.goto("catalogue")
        all_events = await page.locator(".entries li").count()
        await page.get_by_label("Words").fill("declined_by")
        await page.get_by_label("For").select_option("services")
        await page.get_by_role("button", name="Find").click()
        await expect(page.get_by_role("status")).to_contain_text(f"of {all_events} events")
        await expect(page.locator(".entries li")).to_have_count(1)
        await expect(page.get_by_label("Words")).to_have_value("declined_by")

        await page.get_by_role("link", name="match.declined").click()
        await expect(page.get_by_role("heading", level=1)).to_contain_text("match.declined")
        await expect(page.get_by_role("row", name="declined_by")).to_contain_text("mentee")
        await expect(page.get_by_role("region", name="An example")).to_contain_text(EVENT)
        await page.get_by_role("link", name="All events").click()
        await expect(page.locator(".entries li")).to_have_count(all_events)


async def test_what_nothing_fits_says_so_and_leads_back(browser: Chromium, streams: str) -> None:
    async with browser.window(Size.PHONE, javascript=False, base_url=streams) as page:
        await page.goto("catalogue?q=<script>alert(1)</script>")
        await expect(page.get_by_text("No event fits.")).to_be_visible()
        await expect(page.get_by_label("Words")).to_have_value("<script>alert(1)</script>")
        await page.get_by_role("link", name="Show all").click()
        assert await page.locator(".entries li").count() > 40


async def test_every_download_is_there(browser: Chromium, streams: str) -> None:
    async with browser.window(Size.DESKTOP, javascript=False, base_url=streams) as page:
        for path in PAGES.values():
            await page.goto(path)
            for link in await downloads(page):
                answer = await page.request.get(link)
                assert answer.status == 200, link
                assert await answer.json()


async def downloads(page: Page) -> list[str]:
    """What can be downloaded here. Other services answer behind the one origin only."""
    links = [
        await link.get_attribute("href") or "" for link in await page.get_by_role("link").all()
    ]
    here = [link for link in links if link.endswith(".json") and not ELSEWHERE.match(link)]
    return [await page.evaluate("link => new URL(link, location.href).href", link) for link in here]


@pytest.mark.parametrize("size", list(Size), ids=lambda size: size.name.lower())
@pytest.mark.parametrize("name", PAGES)
async def test_a_page_is_for_everybody(
    browser: Chromium, streams: str, name: str, size: Size
) -> None:
    async with browser.window(size, javascript=False, base_url=streams) as page:
        await page.goto(PAGES[name])
        await screenshot(page, f"catalogue-{name}-{size.name.lower()}")
        assert await browser.violations(page) == []
        assert await too_wide(page) + await small_targets(page) + await out_of_reach(page) == []


async def test_a_page_asks_nobody_else_for_anything(browser: Chromium, streams: str) -> None:
    asked: list[str] = []
    async with browser.window(Size.DESKTOP, base_url=streams) as page:
        page.on("request", lambda request: asked.append(request.url))
        for path in PAGES.values():
            await page.goto(path)
    assert asked
    assert all(url.startswith(streams) for url in asked), asked
