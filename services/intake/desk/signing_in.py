"""Signing in and out of coordinators and operators, at the identity provider of the settings."""

from pathlib import Path
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import RedirectResponse, Response

from services.intake.api.asking import TheIntake, admit
from services.intake.domain.refusals import SeveralProgrammes
from services.intake.domain.staff import is_operator, post_of
from services.intake.identity import Attempts, IdentityProvider, ProviderAway, SignInRefused
from shared.decisions import Refusal
from shared.security.sessions import LONGEST, Session, Sessions, StaffRole, cookie_name
from shared.web.access import Coordinator
from shared.web.back import is_local_path
from shared.web.frame import Pages
from shared.web.languages import negotiate

COORDINATORS_PAGES: Final = "/intake/coordinator/"
OPERATORS_PAGES: Final = "/streams/console"
PAGES: Final = Pages(Path(__file__).parent)
_LONGEST_PATH: Final = 500

router = APIRouter(include_in_schema=False)


def provider_of(request: Request) -> IdentityProvider:
    """The provider of this service."""
    provider: IdentityProvider = request.app.state.provider
    return provider


def attempts_of(request: Request) -> Attempts:
    """Signs the ways to the provider and back."""
    attempts: Attempts = request.app.state.attempts
    return attempts


TheProvider = Annotated[IdentityProvider, Depends(provider_of)]
TheAttempts = Annotated[Attempts, Depends(attempts_of)]


@router.get("/sign-in", dependencies=[Depends(admit)])
async def sign_in(
    request: Request,
    provider: TheProvider,
    attempts: TheAttempts,
    then: Annotated[str, Query(max_length=_LONGEST_PATH)] = "",
    programme: Annotated[str, Query(max_length=64)] = "",
) -> Response:
    """Sends the browser to the identity provider. `then`: where to go afterwards, on this site."""
    if not provider.is_set_up:
        return _page(request, "not_set_up", 503)
    attempt = attempts.begin(then if is_local_path(then) else "", programme)
    try:
        there = await provider.way_there(attempt)
    except ProviderAway as away:
        return _away(request, away)
    answer = RedirectResponse(there, 303)
    _set(answer, _attempt_cookie(request), attempts.sign(attempt), seconds=600)
    return answer


@router.get("/callback", dependencies=[Depends(admit)])
async def callback(
    request: Request, provider: TheProvider, attempts: TheAttempts, intake: TheIntake
) -> Response:
    """Where the identity provider sends the browser back to."""
    attempt = attempts.read(request.cookies.get(_attempt_cookie(request), ""))
    try:
        who = await provider.whom_it_vouches_for(attempt, dict(request.query_params))
    except ProviderAway as away:
        return _away(request, away)
    if isinstance(who, SignInRefused) or attempt is None:
        return _refused(request, who)
    wanted = request.app.state.runtime.settings.oidc_operator_claim
    post = post_of(
        who.subject,
        await intake.store.coordinators_who_are(who.email, who.subject),
        attempt.programme,
        operates=is_operator(who.claims, wanted),
    )
    if isinstance(post, Refusal):
        request.app.state.runtime.log.info("sign_in_refused", reason=type(post).__name__)
        return _refused(request, post)
    session = _sessions(request).begin(post.role, post.subject, post.scope)
    home = COORDINATORS_PAGES if post.role is StaffRole.COORDINATOR else OPERATORS_PAGES
    answer = RedirectResponse(attempt.then or home, 303)
    answer.delete_cookie(_attempt_cookie(request), path="/")
    remember(request, answer, session)
    request.app.state.runtime.log.info("signed_in", role=post.role, subject=post.subject)
    return answer


@router.post("/sign-out")
async def sign_out(request: Request, _: Coordinator, provider: TheProvider) -> Response:
    """Ends the session in this browser, and shows where to end the one at the provider."""
    way_out = await provider.way_out() if provider.is_set_up else None
    answer = _page(request, "signed_out", 200, way_out=way_out)
    answer.delete_cookie(cookie_name(request.app.state.runtime.settings.public_url), path="/")
    return answer


def remember(request: Request, answer: Response, session: Session) -> None:
    """Puts the session into the browser's cookie."""
    name = cookie_name(request.app.state.runtime.settings.public_url)
    seconds = int(LONGEST.total_seconds())
    _set(answer, name, _sessions(request).sign(session), seconds=seconds)


def _sessions(request: Request) -> Sessions:
    sessions: Sessions = request.app.state.runtime.sessions
    return sessions


def _attempt_cookie(request: Request) -> str:
    name = cookie_name(request.app.state.runtime.settings.public_url)
    return name.replace("session", "sign-in")


def _set(answer: Response, name: str, value: str, *, seconds: int) -> None:
    # Lax, not strict: the provider's answer and the links in coordinators' mails come from outside.
    answer.set_cookie(
        name,
        value,
        max_age=seconds,
        path="/",
        secure=name.startswith("__Host-"),
        httponly=True,
        samesite="lax",
    )


def _page(request: Request, what: str, status: int, **context: Any) -> Response:
    context = {"refusal": None, "programmes": (), "way_out": None, **context}
    return PAGES.render("sign_in.html", negotiate(request), status=status, what=what, **context)


def _refused(request: Request, refusal: Refusal | Any) -> Response:
    programmes = refusal.programmes if isinstance(refusal, SeveralProgrammes) else ()
    status = refusal.kind.value
    return _page(request, "refused", status, refusal=refusal.detail, programmes=programmes)


def _away(request: Request, away: ProviderAway) -> Response:
    request.app.state.runtime.log.warning("identity_provider_away", reason=str(away))
    return _page(request, "away", 503)
