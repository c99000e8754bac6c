"""A real, small OpenID Connect provider for this machine: who one is, is chosen by a click.

    python -m deploy.local.identity    # settings: PORT, ISSUER, CLIENT_ID, CLIENT_SECRET, REDIRECT_URI

It exists so that signing in takes the same path here as in production: discovery, authorization code
with PKCE, a token that is signed and checked. It asks for no password, so it must never be reachable
from another machine; it listens on the loopback interface only, and production names another issuer.
"""

import hashlib
import os
import secrets
import time
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import unquote_plus, urlencode

import uvicorn
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from deploy.local.logs import write_json_logs
from deploy.local.mail_pages import TEMPLATES
from deploy.local.ports import LOOPBACK
from deploy.local.problems import problem
from deploy.sample.programme import load

CLIENT: Final = "common-ground"
OPERATORS: Final = "common-ground-operators"
"""The group whose members are operators; intake is told so by `OIDC_OPERATOR_CLAIM`."""
OPERATOR: Final = "operator@example.org"
_CODE_LASTS_S: Final = 60.0
_TOKEN_LASTS_S: Final = 300
_POLICY: Final = (
    "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)


@dataclass(frozen=True, slots=True)
class Client:
    """The one application that signs people in here, and who may be chosen by a click."""

    issuer: str
    client_id: str
    secret: str
    redirect_uri: str
    people: Mapping[str, str]
    """Addresses and what is shown beside each."""


@dataclass(frozen=True, slots=True)
class Grant:
    """What a code is good for, once."""

    email: str
    nonce: str
    challenge: str
    expires_at: float


@dataclass(slots=True)
class Provider:
    """The provider's memory: its key, and codes that were not redeemed yet. Machine time."""

    client: Client
    key: ECKey = field(default_factory=lambda: ECKey.generate_key("P-256", auto_kid=True))
    grants: dict[str, Grant] = field(default_factory=dict)

    def let_in(self, email: str, asked: Mapping[str, str]) -> str:
        """The address that the browser is sent back to, with a code."""
        code = secrets.token_urlsafe(32)
        self.grants = {
            each: grant
            for each, grant in self.grants.items()
            if grant.expires_at > time.monotonic()
        }
        self.grants[code] = Grant(
            email, asked["nonce"], asked["code_challenge"], time.monotonic() + _CODE_LASTS_S
        )
        back = {"code": code, "state": asked["state"], "iss": self.client.issuer}
        return f"{self.client.redirect_uri}?{urlencode(back)}"

    def why_not(self, asked: Mapping[str, str]) -> str | None:
        """What is wrong with a request to sign somebody in, in a sentence for a developer."""
        client = self.client
        wanted = {
            "response_type": "code",
            "client_id": client.client_id,
            "redirect_uri": client.redirect_uri,
            "code_challenge_method": "S256",
        }
        for name, value in wanted.items():
            if asked.get(name) != value:
                return f"{name} is {asked.get(name)!r}, not {value!r}."
        if "openid" not in asked.get("scope", "").split():
            return "scope does not contain 'openid'."
        missing = [name for name in ("state", "nonce", "code_challenge") if not asked.get(name)]
        return f"{missing[0]} is missing." if missing else None

    def redeem(self, form: Mapping[str, str]) -> str | None:
        """The ID token for a code and its verifier; None if they do not belong together."""
        grant = self.grants.pop(form.get("code", ""), None)
        proof = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = urlsafe_b64encode(proof).rstrip(b"=").decode()
        if (
            grant is None
            or grant.expires_at < time.monotonic()
            or not secrets.compare_digest(challenge, grant.challenge)
            or form.get("redirect_uri") != self.client.redirect_uri
            or form.get("grant_type") != "authorization_code"
        ):
            return None
        return self.token(grant)

    def token(self, grant: Grant, **other: Any) -> str:
        """The signed word on who somebody is. other: claims in place of the usual ones, for tests."""
        now = int(time.time())
        claims = {
            "iss": self.client.issuer,
            "sub": hashlib.sha256(grant.email.encode()).hexdigest()[:16],
            "aud": self.client.client_id,
            "iat": now,
            "exp": now + _TOKEN_LASTS_S,
            "nonce": grant.nonce,
            "email": grant.email,
            "email_verified": True,
            "groups": [OPERATORS] if grant.email == OPERATOR else [],
            **other,
        }
        return jwt.encode({"alg": "ES256", "kid": self.key.kid}, claims, self.key)


def identity_app(provider: Provider) -> Starlette:
    """The provider's endpoints, below the issuer's address."""
    client = provider.client

    async def discovery(_request: Request) -> Response:
        return JSONResponse(
            {
                "issuer": client.issuer,
                "authorization_endpoint": f"{client.issuer}/authorize",
                "token_endpoint": f"{client.issuer}/token",
                "jwks_uri": f"{client.issuer}/jwks",
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["ES256"],
                "scopes_supported": ["openid", "email"],
                "token_endpoint_auth_methods_supported": ["client_secret_basic"],
                "code_challenge_methods_supported": ["S256"],
                "authorization_response_iss_parameter_supported": True,
            }
        )

    async def keys(_request: Request) -> Response:
        return JSONResponse(KeySet([provider.key]).as_dict(private=False))

    async def choose(request: Request) -> Response:
        asked = dict(request.query_params)
        if wrong := provider.why_not(asked):
            return problem(400, "Nobody can be signed in like this", wrong)
        page = TEMPLATES.get_template("choose.html").render(people=client.people, asked=asked)
        return HTMLResponse(page, headers={"content-security-policy": _POLICY, **_PLAIN})

    async def chosen(request: Request) -> Response:
        form = {name: str(value) for name, value in (await request.form()).items()}
        email = form.get("other") or form.get("email", "")
        wrong = provider.why_not(form) or (None if "@" in email else "Nobody was chosen.")
        if wrong:
            return problem(400, "Nobody can be signed in like this", wrong)
        return RedirectResponse(provider.let_in(email.strip().lower(), form), 303)

    async def token(request: Request) -> Response:
        if not _is_client(request, client):
            return JSONResponse({"error": "invalid_client"}, 401)
        form = {name: str(value) for name, value in (await request.form()).items()}
        issued = provider.redeem(form)
        if issued is None:
            return JSONResponse({"error": "invalid_grant"}, 400)
        return JSONResponse(
            {
                "access_token": secrets.token_urlsafe(16),
                "token_type": "Bearer",
                "expires_in": _TOKEN_LASTS_S,
                "id_token": issued,
            }
        )

    async def style(_request: Request) -> Response:
        css = TEMPLATES.get_template("mail.css").render()
        return Response(css, media_type="text/css")

    async def ready(_request: Request) -> Response:
        return JSONResponse({"status": "ready"})

    async def work(_request: Request) -> Response:
        return JSONResponse({"service": "identity", "open": {}})

    return Starlette(
        routes=[
            Route("/.well-known/openid-configuration", discovery),
            Route("/jwks", keys),
            Route("/authorize", choose, methods=["GET"]),
            Route("/authorize", chosen, methods=["POST"]),
            Route("/token", token, methods=["POST"]),
            Route("/mail.css", style),
            Route("/health/live", ready),
            Route("/health/ready", ready),
            Route("/internal/work", work),
        ]
    )


_PLAIN: Final = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}


def _is_client(request: Request, client: Client) -> bool:
    """HTTP Basic, each half encoded as in a form (RFC 6749, 2.3.1)."""
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    try:
        name, _, secret = b64decode(encoded, validate=True).decode().partition(":")
    except ValueError:
        return False
    return (
        scheme.lower() == "basic"
        and unquote_plus(name) == client.client_id
        and secrets.compare_digest(unquote_plus(secret).encode(), client.secret.encode())
    )


def sample_people() -> dict[str, str]:
    """The coordinators of the sample programme, and an operator."""
    named = {each["email"]: each["name"] for each in load().body["coordinators"]}
    return {**named, OPERATOR: "Operator"}


def main() -> None:
    """Runs until SIGTERM. Settings come from the environment."""
    write_json_logs()
    client = Client(
        issuer=os.environ["ISSUER"],
        client_id=os.environ["CLIENT_ID"],
        secret=os.environ["CLIENT_SECRET"],
        redirect_uri=os.environ["REDIRECT_URI"],
        people=sample_people(),
    )
    uvicorn.run(
        identity_app(Provider(client)),
        host=LOOPBACK,
        port=int(os.environ["PORT"]),
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=3,
    )


if __name__ == "__main__":
    main()
