"""Who may call what: keys of coordinators and operators, compared in constant time. Deny first."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from shared.security.keys import hash_key, matches_any
from shared.settings import ServiceSettings
from shared.web.problems import Problem


@dataclass(frozen=True, slots=True)
class Caller:
    """Who called. `name` is the beginning of the key's hash: enough for an audit, useless to others."""

    role: str
    name: str


def bearer_token(request: Request) -> str | None:
    """What stands behind `Authorization: Bearer`, or None."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" and token.strip() else None


def _caller(request: Request, role: str, *, also: str | None = None) -> Caller:
    settings: ServiceSettings = request.app.state.runtime.settings
    key = bearer_token(request)
    if key is None:
        raise Problem(
            401,
            "A key is needed",
            f"Send the key of a {role} in the header 'Authorization: Bearer …'.",
            headers={"WWW-Authenticate": "Bearer"},
        )
    for allowed in filter(None, (role, also)):
        hashes = getattr(settings, f"{allowed}_key_hashes")
        if matches_any(key, [kept for kept in hashes.split(",") if kept]):
            return Caller(allowed, hash_key(key)[:12])
    raise Problem(403, "Not allowed", f"This key is not one of a {role}.")


def coordinator(request: Request) -> Caller:
    """Lets coordinators in (and operators)."""
    return _caller(request, "coordinator", also="operator")


def operator(request: Request) -> Caller:
    """Lets operators in."""
    return _caller(request, "operator")


Coordinator = Annotated[Caller, Depends(coordinator)]
Operator = Annotated[Caller, Depends(operator)]
