"""HTTP in: one match for its two, and what coordinators see and do."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ConfigDict

from services.matching import views
from services.matching.answers_api import own_view
from services.matching.choosing import Choosing
from services.matching.domain.match import Match
from services.matching.domain.refusals import (
    MatchUnknown,
    ParticipantUnknown,
    ProgrammeUnknown,
    RoundUnknown,
)
from services.matching.explaining import Explaining
from services.matching.service import Matching
from services.matching.store import Store
from shared.decisions import Refusal
from shared.events.matches import MatchStatus, TakeBackReason
from shared.security.links import Links, Purpose
from shared.storage.changes import Outcome
from shared.web.access import Coordinator, bearer_token, coordinator
from shared.web.back import LeadsBack
from shared.web.forms import read_sent
from shared.web.idempotency import Idempotent
from shared.web.problems import problem_of, raise_for

_MOST_ROWS: Final = 500
_ROUNDS_SHOWN: Final = 50


class SentTakingBack(BaseModel):
    """Why a coordinator takes a proposal back."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    reason: TakeBackReason = TakeBackReason.OTHER


class SentSwap(SentTakingBack):
    """Whom she proposes instead."""

    mentor_id: str


def match_routes(store: Store, links: Links) -> APIRouter:
    """One match, for its two and for coordinators."""
    router = APIRouter()

    @router.get("/matches/{match_id}")
    async def match(request: Request, match_id: str, token: str | None = None) -> dict[str, Any]:
        """With a proposal's link her own view of it; for a coordinator of its city all."""
        link = links.read(token or bearer_token(request) or "", Purpose.ANSWER)
        if isinstance(link, Refusal):
            raise_for(link if token else None)
            caller = await coordinator(request)
            found = caller.hers(await store.matches.get(match_id), MatchUnknown())
            return views.for_coordinator(found)
        if link.match_id != match_id:
            raise problem_of(MatchUnknown())
        hers = await store.matches.get(match_id)
        if hers is None or not (seen := own_view(hers, link)):
            raise problem_of(MatchUnknown())
        return seen

    return router


def review_routes(matching: Matching, choosing: Choosing, store: Store) -> APIRouter:
    """What coordinators see of matches and do with them. A match belongs to the mentee's city."""
    router = APIRouter(route_class=LeadsBack)

    async def one_of_hers(caller: Coordinator, match_id: str) -> Match:
        return caller.hers(await store.matches.get(match_id), MatchUnknown())

    hers = [Depends(one_of_hers)]

    @router.get("/programmes/{programme}/matches")
    async def matches(
        caller: Coordinator,
        programme: str,
        status: MatchStatus | None = None,
        after: str = "",
        limit: Annotated[int, Query(ge=1, le=_MOST_ROWS)] = 100,
    ) -> dict[str, Any]:
        """A page of a programme's matches. `next` is the `after` of the next page, or null."""
        cities = caller.scope.cities
        found = await store.page_of_matches(programme, cities, status, after, limit)
        following = found[-1].match_id if len(found) == limit else None
        return {"matches": [views.for_coordinator(match) for match in found], "next": following}

    @router.post("/matches/{match_id}/approve", dependencies=hers)
    async def approve(caller: Coordinator, match_id: str, key: Idempotent) -> dict[str, Any]:
        """Lets a held match go out."""
        once = key.answering(views.for_coordinator)
        return _seen(await matching.approve(match_id, caller.name, once))

    @router.post("/matches/{match_id}/questions/{question_id}/answered", dependencies=hers)
    async def answered(
        caller: Coordinator, match_id: str, question_id: str, key: Idempotent
    ) -> dict[str, Any]:
        """Says that whoever asked has been answered."""
        once = key.answering(views.for_coordinator)
        return _seen(await matching.answer_question(match_id, question_id, caller.name, once))

    @router.post("/matches/{match_id}/withdraw", dependencies=hers)
    async def withdraw(
        request: Request, caller: Coordinator, match_id: str, key: Idempotent
    ) -> dict[str, Any]:
        """Takes a proposal back that not both have answered, with `reason`."""
        sent = await read_sent(request, SentTakingBack, may_be_empty=True)
        once = key.answering(views.for_coordinator)
        return _seen(await matching.take_back(match_id, caller.name, sent.reason, once))

    @router.post("/matches/{match_id}/swap", dependencies=hers)
    async def swap(
        request: Request, caller: Coordinator, match_id: str, key: Idempotent
    ) -> dict[str, Any]:
        """Proposes `mentor_id` to the mentee instead. Answers with the new match."""
        sent = await read_sent(request, SentSwap)
        mentor = caller.hers(await store.people.get(sent.mentor_id), ParticipantUnknown())
        once = key.answering(views.for_coordinator)
        return _seen(await choosing.swap(match_id, mentor, sent.reason, caller.name, once))

    return router


def coordinator_routes(matching: Matching, store: Store, explaining: Explaining) -> APIRouter:
    """What coordinators ask about rounds and about those who wait."""
    router = APIRouter(route_class=LeadsBack)

    @router.get("/programmes/{programme}/rounds")
    async def rounds(
        _: Coordinator,
        programme: str,
        limit: Annotated[int, Query(ge=1, le=_ROUNDS_SHOWN)] = 10,
    ) -> dict[str, Any]:
        """The latest rounds, and when the next ones run."""
        known = await store.programmes.get(programme)
        if known is None:
            raise problem_of(ProgrammeUnknown())
        records = await store.latest_rounds(programme, limit)
        return {
            **views.of_schedule(known),
            "rounds": [views.of_round(record) for record in records],
        }

    @router.get("/programmes/{programme}/rounds/{round_id}")
    async def round_in_full(caller: Coordinator, programme: str, round_id: str) -> dict[str, Any]:
        """One finished round: its certificate, and how it went for whom, in every city."""
        caller.needs_all_of(programme)
        record = await store.rounds.get(round_id)
        if record is None or record.programme != programme:
            raise problem_of(RoundUnknown())
        return views.of_round_in_full(record)

    @router.get("/programmes/{programme}/why-not")
    async def why_not(
        caller: Coordinator, programme: str, mentee: str, mentor: str
    ) -> dict[str, Any]:
        """Why these two are not matched: all that is in the way, or what decided."""
        answer = await explaining.why_not(programme, mentee, mentor, caller.scope)
        if isinstance(answer, Refusal):
            raise problem_of(answer)
        return views.of_why_not(answer)

    @router.post("/programmes/{programme}/rounds", status_code=202)
    async def ask_for_round(caller: Coordinator, programme: str, key: Idempotent) -> dict[str, Any]:
        """Has a round run now, in every city. It is in the list above when it is done."""
        caller.needs_all_of(programme)
        once = key.answering(views.of_asked_round)
        outcome = await matching.ask_for_round(programme, once)
        raise_for(outcome.refusal)
        if outcome.answer is not None:
            return outcome.answer
        return views.of_asked_round(outcome.state) if outcome.state is not None else {}

    @router.get("/participants/{participant_id}/waiting")
    async def waiting(caller: Coordinator, participant_id: str) -> dict[str, Any]:
        """Why she waits, and what would help."""
        known = caller.hers(await store.people.get(participant_id), ParticipantUnknown())
        matches = await store.open_with_anyone_of([participant_id])
        programme = await store.programmes.get(known.programme)
        return views.of_waiting(known, programme, sorted(match.match_id for match in matches))

    return router


def _seen(outcome: Outcome[Match]) -> dict[str, Any]:
    raise_for(outcome.refusal)
    if outcome.answer is not None:
        return outcome.answer
    return views.for_coordinator(outcome.state) if outcome.state is not None else {}
