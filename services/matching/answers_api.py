"""HTTP in: what participants send through the link of a proposal: yes, no, or a question first."""

from typing import Annotated, Any, Final, TypeAlias

from fastapi import APIRouter, Request, Response
from pydantic import StringConstraints

from services.matching import views
from services.matching.domain.match import Match
from services.matching.service import Matching
from shared.events.matches import DeclineReason
from shared.security.links import LinkClaims, Links, Purpose
from shared.storage.changes import Idempotency, Outcome
from shared.web.frame import Pages
from shared.web.idempotency import Idempotent
from shared.web.letterbox import Letterbox, SentByLink

_ANSWER: Final = (Purpose.ANSWER,)


class SentAnswer(SentByLink):
    """Yes or no."""

    says_yes: bool
    reason: DeclineReason = DeclineReason.NOT_SAID


class SentQuestion(SentByLink):
    """What somebody would like to know before she answers."""

    text: Annotated[str, StringConstraints(min_length=1, max_length=4_000)]


Once: TypeAlias = Idempotency[Match] | None


def participant_routes(matching: Matching, links: Links, pages: Pages) -> APIRouter:
    """What participants send through the link of a proposal."""
    router = APIRouter()
    letterbox = Letterbox(links, pages, own_view)

    @router.post("/answers")
    async def answer(request: Request, key: Idempotent) -> Response:
        """Yes or no to the proposal that the link names, from a form or as JSON."""

        async def act(sent: SentAnswer, link: LinkClaims, once: Once) -> Outcome[Match]:
            return await matching.answer(
                link.match_id or "",
                link.participant_id,
                says_yes=sent.says_yes,
                reason=sent.reason,
                once=once,
            )

        return await letterbox.take(request, key, SentAnswer, _ANSWER, act, _said)

    @router.post("/questions")
    async def ask(request: Request, key: Idempotent) -> Response:
        """A question about the proposal that the link names; the coordinator answers it."""

        async def act(sent: SentQuestion, link: LinkClaims, once: Once) -> Outcome[Match]:
            match_id = link.match_id or ""
            return await matching.ask_question(match_id, link.participant_id, sent.text, once)

        return await letterbox.take(request, key, SentQuestion, _ANSWER, act, "question")

    return router


def own_view(match: Match, link: LinkClaims) -> dict[str, Any]:
    """The match as the link's owner may see it; empty if she may not."""
    side = views.may_see(match, link.participant_id)
    return views.for_side(match, side) if side is not None else {}


def _said(outcome: Outcome[Match], link: LinkClaims, sent: SentAnswer) -> str:
    """Which thanks the page shows: the mentee's yes still waits for the mentor's."""
    if not sent.says_yes:
        return "no"
    match = outcome.state
    side = match.side_of(link.participant_id) if match is not None else None
    return f"yes_of_{side.value}" if side is not None else "no"
