"""How what participants send through their links is taken in and answered: alike for a form and for JSON."""

from collections.abc import Awaitable, Callable
from typing import Any, Generic, TypeAlias, TypeVar

from fastapi import Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict

from shared.decisions import Refusal
from shared.security.links import LinkClaims, Links, Purpose
from shared.storage.changes import Idempotency, Outcome
from shared.web.forms import read_sent, sent_pairs, wants_page
from shared.web.frame import Pages
from shared.web.idempotency import IdempotencyKey
from shared.web.languages import negotiate
from shared.web.problems import Problem, problem_of


class SentByLink(BaseModel):
    """What comes through a link, which says who sends it and about what.

    page: the token of her own page, if the form was on it, to lead back to.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    token: str
    page: str = ""


State = TypeVar("State")
SentT = TypeVar("SentT", bound=SentByLink)
Command: TypeAlias = Callable[
    [SentT, LinkClaims, Idempotency[State] | None], Awaitable[Outcome[State]]
]


class Letterbox(Generic[State]):
    """Has done what was sent, and answers with a page or with JSON.

    view: the aggregate as the link's owner may see it; empty if she may not. The service's pages have
    `thanks.html` and `incomplete.html`.
    """

    def __init__(
        self, links: Links, pages: Pages, view: Callable[[State, LinkClaims], dict[str, Any]]
    ) -> None:
        self._links = links
        self._pages = pages
        self._view = view

    async def take(
        self,
        request: Request,
        key: IdempotencyKey,
        form: type[SentT],
        purposes: tuple[Purpose, ...],
        command: Command[SentT, State],
        thanks: str | Callable[[Outcome[State], LinkClaims, SentT], str],
    ) -> Response:
        """`thanks`: for what the page thanks her. JSON gets the sender's view."""
        try:
            sent = await read_sent(request, form)
        except Problem as problem:
            if not wants_page(request):
                raise
            return await self._page(request, "incomplete.html", problem.status)
        claims = self._links.read_any(sent.token, purposes)
        if isinstance(claims, Refusal):
            return await self._refuse(request, claims)
        my_page = self._links.way_back(sent.page, claims.participant_id)
        outcome = await command(
            sent, claims, key.answering(lambda state: self._view(state, claims))
        )
        if outcome.refusal is not None:
            return await self._refuse(request, outcome.refusal, my_page)
        if wants_page(request):
            said = thanks if isinstance(thanks, str) else thanks(outcome, claims, sent)
            return await self._page(request, "thanks.html", 200, thanks=said, my_page=my_page)
        if outcome.answer is not None:
            return JSONResponse(outcome.answer)
        return JSONResponse({} if outcome.state is None else self._view(outcome.state, claims))

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
