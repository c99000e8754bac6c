"""Webhook endpoints: where an integrator's events are sent, with which secrets, and whether at all. Pure.

All times here are the machine's: an endpoint lives outside the programme's own time.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar, Final
from urllib.parse import urlsplit

from services.streams.domain.deliveries import (
    FAILING_AT_MOST,
    Progress,
    Run,
    Verdict,
    after_turn,
    as_new,
    turned_back,
)
from shared.decisions import Decision, Refusal, RefusalKind

MOST_OF_A_GRANT: Final = 20
MOST_SECRETS: Final = 3
MOST_OVERLAP: Final = timedelta(days=7)
_LONGEST_URL: Final = 2_000


class EndpointState(StrEnum):
    """Whether events are sent. Paused by the integrator; disabled by us or an operator; removed for good."""

    ACTIVE = "active"
    PAUSED = "paused"
    DISABLED = "disabled"
    REMOVED = "removed"


class DisabledFor(StrEnum):
    """Why an endpoint was disabled: it said 410, nothing got through for days, or an operator did it."""

    GONE = "gone"
    FAILING = "failing"
    OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class Secret:
    """What is kept of a secret (see `shared.security.webhooks`). `until`: replaced, and signs till then."""

    seed: str
    made_at: datetime
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an endpoint wants of what its grant allows; an empty tuple is everything that is granted."""

    streams: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    cities: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One endpoint.

    epoch: of the lease under which it is served; who has an older one writes nothing. place: which of its
    grant's places it takes (from 0); a unique index sees that no two take one. None: none any more.
    """

    endpoint_id: str
    grant_id: str
    url: str
    secrets: tuple[Secret, ...]
    made_at: datetime
    wanted: Wanted = field(default_factory=Wanted)
    state: EndpointState = EndpointState.ACTIVE
    disabled_for: DisabledFor | None = None
    disabled_at: datetime | None = None
    progress: Progress = field(default_factory=Progress)
    epoch: int = 0
    place: int | None = None

    def seeds(self, now: datetime) -> tuple[str, ...]:
        """Of the secrets that sign now, the newest first."""
        return tuple(one.seed for one in self.secrets if one.until is None or one.until > now)


@dataclass(frozen=True, slots=True)
class EndpointUnknown(Refusal):
    """There is no such endpoint under this grant."""

    kind: ClassVar[RefusalKind] = RefusalKind.NOT_FOUND


@dataclass(frozen=True, slots=True)
class UrlRefused(Refusal):
    """The address is none that we send to."""

    kind: ClassVar[RefusalKind] = RefusalKind.INVALID


@dataclass(frozen=True, slots=True)
class TooManyEndpoints(Refusal):
    """The grant has as many endpoints as it may."""


@dataclass(frozen=True, slots=True)
class PlaceTaken(Refusal):
    """Another request was faster; there may be another place."""


@dataclass(frozen=True, slots=True)
class DisabledByOperator(Refusal):
    """Only an operator can undo what an operator did."""

    kind: ClassVar[RefusalKind] = RefusalKind.FORBIDDEN


UNKNOWN: Final = EndpointUnknown("This grant has no such webhook; GET /webhooks lists them.")


def check_url(url: str) -> UrlRefused | None:
    """What is wrong with an address by its form alone. Where it leads is checked at each connection."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return UrlRefused("This is no URL; send one such as https://example.org/hooks.")
    if len(url) > _LONGEST_URL or not url.isascii() or any(c <= " " for c in url):
        return UrlRefused(f"A URL has at most {_LONGEST_URL} ASCII characters and no spaces.")
    if parts.scheme not in ("https", "http") or not parts.hostname or port == 0:
        return UrlRefused("The URL must begin with https:// and name a host.")
    if parts.username is not None or parts.password is not None:
        return UrlRefused("The URL may hold no user or password: the signature says who sends.")
    if parts.fragment:
        return UrlRefused("The URL may hold no fragment (#…): it would not be sent.")
    return None


def owned(endpoint: Endpoint | None, grant_id: str | None) -> Endpoint | EndpointUnknown:
    """The endpoint, if it is this grant's (any grant's for None) and was not removed."""
    if endpoint is None or endpoint.state is EndpointState.REMOVED:
        return UNKNOWN
    return endpoint if grant_id in (None, endpoint.grant_id) else UNKNOWN


def begin(
    endpoint_id: str,
    grant_id: str,
    url: str,
    wanted: Wanted,
    secret: Secret,
    after: int,
    now: datetime,
    place: int,
) -> Endpoint:
    """A new endpoint, to which everything behind a position is sent."""
    progress = Progress(after)
    return Endpoint(
        endpoint_id, grant_id, url, (secret,), now, wanted, progress=progress, place=place
    )


def free_place(endpoints: Iterable[Endpoint], most: int) -> int | TooManyEndpoints:
    """A place that none of a grant's endpoints takes."""
    taken = {endpoint.place for endpoint in endpoints}
    free = next((place for place in range(most) if place not in taken), None)
    if free is None:
        return TooManyEndpoints(f"A grant has at most {most} webhooks; remove one first.")
    return free


# What the integrator does --------------------------------------------------------------------------


def change(
    endpoint: Endpoint, url: str | None, wanted: Wanted | None
) -> Decision[Endpoint] | Refusal | None:
    """Another address, other filters; None leaves one as it is. The secrets and the place stay."""
    refused = check_url(url) if url is not None else None
    if refused is not None:
        return refused
    changed = replace(endpoint, url=url or endpoint.url, wanted=wanted or endpoint.wanted)
    return Decision(changed) if changed != endpoint else None


def pause(endpoint: Endpoint) -> Decision[Endpoint] | Refusal | None:
    """Nothing is sent until it is resumed; its place is kept."""
    if endpoint.state is not EndpointState.ACTIVE:
        return None
    return Decision(replace(endpoint, state=EndpointState.PAUSED))


def resume(
    endpoint: Endpoint, now: datetime, *, by_operator: bool = False
) -> Decision[Endpoint] | Refusal | None:
    """Goes on where it stopped, with what waited first."""
    if endpoint.state is EndpointState.ACTIVE:
        return None
    if endpoint.disabled_for is DisabledFor.OPERATOR and not by_operator:
        return DisabledByOperator("An operator disabled this webhook; please ask them why.")
    progress = as_new(endpoint.progress, now)
    return Decision(
        replace(
            endpoint,
            state=EndpointState.ACTIVE,
            disabled_for=None,
            disabled_at=None,
            progress=replace(progress, begun_anew=progress.begun_anew + 1),
        )
    )


def replace_secret(
    endpoint: Endpoint, seed: str, now: datetime, overlap: timedelta
) -> Decision[Endpoint]:
    """A new secret; the one before goes on signing beside it for the overlap, at most a week."""
    until = now + min(overlap, MOST_OVERLAP)
    older = (
        replace(one, until=min(one.until or until, until))
        for one in endpoint.secrets
        if one.until is None or one.until > now
    )
    kept = tuple(one for one in older if one.until is not None and one.until > now)
    return Decision(
        replace(endpoint, secrets=(Secret(seed, now), *kept)[:MOST_SECRETS]),
    )


def go_back(endpoint: Endpoint, after: int) -> Decision[Endpoint]:
    """Sends again (or skips to) everything behind this position, under the same ids."""
    return Decision(replace(endpoint, progress=turned_back(endpoint.progress, after)))


def remove(endpoint: Endpoint) -> Decision[Endpoint]:
    """Nothing of it is kept but that it was."""
    return Decision(
        replace(
            endpoint,
            state=EndpointState.REMOVED,
            url="",
            secrets=(),
            wanted=Wanted(),
            progress=Progress(turned_back=endpoint.progress.turned_back + 1),
            place=None,
        )
    )


# What operators and deliveries do ------------------------------------------------------------------


def disable(endpoint: Endpoint, reason: DisabledFor, now: datetime) -> Decision[Endpoint] | None:
    """Nothing is sent until it is resumed; its place is kept."""
    if endpoint.disabled_for is reason:
        return None
    return Decision(
        replace(endpoint, state=EndpointState.DISABLED, disabled_for=reason, disabled_at=now)
    )


def taken_over(endpoint: Endpoint, epoch: int) -> Decision[Endpoint] | None:
    """Another instance serves it from now on; whoever served it before writes nothing any more."""
    return Decision(replace(endpoint, epoch=epoch)) if epoch > endpoint.epoch else None


@dataclass(frozen=True, slots=True)
class Turn:
    """What one turn of deliveries did. It counts only under its epoch and from where it began."""

    epoch: int
    turned_back: int
    begun_anew: int
    reached: int
    runs: Sequence[Run]
    chances: Sequence[float]


def turned(endpoint: Endpoint, turn: Turn, now: datetime) -> Decision[Endpoint] | None:
    """Notes what a turn did. 410 disables at once; so does a span of nothing but failures.

    None if it no longer counts: another instance took over, the position was set, or it was removed.
    """
    if (endpoint.epoch, endpoint.progress.turned_back) != (turn.epoch, turn.turned_back):
        return None
    progress = after_turn(endpoint.progress, turn.runs, turn.reached, now, turn.chances)
    if turn.begun_anew != progress.begun_anew:
        # It was resumed while these were under way: what failed before that makes nothing wait.
        return Decision(replace(endpoint, progress=as_new(progress, now)))
    noted = replace(endpoint, progress=progress)
    if endpoint.state is not EndpointState.ACTIVE:
        return Decision(noted)
    attempts = (attempt for run in turn.runs for attempt in run.attempts)
    if any(attempt.verdict is Verdict.GONE for attempt in attempts):
        return disable(noted, DisabledFor.GONE, now)
    since = progress.failing_since
    if since is not None and now - since >= FAILING_AT_MOST:
        return disable(noted, DisabledFor.FAILING, now)
    return Decision(noted)
