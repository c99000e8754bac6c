"""Coordinators at matching's door: each for her cities only, and her own choice of a mentor."""

from typing import Any

import httpx
import pytest

from shared.events.participants import Role
from shared.security.scopes import Scope
from shared.security.sessions import Sessions, StaffRole
from tests.integration.matching.conftest import KEY, Desk, until

pytestmark = pytest.mark.asyncio(loop_scope="module")

AARHUS, ODENSE = "751", "461"
HERE = "http://127.0.0.1:8000"


class Coordinator:
    """Signed in at matching, in a browser of her own."""

    def __init__(self, desk: Desk, name: str, *cities: str) -> None:
        sessions = Sessions(desk.platform.settings().session_key)
        scope = Scope(desk.platform.tag, frozenset(cities))
        session = sessions.begin(StaffRole.COORDINATOR, name, scope)
        self.headers = {
            "cookie": f"cg-session={sessions.sign(session)}",
            "sec-fetch-site": "same-origin",
        }
        self.token = sessions.form_token(session)
        self.desk = desk

    async def sees(self, path: str, **params: str) -> httpx.Response:
        return await self.desk.client.get(path, params=params, headers=self.headers)

    async def sends(self, path: str, **form: str) -> httpx.Response:
        fields = {"form_token": self.token, **form}
        return await self.desk.client.post(path, data=fields, headers=self.headers)


async def proposed(desk: Desk, *, spare_seats: int = 0) -> dict[str, dict[str, Any]]:
    """One proposal in each of two cities, by the mentee's name."""
    platform = desk.platform
    await platform.programme()
    for city, mentee, mentor in ((AARHUS, "amal", "birgit"), (ODENSE, "olga", "oda")):
        await platform.mentees(mentee, city=city, meets_online=False)
        await platform.mentors(mentor, city=city, meets_online=False, seats=1)
    await desk.knows("amal", "birgit", "olga", "oda")
    await desk.round_now()
    # After the round, so that whom it chose is certain.
    await platform.mentors("bodil", city=AARHUS, meets_online=False, seats=1)
    await desk.knows("bodil")

    async def both() -> dict[str, dict[str, Any]] | None:
        found = {match["mentee_id"]: match for match in await desk.matches("proposed")}
        return found if len(found) == 2 else None

    by_id = await until(both)
    return {name: by_id[platform.who(name)] for name in ("amal", "olga")}


async def test_a_coordinator_sees_and_touches_the_matches_of_her_city_only(desk: Desk) -> None:
    matches = await proposed(desk)
    hers, other = matches["amal"]["match_id"], matches["olga"]["match_id"]
    karen = Coordinator(desk, "karen", AARHUS)
    listed = await karen.sees(f"/programmes/{desk.platform.tag}/matches")
    assert [match["match_id"] for match in listed.json()["matches"]] == [hers]
    assert (await karen.sees(f"/matches/{hers}")).status_code == 200
    for look in (f"/matches/{other}", f"/participants/{desk.platform.who('olga')}/waiting"):
        unknown = look.replace(other, "unknown").replace(desk.platform.who("olga"), "unknown")
        assert (await karen.sees(look)).content == (await karen.sees(unknown)).content
    for act in ("approve", "withdraw"):
        answer = await karen.sends(f"/matches/{other}/{act}")
        assert answer.status_code == 404
    kept = await desk.client.get(f"/matches/{other}", headers=KEY)
    assert kept.json()["status"] == "proposed"
    pair = {"mentee": desk.platform.who("olga"), "mentor": desk.platform.who("oda")}
    why = await karen.sees(f"/programmes/{desk.platform.tag}/why-not", **pair)
    assert why.status_code == 404


async def test_what_concerns_every_city_is_for_whoever_leads_the_programme(desk: Desk) -> None:
    await proposed(desk)
    karen = Coordinator(desk, "karen", AARHUS)
    tag = desk.platform.tag
    rounds = (await karen.sees(f"/programmes/{tag}/rounds")).json()["rounds"]
    whole = f"/programmes/{tag}/rounds/{rounds[0]['round_id']}"
    assert (await karen.sees(whole)).status_code == 403
    assert (await karen.sends(f"/programmes/{tag}/rounds")).status_code == 403
    assert (await desk.client.get(whole, headers=KEY)).status_code == 200


async def test_a_coordinator_chooses_another_mentor_and_says_why(desk: Desk) -> None:
    match = (await proposed(desk))["amal"]
    karen = Coordinator(desk, "karen", AARHUS)
    chosen = {"mentor_id": desk.platform.who("bodil"), "reason": "someone_suits_her_better"}
    for _ in range(2):  # Twice: a second click does nothing more.
        answer = await karen.sends(f"/matches/{match['match_id']}/swap", **chosen)
        assert answer.status_code == 200, answer.text
        assert answer.json()["mentor_id"] == chosen["mentor_id"]
    assert answer.json()["status"] == "proposed"
    told = [event for event in await desk.platform.told() if event["data"]["city"] == AARHUS]
    gone = [event["data"] for event in told if event["type"] == "match.withdrawn"]
    made = [event["data"] for event in told if event["type"] == "match.proposed"]
    assert [(one["coordinator_id"], one["coordinators_reason"]) for one in gone] == [
        ("karen", "someone_suits_her_better")
    ]
    # Two matches, of which each has its own order: their partitions know none between them.
    assert {(one["mentor_id"], one.get("chosen_by")) for one in made} == {
        (match["mentor_id"], None),
        (chosen["mentor_id"], "karen"),
    }
    assert len(made) == 2
    # Hers to answer as every proposal is.
    new = await desk.asked(answer.json(), Role.MENTEE)
    assert (await desk.answer(new, Role.MENTEE)).status_code == 200


@pytest.mark.parametrize(("mentor", "status"), [("oda", 404), ("birgit", 409), ("nobody", 404)])
async def test_a_choice_that_may_not_be_leaves_everything_as_it_is(
    desk: Desk, mentor: str, status: int
) -> None:
    match = (await proposed(desk))["amal"]
    karen = Coordinator(desk, "karen", AARHUS)
    chosen = {"mentor_id": desk.platform.who(mentor), "reason": "other"}
    answer = await karen.sends(f"/matches/{match['match_id']}/swap", **chosen)
    assert answer.status_code == status, answer.text
    kept = await desk.client.get(f"/matches/{match['match_id']}", headers=KEY)
    assert kept.json()["status"] == "proposed"


async def test_a_full_mentor_is_no_choice(desk: Desk) -> None:
    match = (await proposed(desk))["amal"]
    lead = Coordinator(desk, "lead", AARHUS, ODENSE)
    chosen = {"mentor_id": desk.platform.who("oda"), "reason": "other"}
    answer = await lead.sends(f"/matches/{match['match_id']}/swap", **chosen)
    assert answer.status_code == 409
    assert "free seat" in answer.json()["detail"]


async def test_a_form_leads_back_to_its_page_with_what_came_of_it(desk: Desk) -> None:
    match = (await proposed(desk))["amal"]
    karen = Coordinator(desk, "karen", AARHUS)
    path, back = f"/matches/{match['match_id']}/withdraw", "/intake/coordinator/proposals?page=2"
    refused = await karen.sends(path, back=back, reason="nonsense")
    done = await karen.sends(path, back=back, reason="practical")
    late = await karen.sends(f"/matches/{match['match_id']}/approve", back=back)
    answers = (refused, done, late)
    assert [answer.status_code for answer in answers] == [303, 303, 303]
    assert [answer.headers["location"].removeprefix(back) for answer in answers] == [
        "&refused=the-request-is-not-valid",
        "&done=withdraw",
        "&refused=already-decided",
    ]
    karen.headers["cookie"] = "cg-session=over"
    over = await karen.sends(path, back=back)
    assert over.headers["location"].startswith("/intake/sign-in?then=%2Fintake%2Fcoordinator")
    foreign = await karen.sends(path, back="//evil.test/")
    assert foreign.status_code == 401
