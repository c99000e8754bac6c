"""HTTP in: what participants send through their links, and what coordinators see and do."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Request, Response

from services.followup import views
from services.followup.domain.mentorship import Answer, Mentorship
from services.followup.domain.refusals import MentorshipUnknown, NotYours
from services.followup.domain.survey import Survey
from services.followup.sent import (
    Sent,
    SentAnswer,
    SentClosing,
    SentExtension,
    SentHelp,
    SentSurvey,
    WhyClose,
)
from services.followup.service import Followup, Once
from services.followup.store import Filter
from shared.decisions import Refusal
from shared.security.links import LinkClaims, Links, Purpose
from shared.storage.changes import Outcome
from shared.web.access import Coordinator, bearer_token, coordinator
from shared.web.back import LeadsBack
from shared.web.idempotency import Idempotent
from shared.web.letterbox import Letterbox
from shared.web.problems import problem_of, raise_for

_CHECK_IN: Final = (Purpose.CHECK_IN,)
_MY_PAGE: Final = (Purpose.MY_PAGE,)
_ANY_OF_HERS: Final = (Purpose.MY_PAGE, Purpose.CHECK_IN)
_MOST_ROWS: Final = 500


def participant_routes(followup: Followup, letterbox: Letterbox[Mentorship]) -> APIRouter:
    """What participants send: JSON, or the forms of the pages behind their links."""
    router = APIRouter()

    @router.post("/check-ins/answers")
    async def answer(request: Request, key: Idempotent) -> Response:
        """Answers the check-in that the link names: going, next_step, meeting_again."""

        async def act(sent: SentAnswer, link: LinkClaims, once: Once) -> Outcome[Mentorship]:
            said = Answer(sent.going, sent.next_step, sent.meeting_again)
            match_id, number = link.match_id or "", link.number or 0
            return await followup.answer(match_id, number, link.participant_id, said, once)

        return await letterbox.take(request, key, SentAnswer, _CHECK_IN, act, "answered")

    @router.post("/help")
    async def ask_for_help(request: Request, key: Idempotent) -> Response:
        """'I need help': reaches the coordinator at once."""

        async def act(sent: SentHelp, link: LinkClaims, once: Once) -> Outcome[Mentorship]:
            who = link.participant_id
            return await followup.ask_for_help(_match(sent, link), who, sent.text, once)

        return await letterbox.take(request, key, SentHelp, _ANY_OF_HERS, act, "help")

    @router.post("/close")
    async def close(request: Request, key: Idempotent) -> Response:
        """Ends the mentorship: by her own wish, or since the goals are reached."""

        async def act(sent: SentClosing, link: LinkClaims, once: Once) -> Outcome[Mentorship]:
            return await followup.close_by_wish(
                _match(sent, link),
                link.participant_id,
                goals_reached=sent.reason is WhyClose.GOALS_REACHED,
                match_again=sent.match_again,
                once=once,
            )

        return await letterbox.take(request, key, SentClosing, _ANY_OF_HERS, act, "closed")

    @router.post("/survey")
    async def rate(request: Request, key: Idempotent) -> Response:
        """How it was, said once at the end: the mentee's rating is the outcome measure."""

        async def act(sent: SentSurvey, link: LinkClaims, once: Once) -> Outcome[Mentorship]:
            said = Survey(sent.good_match, sent.closer_to_goals, sent.would_do_again, sent.text)
            return await followup.rate(_match(sent, link), link.participant_id, said, once)

        return await letterbox.take(request, key, SentSurvey, _MY_PAGE, act, "rated")

    @router.post("/extend")
    async def extend(request: Request, key: Idempotent) -> Response:
        """The mentee makes it some months longer."""

        async def act(sent: SentExtension, link: LinkClaims, once: Once) -> Outcome[Mentorship]:
            who = link.participant_id
            return await followup.extend(_match(sent, link), who, sent.months, once)

        return await letterbox.take(request, key, SentExtension, _ANY_OF_HERS, act, "extended")

    return router


def coordinator_routes(followup: Followup, links: Links) -> APIRouter:
    """What coordinators see and do; and one mentorship, which its two may see as well."""
    router = APIRouter(route_class=LeadsBack)

    async def one_of_hers(caller: Coordinator, match_id: str) -> Mentorship:
        return caller.hers(await followup.mentorship(match_id), MentorshipUnknown())

    hers = [Depends(one_of_hers)]

    @router.get("/mentorships/{match_id}")
    async def mentorship(
        request: Request, match_id: str, token: str | None = None
    ) -> dict[str, Any]:
        """With a participant's link her own view; for a coordinator of its city states and dates."""
        link = links.read_any(token or bearer_token(request) or "", _ANY_OF_HERS)
        found = await followup.mentorship(match_id)
        if isinstance(link, Refusal):
            raise_for(link if token else None)
            caller = await coordinator(request)
            return views.for_coordinator(caller.hers(found, MentorshipUnknown()))
        if found is None:
            raise problem_of(MentorshipUnknown())
        raise_for(NotYours() if found.side_of(link.participant_id) is None else None)
        return own_view(found, link)

    @router.get("/programmes/{programme}/mentorships")
    async def mentorships(
        caller: Coordinator,
        programme: str,
        state: Filter | None = None,
        city: str | None = None,
        after: str = "",
        limit: Annotated[int, Query(ge=1, le=_MOST_ROWS)] = 100,
    ) -> dict[str, Any]:
        """A page of a programme's mentorships. `next` is the `after` of the next page, or null."""
        found = await followup.page(programme, state, caller.scope.cities_for(city), after, limit)
        following = found[-1].match_id if len(found) == limit else None
        return {"mentorships": [views.summary(m) for m in found], "next": following}

    @router.post("/help/{match_id}/{help_id}/handled", dependencies=hers)
    async def handled(
        caller: Coordinator, match_id: str, help_id: str, key: Idempotent
    ) -> dict[str, Any]:
        """Says that a request for help has been taken care of."""
        once = key.answering(views.for_coordinator)
        return _seen(await followup.handle_help(match_id, help_id, caller.name, once))

    @router.post("/mentorships/{match_id}/close", dependencies=hers)
    async def close(_: Coordinator, match_id: str, key: Idempotent) -> dict[str, Any]:
        """Ends a mentorship."""
        once = key.answering(views.for_coordinator)
        return _seen(await followup.close_by_coordinator(match_id, once))

    return router


def _match(sent: Sent, link: LinkClaims) -> str:
    return link.match_id or sent.match_id or ""


def own_view(mentorship: Mentorship, claims: LinkClaims) -> dict[str, Any]:
    """The mentorship as the link's owner may see it; empty for a stranger."""
    side = mentorship.side_of(claims.participant_id)
    return views.for_side(mentorship, side) if side is not None else {}


def _seen(outcome: Outcome[Mentorship]) -> dict[str, Any]:
    raise_for(outcome.refusal)
    if outcome.answer is not None:
        return outcome.answer
    return views.for_coordinator(outcome.state) if outcome.state is not None else {}
