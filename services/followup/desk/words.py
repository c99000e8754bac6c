"""HTTP in: a coordinator of the mentorship's city reads what was written to her."""

from pathlib import Path
from typing import Final

from fastapi import APIRouter, Request, Response

from services.followup.domain.refusals import MentorshipUnknown
from services.followup.service import Followup
from shared.events.participants import Role
from shared.security.sessions import Sessions
from shared.web.back import SignedIn
from shared.web.frame import Pages
from shared.web.languages import negotiate

_PAGES: Final = Pages(Path(__file__).parent)


def desk_routes(followup: Followup, sessions: Sessions) -> APIRouter:
    """The page that the coordinators' desk leads to."""
    router = APIRouter()

    @router.get("/mentorships/{match_id}/help")
    async def help_words(request: Request, caller: SignedIn, match_id: str) -> Response:
        """Requests for help of a mentorship, the newest first, with the words that came with them."""
        found = caller.hers(await followup.mentorship(match_id), MentorshipUnknown())
        return _PAGES.render(
            "help_words.html",
            negotiate(request),
            request=request,
            match_id=match_id,
            requests=list(reversed(found.help_requests)),
            Role=Role,
            form_token=sessions.token_on_page(caller.session),
        )

    return router
