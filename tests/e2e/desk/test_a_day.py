"""A coordinator's day in a real browser, against the running platform: at a desk and on a phone."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from shared.security.links import Purpose
from shared.web.languages import LOCALES
from tests.browser.browsing import Chromium, Size, screenshot
from tests.browser.everybody import out_of_reach, small_targets, too_wide
from tests.e2e.desk.network import (
    AARHUS,
    KAREN,
    LEAD,
    MONTH,
    PROGRAMME,
    City,
    Network,
    sheet,
    until,
)

pytestmark = [pytest.mark.e2e, pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

DESK = "/intake/coordinator/"
PAGES = (
    "",
    "proposals",
    "mentorships",
    "waiting",
    "screening",
    "import",
    "gaps",
    "unreached",
    "report",
)


@pytest_asyncio.fixture(loop_scope="module")
async def karen(two_cities: Network, browser: Chromium) -> AsyncIterator[Page]:
    """Karen of Aarhus at her desk, signed in by a click."""
    async with browser.window(Size.DESKTOP, base_url=two_cities.origin) as page:
        await sign_in(page, KAREN)
        yield page


async def sign_in(page: Page, email: str) -> None:
    await page.goto(DESK)
    await page.get_by_label("Somebody else, by her address").fill(email)
    await page.get_by_role("button", name="Sign in").click()
    await expect(page).to_have_url(re.compile(re.escape(DESK)))


async def open_page(page: Page, name: str) -> None:
    """By the desk's own navigation."""
    navigation = page.get_by_role("navigation", name="Your desk")
    await navigation.get_by_role("link", name=name, exact=True).click()


async def test_a_day_at_the_desk(two_cities: Network, karen: Page) -> None:
    city, page = two_cities.aarhus, karen
    await expect(page.get_by_role("heading", level=1)).to_have_text("What needs you today")
    await screenshot(page, "desk-today")

    # She reads a call for help, calls the mentee, and has taken care of it.
    await page.get_by_role("link", name=re.compile("Help is asked for")).click()
    await page.get_by_role("link", name=re.compile("AaRun Canary")).click()
    await screenshot(page, "desk-mentorship")
    await page.get_by_role("link", name="Read what she wrote").click()
    await expect(page.get_by_text("Words of help from Aarhus")).to_be_visible()
    await screenshot(page, "desk-words-of-help")
    await page.go_back()
    await page.get_by_role("button", name="How to reach AaRun Canary").click()
    await expect(page.get_by_role("link", name="aarun@canary.example")).to_be_visible()
    await screenshot(page, "desk-contact")
    await page.go_back()
    await page.get_by_role("button", name="I have taken care of it").click()
    await expect(page.get_by_role("status")).to_contain_text("taken care of")
    await two_cities.platform.settle()

    # She talks with a mentor, and welcomes her.
    await open_page(page, "Talks")
    await page.get_by_label("Notes of the talk").fill("Warm, clear, speaks of her own beginning.")
    await screenshot(page, "desk-talks")
    await page.get_by_role("button", name="We have talked: welcome her").click()
    await expect(page.get_by_role("status")).to_contain_text("in the pool")
    await two_cities.platform.settle()

    # She finds that mentor better for the mentee whose proposal waits for her review.
    await open_page(page, "Proposals")
    await screenshot(page, "desk-proposals")
    await page.get_by_role("link", name=re.compile("Look closer")).click()
    await expect(page.get_by_text("Goals of AaAsks")).to_be_visible()
    await page.get_by_label(re.compile("AaSpare Canary")).check()
    await page.get_by_label("Why?").first.select_option(label="Somebody suits her better")
    await screenshot(page, "desk-proposal")
    await page.get_by_role("button", name="Propose this mentor instead").click()
    await expect(page.get_by_role("status")).to_contain_text("mentor whom you chose")
    await two_cities.platform.settle()
    (chosen,) = await two_cities.matches(city, "proposed")
    assert chosen["mentor_id"] == city.people["AaSpare"]
    assert chosen["mentee_id"] == city.people["AaAsks"]

    # The mentee asks something before she answers. Karen reads it, calls her, and has answered it.
    token = two_cities.links.sign(
        Purpose.ANSWER,
        chosen["mentee_id"],
        programme=PROGRAMME,
        match_id=chosen["match_id"],
        valid_for=MONTH,
    )
    await two_cities.sends("/matching/questions", token=token, text="Does she know hospitals?")
    await two_cities.platform.settle()
    await open_page(page, "Proposals")
    await page.get_by_role("link", name=re.compile("Look closer")).first.click()
    await page.get_by_role("link", name="Read what was asked").click()
    await expect(page.get_by_text("Does she know hospitals?")).to_be_visible()
    await screenshot(page, "desk-question")
    await page.get_by_role("button", name="I have answered it").click()
    await expect(page.get_by_role("status")).to_contain_text("The question is answered")
    await two_cities.platform.settle()
    await page.reload()
    await expect(page.get_by_role("link", name="Read what was asked")).to_have_count(0)

    # She writes a note about somebody who waits, and sees why she does.
    await open_page(page, "Who waits")
    await screenshot(page, "desk-waiting")
    await page.get_by_role("link", name="AaWaits Canary").click()
    await page.get_by_label("A new note").fill("Asked about Danish lessons.")
    await page.get_by_role("button", name="Keep the note").click()
    await expect(page.get_by_role("article")).to_contain_text("Asked about Danish lessons.")
    await expect(page.get_by_role("article")).to_contain_text("Karen")
    await screenshot(page, "desk-person")


async def test_people_are_brought_in_after_a_look_at_what_would_come_of_it(
    two_cities: Network, karen: Page, tmp_path: Path
) -> None:
    city, other = two_cities.aarhus, two_cities.odense
    file = tmp_path / "people.csv"
    file.write_bytes(
        sheet(
            [
                city.row("New", "mentee"),
                other.row("Foreign", "mentee"),
                city.row("Broken", "mentee", availability="whenever"),
            ]
        )
    )
    await open_page(karen, "Bring people in")
    await karen.get_by_label("A .csv or .xlsx file").set_input_files(file)
    await karen.get_by_role("button", name="Look at it").click()
    await expect(karen.get_by_text("not one of your cities")).to_be_visible()
    await expect(karen.get_by_text("lines need to be mended first")).to_contain_text("2")
    await screenshot(karen, "desk-import-preview")
    async with karen.expect_download() as download:
        await karen.get_by_role("link", name=re.compile("As a file to hand back")).click()
    refused = (await (await download.value).path()).read_text(encoding="utf-8")
    assert "availability" in refused
    await karen.get_by_role("button", name="Bring 1 person in").click()
    await expect(karen.get_by_role("status")).to_contain_text("1 person was registered.")
    await two_cities.platform.settle()
    path = f"/intake/programmes/{PROGRAMME}/participants"
    found = await two_cities.as_operator("GET", path, params={"city": AARHUS})
    assert len(found.json()["participants"]) == 7


async def test_the_report_has_pictures_and_the_same_numbers_as_its_file(karen: Page) -> None:
    await open_page(karen, "Report")
    await expect(karen.get_by_role("img")).to_have_count(2)
    await screenshot(karen, "desk-report")
    async with karen.expect_download() as download:
        await karen.get_by_role("link", name="As a file (.csv)").click()
    text = (await (await download.value).path()).read_text(encoding="utf-8")
    heading, *lines = (line.split(",") for line in text.splitlines())
    newest = dict(zip(heading, lines[-1], strict=True))
    cells = await karen.locator(".numbers tbody tr").first.locator("td").all_inner_texts()
    assert cells[:4] == [
        newest[name]
        for name in ("mentees_registered", "mentors_registered", "proposed", "accepted")
    ]
    assert int(newest["accepted"]) == 1


@pytest.mark.parametrize(
    ("size", "locale"),
    [
        *((Size.PHONE, locale) for locale in LOCALES),
        *((Size.ZOOMED, locale) for locale in LOCALES),
        (Size.DESKTOP, "en"),
        (Size.DESKTOP, "ar"),
    ],
    ids=str,
)
async def test_every_page_of_the_desk_is_for_everybody(
    two_cities: Network, browser: Chromium, size: Size, locale: str
) -> None:
    """WCAG 2.2 AA by axe-core, nothing to scroll sideways, targets large enough."""
    found: list[str] = []
    async with browser.window(size, base_url=two_cities.origin) as page:
        await sign_in(page, LEAD)
        for path in (*PAGES, *one_of_each(two_cities.aarhus), "looks"):
            await page.goto(f"{DESK}{path}?lang={locale}")
            assert await page.locator("html").get_attribute("lang") == locale
            flaws = await too_wide(page) + await small_targets(page)
            if size is not Size.ZOOMED:
                flaws += await browser.violations(page)
                name = path.rpartition("/")[2] if path.startswith("..") else path.partition("/")[0]
                await screenshot(page, f"desk-{size.name}-{locale}-{name or 'today'}")
            found += [f"{path}: {each}" for each in flaws]
    assert found == []


def one_of_each(city: City) -> list[str]:
    match_id = next(iter(city.matches))
    run = city.people["AaRun"]
    running = next(name for name, one in city.matches.items() if one["mentee_id"] == run)
    return [
        f"mentorships/{match_id}",
        f"proposals/{match_id}",
        f"people/{run}",
        f"../../followup/mentorships/{running}/help",
        f"../../matching/matches/{match_id}/questions",
    ]


@pytest.mark.parametrize("locale", ["en", "ar"])
async def test_every_page_of_the_desk_is_used_with_the_keyboard_alone(
    two_cities: Network, browser: Chromium, locale: str
) -> None:
    lost: list[str] = []
    async with browser.window(Size.DESKTOP, base_url=two_cities.origin) as page:
        await sign_in(page, LEAD)
        for path in (*PAGES, *one_of_each(two_cities.aarhus), "looks"):
            answer = await page.goto(f"{DESK}{path}?lang={locale}")
            assert answer is not None
            assert answer.status == 200, path
            lost += [f"{path}: {each}" for each in await out_of_reach(page)]
    assert lost == []


async def test_the_first_stop_leads_past_the_navigation(karen: Page) -> None:
    await karen.goto(DESK)
    await karen.keyboard.press("Tab")
    await expect(karen.get_by_role("link", name="Skip to the content")).to_be_focused()
    await karen.keyboard.press("Enter")
    await expect(karen.locator("main")).to_be_focused()


async def test_after_signing_out_the_back_button_shows_nobody(
    two_cities: Network, browser: Chromium
) -> None:
    async with browser.window(Size.PHONE, base_url=two_cities.origin) as page:
        await sign_in(page, KAREN)
        await open_page(page, "Mentorships")
        await page.get_by_role("button", name="Sign out").click()
        await expect(page.get_by_role("heading", level=1)).to_have_text("You are signed out.")
        await page.go_back()

        async def asks_who_she_is() -> bool:
            return "Who are you?" in await page.inner_text("body")

        await until(asks_who_she_is)
