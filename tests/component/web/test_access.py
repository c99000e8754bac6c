"""Keys and sessions at the door of a service: who gets in, for which role, and whose people she sees."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from shared.decisions import Refusal
from shared.security.keys import hash_key
from shared.security.scopes import EVERYTHING, Scope
from shared.security.sessions import LONGEST, RENEW_WITHIN, Session, Sessions, StaffRole
from shared.web.access import Coordinator, Operator
from shared.web.problems import add_problem_handlers

HERE = "http://common.test"
NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
AARHUS = Scope("dk", frozenset({"751"}))
SAME_ORIGIN = {"sec-fetch-site": "same-origin"}


@dataclass
class Clock:
    at: datetime = NOW

    def now(self) -> datetime:
        return self.at


@dataclass
class Place:
    programme: str
    city: str | None


THINGS = {"a": Place("dk", "751"), "o": Place("dk", "461"), "n": Place("no", "751")}


@dataclass
class Door:
    http: httpx.AsyncClient
    sessions: Sessions
    clock: Clock

    def comes_with(self, session: Session) -> None:
        self.http.cookies.set("cg-session", self.sessions.sign(session))

    def signed_in(self, role: StaffRole = StaffRole.COORDINATOR, scope: Scope = AARHUS) -> Session:
        session = self.sessions.begin(role, "karen", scope)
        self.comes_with(session)
        return session


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    clock = Clock()
    sessions = Sessions("secret", clock)
    app = FastAPI()
    add_problem_handlers(app)
    app.state.runtime = SimpleNamespace(
        sessions=sessions,
        settings=SimpleNamespace(
            public_url=HERE,
            coordinator_key_hashes=f"{hash_key('all')},{hash_key('aarhus')}:dk:751",
            operator_key_hashes=hash_key("operator"),
        ),
    )

    @app.get("/things/{name}")
    async def thing(caller: Coordinator, name: str) -> dict[str, Any]:
        found = caller.hers(THINGS.get(name), Refusal("There is no such thing."))
        return {"city": found.city, "who": caller.name}

    @app.post("/things")
    async def change(caller: Coordinator) -> dict[str, str]:
        return {"who": caller.name}

    @app.get("/programmes/{programme}/rounds")
    async def rounds(caller: Coordinator, programme: str) -> dict[str, str]:
        caller.needs_all_of(programme)
        return {"programme": programme}

    @app.get("/console")
    async def console(caller: Operator) -> dict[str, str]:
        return {"who": caller.name}

    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url=HERE) as http:
        yield Door(http, sessions, clock)


def bearing(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


async def test_nobody_gets_in_without_a_key_or_a_session(door: Door) -> None:
    answer = await door.http.get("/things/a")
    assert answer.status_code == 401
    assert "Sign in" in answer.json()["detail"]


async def test_what_belongs_to_another_city_is_answered_as_if_it_did_not_exist(door: Door) -> None:
    door.signed_in()
    assert (await door.http.get("/things/a")).json() == {"city": "751", "who": "karen"}
    unknown = await door.http.get("/things/nothing")
    for other in ("o", "n"):
        answer = await door.http.get(f"/things/{other}")
        assert (answer.status_code, answer.content) == (unknown.status_code, unknown.content)


async def test_a_key_is_good_for_its_cities_only(door: Door) -> None:
    seen = {
        (key, name): (await door.http.get(f"/things/{name}", headers=bearing(key))).status_code
        for key in ("all", "aarhus", "operator")
        for name in THINGS
    }
    assert {each for each, status in seen.items() if status == 200} == {
        *(("all", name) for name in THINGS),
        *(("operator", name) for name in THINGS),
        ("aarhus", "a"),
    }


async def test_a_programme_that_is_not_hers_does_not_exist_for_her(door: Door) -> None:
    door.signed_in(scope=Scope("dk", None))
    assert (await door.http.get("/programmes/dk/rounds")).status_code == 200
    assert (await door.http.get("/programmes/no/rounds")).status_code == 404


async def test_what_concerns_every_city_is_not_for_the_coordinator_of_one(door: Door) -> None:
    door.signed_in()
    assert (await door.http.get("/programmes/dk/rounds")).status_code == 403


@pytest.mark.parametrize(
    ("role", "status"), [(StaffRole.COORDINATOR, 403), (StaffRole.OPERATOR, 200)]
)
async def test_a_session_opens_what_its_role_may(door: Door, role: StaffRole, status: int) -> None:
    door.signed_in(role, EVERYTHING)
    assert (await door.http.get("/console")).status_code == status


async def test_a_session_that_was_tampered_with_is_none(door: Door) -> None:
    good = door.sessions.sign(door.signed_in())
    payload, _, signature = good.rpartition(".")
    forged = Sessions("another secret", door.clock).sign(door.signed_in())
    for bad in (f"{payload}x.{signature}", f"{payload}.{signature[::-1]}", forged, "", "x.y.z"):
        door.http.cookies.set("cg-session", bad)
        assert (await door.http.get("/things/a")).status_code == 401


async def test_a_session_ends_an_hour_after_it_was_last_renewed(door: Door) -> None:
    session = door.signed_in()
    door.clock.at += RENEW_WITHIN - timedelta(seconds=1)
    assert (await door.http.get("/things/a")).status_code == 200
    renewed = door.sessions.renew(session, Scope("dk", frozenset()))
    door.clock.at += timedelta(seconds=1)
    assert (await door.http.get("/things/a")).status_code == 401
    door.comes_with(renewed)
    assert (await door.http.get("/things/a")).status_code == 409  # Hers are other cities now: none.


def test_no_session_outlasts_a_working_day() -> None:
    clock = Clock()
    sessions = Sessions("secret", clock)
    session = sessions.begin(StaffRole.COORDINATOR, "karen", AARHUS)
    for _ in range(20):
        clock.at += RENEW_WITHIN / 2
        session = sessions.renew(session, AARHUS)
    assert session.expires_at == NOW + LONGEST


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "none"},
        {"origin": "http://evil.test"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site", "origin": HERE},
    ],
)
async def test_a_write_from_another_site_does_nothing(door: Door, headers: dict[str, str]) -> None:
    token = {"form_token": door.sessions.form_token(door.signed_in())}
    answer = await door.http.post("/things", data=token, headers=headers)
    assert answer.status_code == 403


@pytest.mark.parametrize("headers", [SAME_ORIGIN, {"origin": HERE}])
async def test_a_write_needs_the_token_of_this_very_session(
    door: Door, headers: dict[str, str]
) -> None:
    session = door.signed_in()
    of_another = door.sessions.begin(StaffRole.COORDINATOR, "karen", AARHUS)
    for wrong in ("", "æ", door.sessions.form_token(of_another)):
        answer = await door.http.post("/things", data={"form_token": wrong}, headers=headers)
        assert answer.status_code == 403
    token = door.sessions.form_token(session)
    as_form = await door.http.post("/things", data={"form_token": token}, headers=headers)
    as_json = await door.http.post("/things", json={}, headers={**headers, "x-form-token": token})
    assert (as_form.status_code, as_json.status_code) == (200, 200)


async def test_a_program_with_a_key_needs_no_proof_of_a_page(door: Door) -> None:
    answer = await door.http.post("/things", headers=bearing("aarhus"))
    assert answer.status_code == 200
    assert answer.json()["who"] == hash_key("aarhus")[:12]
