"""How everything that participants send is taken in and answered: alike for a form and for JSON."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias, TypeVar

from fastapi import Request, Response
from fastapi.responses import JSONResponse

from services.followup import views
from services.followup.domain.mentorship import Mentorship
from services.followup.sent import Sent, open_link
from services.followup.service import Once
from shared.decisions import Refusal
from shared.security.links import LinkClaims, Links, Purpose
from shared.storage.changes import Outcome
from shared.web.forms import read_sent, sent_pairs, wants_page
from shared.web.frame import Pages
from shared.web.idempotency import IdempotencyKey
from shared.web.languages import negotiate
from shared.web.problems import Problem, problem_of

SentT = TypeVar("SentT", bound=Sent)
Command: TypeAlias = Callable[[SentT, LinkClaims, Once], Awaitable[Outcome[Mentorship]]]


class Letterbox:
    """Takes in what was sent through a link, has it done, and answers with a page or with JSON."""

    def __init__(self, links: Links, pages: Pages) -> None:
        self._links = links
        self._pages = pages

    async def take(
        self,
        request: Request,
        key: IdempotencyKey,
        form: type[SentT],
        purposes: tuple[Purpose, ...],
        command: Command[SentT],
        *,
        thanks: str,
    ) -> Response:
        """`thanks` says which thanks the page shows. JSON gets the sender's view of the mentorship."""
        try:
            sent = await read_sent(request, form)
        except Problem as problem:
            if not wants_page(request):
                raise
            return await self._page(request, "incomplete.html", problem.status)
        claims = open_link(self._links, sent.token, purposes)
        if isinstance(claims, Refusal):
            return await self._refuse(request, claims)
        my_page = self._links.way_back(sent.page, claims.participant_id)
        outcome = await command(sent, claims, key.answering(lambda m: own_view(m, claims)))
        if outcome.refusal is not None:
            return await self._refuse(request, outcome.refusal, my_page)
        if wants_page(request):
            return await self._page(request, "thanks.html", 200, thanks=thanks, my_page=my_page)
        answer = outcome.answer
        if answer is None and outcome.state is not None:
            answer = own_view(outcome.state, claims)
        return JSONResponse(answer)

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


def own_view(mentorship: Mentorship, claims: LinkClaims) -> dict[str, Any]:
    """The mentorship as the link's owner may see it; empty for a stranger."""
    side = mentorship.side_of(claims.participant_id)
    return views.for_side(mentorship, side) if side is not None else {}
