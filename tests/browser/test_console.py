"""The operators' console in a browser, on a whole platform, while people take part and a record is poison."""

import asyncio
import json
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
import pytest_asyncio
from aiokafka import AIOKafkaProducer
from playwright.async_api import Page, expect
from rich.console import Console

from deploy.local import simulation
from deploy.local.settings import PlatformSettings
from deploy.local.supervisor import Platform
from shared.events.pool import RecruitmentGap
from shared.events.wire import encode_headers, headers_of
from tests.browser.browsing import Chromium, Size, screenshot
from tests.browser.everybody import out_of_reach, small_targets, too_wide
from tests.unit.streams.examples import example

pytestmark = pytest.mark.asyncio(loop_scope="module")

STARTS_AT = datetime(2026, 1, 5, 7, tzinfo=UTC)
WITHIN_MS = 60_000
Sent = tuple[str, bytes, bytes, list[tuple[str, bytes]]]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def platform(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Platform]:
    """A platform on which forty people live for three weeks while we look."""
    folder = tmp_path_factory.mktemp("platform")
    settings = PlatformSettings(
        run="console", var=folder, starts_at=STARTS_AT, seed=5, log_level="critical"
    )
    with (folder / "terminal").open("w", encoding="utf-8") as terminal:
        async with Platform(settings, console=Console(file=terminal)) as platform:
            life = asyncio.create_task(simulation.run(platform, people="40", weeks=3, seed=5))
            await poison(platform)
            try:
                yield platform
            finally:
                life.cancel()
                await asyncio.gather(life, return_exceptions=True)


async def poison(platform: Platform) -> None:
    """A record that nobody can read, as a broken program of somebody's would send it."""
    headers = [("ce_type", b"commonground.match.accepted.v1")]
    await send(platform, ("matches", b"{no json", b"x", headers))


def a_gap() -> Sent:
    """An event about a city that nobody lives in."""
    gap = example(RecruitmentGap, programme="elsewhere", city="999")
    headers = headers_of(gap, 1, STARTS_AT, correlation_id="c", causation_id=None, traceparent=None)
    value = gap.model_dump_json(exclude_none=True).encode()
    return "pool", value, gap.partition_key.encode(), encode_headers(headers)


async def send(platform: Platform, record: Sent) -> None:
    """One record, acknowledged."""
    topic, value, key, headers = record
    producer = AIOKafkaProducer(bootstrap_servers=list(platform.engine.addresses.kafka))
    await producer.start()
    await producer.send_and_wait(topic, value, key=key, headers=headers)
    await producer.stop()


@asynccontextmanager
async def console_page(
    browser: Chromium, platform: Platform, size: Size, *, javascript: bool = True
) -> AsyncIterator[Page]:
    """A window of somebody who has an operator's key; it must not meet a single error of its own."""
    base = f"{platform.origin_url}/streams/console"
    async with browser.window(size, javascript=javascript, base_url=base) as page:
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on(
            "console",
            lambda said: errors.append(said.text) if said.type == "error" else None,
        )
        page.set_default_timeout(WITHIN_MS)
        await page.set_extra_http_headers({"Authorization": f"Bearer {platform.keys.operator}"})
        yield page
        assert errors == []


async def journal(platform: Platform, **search: str) -> list[dict[str, Any]]:
    """What operators' programs are told; asked again until there is something."""
    headers = {"Authorization": f"Bearer {platform.keys.operator}"}
    async with httpx.AsyncClient(trust_env=False, headers=headers) as client, asyncio.timeout(60):
        while True:
            answer = await client.get(f"{platform.origin_url}/streams/journal", params=search)
            found: list[dict[str, Any]] = answer.json()["entries"]
            if found:
                return found


def url(platform: Platform, path: str = "") -> str:
    return f"{platform.origin_url}/streams/console{path}"


async def test_it_answers_the_one_question_and_stays_live_on_a_phone_at_night(
    browser: Chromium, platform: Platform
) -> None:
    async with console_page(browser, platform, Size.PHONE) as page:
        await page.emulate_media(color_scheme="dark")
        await page.goto(url(platform))
        await expect(page.get_by_role("heading", level=1)).to_have_text("Is everything moving?")
        await expect(page.locator(".answer")).to_have_text(re.compile("^(Yes|No)"))
        await expect(page.locator("#liveness")).to_have_text("Live.", timeout=WITHIN_MS)
        await screenshot(page, "console-phone-dark")
        seen = await page.locator(".verdict .small").inner_text()
        await page.locator("#partitions summary").click()
        await expect(page.locator(".verdict .small")).not_to_have_text(seen, timeout=WITHIN_MS)
        await expect(page.locator("#partitions")).to_have_attribute("open", "")
        wide = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wide <= 0
        assert await browser.violations(page) == []


async def test_without_javascript_it_shows_the_moment(
    browser: Chromium, platform: Platform
) -> None:
    async with console_page(browser, platform, Size.DESKTOP, javascript=False) as page:
        await page.goto(url(platform))
        await expect(page.locator("article.card h3", has_text="intake-1")).to_be_visible()
        await expect(page.locator("#liveness")).to_contain_text("Load it again")
        await screenshot(page, "console-desktop")


async def test_events_arrive_in_the_tail_by_themselves(
    browser: Chromium, platform: Platform
) -> None:
    await journal(platform)
    async with console_page(browser, platform, Size.DESKTOP) as page:
        await page.goto(url(platform, "/tail"))
        await expect(page.locator("#liveness")).to_have_text("Live.", timeout=WITHIN_MS)
        await send(platform, a_gap())
        fresh = page.locator("#rows li.new", has_text="recruitment.gap")
        await expect(fresh).to_be_attached(timeout=WITHIN_MS)
        await page.get_by_label("Type").fill("match.proposed")
        await page.get_by_role("button", name="Show").click()
        await expect(page.locator("#rows li").first).to_contain_text("match.proposed")
        assert await page.locator("#rows li", has_not_text="match.proposed").count() == 0
        await screenshot(page, "tail-desktop")
        assert await browser.violations(page) == []


async def test_a_journey_is_told_across_services(browser: Chromium, platform: Platform) -> None:
    accepted = (await journal(platform, type="match.accepted"))[0]
    async with console_page(browser, platform, Size.PHONE) as page:
        await page.goto(url(platform, "/journeys"))
        await page.get_by_label("Id of a participant or a match").fill(accepted["about"][0])
        await page.get_by_role("button", name="Tell").click()
        services = await page.locator(".timeline .service").all_inner_texts()
        assert {"intake", "matching", "notifications"} <= set(services)
        await screenshot(page, "journey-phone")
        assert await browser.violations(page) == []
        await page.set_viewport_size(Size.DESKTOP.value)
        await screenshot(page, "journey-desktop")


async def test_what_she_told_is_masked_until_a_reason_is_written_down(
    browser: Chromium, platform: Platform
) -> None:
    registered = (await journal(platform, type="participant.registered"))[0]
    async with console_page(browser, platform, Size.DESKTOP) as page:
        await page.goto(url(platform, f"/events/{registered['id']}"))
        languages = page.locator("tr", has=page.get_by_text("languages", exact=True))
        await expect(languages).to_contain_text("(masked)")
        assert await browser.violations(page) == []
        await page.get_by_label("Why do you need to see").fill("Ticket 17: wrong language")
        await page.get_by_role("button", name="Show this event").click()
        await expect(languages).not_to_contain_text("(masked)")
        await screenshot(page, "event-shown")
        await page.get_by_role("link", name="Audit").click()
        await expect(page.locator("tbody tr").first).to_contain_text("Ticket 17: wrong language")
        await expect(page.locator("tbody tr").first).to_contain_text(registered["id"])


async def test_a_dead_letter_is_looked_at_tried_and_given_up_with_a_reason(
    browser: Chromium, platform: Platform
) -> None:
    await journal(platform, type="record.parked")
    async with console_page(browser, platform, Size.PHONE) as page:
        await page.goto(url(platform, "/dead-letters"))
        group = page.locator("article", has=page.get_by_role("heading", name="followup"))
        await expect(group).to_contain_text("unreadable")
        assert await browser.violations(page) == []
        await group.get_by_role("button", name="What would happen?").first.click()
        await expect(page.get_by_role("status")).to_contain_text("followup would try 1 again")
        await screenshot(page, "dead-letters-phone")
        await group.get_by_role("button", name="Try again").click()
        await expect(page.get_by_role("status")).to_contain_text("0 handled, 1 still set aside")
        await group.get_by_text("Give up…").click()
        await group.get_by_label("Because").select_option("never_an_event")
        await group.get_by_role("button", name="Give up").click()
        await expect(page.get_by_role("status")).to_contain_text("followup gave up 1")
    discarded = (await journal(platform, type="record.discarded"))[0]
    assert discarded["payload"]["reason"] == "never_an_event"
    async with console_page(browser, platform, Size.DESKTOP) as page:
        await page.goto(url(platform, "/dead-letters"))
        await expect(page.get_by_role("heading", name="intake")).to_be_visible()
        assert await page.get_by_role("heading", name="followup").count() == 0


async def test_a_stream_is_sent_again_after_it_was_counted(
    browser: Chromium, platform: Platform
) -> None:
    await journal(platform, type="message.sent")
    async with console_page(browser, platform, Size.PHONE) as page:
        await page.goto(url(platform, "/replays"))
        assert await browser.violations(page) == []
        for button, said in (("How many?", "would be sent again"), ("Send again", "It has begun")):
            await page.get_by_label("Stream").select_option("messages")
            await page.get_by_label("For").select_option("matching.messages")
            await page.get_by_role("button", name=button, exact=True).click()
            await expect(page.get_by_role("status")).to_contain_text(said)
        card = page.locator("article", has_text="messages → matching.messages")
        async with asyncio.timeout(60):
            while "done" not in await card.inner_text():
                await page.reload()
        await screenshot(page, "replays-phone")


@pytest.mark.parametrize("size", list(Size), ids=lambda size: size.name.lower())
async def test_every_page_is_for_everybody(
    browser: Chromium, platform: Platform, size: Size
) -> None:
    """WCAG 2.2 AA by axe-core, nothing to scroll sideways, large targets, all by keyboard."""
    accepted = (await journal(platform, type="match.accepted"))[0]
    (letter,) = (await journal(platform, type="record.parked"))[:1]
    found: list[str] = []
    async with console_page(browser, platform, size, javascript=False) as page:
        for path in (
            "",
            "/tail",
            "/journeys",
            f"/journeys?id={accepted['about'][0]}",
            f"/events/{accepted['id']}",
            "/dead-letters",
            f"/dead-letters/{letter['payload']['letter_id']}",
            "/replays",
            "/audit",
        ):
            answer = await page.goto(url(platform, path))
            assert answer is not None
            assert answer.status == 200, path
            flaws = await too_wide(page) + await small_targets(page) + await out_of_reach(page)
            if size is not Size.ZOOMED:
                flaws += await browser.violations(page)
            found += [f"{path}: {each}" for each in flaws]
    assert found == []


async def test_an_operator_signs_in_and_acts_with_her_session_alone(
    browser: Chromium, platform: Platform
) -> None:
    await journal(platform, type="record.parked")
    async with browser.window(Size.DESKTOP) as page:
        page.set_default_timeout(WITHIN_MS)
        await page.goto(url(platform, "/dead-letters"))
        await page.get_by_role("button", name="operator@example.org").click()
        await expect(page.get_by_role("heading", level=1)).to_have_text("Dead letters")
        group = page.locator("article", has=page.get_by_role("heading", name="notifications"))
        await group.get_by_role("button", name="What would happen?").first.click()
        await expect(page.get_by_role("status")).to_contain_text("notifications would try 1 again")
        cookies = {cookie["name"]: cookie["value"] for cookie in await page.context.cookies()}
    async with httpx.AsyncClient(trust_env=False, cookies=cookies) as client:
        there = f"{platform.origin_url}/notifications/parked/release"
        from_elsewhere = {"Sec-Fetch-Site": "cross-site"}
        refused = await client.post(there, data={"dry_run": "true"}, headers=from_elsewhere)
        assert refused.status_code == 403
        without_token = {"Sec-Fetch-Site": "same-origin"}
        refused = await client.post(there, data={"dry_run": "true"}, headers=without_token)
        assert refused.status_code == 403


async def test_the_commands_tell_the_same(platform: Platform) -> None:
    await journal(platform, type="record.parked")
    ran = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "services.streams",
        *("dead-letters", "replay", "--service", "intake", "--dry-run", "--json"),
        env={"ORIGIN": platform.origin_url, "OPERATOR_KEY": platform.keys.operator},
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await ran.communicate()
    assert ran.returncode == 0
    (fate,) = json.loads(said)["intake"]["letters"]
    assert (fate["stream"], fate["reason"], fate["then"]) == ("matches", "unreadable", "tried")


async def test_nobody_sees_it_without_a_key_or_session(platform: Platform) -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        for path in ("", "/tail", "/journeys", "/dead-letters", "/audit", "/live", "/tail/live"):
            assert (await client.get(url(platform, path))).status_code == 401
        browsing = await client.get(url(platform), headers={"Accept": "text/html"})
        assert browsing.status_code == 303
        assert "/intake/sign-in" in browsing.headers["location"]
