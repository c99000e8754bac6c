"""The coordinators' desk over people and matches in memory: every page, no engine.

Two cities, each with its coordinator, and a lead. Everybody's name, address and telephone number are
words that occur nowhere else, so that a test sees at once where they are.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import httpx
import structlog
from fastapi import FastAPI

from services.intake.desk import bringing_in, lists, one, reporting, signing_in
from services.intake.desk.desk import Desk
from services.intake.domain import life
from services.intake.domain.desk import Look
from services.intake.domain.heard import Gap, Unreached, Waiting
from services.intake.domain.journeys import (
    Agreed,
    Closing,
    KnownCheckIn,
    KnownMatch,
    OpenRequest,
    Rating,
    SharedGround,
    Wanted,
)
from services.intake.domain.participant import (
    Affirmation,
    Contact,
    Hashes,
    Origin,
    OwnWords,
    Participant,
    Person,
    Profile,
    Status,
)
from services.intake.domain.programme import Coordinator, Programme
from services.intake.domain.tables import load_tables
from services.intake.settings import Settings
from shared.clock import Clock
from shared.decisions import Refusal
from shared.events.check_ins import CheckInStatus, ClosingReason
from shared.events.matches import Factor, MatchStatus
from shared.events.messages import MessageKind
from shared.events.participants import KindOfHelp, Role, TimeOfWeek
from shared.events.pool import WaitingReason, WhatHelps
from shared.events.programmes import Charter, City, CoordinatorRef, Policy
from shared.ids import Ids
from shared.security.scopes import Scope
from shared.security.sessions import Session, Sessions, StaffRole
from shared.storage.changes import Change, Outcome
from shared.storage.changes import Status as Outcomes
from shared.web.problems import add_problem_handlers
from tests.unit.intake.settings import settings as some_settings

NOW = datetime(2026, 3, 16, 9, tzinfo=UTC)
DAY = timedelta(days=1)
AARHUS, ODENSE = "751", "461"
CITIES = {
    AARHUS: City(code=AARHUS, name="Aarhus", region="Midtjylland"),
    ODENSE: City(code=ODENSE, name="Odense", region="Syddanmark"),
}
STORY = "أنا مهندسة من دمشق.\nI like early mornings."


@dataclass
class Kept:
    """A collection in memory: as much of `Aggregates` as the desk uses."""

    states: dict[str, Any] = field(default_factory=dict)

    async def get(self, one_id: str) -> Any:
        return self.states.get(one_id)

    async def load(self, ids: Iterable[str]) -> dict[str, Any]:
        return {each: self.states[each] for each in ids if each in self.states}

    async def ids(self, _: Any) -> list[str]:
        return list(self.states)

    async def change_one(self, change: Change[Any]) -> Outcome[Any]:
        decision = change.decide(self.states.get(change.id))
        if decision is None:
            return Outcome(Outcomes.UNCHANGED, self.states.get(change.id))
        if isinstance(decision, Refusal):
            return Outcome(Outcomes.REFUSED, refusal=decision)
        self.states[change.id] = decision.state
        return Outcome(Outcomes.CHANGED, decision.state)


def _fits(
    state: Any, programme: str, cities: Collection[str] | None, fields: dict[str, Any]
) -> bool:
    if state.programme != programme or (cities is not None and state.city not in cities):
        return False
    for name, wanted in fields.items():
        value = state
        for part in name.split("__"):
            value = getattr(value, part)
        if wanted == {"$ne": None}:
            fits = value is not None
        else:
            fits = value in wanted if isinstance(wanted, list) else value == wanted
        if not fits:
            return False
    return True


@dataclass
class Store:
    """Intake's store, in memory."""

    participants: Kept = field(default_factory=Kept)
    programmes: Kept = field(default_factory=Kept)
    coordinators: Kept = field(default_factory=Kept)
    matches: Kept = field(default_factory=Kept)
    waiting: Kept = field(default_factory=Kept)
    drafts: Kept = field(default_factory=Kept)
    gaps: list[Gap] = field(default_factory=list)
    unreached: list[Unreached] = field(default_factory=list)

    async def people_in(self, programme: str, cities: Any, **fields: Any) -> list[Participant]:
        found = self.participants.states.values()
        return [each for each in found if _fits(each, programme, cities, fields)]

    async def matches_in(self, programme: str, cities: Any, **fields: Any) -> list[KnownMatch]:
        found = self.matches.states.values()
        return [each for each in found if _fits(each, programme, cities, fields)]

    async def people_in_open_matches(self, people: Collection[str]) -> set[str]:
        open_ones = [match for match in self.matches.states.values() if match.open]
        return {p for match in open_ones for p in (match.mentee_id, match.mentor_id) if p in people}

    async def gaps_in(self, programme: str, cities: Any) -> list[Gap]:
        return [gap for gap in self.gaps if _fits(gap, programme, cities, {})]

    async def unreached_among(self, people: Iterable[str]) -> list[Unreached]:
        ids = set(people)
        return [each for each in self.unreached if each.recipient_id in ids]

    async def matches_of(self, participant_id: str) -> list[KnownMatch]:
        found = self.matches.states.values()
        return [each for each in found if participant_id in (each.mentee_id, each.mentor_id)]

    async def ids_by_identity(self, identities: Iterable[str]) -> dict[str, str]:
        return {
            each.person.hashes.identity: each.participant_id
            for each in self.participants.states.values()
            if each.person and each.person.hashes.identity in set(identities)
        }


@dataclass
class Looks:
    """The audit, in memory."""

    kept: list[Look] = field(default_factory=list)

    async def put_down(self, look: Look) -> None:
        self.kept.append(look)

    async def of(
        self, programme: str, *, participant: str | None, after: int, limit: int
    ) -> list[tuple[int, Look]]:
        return [
            (position, look)
            for position, look in enumerate(self.kept, start=1)
            if look.programme == programme and position > after
        ][:limit]


@dataclass
class Time:
    at: datetime = NOW

    def now(self) -> datetime:
        return self.at


def a_person(name: str, role: Role, city: str, status: Status, **changes: Any) -> Participant:
    mentor = role is Role.MENTOR
    person = Person(
        role=role,
        origin=Origin.WEB,
        hashes=Hashes(f"identity-{name}", f"address-{name}", ()),
        contact=Contact(
            name=f"{name.capitalize()} Canary",
            email=f"{name}@canary.example",
            phone=f"+45 11 {sum(name.encode()) % 90 + 10} {len(name):02} 99",
            locale="ar",
            time_zone="Europe/Copenhagen",
        ),
        profile=Profile(
            city=city,
            languages=("ar", "da") if not mentor else ("da", "en", "ar"),
            profession="2221",
            wished_profession=None,
            education_level=6,
            education_field=None,
            kinds_of_help=(KindOfHelp.JOB_SEARCH, KindOfHelp.CONFIDENCE),
            interests=("chess",),
            topics=(),
            availability=(TimeOfWeek.MON_EVENING,),
            meets_online=True,
            seats=2 if mentor else 0,
        ),
        words=OwnWords(goals=f"Goals of {name}", request=f"Request of {name}", story=STORY),
        charters=(Affirmation("1", NOW),),
        apart_from=(),
        registered_at=NOW - 50 * DAY,
        unresolved_since=None,
        confirmed_at=NOW - 49 * DAY,
        available_since=NOW - 45 * DAY if status is Status.ACTIVE else None,
    )
    return Participant(name, "dk", status, replace(person, **changes))


def a_match(name: str, mentee: str, mentor: str, city: str, **changes: Any) -> KnownMatch:
    match = KnownMatch(
        match_id=name,
        programme="dk",
        city=city,
        mentee_id=mentee,
        mentor_id=mentor,
        status=MatchStatus.ACCEPTED,
        open=True,
        score=420,
        reasons=(
            SharedGround(Factor.COMMON_GROUND, 120, ("chess",)),
            SharedGround(Factor.KINDS_OF_HELP, 300, ("job_search",)),
        ),
        languages=("ar",),
        times=("mon-evening",),
        proposed_at=NOW - 40 * DAY,
        mentee_accepted_at=NOW - 38 * DAY,
        accepted_at=NOW - 35 * DAY,
        check_ins=(
            KnownCheckIn(1, CheckInStatus.COMPLETED, NOW - 21 * DAY, (Role.MENTEE, Role.MENTOR)),
            KnownCheckIn(2, CheckInStatus.DUE, NOW - 5 * DAY, (Role.MENTEE,)),
        ),
    )
    return replace(match, **changes)


def _held(name: str, mentee: str, mentor: str, city: str, **changes: Any) -> KnownMatch:
    unanswered = {
        "status": MatchStatus.HELD,
        "held_at": NOW - DAY,
        "proposed_at": None,
        "mentee_accepted_at": None,
        "accepted_at": None,
        "check_ins": (),
    }
    return a_match(name, mentee, mentor, city, **(unanswered | changes))


def filled_store() -> Store:
    """In each city: a mentorship in need, one that ended, a proposal, people who wait or screen."""
    store = Store()
    policy = Policy(screening_of_mentors=True)
    store.programmes.states["dk"] = Programme(
        "dk",
        "Denmark",
        policy,
        (Charter(version="1"),),
        tuple(CITIES.values()),
        (
            CoordinatorRef(coordinator_id="karen", cities=(AARHUS,)),
            CoordinatorRef(coordinator_id="oscar", cities=(ODENSE,)),
            CoordinatorRef(coordinator_id="lead", cities=()),
        ),
        "Europe/Copenhagen",
        ("da",),
        ("en", "da", "ar", "uk"),
    )
    for name, leads in (("karen", False), ("oscar", False), ("lead", True)):
        store.coordinators.states[name] = Coordinator(
            name, "dk", name.capitalize(), f"{name}@staff.example", "en", "UTC", leads=leads
        )
    for city, letter in ((AARHUS, "a"), (ODENSE, "o")):
        _fill_city(store, city, letter)
    # A mentor of Odense meets a mentee of Aarhus online.
    online = a_match("a-online", "a-far", "o-mentor", AARHUS, online=True)
    store.matches.states["a-online"] = online
    store.participants.states["a-far"] = a_person("a-far", Role.MENTEE, AARHUS, Status.ACTIVE)
    return store


def _fill_city(store: Store, city: str, letter: str) -> None:
    people, matches = store.participants.states, store.matches.states
    active = Status.ACTIVE
    for each in (
        a_person(f"{letter}-mentee", Role.MENTEE, city, active),
        a_person(f"{letter}-mentor", Role.MENTOR, city, active),
        a_person(f"{letter}-asks", Role.MENTEE, city, active),
        a_person(f"{letter}-spare", Role.MENTOR, city, active),
        a_person(f"{letter}-waits", Role.MENTEE, city, active),
        a_person(f"{letter}-talk", Role.MENTOR, city, Status.AWAITING_SCREENING),
        a_person(f"{letter}-ended", Role.MENTEE, city, Status.WITHDRAWN),
    ):
        people[each.participant_id] = each
    help_wanted = OpenRequest(f"{letter}-help", Wanted.HELP, Role.MENTEE, NOW - DAY)
    agreed = Agreed((Role.MENTEE, Role.MENTOR), 2, NOW + 200 * DAY, None)
    question = OpenRequest(f"{letter}-question", Wanted.ANSWER, Role.MENTEE, NOW - DAY)
    for match in (
        a_match(
            f"{letter}-run",
            f"{letter}-mentee",
            f"{letter}-mentor",
            city,
            requests=(help_wanted,),
            agreed=agreed,
            diverged=(1,),
        ),
        _held(f"{letter}-held", f"{letter}-asks", f"{letter}-spare", city, requests=(question,)),
        a_match(
            f"{letter}-over",
            f"{letter}-ended",
            f"{letter}-mentor",
            city,
            status=MatchStatus.ENDED,
            open=False,
            over_at=NOW - 2 * DAY,
            closing=Closing(
                ClosingReason.GOALS_REACHED, early=False, closed_at=NOW - 2 * DAY, match_again=()
            ),
            ratings=(Rating(Role.MENTEE, 5, 4, would_do_again=True),),
        ),
    ):
        matches[match.match_id] = match
    store.waiting.states[f"{letter}-waits"] = Waiting(
        f"{letter}-waits",
        "dk",
        city,
        Role.MENTEE,
        NOW - 45 * DAY,
        WaitingReason.NO_ONE_IN_REACH,
        (WhatHelps.MEET_ONLINE, WhatHelps.RECRUITING),
        0,
        NOW - DAY,
    )
    store.gaps.append(Gap("dk", city, 7, "2221", 3, NOW))
    store.unreached.append(
        Unreached(
            f"{letter}-m", "dk", city, f"{letter}-waits", MessageKind.STILL_WAITING, True, None, NOW
        )
    )


class DeskGround:
    """The desk, its memory, and browsers at it."""

    def __init__(self, public_url: str = "http://desk.test") -> None:
        self.url = public_url
        self.store = filled_store()
        self.looks = Looks()
        self.machine = Time(datetime.now(UTC))
        settings = some_settings(Settings, public_url=public_url)
        self.sessions = Sessions(settings.session_key, cast("Clock", self.machine))
        tables = load_tables()
        intake = SimpleNamespace(
            store=self.store,
            tables=tables,
            programme=self._programme,
            screen=self._screen,
            registrar=SimpleNamespace(
                identity=lambda _p, _r, email: f"identity-{email.split('@')[0]}"
            ),
        )
        app = FastAPI()
        add_problem_handlers(app)
        for router in (
            signing_in.router,
            lists.router,
            one.router,
            bringing_in.router,
            reporting.router,
        ):
            app.include_router(router)
        app.state.runtime = SimpleNamespace(
            settings=settings,
            sessions=self.sessions,
            clock=Time(),
            log=structlog.get_logger(),
        )
        app.state.intake = intake
        app.state.desk = Desk(cast("Any", intake), cast("Any", self.looks), Ids())
        app.state.provider = SimpleNamespace(is_set_up=False)
        app.state.attempts = SimpleNamespace()
        self.app = app

    def session(self, who: str, scope: Scope | None = None) -> Session:
        role = StaffRole.OPERATOR if who == "operator" else StaffRole.COORDINATOR
        return self.sessions.begin(role, who, scope or Scope("dk", frozenset()))

    def browser(self, who: str, scope: Scope | None = None) -> "Browser":
        return Browser(self, self.session(who, scope))

    async def _programme(self, name: str) -> Any:
        from services.intake.domain.refusals import NoSuchProgramme

        return self.store.programmes.states.get(name) or NoSuchProgramme()

    async def _screen(self, participant_id: str, by: str, _once: Any, cause: Any) -> Outcome[Any]:
        policy = self.store.programmes.states["dk"].policy
        return await self.store.participants.change_one(
            Change(participant_id, lambda s: life.screen(s, policy, cause.time, by), cause)
        )


class Browser:
    """One coordinator's browser."""

    def __init__(self, ground: DeskGround, session: Session) -> None:
        self.session = session
        self.token = ground.sessions.form_token(session)
        self.http = httpx.AsyncClient(
            transport=httpx.ASGITransport(ground.app),
            base_url=ground.url,
            cookies={"cg-session": ground.sessions.sign(session)},
            headers={"sec-fetch-site": "same-origin", "x-forwarded-prefix": "/intake"},
        )

    async def sees(self, path: str, **params: str) -> httpx.Response:
        return await self.http.get(f"/coordinator/{path}", params=params)

    async def sends(self, path: str, **form: str) -> httpx.Response:
        data = {"form_token": self.token, **form}
        return await self.http.post(f"/coordinator/{path}", data=data)
