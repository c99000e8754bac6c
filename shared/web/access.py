"""Who may call what, and whose people: keys and sessions of coordinators and operators. Deny first.

A program sends a key (`Authorization: Bearer …`), a browser the cookie that signing in gave it. What a
browser sends by itself proves nothing, so a write that leans on the cookie must also come from one of
our own pages: by the browser's word, and by the token that the page's form carried.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Final, TypeVar

from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from shared.decisions import Refusal
from shared.security.keys import hash_key, scope_of
from shared.security.scopes import Placed, Scope
from shared.security.sessions import Session, StaffRole, cookie_name
from shared.web.forms import FORM_TOKEN, form_field
from shared.web.problems import Problem, problem_of

FORM_TOKEN_HEADER: Final = "x-form-token"  # noqa: S105  (the name of a header)
_READS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_FORMS: Final = ("application/x-www-form-urlencoded", "multipart/form-data")

PlacedT = TypeVar("PlacedT", bound=Placed)

Key = Annotated[
    HTTPAuthorizationCredentials | None,
    Security(HTTPBearer(scheme_name="key", description="A key, as given out.", auto_error=False)),
]
"""For the OpenAPI document: that a key is asked for. It is read and judged below."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who called.

    name: the coordinator's id, or the beginning of a key's hash: enough for an audit, useless to
    others. scope: what she may see. session: None if a program called with a key.
    """

    role: StaffRole
    name: str
    scope: Scope
    session: Session | None = None

    def hers(self, found: PlacedT | None, unknown: Refusal) -> PlacedT:
        """What was found, if she may see it. Raises `unknown` alike for what is not there."""
        if found is None or not self.scope.covers(found):
            raise problem_of(unknown)
        return found

    def needs_all_of(self, programme: str) -> None:
        """Raises `Problem` (403) for whoever looks after some of its cities only."""
        if not self.scope.has_all_of(programme):
            raise Problem(
                403,
                "Not for one city alone",
                "This concerns every city of the programme. Ask whoever leads the programme.",
            )


def bearer_token(request: Request) -> str | None:
    """What stands behind `Authorization: Bearer`, or None."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" and token.strip() else None


def session_of(request: Request) -> Session | None:
    """The session that the browser's cookie names, if it is good."""
    if not request.cookies:
        return None
    runtime = request.app.state.runtime
    cookie = request.cookies.get(cookie_name(runtime.settings.public_url))
    return runtime.sessions.read(cookie) if cookie else None


def admit_staff(request: Request, *roles: StaffRole) -> Caller:
    """The caller, if she has one of the roles: known from head and path of the request alone.

    Raises `Problem`: 401 without a key or session, 403 for another role or from a foreign page, 404
    for a programme that is not hers.
    """
    key = bearer_token(request)
    session = session_of(request) if key is None else None
    if key is not None:
        caller = _caller_by_key(request, key, roles)
    elif session is not None:
        caller = Caller(session.role, session.subject, session.scope, session)
        _comes_from_our_page(request)
    else:
        raise Problem(
            401,
            "A key or a session is needed",
            f"Sign in, or send the key of a {roles[0]} in the header 'Authorization: Bearer …'.",
            headers={"WWW-Authenticate": "Bearer"},
        )
    if caller.role not in roles:
        raise Problem(403, "Not allowed", f"This is for a {roles[0]}, and you are none.")
    programme = request.path_params.get("programme")
    if programme is not None and not caller.scope.has(programme):
        raise Problem(404, "No such programme", "There is no such programme; check its id.")
    return caller


async def coordinator(request: Request, _: Key = None) -> Caller:
    """Lets coordinators in (and operators)."""
    return await _with_form_token(
        request, admit_staff(request, StaffRole.COORDINATOR, StaffRole.OPERATOR)
    )


async def operator(request: Request, _: Key = None) -> Caller:
    """Lets operators in."""
    return await _with_form_token(request, admit_staff(request, StaffRole.OPERATOR))


def _caller_by_key(request: Request, key: str, roles: Sequence[StaffRole]) -> Caller:
    settings = request.app.state.runtime.settings
    for role in StaffRole:
        hashes = getattr(settings, f"{role}_key_hashes")
        scope = scope_of(key, [kept for kept in hashes.split(",") if kept])
        if scope is not None:
            return Caller(role, hash_key(key)[:12], scope)
    raise Problem(403, "Not allowed", f"This key is not one of a {roles[0]}.")


def _comes_from_our_page(request: Request) -> None:
    """By the browser's own word, which no page can change. Older browsers name the origin instead."""
    if request.method in _READS:
        return
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin", "")
    ours = request.app.state.runtime.settings.public_url.rstrip("/")
    if site != "same-origin" and not (site is None and origin == ours):
        raise Problem(403, "Not from our pages", "This was sent by another site. Nothing was done.")


async def _with_form_token(request: Request, caller: Caller) -> Caller:
    if caller.session is None or request.method in _READS:
        return caller
    token = request.headers.get(FORM_TOKEN_HEADER, "")
    if request.headers.get("content-type", "").startswith(_FORMS):
        token = await form_field(request, FORM_TOKEN) or token
    if not request.app.state.runtime.sessions.is_form_token(caller.session, token):
        detail = "The form is not one of this session. Open the page again and send it once more."
        raise Problem(403, "Form out of date", detail)
    return caller


Coordinator = Annotated[Caller, Depends(coordinator)]
Operator = Annotated[Caller, Depends(operator)]
