"""Signing in by OpenID Connect: the authorization code flow with PKCE, state and nonce.

What must stay true: nothing that the browser brings back is believed before it was checked against what
we sent it away with, and nothing in an ID token before its signature, issuer, audience, nonce and time.
"""

import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from ssl import SSLContext
from typing import Any, ClassVar, Final
from urllib.parse import quote_plus, urlencode, urlsplit

import httpx
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from itsdangerous import BadSignature, URLSafeTimedSerializer
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry

from services.intake.api.values import normal_address
from services.intake.settings import Settings
from shared.decisions import Refusal, RefusalKind

_ALGORITHMS: Final = ("RS256", "ES256", "PS256", "ES384", "RS384", "PS384", "EdDSA", "Ed25519")
"""Signed with the provider's private key: a shared secret, or no signature, is none of these."""
_ATTEMPT_LASTS_S: Final = 600
_CLOCKS_DIFFER_S: Final = 60
_TIMEOUT_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class SignInRefused(Refusal):
    """What came back from the identity provider is not what we asked for. Nobody is signed in."""

    kind: ClassVar[RefusalKind] = RefusalKind.FORBIDDEN


@dataclass(frozen=True, slots=True)
class Identity:
    """Whom the provider vouches for. email: verified and normal, else None. claims: all it said."""

    subject: str
    email: str | None
    claims: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Attempt:
    """One way to the provider and back, remembered in a cookie. then: where she was going."""

    state: str
    nonce: str
    verifier: str
    then: str
    programme: str


class Attempts:
    """Attempts as signed cookies that are good for ten minutes."""

    def __init__(self, secret: str) -> None:
        self._serializer = URLSafeTimedSerializer(secret, salt="commonground.sign-in")

    def begin(self, then: str, programme: str) -> Attempt:
        """A fresh one."""
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        return Attempt(state, nonce, verifier, then, programme)

    def sign(self, attempt: Attempt) -> str:
        """The value of the cookie."""
        return self._serializer.dumps(asdict(attempt))

    def read(self, cookie: str) -> Attempt | None:
        """The attempt; None if it is none of ours or too old."""
        try:
            return Attempt(**self._serializer.loads(cookie, max_age=_ATTEMPT_LASTS_S))
        except (BadSignature, TypeError):
            return None


class ProviderAway(Exception):
    """The identity provider does not answer, or not as one."""


class IdentityProvider:
    """The provider that the settings name, as its discovery document describes it."""

    def __init__(self, settings: Settings) -> None:
        self._issuer = settings.oidc_issuer.rstrip("/")
        self._client_id = settings.oidc_client_id
        self._secret = settings.oidc_client_secret.get_secret_value()
        self._scope = settings.oidc_scope
        self._back = f"{settings.public_url.rstrip('/')}/intake/callback"
        self._metadata: dict[str, Any] = {}
        self._keys: KeySet | None = None

    @property
    def is_set_up(self) -> bool:
        """Whether there is one at all."""
        return bool(self._issuer)

    async def way_there(self, attempt: Attempt) -> str:
        """The address to send the browser to. Raises `ProviderAway`."""
        metadata = await self._described()
        query = urlencode(
            {
                "response_type": "code",
                "client_id": self._client_id,
                "redirect_uri": self._back,
                "scope": self._scope,
                "state": attempt.state,
                "nonce": attempt.nonce,
                "code_challenge": create_s256_code_challenge(attempt.verifier),
                "code_challenge_method": "S256",
            }
        )
        there = metadata["authorization_endpoint"]
        return f"{there}{'&' if urlsplit(there).query else '?'}{query}"

    async def way_out(self) -> str | None:
        """Where one signs out at the provider itself, if it has such a page."""
        try:
            there = (await self._described()).get("end_session_endpoint")
        except ProviderAway:
            return None
        return f"{there}?{urlencode({'client_id': self._client_id})}" if there else None

    async def whom_it_vouches_for(
        self, attempt: Attempt | None, came_back: Mapping[str, str]
    ) -> Identity | SignInRefused:
        """Who came back with these parameters. Raises `ProviderAway`."""
        if attempt is None or not secrets.compare_digest(
            came_back.get("state", "").encode(), attempt.state.encode()
        ):
            return SignInRefused("This sign-in was not begun here, or too long ago. Sign in again.")
        # RFC 9207: an answer of another provider must not be taken to this one.
        if came_back.get("iss", self._issuer).rstrip("/") != self._issuer:
            return SignInRefused("The answer is not from our identity provider. Sign in again.")
        if "code" not in came_back:
            return SignInRefused("The identity provider did not let you in. Sign in again there.")
        token = await self._redeem(came_back["code"], attempt)
        if token is None:
            return SignInRefused("The identity provider took its word back. Sign in again.")
        return await self._checked(token, attempt)

    async def _redeem(self, code: str, attempt: Attempt) -> str | None:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._back,
            "code_verifier": attempt.verifier,
        }
        metadata = await self._described()
        methods = metadata.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        by_header = "client_secret_basic" in methods
        if not by_header:
            form |= {"client_id": self._client_id, "client_secret": self._secret}
        # Each half as in a form, RFC 6749, 2.3.1.
        auth = httpx.BasicAuth(quote_plus(self._client_id), quote_plus(self._secret))
        async with self._client() as http:
            try:
                answer = await http.post(
                    metadata["token_endpoint"],
                    data=form,
                    auth=auth if by_header else httpx.USE_CLIENT_DEFAULT,
                )
                token = answer.json().get("id_token")
            except (httpx.HTTPError, ValueError, AttributeError) as error:
                raise ProviderAway(type(error).__name__) from error
        return token if answer.is_success and isinstance(token, str) else None

    async def _checked(self, token: str, attempt: Attempt) -> Identity | SignInRefused:
        try:
            claims = await self._claims(token, attempt)
        except (JoseError, ValueError) as error:
            # The reason names a claim or a key, never what is in it.
            reason = f"The identity provider's word does not hold ({type(error).__name__})."
            return SignInRefused(f"{reason} Sign in again; if it stays so, tell an operator.")
        email = claims.get("email") if claims.get("email_verified") is True else None
        return Identity(
            subject=claims["sub"],
            email=normal_address(email) if isinstance(email, str) else None,
            claims=claims,
        )

    async def _claims(self, token: str, attempt: Attempt) -> CodeIDToken:
        supported = (await self._described()).get("id_token_signing_alg_values_supported", [])
        registry = JWSRegistry(
            algorithms=[name for name in _ALGORITHMS if not supported or name in supported],
            strict_check_header=False,
        )
        try:
            read = jwt.decode(token, await self._key_set(), registry=registry)
        except (JoseError, ValueError):
            # The provider may have changed its keys since: looked up once more, and no more often.
            read = jwt.decode(token, await self._key_set(anew=True), registry=registry)
        claims = CodeIDToken(
            read.claims,
            read.header,
            {
                "iss": {"essential": True, "value": self._issued_by()},
                "aud": {"essential": True, "value": self._client_id},
                "exp": {"essential": True},
            },
            {"nonce": attempt.nonce, "client_id": self._client_id},
        )
        claims.validate(leeway=_CLOCKS_DIFFER_S)
        return claims

    def _issued_by(self) -> str:
        """As the provider writes it, with or without a slash at the end."""
        return str(self._metadata["issuer"])

    async def _described(self) -> dict[str, Any]:
        """The discovery document, read once."""
        if not self._metadata:
            found = await self._read(f"{self._issuer}/.well-known/openid-configuration")
            needed = ("authorization_endpoint", "token_endpoint", "jwks_uri")
            if str(found.get("issuer", "")).rstrip("/") != self._issuer:
                raise ProviderAway("its discovery document names another issuer")
            if not all(isinstance(found.get(name), str) for name in needed):
                raise ProviderAway("its discovery document lacks an endpoint")
            self._metadata = found
        return self._metadata

    async def _key_set(self, *, anew: bool = False) -> KeySet:
        if self._keys is None or anew:
            keys = await self._read((await self._described())["jwks_uri"])
            try:
                self._keys = KeySet.import_key_set(keys)  # type: ignore[arg-type]
            except (JoseError, ValueError, KeyError) as error:
                raise ProviderAway("its keys cannot be read") from error
        return self._keys

    async def _read(self, url: str) -> dict[str, Any]:
        async with self._client() as http:
            try:
                answer = await http.get(url)
                answer.raise_for_status()
                found = answer.json()
            except (httpx.HTTPError, ValueError) as error:
                raise ProviderAway(type(error).__name__) from error
        if not isinstance(found, dict):
            raise ProviderAway("it answered with something else than an object")
        return found

    def _client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(verify=self._tls, timeout=_TIMEOUT_S, follow_redirects=False)

    @cached_property
    def _tls(self) -> SSLContext:
        """Made once: to read all authorities' certificates takes 50 ms, and nobody is answered meanwhile."""
        return httpx.create_ssl_context()
