"""The whole journey of two women, by browser without JavaScript, on a running platform.

Amal registers as a mentee in Arabic on her phone, Karen as a mentor in Danish at her desk. All that they
do, they do through the links in their mail and the forms that these open.
"""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
import pytest_asyncio
from icalendar import Calendar
from playwright.async_api import Page

from deploy.local.mailbox import StoredMessage
from deploy.local.settings import PlatformSettings
from deploy.local.simulation.browser import Browser
from deploy.local.simulation.opening import make_programme
from deploy.local.supervisor import Platform
from deploy.sample import programme as sample
from deploy.sample.programme import SampleProgramme
from tests.browser.browsing import Chromium, Size, screenshot

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.e2e]

STARTS_AT: Final = datetime(2026, 1, 5, 7, tzinfo=UTC)
MOST_STEPS: Final = 80
STORY: Final = "قصتي: كنت محاسبة في حلب.\nI like <numbers> & people.\n\nشكرًا! "
GOALS: Final = "أريد أن أعمل في مهنتي مرة أخرى."


@dataclass
class Woman:
    """Somebody with a browser and a mailbox."""

    platform: Platform
    chromium: Chromium
    page: Page
    email: str
    language: str
    found: list[str]
    read: int = 0

    async def goes_to(self, address: str, name: str) -> None:
        """Opens an address; the page is looked at."""
        answer = await self.page.goto(address)
        assert answer is not None
        assert answer.status == 200, f"{name}: {answer.status}"
        await self.looks(name)

    async def clicks(self, selector: str, name: str, status: int = 200) -> None:
        """Presses a button or follows a link, and looks at what comes."""
        async with self.page.expect_navigation() as waiting:
            await self.page.click(selector)
        answer = await waiting.value
        assert answer is not None
        assert answer.status == status, f"{name}: {answer.status}"
        await self.looks(name)

    async def looks(self, name: str) -> None:
        """Every page is in her language, and has no violation of WCAG 2.2 AA."""
        who = self.email.partition("@")[0]
        assert await self.page.get_attribute("html", "lang") == self.language, name
        await screenshot(self.page, f"journey/{who}-{name}")
        found = await self.chromium.violations(self.page)
        self.found += [f"{who} {name}: {each}" for each in found]

    def letter_with(self, page: str) -> str | None:
        """The newest link to a page of ours in her mail that she has not used yet."""
        messages: list[StoredMessage] = self.platform.mailbox.messages(after=self.read)
        for message in reversed([each for each in messages if each.to == self.email]):
            link = re.search(rf"https?://\S+/intake/{page}\?\S+", message.text)
            if link is not None:
                self.read = message.number
                return link[0]
        return None

    def newest_subject(self) -> str:
        """What her last letter is about."""
        return [m for m in self.platform.mailbox.messages() if m.to == self.email][-1].subject

    async def gets_link_to(self, page: str) -> str:
        """Lets time pass until a message with such a link has come."""
        for _ in range(MOST_STEPS):
            await self.platform.settle()
            if (link := self.letter_with(page)) is not None:
                return link
            await self.platform.clock.advance()
        raise AssertionError(f"no link to {page} came to {self.email}")

    async def opens_summary(self, text: str) -> None:
        """Opens a part of the page that is folded."""
        await self.page.click(f"summary:has-text('{text}')")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def platform(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Platform]:
    directory: Path = tmp_path_factory.mktemp("journey")
    settings = PlatformSettings(
        run="journey", var=directory, starts_at=STARTS_AT, seed=1, log_level="error"
    )
    async with Platform(settings) as running:
        given = sample.load()
        policy: dict[str, Any] = {"screening_of_mentors": True}
        programme = SampleProgramme(
            given.programme_id, given.body | {"policy": policy}, given.charter_texts
        )
        async with Browser(running.origin_url) as operator:
            await make_programme(operator, programme, running.keys)
        await running.settle()
        yield running


async def registers(woman: Woman, role: str, answers: dict[str, dict[str, Any]]) -> None:
    """Goes through all steps of the form; `answers` by step, then by field."""
    await woman.goes_to(f"{woman.platform.origin_url}/intake/?lang={woman.language}", "start")
    await woman.clicks(f"a[href*='role={role}']", "step-1")
    for number, (step, fields) in enumerate(answers.items(), 1):
        for name, value in fields.items():
            await answer(woman.page, name, value)
        await woman.clicks("button[value=next]", f"step-{number + 1}-after-{step}")
    await woman.clicks("button[formaction*='/register/send']", "registered")


async def answer(page: Page, name: str, value: Any) -> None:
    """Fills in one field, whatever it is."""
    field = page.locator(f"[name={name}]").first
    kind = await field.evaluate("field => field.tagName + ':' + field.type")
    if kind.startswith("SELECT"):
        await field.select_option(value)
    elif "checkbox" in kind or "radio" in kind:
        for each in value if isinstance(value, list) else [value]:
            await page.check(f"[name={name}][value='{each}']")
    else:
        await field.fill(value)


def answers_of(language: str, email: str, name: str, **wishes: Any) -> dict[str, dict[str, Any]]:
    return {
        "wishes": {"kinds_of_help": ["job_search"], "goals": GOALS},
        "work": {"profession": "Accountants", "education_level": "6", "education_field": "04"},
        "meeting": {
            "language_1": language,
            "language_2": "en",
            "city": "461",
            "availability": ["sat-morning", "mon-evening"],
            **wishes,
        },
        "ground": {"interests": ["chess", "gardening"], "topics": ["parenting"]},
        "story": {"story": STORY, "shows": ["story"]},
        "you": {"name": name, "email": email, "locale": language},
        "charter": {"charter": ["2026-1"]},
    }


async def test_a_mentee_in_arabic_and_a_mentor_in_danish_live_through_a_whole_mentorship(
    platform: Platform, browser: Chromium
) -> None:
    found: list[str] = []
    async with (
        browser.window(Size.PHONE, javascript=False, locale="ar") as phone,
        browser.window(Size.DESKTOP, javascript=False, locale="da") as desk,
    ):
        amal = Woman(platform, browser, phone, "amal@example.org", "ar", found)
        karen = Woman(platform, browser, desk, "karen@example.org", "da", found)

        await registers(amal, "mentee", answers_of("ar", amal.email, "أمل"))
        await registers(karen, "mentor", answers_of("da", karen.email, "Karen", seats="1"))
        for woman in (amal, karen):
            await woman.goes_to(await woman.gets_link_to("confirm"), "confirm")
            await woman.clicks("main button", "confirmed")
        await let_into_the_pool(platform)

        await amal.goes_to(await amal.gets_link_to("answer"), "proposal")
        assert await shown_story(amal.page) == STORY.replace("\n", "\r\n")
        assert "Karen" not in await amal.page.content()
        assert karen.letter_with("answer") is None, "the mentor is asked after the mentee's yes"
        await amal.opens_summary("أودّ أن أسأل")
        await amal.page.fill("[name=text]", "هل تعرف سوق العمل؟")
        await amal.clicks("form[action*=questions] button", "asked-a-question")
        await amal.page.go_back()
        await amal.clicks("form[action*=answers] button >> nth=0", "said-yes")

        await karen.goes_to(await karen.gets_link_to("answer"), "proposal")
        assert await shown_story(karen.page) == STORY.replace("\n", "\r\n")
        assert "أمل" not in await karen.page.content()
        await karen.clicks("form[action*=answers] button >> nth=0", "said-yes")

        her_page = await amal.gets_link_to("me")
        await amal.goes_to(her_page, "me-matched")
        assert karen.email in await amal.page.content()
        await amal.clicks("a[href*='/followup/agreement']", "agreement-empty")
        await amal.page.fill("[name=goals]", GOALS)
        meeting = (platform.clock.now() + timedelta(days=3)).strftime("%Y-%m-%dT17:00")
        await amal.page.fill("[name=meeting]", meeting)
        await amal.clicks("form[action*='/followup/agreement'] button", "agreement-written")
        await amal.clicks("main a.button", "me-agreed")
        await platform.settle()

        await karen.goes_to(await karen.gets_link_to("me"), "me-matched")
        assert karen.newest_subject() == "Hvad I to kunne aftale"
        assert amal.newest_subject() != "ما يمكن أن تتفقا عليه", "she wrote it herself"
        await karen.clicks("a[href*='/followup/agreement']", "agreement")
        assert GOALS in await karen.page.content()
        await karen.clicks("form[action*=affirm] button", "agreement-affirmed")
        await karen.clicks("main a.button", "me-affirmed")
        await its_meeting_is_in_a_calendar(karen.page, meeting)

        for woman, going in ((amal, "mixed"), (karen, "well")):
            await woman.goes_to(await woman.gets_link_to("check-in"), "check-in")
            await woman.page.check(f"[name=going][value={going}]")
            await woman.page.fill("[name=next_step]", "نكتب السيرة الذاتية معًا.")
            await woman.page.check("[name=meeting_again][value=yes]")
            await woman.clicks("form[action*='check-ins'] button", "check-in-answered")
        await amal.page.go_back()
        await amal.opens_summary("أحتاج إلى مساعدة")
        await amal.clicks("form[action*='/followup/help'] button", "asked-for-help")

        await amal.goes_to(her_page, "me-before-closing")
        await amal.opens_summary("اختتام")
        await amal.page.check("[name=reason][value=goals_reached]")
        await amal.clicks("form[action*='/followup/close'] button", "closed")
        await platform.settle()
        for woman in (amal, karen):
            await woman.goes_to(await woman.gets_link_to("me"), "me-closed")
            await woman.clicks("a[href*='/intake/survey']", "survey")
            await woman.page.check("[name=good_match][value='5']")
            await woman.page.check("[name=closer_to_goals][value='4']")
            await woman.page.check("[name=would_do_again][value=yes]")
            await woman.clicks("form[action*='/followup/survey'] button", "survey-sent")
        await platform.settle()
        await amal.clicks("main a.button", "me-rated")
        assert await amal.page.locator("a[href*='/intake/survey']").count() == 0
        await amal.opens_summary("مغادرة")
        await amal.clicks("form[action*='/me/leave'] button", "left")
    assert found == []


async def let_into_the_pool(platform: Platform) -> None:
    """The coordinator has talked with the mentor."""
    key = {"Authorization": f"Bearer {platform.keys.coordinator}"}
    await platform.settle()
    async with httpx.AsyncClient(base_url=platform.origin_url, headers=key) as client:
        programme = sample.load().programme_id
        answer = await client.get(
            f"/intake/programmes/{programme}/participants",
            params={"status": "awaiting_screening"},
        )
        (mentor,) = answer.json()["participants"]
        screened = await client.post(f"/intake/participants/{mentor['participant_id']}/screen")
        assert screened.status_code == 200, screened.text
    await platform.settle()


async def shown_story(page: Page) -> str:
    """What stands on the page as her story, to the byte."""
    text = await page.locator("[data-words=story]").evaluate("element => element.textContent")
    return str(text)


async def its_meeting_is_in_a_calendar(page: Page, meeting: str) -> None:
    address = await page.get_attribute("a[href*='meeting.ics']", "href")
    assert address is not None
    origin = re.match(r"https?://[^/]+", page.url)
    assert origin is not None
    answer = await page.request.get(origin[0] + address)
    assert answer.headers["content-type"].startswith("text/calendar")
    (event,) = Calendar.from_ical(await answer.text()).walk("VEVENT")
    begins: Any = event["DTSTART"]
    assert begins.dt.strftime("%Y-%m-%dT%H:%M") == meeting
    assert str(begins.dt.tzinfo) == "Europe/Copenhagen"
