"""Sessions of coordinators and operators: signed, short, and valid at every service behind the origin.

A session is a cookie and nothing else: no service has to ask another whose it is. What must stay true:
it is renewed only by intake, which first looks whether she still is who she was and for which cities;
so whoever loses her post loses her session within `RENEW_WITHIN`. Machine time, as all that guards.
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from itsdangerous import BadSignature, URLSafeSerializer

from shared.clock import Clock, SystemClock
from shared.security.scopes import Scope

RENEW_WITHIN: Final = timedelta(hours=1)
"""An hour without a page of intake ends a session."""
LONGEST: Final = timedelta(hours=8)
"""A working day after signing in it ends in any case."""


class StaffRole(StrEnum):
    """Who signs in."""

    COORDINATOR = "coordinator"
    OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class Session:
    """One signing in. `subject`: the coordinator's id, or the operator's name at the provider."""

    session_id: str
    role: StaffRole
    subject: str
    scope: Scope
    signed_in_at: datetime
    expires_at: datetime


class Sessions:
    """Makes and reads sessions. Whoever changes the secret ends all of them."""

    def __init__(self, secret: str, clock: Clock | None = None) -> None:
        self._secret = secret
        self._clock = clock or SystemClock()
        self._serializer = URLSafeSerializer(
            secret, salt="commonground.session", signer_kwargs={"digest_method": hashlib.sha256}
        )

    def begin(self, role: StaffRole, subject: str, scope: Scope) -> Session:
        """A new session."""
        now = self._clock.now()
        return Session(secrets.token_urlsafe(16), role, subject, scope, now, now + RENEW_WITHIN)

    def renew(self, session: Session, scope: Scope) -> Session:
        """The same session for an hour from now, at most until the end of the working day."""
        ends = min(self._clock.now() + RENEW_WITHIN, session.signed_in_at + LONGEST)
        return replace(session, scope=scope, expires_at=ends)

    def sign(self, session: Session) -> str:
        """The value of the cookie."""
        cities = session.scope.cities
        return self._serializer.dumps(
            [
                session.session_id,
                session.role.value,
                session.subject,
                session.scope.programme,
                None if cities is None else sorted(cities),
                int(session.signed_in_at.timestamp()),
                int(session.expires_at.timestamp()),
            ]
        )

    def read(self, cookie: str) -> Session | None:
        """The session, or None if it is none of ours or is over."""
        try:
            session_id, role, subject, programme, cities, began, ends = self._serializer.loads(
                cookie
            )
            session = Session(
                session_id,
                StaffRole(role),
                subject,
                Scope(programme, None if cities is None else frozenset(cities)),
                datetime.fromtimestamp(began, self._clock.now().tzinfo),
                datetime.fromtimestamp(ends, self._clock.now().tzinfo),
            )
        except (BadSignature, ValueError, TypeError):
            return None
        return session if self._clock.now() < session.expires_at else None

    def form_token(self, session: Session) -> str:
        """What each form of this session carries: proof that one of our pages made the form."""
        return hmac.new(
            self._secret.encode(), b"form " + session.session_id.encode(), hashlib.sha256
        ).hexdigest()

    def token_on_page(self, session: Session | None) -> str:
        """What the forms of a page carry; empty where a key says who it is, and there is no session."""
        return self.form_token(session) if session is not None else ""

    def is_form_token(self, session: Session, token: str) -> bool:
        """Whether it belongs to this session; compared in constant time."""
        return hmac.compare_digest(self.form_token(session).encode(), token.encode())


def cookie_name(public_url: str) -> str:
    """Where the address is https the browser itself keeps the cookie to this host and to https."""
    return "__Host-cg-session" if public_url.startswith("https://") else "cg-session"
