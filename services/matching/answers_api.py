"""HTTP in: what participants send through the link of a proposal: yes, no, or a question first."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, TypeAlias, TypeVar

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, StringConstraints

from services.matching import views
from services.matching.domain.match import Match
from services.matching.service import Matching
from shared.decisions import Refusal
from shared.events.matches import DeclineReason
from shared.security.links import LinkClaims, Links, Purpose
from shared.storage.changes import Idempotency, Outcome
from shared.web.forms import read_sent, sent_pairs, wants_page
from shared.web.frame import Pages
from shared.web.idempotency import IdempotencyKey, Idempotent
from shared.web.languages import negotiate
from shared.web.problems import Problem, problem_of


class Sent(BaseModel):
    """What comes through the link of a proposal, which says who sends it and of which match.

    page: the token of her own page, if the form was on it, to lead back to.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    token: str
    page: str = ""


class SentAnswer(Sent):
    """Yes or no."""

    says_yes: bool
    reason: DeclineReason = DeclineReason.NOT_SAID


class SentQuestion(Sent):
    """What somebody would like to know before she answers."""

    text: Annotated[str, StringConstraints(min_length=1, max_length=4_000)]


SentT = TypeVar("SentT", bound=Sent)
Once: TypeAlias = "Idempotency[Match] | None"
Command: TypeAlias = Callable[[SentT, LinkClaims, Once], Awaitable[Outcome[Match]]]
Thanks: TypeAlias = Callable[[Outcome[Match], LinkClaims, SentT], str]


class Answers:
    """Takes in what was sent, has it done, and answers with a page or with JSON."""

    def __init__(self, links: Links, pages: Pages) -> None:
        self._links = links
        self._pages = pages

    async def take(
        self,
        request: Request,
        key: IdempotencyKey,
        form: type[SentT],
        command: Command[SentT],
        thanks: Thanks[SentT],
    ) -> Response:
        """`thanks` says which thanks the page shows. JSON gets the sender's view of the match."""
        try:
            sent = await read_sent(request, form)
        except Problem as problem:
            if not wants_page(request):
                raise
            return await self._page(request, "incomplete.html", problem.status)
        link = self._links.read(sent.token, Purpose.ANSWER)
        if isinstance(link, Refusal):
            return await self._refuse(request, link)
        my_page = self._links.way_back(sent.page, link.participant_id)
        outcome = await command(sent, link, key.answering(lambda match: own_view(match, link)))
        if outcome.refusal is not None:
            return await self._refuse(request, outcome.refusal, my_page)
        if wants_page(request):
            said = thanks(outcome, link, sent)
            return await self._page(request, "thanks.html", 200, said=said, my_page=my_page)
        return JSONResponse(outcome.answer or own_view(outcome.state, link))

    async def _refuse(self, request: Request, refusal: Refusal, my_page: str = "") -> Response:
        if not wants_page(request):
            return problem_of(refusal).response()
        return await self._page(
            request, "refused.html", refusal.kind.value, detail=refusal.detail, my_page=my_page
        )

    async def _page(self, request: Request, template: str, status: int, **context: Any) -> Response:
        return self._pages.render(
            template,
            negotiate(request),
            status=status,
            request=request,
            sent=await sent_pairs(request),
            **context,
        )


def participant_routes(matching: Matching, links: Links, pages: Pages) -> APIRouter:
    """What participants send through the link of a proposal."""
    router = APIRouter()
    answers = Answers(links, pages)

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

        return await answers.take(request, key, SentAnswer, act, _said)

    @router.post("/questions")
    async def ask(request: Request, key: Idempotent) -> Response:
        """A question about the proposal that the link names; the coordinator answers it."""

        async def act(sent: SentQuestion, link: LinkClaims, once: Once) -> Outcome[Match]:
            match_id = link.match_id or ""
            return await matching.ask_question(match_id, link.participant_id, sent.text, once)

        return await answers.take(request, key, SentQuestion, act, lambda *_: "question")

    return router


def own_view(match: Match | None, link: LinkClaims) -> dict[str, Any]:
    """The match as the link's owner may see it; empty if she may not."""
    if match is None:
        return {}
    side = views.may_see(match, link.participant_id)
    return views.for_side(match, side) if side is not None else {}


def _said(outcome: Outcome[Match], link: LinkClaims, sent: SentAnswer) -> str:
    """Which thanks the page shows: the mentee's yes still waits for the mentor's."""
    if not sent.says_yes:
        return "no"
    match = outcome.state
    side = match.side_of(link.participant_id) if match is not None else None
    return f"yes_of_{side.value}" if side is not None else "no"
