"""The pages behind the links: in her language, without script, and looking changes nothing."""

import re
from typing import Any

import httpx
import pytest

from shared.events.streams import PARTICIPANTS
from shared.security.links import Purpose
from shared.web.languages import LOCALES
from tests.integration.intake.conftest import MONDAY, Served

pytestmark = pytest.mark.asyncio(loop_scope="module")

BROWSER = {"Accept": "text/html,application/xhtml+xml"}
PAGES = {
    "/confirm": (Purpose.CONFIRM, "/intake/confirm"),
    "/answer": (Purpose.ANSWER, "/matching/answers"),
    "/check-in": (Purpose.CHECK_IN, "/followup/check-ins/answers"),
    "/me": (Purpose.MY_PAGE, "/intake/me/confirm"),
}


async def open_page(intake: Served, path: str, token: str, **parameters: Any) -> httpx.Response:
    return await intake.http.get(path, params={"token": token, **parameters}, headers=BROWSER)


async def submit(intake: Served, path: str, **fields: str) -> httpx.Response:
    return await intake.http.post(path, data=fields, headers=BROWSER)


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("path", PAGES)
async def test_a_page_is_in_the_language_asked_for_and_has_no_script(
    intake: Served, path: str, locale: str
) -> None:
    await intake.register()
    purpose, action = PAGES[path]
    token = intake.link(await intake.only_one(), purpose)
    page = await open_page(intake, path, token, lang=locale)
    assert page.status_code == 200, page.text
    assert f'lang="{locale}" dir="{"rtl" if locale == "ar" else "ltr"}"' in page.text
    assert "<script" not in page.text
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert f'action="{action}"' in page.text
    assert token in page.text


async def test_without_a_wish_a_page_is_in_the_language_of_her_messages(intake: Served) -> None:
    await intake.register(locale="ar")
    page = await open_page(intake, "/me", intake.link(await intake.only_one()))
    assert 'dir="rtl"' in page.text


async def test_to_look_at_a_page_changes_nothing(intake: Served) -> None:
    await intake.register()
    participant_id = await intake.only_one()
    before = await intake.intake.person(participant_id)
    for path, (purpose, _) in PAGES.items():
        await open_page(intake, path, intake.link(participant_id, purpose))
    assert await intake.intake.person(participant_id) == before
    assert len(await intake.told(PARTICIPANTS)) == 1


async def test_a_form_is_answered_with_a_page_of_thanks_in_her_language(intake: Served) -> None:
    await intake.register()
    token = intake.link(await intake.only_one())
    for step, words in {
        "confirm": "підтверджено",
        "pause": "перерва",
        "resume": "Раді вашому поверненню",
        "leave": "вийшли з програми",
        "erase": "видаляється",
    }.items():
        said = await submit(intake, f"/me/{step}", token=token)
        assert said.status_code == 200
        assert words in said.text
    said = await submit(intake, "/me/pause", token=token)
    assert said.status_code == 410
    assert "<h1>" in said.text


async def test_her_name_is_text_whatever_it_looks_like(intake: Served) -> None:
    await intake.register(name="<b>{{ 7 * 7 }}</b>")
    page = await open_page(intake, "/me", intake.link(await intake.only_one()))
    assert "&lt;b&gt;{{ 7 * 7 }}&lt;/b&gt;" in page.text


async def test_an_old_link_offers_a_new_one(intake: Served) -> None:
    page = await open_page(intake, "/me", "not a token", lang="da")
    assert page.status_code == 403
    assert 'action="/intake/link"' in page.text
    said = await submit(intake, "/link", email="nobody@example.org")
    assert said.status_code == 200


async def test_a_new_charter_is_affirmed_on_her_page(intake: Served) -> None:
    await intake.register()
    token = intake.link(await intake.only_one())
    assert "/intake/me/affirm" not in (await open_page(intake, "/me", token)).text
    charters = [{"version": "2026-1", "in_force": False}, {"version": "2026-2"}]
    await intake.make_programme(charters=charters)
    page = await open_page(intake, "/me", token)
    versions = re.findall(r'name="charter" value="([^"]+)"', page.text)
    assert versions == ["2026-2"]
    await submit(intake, "/me/confirm", token=token)
    said = await submit(intake, "/me/affirm", token=token, charter="2026-2")
    assert said.status_code == 200, said.text
    assert "/intake/me/affirm" not in (await open_page(intake, "/me", token)).text
    old = await submit(intake, "/me/affirm", token=token, charter="2026-1")
    assert old.status_code == 422


async def test_help_and_closing_are_offered_where_there_is_a_mentorship(intake: Served) -> None:
    await intake.register()
    participant_id = await intake.only_one()
    alone = await open_page(intake, "/me", intake.link(participant_id))
    assert "/followup/" not in alone.text
    intake.clock.set(MONDAY)
    matched = intake.links.sign(
        Purpose.MY_PAGE,
        participant_id,
        programme=intake.programme,
        match_id="m1",
        valid_for=MONDAY - MONDAY.replace(year=2025),
    )
    page = await open_page(intake, "/me", matched)
    assert 'action="/followup/help"' in page.text
    assert 'action="/followup/close"' in page.text
