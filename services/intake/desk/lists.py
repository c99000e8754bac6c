"""The coordinators' lists: what needs them today, who waits, proposals, mentorships, gaps."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any, Final, TypeVar

from fastapi import APIRouter, Query, Response

from services.intake.desk.visiting import TheVisit, Visit
from services.intake.domain.desk import Why
from services.intake.domain.heard import Waiting
from services.intake.domain.journeys import UNANSWERED, KnownMatch, Wanted
from services.intake.domain.needs import Need, by_need, by_waiting, need_of
from services.intake.domain.participant import Participant, Person, Status
from services.intake.domain.refusals import NoSuchMentorship
from shared.events.matches import MatchStatus, TakeBackReason
from shared.events.participants import Role

ON_A_PAGE: Final = 50
_LONG: Final = timedelta(days=30)

router = APIRouter(prefix="/coordinator")

Item = TypeVar("Item")
Page = Annotated[int, Query(ge=1, le=1_000)]


@router.get("/")
async def overview(visit: TheVisit) -> Response:
    """What needs her today, in numbers, each a way to the list behind it."""
    store, programme, cities = visit.intake.store, visit.programme.programme, visit.cities
    running = await _mentorships(visit)
    waiting = await _waiting_people(visit)
    proposals = await store.matches_in(programme, cities, open=True, status=_values(UNANSWERED))
    to_screen = await store.people_in(programme, cities, status=Status.AWAITING_SCREENING.value)
    people = await store.people_in(programme, cities)
    needs = Counter(need_of(match) for match in running)
    now = visit.cause.time
    return visit.page(
        "overview.html",
        needs=needs,
        Need=Need,
        urgent=sum(count for need, count in needs.items() if need.is_urgent),
        running=len([match for match in running if match.is_running]),
        held=sum(match.status is MatchStatus.HELD for match in proposals),
        questions=sum(_asks(match) for match in proposals),
        proposals=len(proposals),
        to_screen=len(to_screen),
        waiting=len(waiting),
        waiting_long=sum(now - _since(each) > _LONG for each in waiting),
        gaps=len(await store.gaps_in(programme, cities)),
        unreached=len(await store.unreached_among(each.participant_id for each in people)),
    )


@router.get("/waiting")
async def waiting(visit: TheVisit, page: Page = 1) -> Response:
    """Who waits, how long, why, and what would help; whoever waits longest first."""
    people = sorted(await _waiting_people(visit), key=_since)
    shown = {each.participant_id: each for each in _on(page, people)}
    why: Mapping[str, Waiting] = await visit.intake.store.waiting.load(shown)
    return visit.page(
        "waiting.html",
        people=shown,
        called=await visit.names(shown, "waiting"),
        why=why,
        now=visit.cause.time,
        **_paging(page, people),
    )


@router.get("/screening")
async def screening(visit: TheVisit, page: Page = 1) -> Response:
    """Mentors who wait for a talk with their coordinator."""
    found = await visit.intake.store.people_in(
        visit.programme.programme, visit.cities, status=Status.AWAITING_SCREENING.value
    )
    people = sorted(found, key=lambda each: _person(each).registered_at)
    shown = {each.participant_id: each for each in _on(page, people)}
    return visit.page(
        "screening.html",
        note_id=visit.desk.new_id(),
        people=shown,
        called=await visit.names(shown, "screening"),
        now=visit.cause.time,
        **_paging(page, people),
    )


@router.get("/proposals")
async def proposals(visit: TheVisit, page: Page = 1) -> Response:
    """Proposals that not both have answered; those that wait for her review first."""
    found = by_waiting(
        await visit.intake.store.matches_in(
            visit.programme.programme, visit.cities, open=True, status=_values(UNANSWERED)
        )
    )
    shown = list(_on(page, found))
    people = await people_of(visit, shown)
    return visit.page(
        "proposals.html",
        matches=shown,
        called=await visit.names(people, "proposals"),
        people=people,
        reasons=list(TakeBackReason),
        Status=MatchStatus,
        now=visit.cause.time,
        **_paging(page, found),
    )


@router.get("/proposals/{match_id}")
async def proposal(visit: TheVisit, match_id: str) -> Response:
    """One proposal, with the mentors of her cities whom she may choose instead."""
    match = visit.caller.hers(await visit.intake.store.matches.get(match_id), NoSuchMentorship())
    mentors = await visit.intake.store.people_in(
        visit.programme.programme,
        visit.cities,
        status=Status.ACTIVE.value,
        person__role=Role.MENTOR.value,
    )
    two = await people_of(visit, [match])
    mentee = two.get(match.mentee_id)
    others = [each for each in mentors if each.participant_id != match.mentor_id]
    candidates = sorted(others, key=lambda each: -_in_common(mentee, each))[:ON_A_PAGE]
    people = {**two, **{each.participant_id: each for each in candidates}}
    return visit.page(
        "proposal.html",
        match=match,
        people=people,
        candidates=candidates,
        in_common=lambda each: _both(mentee, each),
        called=await visit.names(people, "proposal"),
        reasons=list(TakeBackReason),
        Status=MatchStatus,
        Wanted=Wanted,
        now=visit.cause.time,
    )


@router.get("/mentorships")
async def mentorships(visit: TheVisit, need: Need | None = None, page: Page = 1) -> Response:
    """Mentorships by what they need, the most urgent first."""
    found = await _mentorships(visit)
    asked = [match for match in by_need(found) if need is None or need_of(match) is need]
    shown = list(_on(page, asked))
    people = await people_of(visit, shown)
    return visit.page(
        "mentorships.html",
        matches=shown,
        called=await visit.names(people, "mentorships"),
        need_of=need_of,
        need=need,
        needs=Counter(need_of(match) for match in found),
        Need=Need,
        now=visit.cause.time,
        **_paging(page, asked),
    )


@router.get("/gaps")
async def gaps(visit: TheVisit) -> Response:
    """Where mentors are missing, as a picture by city."""
    found = await visit.intake.store.gaps_in(visit.programme.programme, visit.cities)
    return visit.page("gaps.html", gaps=found, most=max((gap.waiting for gap in found), default=1))


@router.get("/unreached")
async def unreached(visit: TheVisit, page: Page = 1) -> Response:
    """Messages that did not reach her people."""
    people = await visit.intake.store.people_in(visit.programme.programme, visit.cities)
    by_id = {each.participant_id: each for each in people}
    found = await visit.intake.store.unreached_among(by_id)
    messages = list(_on(page, found))
    shown = {each.recipient_id: by_id[each.recipient_id] for each in messages}
    return visit.page(
        "unreached.html",
        messages=messages,
        called=await visit.names(shown, "unreached"),
        Why=Why,
        **_paging(page, found),
    )


async def people_of(visit: Visit, matches: Iterable[KnownMatch]) -> dict[str, Participant]:
    """Both sides of these matches. A mentor of another city belongs to the match as well."""
    ids = {each for match in matches for each in (match.mentee_id, match.mentor_id)}
    return await visit.intake.store.participants.load(ids)


async def _mentorships(visit: Visit) -> list[KnownMatch]:
    """Those that run, and those that ended while somebody still waits for help."""
    found = await visit.intake.store.matches_in(
        visit.programme.programme, visit.cities, accepted_at={"$ne": None}
    )
    return [match for match in found if match.is_running or need_of(match).is_urgent]


async def _waiting_people(visit: Visit) -> list[Participant]:
    """Mentees in the pool without an open match, and mentors with a free seat and no match at all."""
    people = await visit.intake.store.people_in(
        visit.programme.programme, visit.cities, status=Status.ACTIVE.value
    )
    ids = [each.participant_id for each in people]
    taken = await visit.intake.store.people_in_open_matches(ids)
    return [each for each in people if each.participant_id not in taken]


def _values(statuses: Iterable[MatchStatus]) -> list[str]:
    return sorted(status.value for status in statuses)


def _asks(match: KnownMatch) -> bool:
    return any(each.wanted is Wanted.ANSWER for each in match.requests)


def _since(participant: Participant) -> datetime:
    person = _person(participant)
    return person.available_since or person.registered_at


def _person(participant: Participant) -> Person:
    if participant.person is None:
        raise AssertionError("Whoever has a place in the programme has not been forgotten.")
    return participant.person


def _both(mentee: Participant | None, mentor: Participant) -> dict[str, list[str]]:
    """What the two profiles share, for a first look; whether they may be matched, matching says."""
    if mentee is None or mentee.person is None or mentor.person is None:
        return {}
    hers, other = mentee.person.profile, mentor.person.profile
    return {
        name: [code for code in getattr(hers, name) if code in getattr(other, name)]
        for name in ("languages", "availability", "kinds_of_help", "interests", "topics")
    }


def _in_common(mentee: Participant | None, mentor: Participant) -> int:
    shared = _both(mentee, mentor)
    near = bool(mentee and mentee.city == mentor.city)
    if not shared.get("languages") or not shared.get("availability"):
        return -1
    return sum(len(codes) for codes in shared.values()) + 3 * near


def _on(page: int, found: Sequence[Item]) -> Sequence[Item]:
    return found[(page - 1) * ON_A_PAGE : page * ON_A_PAGE]


def _paging(page: int, found: Sequence[Any]) -> dict[str, int]:
    return {"page": page, "pages": max(1, -(-len(found) // ON_A_PAGE)), "found": len(found)}
