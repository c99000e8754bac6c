"""What people and programs meet at followup's door: links, forms, bad input, keys."""

from datetime import timedelta
from typing import Any

import httpx
import pytest
import pytest_asyncio

from shared.events.participants import Role
from shared.security.links import Purpose
from tests.integration.followup.conftest import COORDINATOR_KEY, Platform, until
from tests.unit.followup.builders import START, days

pytestmark = pytest.mark.asyncio(loop_scope="module")

KEY = {"Authorization": f"Bearer {COORDINATOR_KEY}"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest_asyncio.fixture(loop_scope="module")
async def due(client: httpx.AsyncClient, platform: Platform) -> Platform:
    """A mentorship whose first check-in is due."""
    await platform.publish(platform.an_accepted_match())

    async def is_due() -> bool:
        found = await client.get(f"/mentorships/{platform.match_id}", headers=KEY)
        if found.status_code != 200:
            return False
        platform.clock.set(START + days(14))
        # As whoever moves the clock does: the timer may have been at this instant, for another test.
        await client.get("/internal/work")
        return bool(found.json()["open_check_in"])

    await until(is_due)
    return platform


def said(platform: Platform, side: Role = Role.MENTEE, **changes: Any) -> dict[str, Any]:
    return {"token": platform.token(side), "going": "mixed", **changes}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"going": "brilliantly"}, "going"),
        ({"going": None}, "going"),
        ({"next_step": "x" * 4001}, "next_step"),
        ({"next_step": ["x"]}, "next_step"),
        ({"meeting_again": "perhaps"}, "meeting_again"),
        ({"colour": "blue"}, "colour"),
        ({"token": 7}, "token"),
    ],
)
async def test_a_field_at_fault_is_named(
    client: httpx.AsyncClient, due: Platform, changes: dict[str, Any], field: str
) -> None:
    response = await client.post("/check-ins/answers", json=said(due, **changes))
    assert response.status_code == 422
    assert response.headers["content-type"] == "application/problem+json"
    assert [error["field"] for error in response.json()["errors"]] == [field]


@pytest.mark.parametrize("body", [b"", b"{", b"[1]", b'"x"', b"\xff", b"[" * 5000])
async def test_a_body_that_is_no_object_is_refused(client: httpx.AsyncClient, body: bytes) -> None:
    response = await client.post(
        "/help", content=body, headers={"Content-Type": "application/json"}
    )
    assert response.status_code == 422


async def test_a_link_opens_only_what_it_is_for(client: httpx.AsyncClient, due: Platform) -> None:
    wrong = (
        due.token(Role.MENTEE, Purpose.MY_PAGE),
        due.token(Role.MENTEE, Purpose.ANSWER),
        due.token(Role.MENTEE)[:-2] + "xx",
        "",
        "ناسا",
    )
    for token in wrong:
        response = await client.post("/check-ins/answers", json=said(due, token=token))
        assert response.status_code == 403, response.text
    old = due.token(Role.MENTEE, valid_for=timedelta(seconds=-1))
    response = await client.post("/help", json={"token": old, "text": "x"})
    assert response.status_code == 403
    assert "expired" in response.json()["detail"]


async def test_a_link_of_another_mentorship_changes_nothing_here(
    client: httpx.AsyncClient, due: Platform
) -> None:
    stranger = due.links.sign(
        Purpose.MY_PAGE, "stranger", programme=due.tag, valid_for=timedelta(days=1)
    )
    for path in ("/help", "/close", "/extend"):
        response = await client.post(path, json={"token": stranger, "match_id": due.match_id})
        assert response.status_code == 403
    seen = await client.get(f"/mentorships/{due.match_id}?token={stranger}")
    assert seen.status_code == 403


async def test_a_link_that_names_its_match_cannot_be_turned_to_another(
    client: httpx.AsyncClient, due: Platform
) -> None:
    token = due.token(Role.MENTEE, Purpose.MY_PAGE, match_id="no-such-match")
    response = await client.post("/close", json={"token": token, "match_id": due.match_id})
    assert response.status_code == 404


@pytest.mark.parametrize(
    ("reason", "closed_as"), [("goals_reached", "goals_reached"), ("own_wish", "mentor_wished")]
)
async def test_the_form_of_my_page_closes_it(
    client: httpx.AsyncClient, due: Platform, reason: str, closed_as: str
) -> None:
    form = {"token": due.token(Role.MENTOR, Purpose.MY_PAGE), "reason": reason}
    response = await client.post("/close?lang=da", data=form)
    assert response.status_code == 200
    assert "afsluttet" in response.text
    found = (await client.get(f"/mentorships/{due.match_id}", headers=KEY)).json()
    assert found["closing_reason"] == closed_as


async def test_a_form_is_answered_with_a_page_in_her_language(
    client: httpx.AsyncClient, due: Platform
) -> None:
    form = {**said(due), "next_step": "", "meeting_again": "no"}
    response = await client.post("/check-ins/answers?lang=ar", data=form)
    assert response.status_code == 200
    assert '<html lang="ar" dir="rtl">' in response.text
    assert "شكرًا لك" in response.text
    other = await client.post("/check-ins/answers", data={**form, "going": "well"})
    assert other.status_code == 409
    assert "already" in other.text
    incomplete = {"token": form["token"]}
    missing = await client.post(
        "/check-ins/answers", data=incomplete, headers={"Accept-Language": "uk,en;q=0.5"}
    )
    assert missing.status_code == 422
    assert "Чогось бракує" in missing.text


async def test_what_was_typed_in_is_never_shown_as_markup(
    client: httpx.AsyncClient, due: Platform
) -> None:
    script = "<script>alert(1)</script>"
    response = await client.post("/help", data={"token": script, "text": script})
    assert response.status_code == 403
    assert "<script" not in response.text
    assert "default-src 'none'" in response.headers["content-security-policy"]


async def test_the_same_key_gets_the_same_answer_and_one_effect(
    client: httpx.AsyncClient, due: Platform
) -> None:
    body = {"token": due.token(Role.MENTEE, Purpose.MY_PAGE), "months": 2}
    first = await client.post("/extend", json=body, headers={"Idempotency-Key": "k1"})
    due.clock.set(START + days(20))
    again = await client.post("/extend", json=body, headers={"Idempotency-Key": "k1"})
    assert first.status_code == again.status_code == 200
    assert first.json() == again.json()
    assert first.json()["planned_end"][:10] == "2027-03-05"
    other = await client.post(
        "/extend", json={**body, "months": 3}, headers={"Idempotency-Key": "k1"}
    )
    assert other.status_code == 422


async def test_neither_side_sees_what_the_other_said(
    client: httpx.AsyncClient, due: Platform
) -> None:
    await client.post("/check-ins/answers", json=said(due, next_step="hers alone", going="hard"))
    own = due.token(Role.MENTEE, Purpose.MY_PAGE)
    await client.post("/help", json={"token": own, "text": "for the coordinator"})
    theirs = due.token(Role.MENTOR, Purpose.MY_PAGE)
    seen = await client.get(f"/mentorships/{due.match_id}?token={theirs}")
    assert seen.status_code == 200
    for private in ("hers alone", "hard", "for the coordinator"):
        assert private not in seen.text
    hers = await client.get(
        f"/mentorships/{due.match_id}", headers={"Authorization": f"Bearer {own}"}
    )
    assert "hers alone" in hers.text
    coordinators = await client.get(f"/mentorships/{due.match_id}", headers=KEY)
    assert "hers alone" not in coordinators.text
    assert "for the coordinator" in coordinators.text


async def test_a_coordinator_finds_who_needs_help_and_says_it_is_done(
    client: httpx.AsyncClient, due: Platform
) -> None:
    own = due.token(Role.MENTOR, Purpose.MY_PAGE)
    await client.post("/help", json={"token": own})
    path = f"/programmes/{due.tag}/mentorships?state=needs_help&city=461"
    found = (await client.get(path, headers=KEY)).json()["mentorships"]
    assert [row["open_help_requests"] for row in found] == [["1"]]
    done = await client.post(f"/help/{due.match_id}/1/handled", headers=KEY)
    assert done.status_code == 200
    assert (await client.get(path, headers=KEY)).json()["mentorships"] == []
    missing = await client.post(f"/help/{due.match_id}/9/handled", headers=KEY)
    assert missing.status_code == 404
    assert "help.handled" in await due.types("care")


async def test_a_coordinator_closes_it_once(client: httpx.AsyncClient, due: Platform) -> None:
    for _ in range(2):
        closed = await client.post(f"/mentorships/{due.match_id}/close", headers=KEY)
        assert closed.json()["closing_reason"] == "coordinator"
    answer = await client.post("/check-ins/answers", json=said(due))
    assert answer.status_code == 410
    assert (await due.types("check-ins")).count("mentorship.closed") == 1


async def test_the_list_is_paged(client: httpx.AsyncClient, platform: Platform) -> None:
    matches = [f"match-{number}-{platform.tag}" for number in range(5)]
    await platform.publish(*(platform.an_accepted_match(match_id) for match_id in matches))
    path = f"/programmes/{platform.tag}/mentorships"

    async def all_there() -> bool:
        return len((await client.get(path, headers=KEY)).json()["mentorships"]) == 5

    await until(all_there)
    seen: list[str] = []
    after: str | None = ""
    while after is not None:
        page = (await client.get(f"{path}?limit=2&after={after}", headers=KEY)).json()
        seen += [row["match_id"] for row in page["mentorships"]]
        after = page["next"]
    assert seen == matches
    assert (await client.get(f"{path}?limit=0", headers=KEY)).status_code == 422


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/mentorships/x"),
        ("GET", "/programmes/x/mentorships"),
        ("POST", "/mentorships/x/close"),
        ("POST", "/help/x/1/handled"),
    ],
)
async def test_coordinators_doors_are_shut_to_others(
    client: httpx.AsyncClient, method: str, path: str
) -> None:
    assert (await client.request(method, path)).status_code == 401
    wrong = {"Authorization": "Bearer cg_wrong"}
    assert (await client.request(method, path, headers=wrong)).status_code == 403
