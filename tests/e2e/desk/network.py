"""A whole platform with two cities in the middle of their life, and whoever comes to its doors.

Aarhus and Odense have a coordinator each, who review every proposal and talk with every mentor. In each
city there are proposals under review, a mentorship with a call for help, and somebody who waits. Names,
addresses and telephone numbers are words that occur nowhere else.
"""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console

from deploy.local.settings import PlatformSettings
from deploy.local.supervisor import Platform
from shared.clock import SteppedClock
from shared.security.keys import hash_key, new_key
from shared.security.links import Links, Purpose

PROGRAMME = "dk"
AARHUS, ODENSE = "751", "461"
STARTS_AT = datetime(2026, 3, 2, 7, tzinfo=UTC)
KAREN, OSCAR, LEAD = "karen@staff.example", "oscar@staff.example", "lead@staff.example"
DEADLINE_S = 60.0
COLUMNS = (
    "role", "name", "email", "phone", "city", "languages", "profession", "kinds_of_help",
    "availability", "meets_online", "seats", "charter_version", "goals", "story",
)  # fmt: skip
BODY = {
    "name": "Two cities",
    "policy": {"review_before_proposing": True, "screening_of_mentors": True},
    "charters": [{"version": "1"}],
    "cities": [
        {"code": AARHUS, "name": "Aarhus", "region": "Midtjylland"},
        {"code": ODENSE, "name": "Odense", "region": "Syddanmark"},
    ],
    "coordinators": [
        {"coordinator_id": "karen", "name": "Karen", "email": KAREN, "cities": [AARHUS]},
        {"coordinator_id": "oscar", "name": "Oscar", "email": OSCAR, "cities": [ODENSE]},
        {"coordinator_id": "lead", "name": "Lead", "email": LEAD, "cities": [], "leads": True},
    ],
}


@dataclass
class City:
    """One city's people and matches, by id, and the words by which they would be recognised."""

    code: str
    name: str
    people: dict[str, str] = field(default_factory=dict)
    """Ids by first name."""
    matches: dict[str, dict[str, Any]] = field(default_factory=dict)

    def row(self, name: str, role: str, **more: str) -> dict[str, str]:
        first = self.first(name)
        return {
            "role": role,
            "name": f"{first} Canary",
            "email": f"{first.lower()}@canary.example",
            "phone": f"+4520{self.code}{sum(first.encode()) % 90 + 10}",
            "city": self.name,
            "languages": "ar",
            "profession": "2221",
            "kinds_of_help": "job_search",
            "availability": "mon-evening",
            "meets_online": "no",
            "seats": "1" if role == "mentor" else "",
            "charter_version": "1",
            "goals": f"Goals of {first}",
            "story": f"Story of {first}",
            **more,
        }

    def first(self, name: str) -> str:
        return f"{self.name[:2]}{name}"

    @property
    def marks(self) -> set[str]:
        """What must not be read by whoever has no business in this city."""
        names = {
            word for name in self.people for word in (f"{name} Canary", f"{name.lower()}@canary")
        }
        return {*names, *self.people.values(), *self.matches}


def sheet(rows: list[dict[str, str]]) -> bytes:
    """A spreadsheet of these people."""
    lines = [",".join(COLUMNS), *(",".join(row[name] for name in COLUMNS) for row in rows)]
    return "\n".join(lines).encode()


class Network:
    """The platform, its two cities, and ways to its doors."""

    def __init__(self, platform: Platform, clock: SteppedClock, keys: dict[str, str]) -> None:
        self.platform = platform
        self.clock = clock
        self.keys = keys
        self.aarhus = City(AARHUS, "Aarhus")
        self.odense = City(ODENSE, "Odense")

    @property
    def origin(self) -> str:
        return self.platform.origin_url

    @property
    def links(self) -> Links:
        secrets = self.platform._secrets
        assert secrets is not None
        return Links(secrets.link_secret, self.clock)

    @asynccontextmanager
    async def browser(self, email: str | None = None) -> AsyncIterator[httpx.AsyncClient]:
        """A browser; signed in by the identity provider as whoever has this address."""
        async with httpx.AsyncClient(
            base_url=self.origin, timeout=60, trust_env=False, headers={"accept": "text/html"}
        ) as http:
            if email is not None:
                await sign_in(http, email)
            yield http

    async def as_operator(self, method: str, path: str, **sent: Any) -> httpx.Response:
        headers = {"authorization": f"Bearer {self.platform.keys.operator}"}
        async with httpx.AsyncClient(base_url=self.origin, timeout=60, trust_env=False) as http:
            answer = await http.request(method, path, headers=headers, **sent)
        assert answer.is_success, (path, answer.text)
        return answer

    async def advance_to(self, at: datetime) -> None:
        """Lets time pass, step by step, as far as this."""
        while self.clock.now() < at:
            await self.platform.clock.advance(extra_next=[at])
        await self.platform.settle()

    async def matches(self, city: City, status: str) -> list[dict[str, Any]]:
        path = f"/matching/programmes/{PROGRAMME}/matches"
        found = (await self.as_operator("GET", path, params={"status": status})).json()["matches"]
        mine = [match for match in found if match["city"] == city.code]
        city.matches |= {match["match_id"]: match for match in mine}
        return mine

    async def learn_names(self) -> None:
        """Learns who is who, from the desk of whoever leads the programme."""
        async with self.browser(LEAD) as lead:
            for city in (self.aarhus, self.odense):
                path = f"/intake/programmes/{PROGRAMME}/participants"
                found = await self.as_operator("GET", path, params={"city": city.code})
                for each in found.json()["participants"]:
                    page = await lead.get(f"/intake/coordinator/people/{each['participant_id']}")
                    name = re.search(r"<h1>\s*<bdi>(\w+) Canary</bdi>", page.text)
                    assert name, page.text
                    city.people[name[1]] = each["participant_id"]

    async def import_people(self) -> None:
        """Three mentees and three mentors in each city; one mentee speaks what nobody else does."""
        rows = [
            row
            for city in (self.aarhus, self.odense)
            for row in (
                city.row("Run", "mentee"),
                city.row("Asks", "mentee"),
                city.row("Waits", "mentee", languages="ti"),
                city.row("Mona", "mentor"),
                city.row("Mira", "mentor"),
                city.row("Spare", "mentor"),
            )
        ]
        file = {"file": ("people.csv", sheet(rows), "text/csv")}
        answer = await self.as_operator(
            "POST", f"/intake/programmes/{PROGRAMME}/imports", files=file
        )
        report = answer.text.splitlines()[-1]
        assert '"registered": 12' in report, report
        await self.platform.settle()
        await self.learn_names()

    async def begin_a_mentorship(self, city: City) -> str:
        """Approves the proposal of `Run`, both say yes, and the mentee asks for help."""
        held = await self.matches(city, "held")
        run = city.people[city.first("Run")]
        match = next(each for each in held if each["mentee_id"] == run)
        match_id = str(match["match_id"])
        await self.as_operator("POST", f"/matching/matches/{match_id}/approve")
        await self.platform.settle()
        for side in ("mentee_id", "mentor_id"):
            token = self.links.sign(
                Purpose.ANSWER, match[side], programme=PROGRAMME, match_id=match_id, valid_for=MONTH
            )
            await self.sends("/matching/answers", token=token, says_yes=True)
            await self.platform.settle()
        token = self.links.sign(
            Purpose.MY_PAGE, run, programme=PROGRAMME, match_id=match_id, valid_for=MONTH
        )
        await self.sends("/followup/help", token=token, text=f"Words of help from {city.name}")
        await self.platform.settle()
        return match_id

    async def sends(self, path: str, **body: Any) -> None:
        """What a participant sends through her link."""
        async with httpx.AsyncClient(base_url=self.origin, timeout=60, trust_env=False) as http:
            answer = await http.post(path, json=body)
        assert answer.is_success, answer.text


MONTH = timedelta(days=30)


@asynccontextmanager
async def network(var: Path) -> AsyncIterator[Network]:
    """The platform, with all of this in it; it ends with the block."""
    keys = {"karen": new_key(), "lead": new_key()}
    scoped = f"{hash_key(keys['karen'])}:{PROGRAMME}:{AARHUS},{hash_key(keys['lead'])}:{PROGRAMME}"
    settings = PlatformSettings(
        run="desk",
        var=var,
        starts_at=STARTS_AT,
        log_level="critical",
        environment={
            name: {"COORDINATOR_KEY_HASHES": scoped}
            for name in ("intake", "matching", "followup", "notifications", "streams")
        },
    )
    async with Platform(settings, console=Console(file=StringIO(), width=200)) as platform:
        one = Network(platform, SteppedClock(settings.directory / "clock"), keys)
        await one.as_operator("PUT", f"/intake/programmes/{PROGRAMME}", json=BODY)
        await one.import_people()
        for city in (one.aarhus, one.odense):
            for name in ("Mona", "Mira"):
                who = city.people[city.first(name)]
                await one.as_operator("POST", f"/intake/participants/{who}/screen")
        await platform.settle()
        await one.as_operator("POST", f"/matching/programmes/{PROGRAMME}/rounds")
        await platform.settle()
        for city in (one.aarhus, one.odense):
            await one.begin_a_mentorship(city)
            await one.matches(city, "held")
        yield one


async def sign_in(http: httpx.AsyncClient, email: str) -> None:
    """The whole way: to the provider, the choice there, and back with a session."""
    sent = await http.get("/intake/sign-in")
    page = await http.get(sent.headers["location"])
    fields = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page.text))
    chosen = await http.post("/identity/authorize", data={**fields, "other": email})
    back = await http.get(chosen.headers["location"])
    assert back.status_code == 303, back.text


async def until(what: Callable[[], Awaitable[Any]]) -> Any:
    """Asks until the answer is true, or fails at the deadline. Returns the answer."""
    deadline = time.monotonic() + DEADLINE_S
    while not (answer := await what()):
        assert time.monotonic() < deadline, "it did not come true in time"
        await asyncio.sleep(0.1)
    return answer
