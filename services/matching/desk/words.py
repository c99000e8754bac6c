"""HTTP in: a coordinator of the match's city reads what was asked before an answer."""

from pathlib import Path
from typing import Final

from fastapi import APIRouter, Request, Response

from services.matching.domain.refusals import MatchUnknown
from services.matching.store import Store
from shared.events.participants import Role
from shared.security.sessions import Sessions
from shared.web.back import SignedIn
from shared.web.frame import Pages
from shared.web.languages import negotiate

_PAGES: Final = Pages(Path(__file__).parent)


def desk_routes(store: Store, sessions: Sessions) -> APIRouter:
    """The page that the coordinators' desk leads to."""
    router = APIRouter()

    @router.get("/matches/{match_id}/questions")
    async def question_words(request: Request, caller: SignedIn, match_id: str) -> Response:
        """What was asked about a proposal, the newest first, in the words of whoever asked."""
        found = caller.hers(await store.matches.get(match_id), MatchUnknown())
        return _PAGES.render(
            "questions.html",
            negotiate(request),
            request=request,
            match_id=match_id,
            questions=list(reversed(found.questions)),
            Role=Role,
            form_token=sessions.token_on_page(caller.session),
        )

    return router
