"""Coordinators of different cities cannot see each other's people through any endpoint of any service.

The OpenAPI documents say which endpoints there are, so a new one is walked without anybody thinking of
it. Every parameter that names something is filled with what is Odense's; everything else schemathesis
makes up.
"""

import re
import uuid
from contextlib import AsyncExitStack
from typing import Any, Final

import httpx
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis.core.result import Ok

from deploy.local.engines import SERVICES
from deploy.local.identity import OPERATOR
from tests.e2e.desk.network import KAREN, LEAD, PROGRAMME, City, Network

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

EXAMPLES: Final = 4
_OF_PEOPLE: Final = frozenset({"participant_id", "participant", "recipient", "mentee", "mentor"})
_OF_MATCHES: Final = frozenset({"match_id", "match"})
_CHANGES: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})


def operations(service: str, document: dict[str, Any]) -> list[Any]:
    """Every endpoint of a service."""
    schema = schemathesis.openapi.from_dict(document)
    found = [result.ok() for result in schema.get_all_operations() if isinstance(result, Ok)]
    assert found, service
    return found


def cases_of(operation: Any) -> list[Any]:
    """Some requests that fit the endpoint's schema, the same on every run."""
    cases: list[Any] = []

    @seed(20260302)
    @settings(
        max_examples=EXAMPLES,
        phases=[Phase.generate],
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def collect(case: Any) -> None:
        cases.append(case)

    collect()
    return cases


def filled(case: Any, city: City, number: int) -> dict[str, Any]:
    """The parameters of a case, with all that names something filled with what is this city's."""
    people, matches = sorted(city.people.values()), sorted(city.matches)
    names = {
        **dict.fromkeys(_OF_PEOPLE, people[number % len(people)]),
        **dict.fromkeys(_OF_MATCHES, matches[number % len(matches)]),
        "programme": PROGRAMME,
        "city": city.code,
    }
    path = {name: names.get(name, value) for name, value in (case.path_parameters or {}).items()}
    query = {name: names.get(name, value) for name, value in (case.query or {}).items()}
    # Half of the time also parameters that the case left out.
    if number % 2:
        query |= {
            each.name: names[each.name]
            for each in case.operation.query
            if each.name in names and each.name not in query
        }
    return {"path": path, "query": query}


def body_of(case: Any, origin: str) -> tuple[Any, dict[str, str]]:
    """The body of a case, in the encoding that its endpoint asks for."""
    made = case.as_transport_kwargs(base_url=origin)
    parts = {name: made[name] for name in ("json", "data", "files") if made.get(name)}
    prepared = requests.Request("POST", origin, **parts).prepare()
    kind = prepared.headers.get("Content-Type")
    return prepared.body, {} if kind is None else {"content-type": str(kind)}


async def walk(
    network: Network, http: httpx.AsyncClient, service: str, city: City, token: str | None
) -> list[tuple[str, str, httpx.Response, set[str]]]:
    """Asks every endpoint for what is this city's: method, path, answer, and what was asked for."""
    answers: list[tuple[str, str, httpx.Response, set[str]]] = []
    document = (await http.get(f"/{service}/openapi.json")).json()
    for operation in operations(service, document):
        for number, case in enumerate(cases_of(operation)):
            sent = filled(case, city, number)
            path = operation.path
            for name, value in sent["path"].items():
                path = path.replace("{" + name + "}", str(value).replace("/", "-") or "x")
            sent_body, content_type = body_of(case, network.origin)
            asked = {str(value) for part in sent.values() for value in part.values()}
            headers = {"sec-fetch-site": "same-origin"}
            if token is not None and case.method.upper() in _CHANGES:
                headers["x-form-token"] = token
            answer = await http.request(
                case.method.upper(),
                f"/{service}{path}",
                params={name: str(value) for name, value in sent["query"].items()},
                headers=headers | content_type,
                content=sent_body,
            )
            answers.append((case.method.upper(), f"/{service}{operation.path}", answer, asked))
    return answers


async def form_token(http: httpx.AsyncClient) -> str | None:
    """The token of the session's forms, as its pages carry it."""
    page = await http.get("/intake/coordinator/")
    found = re.search(r'name="form_token" value="(\w+)"', page.text)
    return found[1] if found else None


def read_there(answer: httpx.Response, marks: set[str], asked: set[str]) -> set[str]:
    """Which of these marks the answer holds that were not in the question."""
    return {mark for mark in marks - asked if mark in answer.text}


@pytest.mark.parametrize("how", ["session", "key"])
async def test_no_endpoint_shows_her_what_is_of_another_city(two_cities: Network, how: str) -> None:
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(
            two_cities.browser(KAREN if how == "session" else None)
        )
        token = await form_token(http)
        if how == "key":
            http.headers["authorization"] = f"Bearer {two_cities.keys['karen']}"
        walked = 0
        for service in SERVICES:
            for method, path, answer, asked in await walk(
                two_cities, http, service, two_cities.odense, token
            ):
                walked += 1
                assert answer.status_code < 500 or answer.status_code == 503, (method, path)
                found = read_there(answer, two_cities.odense.marks, asked)
                assert not found, (method, path, answer.status_code, found)
        assert walked > 100
        seen = (await http.get("/intake/coordinator/mentorships")).text
        assert how == "key" or "AaRun Canary" in seen


async def test_what_is_of_another_city_looks_like_what_does_not_exist(two_cities: Network) -> None:
    nowhere = City(
        two_cities.odense.code, "Nowhere", {"x": str(uuid.uuid4())}, {str(uuid.uuid4()): {}}
    )
    async with two_cities.browser(KAREN) as http:
        token = await form_token(http)
        for service in SERVICES:
            theirs = await walk(two_cities, http, service, two_cities.odense, token)
            nobodys = await walk(two_cities, http, service, nowhere, token)
            for (method, path, one, _), (_, _, other, _) in zip(theirs, nobodys, strict=True):
                assert one.status_code == other.status_code, (method, path, one.text, other.text)


async def test_what_is_odenses_is_still_as_it_was(two_cities: Network) -> None:
    """After all that was sent to its endpoints by somebody who had no business there."""
    for match_id, match in two_cities.odense.matches.items():
        now = await two_cities.as_operator("GET", f"/matching/matches/{match_id}")
        assert now.json()["mentor_id"] == match["mentor_id"]
        assert now.json()["status"] in {match["status"], "accepted"}


async def test_without_a_key_or_a_session_nobody_sees_anybody(two_cities: Network) -> None:
    marks = two_cities.odense.marks | two_cities.aarhus.marks
    async with two_cities.browser() as http:
        for service in SERVICES:
            for method, path, answer, asked in await walk(
                two_cities, http, service, two_cities.aarhus, None
            ):
                assert answer.status_code < 500 or answer.status_code == 503, (method, path)
                assert not read_there(answer, marks, asked), (method, path)


@pytest.mark.parametrize("who", [LEAD, OPERATOR])
async def test_no_endpoint_breaks_for_those_who_see_everything(
    two_cities: Network, who: str
) -> None:
    async with two_cities.browser(who) as http:
        token = await form_token(http)
        for service in SERVICES:
            for method, path, answer, _ in await walk(
                two_cities, http, service, two_cities.aarhus, token
            ):
                assert answer.status_code < 500 or answer.status_code == 503, (method, path)
