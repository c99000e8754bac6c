"""What a coordinator is told: why two are not matched, and how a round went for whom."""

import pytest

from shared.events.participants import Role
from tests.integration.matching.conftest import KEY, Desk, until

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_coordinator_is_told_what_is_in_the_way_and_what_decided(desk: Desk) -> None:
    platform, client = desk.platform, desk.client
    await platform.programme()
    await platform.mentees("amal", "olena")
    await platform.mentees("zahra", languages=("fa",))
    await platform.mentors("birgit")
    await desk.knows("amal", "olena", "zahra", "birgit")
    path = f"/programmes/{platform.tag}/why-not"

    async def why_not(mentee: str) -> dict[str, object]:
        asked = {"mentee": platform.who(mentee), "mentor": platform.who("birgit")}
        answer = await client.get(path, params=asked, headers=KEY)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    before = await why_not("amal")
    assert before["in_the_way"] == []
    assert before["rank"] == before["options"] == 1
    assert before["score"] == sum(one["points"] for one in before["reasons"])  # type: ignore[attr-defined]
    assert before["decided"]["code"] == "next_round"  # type: ignore[index]
    no_language = await why_not("zahra")
    assert [one["code"] for one in no_language["in_the_way"]] == ["no_shared_language"]  # type: ignore[attr-defined]
    assert no_language["score"] is None

    await desk.round_now()
    match = await desk.only_match("proposed")
    other = "olena" if match["mentee_id"] == platform.who("amal") else "amal"
    after = await why_not(other)
    assert [one["code"] for one in after["in_the_way"]] == ["no_free_seat"]  # type: ignore[attr-defined]
    assert after["decided"]["code"] == "seats_went_to_others"  # type: ignore[index]
    assert match["mentee_id"] not in str(after)


@pytest.mark.parametrize(
    ("mentee", "mentor", "status"),
    [("nobody", "birgit", 404), ("amal", "nobody", 404), ("birgit", "amal", 422)],
)
async def test_who_is_not_known_or_on_the_wrong_side_is_a_problem_document(
    desk: Desk, mentee: str, mentor: str, status: int
) -> None:
    platform = desk.platform
    await platform.programme()
    await platform.mentees("amal")
    await platform.mentors("birgit")
    await desk.knows("amal", "birgit")
    asked = {"mentee": platform.who(mentee), "mentor": platform.who(mentor)}
    path = f"/programmes/{platform.tag}/why-not"
    answer = await desk.client.get(path, params=asked, headers=KEY)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert (await desk.client.get(path, params=asked)).status_code == 401
    elsewhere = await desk.client.get("/programmes/none/why-not", params=asked, headers=KEY)
    assert elsewhere.status_code == 404


async def test_a_round_keeps_its_certificate_and_its_audit(desk: Desk) -> None:
    platform = desk.platform
    await platform.programme()
    names = [f"mentee-{number}" for number in range(6)]
    await platform.mentees(*names)
    await platform.mentors("birgit", seats=5)
    await desk.knows(*names, "birgit")
    done = await desk.round_now()
    path = f"/programmes/{platform.tag}/rounds"
    found = (await desk.client.get(f"{path}/{done['round_id']}", headers=KEY)).json()
    assert found["certificate"]["blocking_pairs"] == 0
    assert found["certificate"]["seed"] == done["seed"]
    audit = found["audit"]
    assert (audit["everybody"]["people"], audit["everybody"]["placed"]) == (6, 5)
    assert audit["unmatchable"] == 0
    by = {table["by"]: table["cells"] for table in audit["tables"]}
    assert [(one["group"], one["people"]) for one in by["host_language"]] == [("speaks it", 6)]
    unknown = await desk.client.get(f"{path}/{platform.tag}.never", headers=KEY)
    assert unknown.status_code == 404
    elsewhere = await desk.client.get(f"/programmes/other/rounds/{done['round_id']}", headers=KEY)
    assert elsewhere.status_code == 404


async def test_who_has_a_match_is_told_to_have_one(desk: Desk) -> None:
    platform = desk.platform
    await platform.programme()
    await platform.mentees("amal")
    await platform.mentors("birgit", "karen")
    await desk.knows("amal", "birgit", "karen")
    await desk.round_now()
    match = await desk.asked(await desk.only_match("proposed"), Role.MENTEE)
    other = next(who for who in ("birgit", "karen") if platform.who(who) != match["mentor_id"])

    async def told() -> list[str]:
        asked = {"mentee": platform.who("amal"), "mentor": platform.who(other)}
        path = f"/programmes/{platform.tag}/why-not"
        answer = (await desk.client.get(path, params=asked, headers=KEY)).json()
        assert answer["decided"]["code"] == "has_one_as_good"
        return [one["code"] for one in answer["in_the_way"]]

    assert await until(told) == ["has_open_match"]
