"""The pages behind the links: in her language, without script, and looking changes nothing."""

import base64
import hashlib
import html
import re
from datetime import timedelta
from typing import Any

import httpx
import pytest

from shared.events.matches import (
    Factor,
    MatchAccepted,
    MatchMenteeAccepted,
    MatchProposed,
    MatchStatus,
    Reason,
)
from shared.events.streams import PARTICIPANTS
from shared.security.links import Purpose
from shared.web.languages import LOCALES
from tests.integration.intake.conftest import MONDAY, Served, eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

BROWSER = {"Accept": "text/html,application/xhtml+xml"}
STORY = "  قصتي <b>&amp;</b>\r\nзакінчення \u202e! "
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
    assert f'action="{action}?lang={locale}"' in page.text
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
    assert 'action="/intake/link?lang=da"' in page.text
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


ABOUT: dict[str, Any] = {
    "city": "461",
    "match_id": "m1",
    "score": 90,
    "reasons": (Reason(factor=Factor.COMMON_GROUND, points=90, shared=("chess", "parenting")),),
    "languages": ("uk", "da"),
    "proposed_at": MONDAY,
}


async def two_people(intake: Served) -> tuple[str, str]:
    """A mentee and a mentor, both confirmed; the mentor shows her story, the mentee nothing."""
    await intake.register(name="Олена", story=STORY)
    mentor = {"role": "mentor", "seats": 2, "email": "kirsten@example.org", "name": "Kirsten"}
    await intake.register(**mentor, locale="da", story=STORY, shows=["story"])
    ids = {each["role"]: str(each["participant_id"]) for each in await intake.participants()}
    for participant_id in ids.values():
        await submit(intake, "/me/confirm", token=intake.link(participant_id))
    return ids["mentee"], ids["mentor"]


async def tell(intake: Served, ids: tuple[str, str], *steps: tuple[type[Any], MatchStatus]) -> None:
    """What matching would tell of their match; waits until intake knows."""
    match_id = f"m-{intake.programme}"
    for number, (kind, status) in enumerate(steps, 1):
        about = ABOUT | {"programme": intake.programme, "match_id": match_id, "status": status}
        accepted = {"accepted_at": MONDAY} if status is MatchStatus.ACCEPTED else {}
        await intake.tell(kind(**about, mentee_id=ids[0], mentor_id=ids[1], **accepted), number)

    async def is_known() -> bool:
        known = await intake.intake.store.matches.get(match_id)
        return known is not None and known.status is steps[-1][1]

    await eventually(is_known)


PROPOSED = (MatchProposed, MatchStatus.PROPOSED)
SHE_SAYS_YES = (MatchMenteeAccepted, MatchStatus.MENTEE_ACCEPTED)
ACCEPTED = (MatchAccepted, MatchStatus.ACCEPTED)


def link(intake: Served, participant_id: str, purpose: Purpose) -> str:
    return intake.links.sign(
        purpose,
        participant_id,
        programme=intake.programme,
        match_id=f"m-{intake.programme}",
        valid_for=timedelta(days=30),
    )


async def test_a_proposal_opens_with_what_the_two_share_and_shows_her_words_byte_for_byte(
    intake: Served,
) -> None:
    ids = await two_people(intake)
    await tell(intake, ids, PROPOSED)
    page = await open_page(intake, "/answer", link(intake, ids[0], Purpose.ANSWER), lang="en")
    assert "Interests that you share: chess." in page.text
    assert "Life topics that you share: being a mother." in page.text
    assert page.text.index("chess") < page.text.index('data-words="story"')
    (shown,) = re.findall(r'data-words="story">(.*?)</div>', page.text, re.DOTALL)
    assert html.unescape(shown) == STORY


async def test_a_forwarded_proposal_shows_no_name_and_no_address(intake: Served) -> None:
    ids = await two_people(intake)
    await tell(intake, ids, PROPOSED, SHE_SAYS_YES)
    for person in ids:
        for path, purpose in (("/answer", Purpose.ANSWER), ("/me", Purpose.MY_PAGE)):
            page = await open_page(intake, path, link(intake, person, purpose), lang="en")
            other = ("Kirsten", "kirsten@") if person == ids[0] else ("Олена", "olena@")
            assert not any(word in page.text for word in other), path


async def test_the_mentor_sees_nothing_before_the_mentees_yes(intake: Served) -> None:
    ids = await two_people(intake)
    await tell(intake, ids, PROPOSED)
    for path, purpose in (("/answer", Purpose.ANSWER), ("/me", Purpose.MY_PAGE)):
        page = await open_page(intake, path, link(intake, ids[1], purpose), lang="en")
        assert "chess" not in page.text, path


async def test_her_own_page_has_the_others_address_only_when_both_have_said_yes(
    intake: Served,
) -> None:
    ids = await two_people(intake)
    await tell(intake, ids, PROPOSED, SHE_SAYS_YES, ACCEPTED)
    page = await open_page(intake, "/me", intake.link(ids[0]), lang="en")
    assert "kirsten@example.org" in page.text
    assert 'action="/followup/help?lang=en"' in page.text
    assert 'action="/followup/close?lang=en"' in page.text
    old = await open_page(intake, "/answer", link(intake, ids[0], Purpose.ANSWER), lang="en")
    assert old.status_code == 410
    assert "kirsten@example.org" not in old.text


async def test_a_link_for_one_purpose_opens_no_other_page(intake: Served) -> None:
    await intake.register()
    participant_id = await intake.only_one()
    for path, (own, _) in PAGES.items():
        for purpose in Purpose:
            page = await open_page(intake, path, intake.link(participant_id, purpose))
            assert (page.status_code == 200) is (purpose is own), (path, purpose)


async def test_a_link_that_has_expired_says_so(intake: Served) -> None:
    await intake.register()
    token = intake.link(await intake.only_one())
    intake.clock.set(MONDAY + timedelta(days=31))
    page = await open_page(intake, "/me", token, lang="en")
    assert page.status_code == 403
    assert "expired" in page.text


async def test_a_page_gives_its_address_to_nobody_and_runs_nothing(intake: Served) -> None:
    await intake.register()
    page = await open_page(intake, "/me", intake.link(await intake.only_one()))
    assert page.headers["Referrer-Policy"] == "no-referrer"
    assert page.headers["Cache-Control"] == "no-store"
    policy = page.headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "script" not in policy
    style = re.search(r"<style>(.*?)</style>", page.text, re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert f"'sha256-{digest}'" in policy
    assert not re.search(r'(src|href)="https?://', page.text)


async def test_an_answer_to_a_form_can_be_had_in_another_language_without_the_token_in_an_address(
    intake: Served,
) -> None:
    await intake.register()
    token = intake.link(await intake.only_one())
    said = await intake.http.post("/me/confirm?lang=en", data={"token": token}, headers=BROWSER)
    switch = re.search(r'<nav class="languages".*?</nav>', said.text, re.DOTALL)
    assert switch is not None
    assert 'formaction="?lang=ar"' in switch[0]
    assert f'<input type="hidden" name="token" value="{token}">' in switch[0]
    assert f"token={token}" not in switch[0]
