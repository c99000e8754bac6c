"""Every page that participants see, in every language: by axe-core, by keyboard, at 400% zoom, by eye."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any, Final

import pytest
import pytest_asyncio
from playwright.async_api import Route

from deploy.local.engines import Engine
from deploy.sample import programme as sample
from services.intake.domain.profile import Shown
from shared.clock import SteppedClock
from shared.events.check_ins import CheckInDue, CheckInStatus, ClosingReason, MentorshipClosed
from shared.events.matches import (
    Factor,
    MatchAccepted,
    MatchMenteeAccepted,
    MatchProposed,
    MatchStatus,
    Reason,
)
from shared.events.participants import Role
from shared.events.pool import StillWaiting, WaitingReason, WhatHelps
from shared.security.links import Purpose
from shared.web.languages import LOCALES
from tests.browser.browsing import Chromium, Size, screenshot
from tests.browser.everybody import out_of_reach, small_targets, too_wide
from tests.fresh import Fresh
from tests.integration.intake.conftest import (
    A_MENTEE,
    MONDAY,
    Served,
    eventually,
    served,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")

STORY: Final = "  قصتي تبدأ في حلب.\r\nI work with <b>numbers</b> & people.  \r\n\r\nTak! "
GROUND: Final = (
    Reason(factor=Factor.KINDS_OF_HELP, points=100, shared=("job_search", "danish_language")),
    Reason(factor=Factor.COMMON_GROUND, points=90, shared=("chess", "gardening", "parenting")),
    Reason(factor=Factor.PROFESSION, points=60, shared=("2411",)),
    Reason(factor=Factor.SAME_CITY, points=50),
)
PROGRAMME: Final = "pages"


class People:
    """One process of intake with somebody in every situation, and the address of every page."""

    def __init__(self, intake: Served) -> None:
        self.intake = intake
        self.ids: dict[str, str] = {}

    async def come(self) -> None:
        """Everybody registers, and what follows is told as the other services would tell it."""
        programme = sample.load().body
        await self.intake.make_programme(
            charters=programme["charters"],
            charter_texts=programme["charter_texts"],
            cities=programme["cities"],
        )
        for name, role in {
            "new": "mentee",
            "waits": "mentee",
            "asked": "mentee",
            "said_yes": "mentee",
            "mentee": "mentee",
            "closed": "mentee",
            "mentor": "mentor",
        }.items():
            await self._register(name, role)
        tell = self.intake.tell
        await tell(
            StillWaiting(
                programme=PROGRAMME,
                city="461",
                participant_id=self.ids["waits"],
                role=Role.MENTEE,
                waiting_since=MONDAY,
                reason=WaitingReason.NO_COMMON_TIME,
                what_helps=(WhatHelps.MORE_TIMES, WhatHelps.MEET_ONLINE),
            )
        )
        steps = (MatchProposed, MatchMenteeAccepted, MatchAccepted)
        for mentee, reached in {"asked": 1, "said_yes": 2, "mentee": 3, "closed": 3}.items():
            for sequence, kind in enumerate(steps[:reached], 1):
                await tell(self._match(mentee, kind), sequence)
        about = self._about("mentee")
        due = CheckInDue(**about, number=1, status=CheckInStatus.DUE, day=14, due_at=MONDAY)
        await tell(due)
        await tell(
            MentorshipClosed(
                **self._about("closed"),
                reason=ClosingReason.GOALS_REACHED,
                early=False,
                started_at=MONDAY,
                closed_at=MONDAY + timedelta(days=90),
            )
        )
        store = self.intake.intake.store

        async def all_is_known() -> bool:
            known = [await store.matches_of(self.ids[n]) for n in ("said_yes", "mentee", "closed")]
            waits = await store.waiting.get(self.ids["waits"])
            said_yes, running, closed = (matches[0] if matches else None for matches in known)
            return (
                waits is not None
                and said_yes is not None
                and said_yes.whose_turn is Role.MENTOR
                and running is not None
                and running.newest_check_in is not None
                and running.is_running
                and closed is not None
                and closed.closing is not None
                and closed.status is MatchStatus.ACCEPTED
            )

        await eventually(all_is_known)

    async def _register(self, name: str, role: str) -> None:
        changes: dict[str, Any] = {
            "role": role,
            "name": f"Åse {name}",
            "email": f"{name}@example.org",
            "profession": "2411",
            "interests": ["chess", "gardening", "lace-making"],
            "topics": ["parenting"],
            "education_level": 6,
            "education_field": "04",
            "goals": "أريد أن أعمل في مهنتي مرة أخرى.",
            "request": "En, der kender branchen.",
            "story": STORY,
            "shows": [Shown.STORY, Shown.GOALS],
            "seats": 3 if role == "mentor" else 0,
        }
        answer = await self.intake.http.post(
            f"/programmes/{PROGRAMME}/participants", json=A_MENTEE | changes
        )
        assert answer.status_code == 202, answer.text
        identity = self.intake.intake.registrar.identity(
            PROGRAMME, Role(role), f"{name}@example.org"
        )
        found = await self.intake.intake.store.ids_by_identity([identity])
        self.ids[name] = found[identity]
        if name != "new":
            await self.intake.http.post("/me/confirm", json={"token": self.token(name)})

    def _about(self, mentee: str) -> dict[str, Any]:
        return {
            "programme": PROGRAMME,
            "city": "461",
            "match_id": f"match-{mentee}",
            "mentee_id": self.ids[mentee],
            "mentor_id": self.ids["mentor"],
        }

    def _match(self, mentee: str, kind: Any) -> Any:
        status = {
            MatchProposed: MatchStatus.PROPOSED,
            MatchMenteeAccepted: MatchStatus.MENTEE_ACCEPTED,
            MatchAccepted: MatchStatus.ACCEPTED,
        }[kind]
        return kind(
            **self._about(mentee),
            status=status,
            score=300,
            reasons=GROUND,
            languages=("uk", "da"),
            times=("sat-morning",),
            proposed_at=MONDAY,
            accepted_at=MONDAY if status is MatchStatus.ACCEPTED else None,
        )

    def token(
        self,
        name: str,
        purpose: Purpose = Purpose.MY_PAGE,
        match: str | None = None,
        number: int | None = None,
    ) -> str:
        return self.intake.links.sign(
            purpose,
            self.ids[name],
            programme=PROGRAMME,
            match_id=f"match-{match}" if match else None,
            number=number,
            valid_for=timedelta(days=30),
        )

    def pages(self) -> dict[str, str]:
        """A name for each page, and its address."""
        return {
            "start": "/?x=",
            "register-mentee": "/register?role=mentee",
            "register-mentor": "/register?role=mentor",
            "confirm": f"/confirm?token={self.token('new', Purpose.CONFIRM)}",
            "me-unconfirmed": f"/me?token={self.token('new')}",
            "me-waiting": f"/me?token={self.token('waits')}",
            "me-asked": f"/me?token={self.token('asked')}",
            "me-said-yes": f"/me?token={self.token('said_yes')}",
            "me-mentee": f"/me?token={self.token('mentee')}",
            "me-mentor": f"/me?token={self.token('mentor')}",
            "me-closed": f"/me?token={self.token('closed')}",
            "answer-mentee": f"/answer?token={self.token('asked', Purpose.ANSWER, 'asked')}",
            "answer-mentor": f"/answer?token={self.token('mentor', Purpose.ANSWER, 'said_yes')}",
            "check-in": f"/check-in?token={self.token('mentee', Purpose.CHECK_IN, 'mentee', 1)}",
            "survey": f"/survey?token={self.token('closed', match='closed')}",
            "profile": f"/me/profile?token={self.token('waits')}",
            "old-link": "/me?token=old",
            **{
                f"change-{step}": f"/me/change?token={self.token('mentor')}&step={step}"
                for step in ("wishes", "work", "meeting", "ground", "story", "you")
            },
        }


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def people(
    embedded: Engine, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[People]:
    Fresh().empty(embedded)
    clock = tmp_path_factory.mktemp("pages") / "clock"
    SteppedClock(clock).set(MONDAY)
    async with served(embedded, clock, PROGRAMME) as intake:
        everybody = People(intake)
        await everybody.come()
        SteppedClock(clock).set(MONDAY + timedelta(days=15))
        yield everybody


@pytest.mark.parametrize("locale", LOCALES)
async def test_no_page_has_a_violation_of_wcag_in_any_language(
    people: People, browser: Chromium, locale: str
) -> None:
    found: list[str] = []
    async with browser.window(Size.PHONE, base_url=people.intake.url) as page:
        for name, address in people.pages().items():
            await page.goto(f"{address}&lang={locale}")
            assert await page.get_attribute("html", "lang") == locale
            await screenshot(page, f"participants/{locale}/{name}")
            found += [f"{name}: {each}" for each in await browser.violations(page)]
    assert found == []


@pytest.mark.parametrize("locale", LOCALES)
async def test_at_400_percent_nothing_has_to_be_scrolled_sideways(
    people: People, browser: Chromium, locale: str
) -> None:
    wide: list[str] = []
    async with browser.window(Size.ZOOMED, base_url=people.intake.url) as page:
        for name, address in people.pages().items():
            await page.goto(f"{address}&lang={locale}")
            wide += [f"{name}: {each}" for each in await too_wide(page)]
    assert wide == []


@pytest.mark.parametrize("locale", ["en", "ar"])
async def test_every_target_is_large_enough_for_a_thumb(
    people: People, browser: Chromium, locale: str
) -> None:
    small: list[str] = []
    async with browser.window(Size.PHONE, base_url=people.intake.url) as page:
        for name, address in people.pages().items():
            await page.goto(f"{address}&lang={locale}")
            small += [f"{name}: {each}" for each in await small_targets(page)]
    assert small == []


@pytest.mark.parametrize("locale", ["en", "ar"])
async def test_all_that_can_be_done_can_be_done_by_keyboard_with_a_focus_to_see(
    people: People, browser: Chromium, locale: str
) -> None:
    lost: list[str] = []
    async with browser.window(Size.DESKTOP, base_url=people.intake.url) as page:
        for name, address in people.pages().items():
            await page.goto(f"{address}&lang={locale}")
            lost += [f"{name}: {each}" for each in await out_of_reach(page)]
    assert lost == []


async def test_what_is_missing_is_announced_and_has_the_focus(
    people: People, browser: Chromium
) -> None:
    async with browser.window(Size.PHONE, javascript=False, base_url=people.intake.url) as page:
        await page.route("**/intake/**", lambda route: route.continue_(url=_without_room(route)))
        await page.goto("/register?role=mentee&lang=en")
        await page.click("button[value=next]")
        summary = page.locator("[role=alert]")
        assert await summary.is_visible()
        assert await summary.evaluate("element => element === document.activeElement")
        assert (await page.title()).startswith("Something is still missing")
        await page.click("[role=alert] a")
        field = page.locator("#kinds_of_help")
        assert await field.evaluate("element => element === document.activeElement")
        described = page.locator("fieldset[aria-describedby*='kinds_of_help-error']")
        assert await described.count() == 1


def _without_room(route: Route) -> str:
    """As the origin does: `/intake/x` is the service's own `/x`."""
    return route.request.url.replace("/intake/", "/", 1)
