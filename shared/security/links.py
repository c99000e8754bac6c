"""The signed links in messages: for one person and one purpose, short-lived, never stored."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import ClassVar

from itsdangerous import BadSignature, URLSafeSerializer

from shared.clock import Clock
from shared.decisions import Refusal, RefusalKind


class Purpose(StrEnum):
    """What a link may be used for. A link of one purpose opens nothing else."""

    CONFIRM = "confirm"
    MY_PAGE = "my_page"
    ANSWER = "answer"
    CHECK_IN = "check_in"
    EXPORT = "export"
    UNSUBSCRIBE = "unsubscribe"


@dataclass(frozen=True, slots=True)
class LinkClaims:
    """What a valid link says."""

    purpose: Purpose
    participant_id: str
    programme: str
    match_id: str | None
    number: int | None
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class LinkRefused(Refusal):
    """The link is not one of ours, is for something else, or has expired."""

    kind: ClassVar[RefusalKind] = RefusalKind.FORBIDDEN


class Links:
    """Signs and reads links. Signatures are HMACs, compared in constant time by itsdangerous."""

    def __init__(self, secret: str, clock: Clock) -> None:
        self._secret = secret
        self._clock = clock

    def sign(
        self,
        purpose: Purpose,
        participant_id: str,
        *,
        programme: str,
        valid_for: timedelta,
        match_id: str | None = None,
        number: int | None = None,
    ) -> str:
        """A token for a URL. The same arguments at the same domain time give the same token."""
        expires = int((self._clock.now() + valid_for).timestamp())
        return self._serializer(purpose).dumps(
            [participant_id, programme, match_id, number, expires]
        )

    def read(self, token: str, purpose: Purpose) -> LinkClaims | LinkRefused:
        """What the token says, or why it opens nothing."""
        try:
            participant_id, programme, match_id, number, expires = self._serializer(purpose).loads(
                token
            )
        except (BadSignature, ValueError):
            return LinkRefused("This link does not work here. Please use the newest message.")
        expires_at = datetime.fromtimestamp(expires, UTC)
        if expires_at < self._clock.now():
            return LinkRefused("This link has expired. Please ask for a new one.")
        return LinkClaims(purpose, participant_id, programme, match_id, number, expires_at)

    def read_any(self, token: str, purposes: tuple[Purpose, ...]) -> LinkClaims | LinkRefused:
        """What the token says, if it is for one of the purposes."""
        refusals: list[LinkRefused] = []
        for purpose in purposes:
            said = self.read(token, purpose)
            if isinstance(said, LinkClaims):
                return said
            refusals.append(said)
        # A link that has expired says so, and not that it is for something else.
        return max(refusals, key=lambda refusal: "expired" in refusal.detail)

    def way_back(self, page: str, participant_id: str) -> str:
        """The token of her own page that came along with a form, if it is one of hers; else nothing.

        A link for an answer alone leads to no page of hers: whoever was forwarded it stays outside.
        """
        said = self.read(page, Purpose.MY_PAGE) if page else None
        is_hers = isinstance(said, LinkClaims) and said.participant_id == participant_id
        return page if is_hers else ""

    def _serializer(self, purpose: Purpose) -> URLSafeSerializer:
        return URLSafeSerializer(self._secret, salt=f"commonground.link.{purpose}")
