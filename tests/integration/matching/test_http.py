"""What people and programs meet at matching's door: links, forms, bad input, keys."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio

from shared.events.participants import Role
from tests.integration.matching.conftest import KEY, Desk, Platform, running, until
from tests.unit.matching.builders import DAY, START

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module")
async def match(desk: Desk) -> dict[str, Any]:
    """A proposal for which the mentee is asked."""
    await desk.platform.programme()
    await desk.platform.mentees("amal")
    await desk.platform.mentors("birgit")
    await desk.knows("amal", "birgit")
    await desk.round_now()
    return await desk.asked(await desk.only_match("proposed"), Role.MENTEE)


async def form(desk: Desk, token: str, language: str = "en", **fields: str) -> Any:
    return await desk.client.post(
        "/answers",
        data={"token": token, **fields},
        headers={"Accept-Language": language},
    )


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"says_yes": "perhaps"}, "says_yes"),
        ({"says_yes": None}, "says_yes"),
        ({"reason": "her name"}, "reason"),
        ({"token": 7}, "token"),
        ({"match_id": "another"}, "match_id"),
    ],
)
async def test_a_field_at_fault_is_named(
    desk: Desk, match: dict[str, Any], changes: dict[str, Any], field: str
) -> None:
    response = await desk.answer(match, Role.MENTEE, **changes)
    assert response.status_code == 422
    assert response.headers["content-type"] == "application/problem+json"
    assert [error["field"] for error in response.json()["errors"]] == [field]
    assert (await desk.only_match("proposed"))["waits_for"] == "mentee"


@pytest.mark.parametrize("body", ["", "[]", "{", '"yes"', "[" * 5000])
async def test_a_body_that_is_no_json_object_is_refused(desk: Desk, body: str) -> None:
    response = await desk.client.post("/answers", content=body)
    assert response.status_code == 422


async def test_a_forged_or_expired_link_answers_nothing(desk: Desk, match: dict[str, Any]) -> None:
    forged = desk.platform.token(match, Role.MENTEE)[:-2] + "xx"
    short = desk.platform.token(match, Role.MENTEE, valid_for=timedelta(days=1))
    assert (await desk.answer(match, Role.MENTEE, token=forged)).status_code == 403
    desk.platform.clock.set(START + 2 * DAY)
    assert (await desk.answer(match, Role.MENTEE, token=short)).status_code == 403


async def test_a_link_to_one_match_opens_no_other(desk: Desk, match: dict[str, Any]) -> None:
    token = desk.platform.token(match, Role.MENTEE, match_id="another")
    assert (await desk.answer(match, Role.MENTEE, token=token)).status_code == 404
    seen = await desk.client.get(f"/matches/{match['match_id']}", params={"token": token})
    assert seen.status_code == 404


async def test_a_stranger_with_a_link_to_the_match_is_told_nothing(
    desk: Desk, match: dict[str, Any]
) -> None:
    stranger = {**match, "mentee_id": "somebody"}
    token = desk.platform.token(stranger, Role.MENTEE)
    assert (await desk.answer(stranger, Role.MENTEE)).status_code == 404
    seen = await desk.client.get(f"/matches/{match['match_id']}", params={"token": token})
    assert seen.status_code == 404


async def test_the_mentor_sees_nothing_before_the_mentees_yes(
    desk: Desk, match: dict[str, Any]
) -> None:
    path = f"/matches/{match['match_id']}"
    mentor = {"token": desk.platform.token(match, Role.MENTOR)}
    assert (await desk.client.get(path, params=mentor)).status_code == 404
    assert (await desk.answer(match, Role.MENTOR)).status_code == 409
    await desk.answer(match, Role.MENTEE)
    seen = (await desk.client.get(path, params=mentor)).json()
    assert (seen["side"], seen["your_turn"], seen["status"]) == ("mentor", True, "mentee_accepted")
    assert "mentee_id" not in seen


async def test_the_mentee_sees_what_they_share_and_until_when_she_may_answer(
    desk: Desk, match: dict[str, Any]
) -> None:
    token = desk.platform.token(match, Role.MENTEE)
    seen = (
        await desk.client.get(
            f"/matches/{match['match_id']}", headers={"Authorization": f"Bearer {token}"}
        )
    ).json()
    assert seen["your_turn"]
    assert datetime.fromisoformat(seen["answer_by"]) == START + 7 * DAY
    assert seen["languages"] == ["da"]
    assert {reason["factor"] for reason in seen["reasons"]} >= {"kinds_of_help"}


@pytest.mark.parametrize(
    ("language", "direction", "words"),
    [
        ("en", "ltr", "Now we ask the mentor"),
        ("da", "ltr", "Nu spørger vi mentoren"),
        ("ar", "rtl", "سنسأل المرشدة الآن"),
        ("uk", "ltr", "Тепер ми запитаємо менторку"),
    ],
)
async def test_a_form_is_answered_with_a_page_in_her_language(
    desk: Desk, match: dict[str, Any], language: str, direction: str, words: str
) -> None:
    token = desk.platform.token(match, Role.MENTEE)
    page = await form(desk, token, language, says_yes="yes")
    assert page.status_code == 200
    assert f'<html lang="{language}" dir="{direction}">' in page.text
    assert words in page.text
    assert "<script" not in page.text


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", "no longer open"),
        ("da", "ikke længere åbent"),
        ("ar", "لم يعد هذا"),
        ("uk", "вже не"),
    ],
)
async def test_a_refusal_is_said_in_plain_words_of_her_language(
    desk: Desk, match: dict[str, Any], language: str, words: str
) -> None:
    withdrawn = await desk.client.post(f"/matches/{match['match_id']}/withdraw", headers=KEY)
    assert withdrawn.json()["status"] == "withdrawn"
    token = desk.platform.token(match, Role.MENTEE)
    page = await form(desk, token, language, says_yes="yes")
    assert page.status_code == 410
    assert words in page.text


async def test_a_form_without_an_answer_asks_for_one(desk: Desk, match: dict[str, Any]) -> None:
    page = await form(desk, desk.platform.token(match, Role.MENTEE))
    assert page.status_code == 422
    assert "choose yes or no" in page.text


async def test_the_same_key_is_answered_alike_and_another_request_with_it_is_refused(
    desk: Desk, match: dict[str, Any]
) -> None:
    body = {"token": desk.platform.token(match, Role.MENTEE), "says_yes": True}
    key = {"Idempotency-Key": "one"}
    first = await desk.client.post("/answers", json=body, headers=key)
    await desk.asked(match, Role.MENTOR)
    again = await desk.client.post("/answers", json=body, headers=key)
    assert first.json() == again.json()
    other = await desk.client.post("/answers", json={**body, "says_yes": False}, headers=key)
    assert other.status_code == 422


async def test_answers_that_come_together_count_once(desk: Desk, match: dict[str, Any]) -> None:
    answers = await asyncio.gather(
        *(desk.answer(match, Role.MENTEE, says_yes=number % 2 == 0) for number in range(6))
    )
    assert sorted({answer.status_code for answer in answers}) == [200, 409]

    async def told() -> list[str]:
        return (await desk.platform.types())[1:]

    assert len(await until(told)) == 1


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/programmes/p/matches"),
        ("GET", "/programmes/p/rounds"),
        ("POST", "/programmes/p/rounds"),
        ("POST", "/matches/m/approve"),
        ("POST", "/matches/m/withdraw"),
        ("GET", "/matches/m"),
        ("GET", "/participants/p/waiting"),
    ],
)
async def test_what_coordinators_do_needs_a_coordinators_key(
    desk: Desk, method: str, path: str
) -> None:
    wrong = {"Authorization": "Bearer cg_wrong"}
    assert (await desk.client.request(method, path)).status_code == 401
    assert (await desk.client.request(method, path, headers=wrong)).status_code == 403


async def test_what_is_not_known_is_not_found(desk: Desk) -> None:
    for path in ("/matches/none", "/programmes/none/rounds", "/participants/none/waiting"):
        assert (await desk.client.get(path, headers=KEY)).status_code == 404
    for path in ("/matches/none/approve", "/programmes/none/rounds"):
        assert (await desk.client.post(path, headers=KEY)).status_code == 404


async def test_a_list_of_matches_comes_in_pages(desk: Desk) -> None:
    await desk.platform.programme()
    names = [f"{number}" for number in range(3)]
    await desk.platform.mentees(*(f"amal{name}" for name in names))
    await desk.platform.mentors(*(f"birgit{name}" for name in names))
    await desk.knows(*(f"amal{name}" for name in names), *(f"birgit{name}" for name in names))
    await desk.round_now()
    found: list[str] = []
    after: str | None = ""
    while after is not None:
        page = await desk.client.get(
            f"/programmes/{desk.platform.tag}/matches",
            params={"limit": 2, "after": after},
            headers=KEY,
        )
        found += [match["match_id"] for match in page.json()["matches"]]
        after = page.json()["next"]
    assert len(found) == len(set(found)) == 3
    assert found == sorted(found)


async def test_with_two_instances_every_proposal_and_round_happens_once(
    desk: Desk, platform: Platform
) -> None:
    async with running(platform, "2"):
        await platform.programme()
        await platform.mentees(*(f"amal{number}" for number in range(8)))
        await platform.mentors(*(f"birgit{number}" for number in range(8)))
        await desk.knows(
            *(f"amal{number}" for number in range(8)), *(f"birgit{number}" for number in range(8))
        )
        due = datetime.fromisoformat((await desk.rounds())["next_round_at"])
        platform.clock.set(due)

        async def done() -> Any:
            return (await desk.rounds())["rounds"]

        records = await until(done)
        assert [record["proposed"] for record in records] == [8]
        for match in await desk.matches("proposed"):
            await desk.asked(match, Role.MENTEE)
        platform.clock.set(due + 7 * DAY)

        async def expired() -> bool:
            return len(await desk.matches("expired")) >= 8

        await until(expired)
    events = [event for event in await platform.told() if event["type"] == "match.expired"]
    assert len({event["subject"] for event in events}) == len(events) == 8
