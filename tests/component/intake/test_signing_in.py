"""Signing in at a real identity provider: what is believed, and what is refused."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import structlog
from fastapi import FastAPI
from joserfc.jwk import ECKey
from pydantic import SecretStr, ValidationError
from starlette.types import ASGIApp

from deploy.local.identity import OPERATOR, OPERATORS, Client, Provider, identity_app
from services.intake.desk import signing_in
from services.intake.domain.programme import Coordinator, Programme
from services.intake.identity import Attempts, IdentityProvider
from services.intake.settings import Settings
from shared.events.programmes import CoordinatorRef, Policy
from shared.security.scopes import EVERYTHING, Scope
from shared.security.sessions import Session, Sessions, StaffRole
from shared.web.problems import add_problem_handlers
from shared.web.rate_limits import RateLimit
from shared.web.server import make_server

HERE = "http://127.0.0.1:9"
KAREN = Coordinator("karen", "dk", "Karen", "karen@example.org", "da", "Europe/Copenhagen")
TWICE = [
    Coordinator("amal-dk", "dk", "Amal", "amal@example.org", "da", "Europe/Copenhagen", leads=True),
    Coordinator("amal-no", "no", "Amal", "amal@example.org", "nb", "Europe/Oslo"),
]


def a_programme(name: str, *refs: CoordinatorRef) -> Programme:
    return Programme(name, name, Policy(), (), (), refs, "Europe/Copenhagen", ("da",), ("en",))


PROGRAMMES = {
    "dk": a_programme(
        "dk",
        CoordinatorRef(coordinator_id="karen", cities=("461", "751")),
        CoordinatorRef(coordinator_id="amal-dk", cities=("461",)),
    ),
    "no": a_programme("no", CoordinatorRef(coordinator_id="amal-no", cities=())),
}


class Store:
    """The coordinators of the programmes, as intake's store finds them."""

    async def coordinators_who_are(
        self, email: str | None, subject: str
    ) -> list[tuple[Coordinator, Programme]]:
        return [
            (each, PROGRAMMES[each.programme])
            for each in (KAREN, *TWICE)
            if each.email == email or each.sign_in_as == subject
        ]


@asynccontextmanager
async def on_a_port(app: ASGIApp) -> AsyncIterator[str]:
    server = make_server(app, "127.0.0.1", 0)
    task = asyncio.create_task(server.serve())
    deadline = time.monotonic() + 10
    while not server.started:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        await task


class Ground:
    """Intake's doors, the provider behind them, and a browser in between."""

    def __init__(self, issuer: str, provider: Provider) -> None:
        self.provider = provider
        settings = Settings(
            kafka_url="k",
            mongodb_url="m",
            link_secret=SecretStr("l"),
            hash_secret=SecretStr("h"),
            public_url=HERE,
            oidc_issuer=issuer,
            oidc_client_id="common-ground",
            oidc_client_secret=SecretStr("a secret: with +signs"),
            oidc_operator_claim=f"groups={OPERATORS}",
        )
        self.sessions = Sessions(settings.session_key)
        app = FastAPI()
        add_problem_handlers(app)
        app.include_router(signing_in.router)
        app.state.runtime = SimpleNamespace(
            settings=settings, sessions=self.sessions, log=structlog.get_logger()
        )
        app.state.provider = IdentityProvider(settings)
        app.state.attempts = Attempts(settings.session_key)
        app.state.rate_limit = RateLimit(1_000)
        app.state.intake = SimpleNamespace(store=Store())
        self.http = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=HERE)

    async def begin(self, **query: str) -> dict[str, str]:
        """What the browser is sent to the provider with."""
        sent = await self.http.get("/sign-in", params=query)
        assert sent.status_code == 303, sent.text
        return {k: v[0] for k, v in parse_qs(urlsplit(sent.headers["location"]).query).items()}

    async def choose(self, email: str, asked: dict[str, str]) -> dict[str, str]:
        """What the provider sends the browser back with."""
        async with httpx.AsyncClient(trust_env=False) as browser:
            there = f"{self.provider.client.issuer}/authorize"
            page = await browser.get(there, params=asked)
            assert page.status_code == 200
            fields = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page.text))
            sent = await browser.post(there, data={**fields, "other": email})
        return {k: v[0] for k, v in parse_qs(urlsplit(sent.headers["location"]).query).items()}

    async def sign_in(self, email: str, **query: str) -> httpx.Response:
        back = await self.choose(email, await self.begin(**query))
        return await self.http.get("/callback", params=back)

    def session(self) -> Session | None:
        cookie = self.http.cookies.get("cg-session")
        return self.sessions.read(cookie) if cookie else None


@pytest.fixture
async def ground() -> AsyncIterator[Ground]:
    later: list[ASGIApp] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await later[0](scope, receive, send)

    async with on_a_port(app) as url:
        client = Client(
            url, "common-ground", "a secret: with +signs", f"{HERE}/intake/callback", {}
        )
        provider = Provider(client)
        later.append(identity_app(provider))
        one = Ground(url, provider)
        async with one.http:
            yield one


async def test_a_coordinator_signs_in_by_her_verified_address(ground: Ground) -> None:
    answer = await ground.sign_in("Karen@Example.org")
    assert (answer.status_code, answer.headers["location"]) == (303, "/intake/coordinator/")
    session = ground.session()
    assert session is not None
    assert (session.role, session.subject) == (StaffRole.COORDINATOR, "karen")
    assert session.scope == Scope("dk", frozenset({"461", "751"}))


async def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(ground: Ground) -> None:
    answer = await ground.sign_in("karen@example.org")
    (cookie,) = (
        each for each in answer.headers.get_list("set-cookie") if each.startswith("cg-session=")
    )
    attributes = {part.strip().lower() for part in cookie.split(";")[1:]}
    assert {"httponly", "samesite=lax", "path=/"} <= attributes


async def test_an_operator_is_whoever_has_the_claim(ground: Ground) -> None:
    answer = await ground.sign_in(OPERATOR)
    assert answer.headers["location"] == "/streams/console"
    session = ground.session()
    assert session is not None
    assert (session.role, session.scope) == (StaffRole.OPERATOR, EVERYTHING)


async def test_whoever_no_programme_names_is_not_let_in(ground: Ground) -> None:
    answer = await ground.sign_in("somebody@example.org")
    assert answer.status_code == 403
    assert ground.session() is None


async def test_who_looks_after_two_programmes_chooses_one(ground: Ground) -> None:
    answer = await ground.sign_in("amal@example.org")
    assert answer.status_code == 409
    assert "programme=no" in answer.text
    await ground.sign_in("amal@example.org", programme="no")
    session = ground.session()
    assert session is not None
    assert session.scope == Scope("no", frozenset())
    await ground.sign_in("amal@example.org", programme="dk")
    session = ground.session()
    assert session is not None
    assert session.scope == Scope("dk", None)  # She leads this one.


async def test_she_goes_on_to_where_she_was_going_but_never_off_this_site(ground: Ground) -> None:
    answer = await ground.sign_in("karen@example.org", then="/intake/coordinator/help?page=2")
    assert answer.headers["location"] == "/intake/coordinator/help?page=2"
    for foreign in ("//evil.test/", "https://evil.test/", "/\\evil.test", "/ok\n", "evil"):
        answer = await ground.sign_in("karen@example.org", then=foreign)
        assert answer.headers["location"] == "/intake/coordinator/"


@pytest.mark.parametrize(
    "change",
    [
        {"state": "another"},
        {"state": ""},
        {"iss": "https://another.test"},
        {"code": "another"},
    ],
)
async def test_what_comes_back_otherwise_than_it_was_sent_is_refused(
    ground: Ground, change: dict[str, str]
) -> None:
    back = await ground.choose("karen@example.org", await ground.begin())
    answer = await ground.http.get("/callback", params=back | change)
    assert answer.status_code == 403
    assert ground.session() is None


async def test_an_answer_to_a_sign_in_that_another_browser_began_is_refused(ground: Ground) -> None:
    back = await ground.choose("karen@example.org", await ground.begin())
    ground.http.cookies.clear()
    assert (await ground.http.get("/callback", params=back)).status_code == 403
    assert ground.session() is None


async def test_a_code_is_good_once(ground: Ground) -> None:
    asked = await ground.begin()
    cookie = ground.http.cookies["cg-sign-in"]
    back = await ground.choose("karen@example.org", asked)
    assert (await ground.http.get("/callback", params=back)).status_code == 303
    ground.http.cookies.clear()
    ground.http.cookies.set("cg-sign-in", cookie)
    assert (await ground.http.get("/callback", params=back)).status_code == 403


async def test_a_code_that_was_stolen_is_worth_nothing_without_its_verifier(ground: Ground) -> None:
    stolen = await ground.choose("karen@example.org", await ground.begin())
    mine = await ground.begin()
    answer = await ground.http.get("/callback", params={**stolen, "state": mine["state"]})
    assert answer.status_code == 403


@pytest.mark.parametrize(
    "claims",
    [
        {"nonce": "another"},
        {"nonce": None},
        {"iss": "https://another.test"},
        {"aud": "another-client"},
        {"aud": ["common-ground", "another"], "azp": "another"},
        {"exp": int(time.time()) - 3600},
        {"exp": None},
        {"email_verified": False},
        {"email_verified": "true"},
        {"email_verified": None},
        {"email": None},
    ],
    ids=str,
)
async def test_a_token_that_says_something_else_signs_nobody_in(
    ground: Ground, claims: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    issue: Callable[..., str] = Provider.token
    monkeypatch.setattr(Provider, "token", lambda self, grant: issue(self, grant, **claims))
    answer = await ground.sign_in("karen@example.org")
    assert answer.status_code == 403
    assert ground.session() is None


async def test_a_token_signed_with_a_foreign_key_signs_nobody_in(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (await ground.sign_in("karen@example.org")).status_code == 303  # The keys are known now.
    ground.http.cookies.clear()
    back = await ground.choose("karen@example.org", await ground.begin())
    kid = ground.provider.key.kid
    assert kid is not None
    own = ground.provider.key
    ground.provider.key = ECKey.generate_key("P-256", {"kid": kid})
    forged = ground.provider.token(next(iter(ground.provider.grants.values())))
    ground.provider.key = own
    monkeypatch.setattr(Provider, "redeem", lambda *_: forged)
    assert (await ground.http.get("/callback", params=back)).status_code == 403


async def test_a_provider_that_changed_its_keys_is_believed_again(ground: Ground) -> None:
    assert (await ground.sign_in("karen@example.org")).status_code == 303
    ground.provider.key = ECKey.generate_key("P-256", auto_kid=True)
    assert (await ground.sign_in("karen@example.org")).status_code == 303


async def test_while_the_provider_is_away_she_is_told_so() -> None:
    ground = Ground("http://127.0.0.1:1", Provider(Client("", "", "", "", {})))
    async with ground.http:
        answer = await ground.http.get("/sign-in")
    assert answer.status_code == 503


async def test_signing_out_ends_the_session_and_needs_the_form_of_a_page(ground: Ground) -> None:
    await ground.sign_in("karen@example.org")
    session = ground.session()
    assert session is not None
    headers = {"sec-fetch-site": "same-origin"}
    assert (await ground.http.post("/sign-out", headers=headers)).status_code == 403
    token = {"form_token": ground.sessions.form_token(session)}
    assert (await ground.http.post("/sign-out", data=token, headers=headers)).status_code == 200
    assert ground.session() is None


def test_a_provider_that_could_be_listened_to_stops_the_start() -> None:
    with pytest.raises(ValidationError, match="https"):
        Settings(
            kafka_url="k",
            mongodb_url="m",
            link_secret=SecretStr("l"),
            hash_secret=SecretStr("h"),
            oidc_issuer="http://identity.example.org",
        )
