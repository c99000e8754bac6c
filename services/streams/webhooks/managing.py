"""The use cases of webhooks: an integrator's own endpoints, and what operators do about all of them."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit

from services.streams.domain import subscriptions as rules
from services.streams.domain.deliveries import Answer
from services.streams.domain.grants import Grant
from services.streams.domain.subscriptions import (
    MOST_OF_A_GRANT,
    DisabledFor,
    Endpoint,
    Secret,
    UrlRefused,
    Wanted,
)
from services.streams.domain.trial import trial_event
from services.streams.store.journal import Journal
from services.streams.store.webhooks import Logged, Webhooks
from services.streams.webhooks.courier import Courier, machine_now, message_id
from services.streams.webhooks.sending import Sender
from shared.decisions import Decision, Refusal
from shared.ids import Ids
from shared.security.hashing import KeyedHash
from shared.security.webhooks import new_seed, secret_of
from shared.storage.changes import Cause, Change

Rule = Callable[[Endpoint], "Decision[Endpoint] | Refusal | None"]


@dataclass(frozen=True, slots=True)
class Shown:
    """An endpoint with its newest secret, for the one time that the secret is shown."""

    endpoint: Endpoint
    secret: str


@dataclass(frozen=True, slots=True)
class Tested:
    """What an endpoint answered to a test event."""

    message_id: str
    answer: Answer
    seconds: float


class Subscriptions:
    """Endpoints of a grant. A `grant_id` of None is an operator, who sees those of all."""

    def __init__(
        self, store: Webhooks, journal: Journal, sender: Sender, courier: Courier, hashes: KeyedHash
    ) -> None:
        self._store = store
        self._journal = journal
        self._sender = sender
        self._courier = courier
        self._hashes = hashes
        self._ids = Ids()

    async def make(
        self, grant: Grant, url: str, wanted: Wanted, after: int | None
    ) -> Shown | Refusal:
        """A new endpoint. It gets what comes from now on, or what stands behind a position."""
        refused = await self._refusal_of(url)
        if refused is not None:
            return refused
        last = await self._journal.last_position()
        begins_behind = last if after is None else min(after, last)
        while True:
            place = rules.free_place(await self._store.of_grant(grant.grant_id), MOST_OF_A_GRANT)
            if isinstance(place, Refusal):
                return place
            now = machine_now()
            endpoint = rules.begin(
                self._ids.new(),
                grant.grant_id,
                url,
                wanted,
                Secret(new_seed(), now),
                begins_behind,
                now,
                place,
            )
            if await self._store.add(endpoint, now):
                return Shown(endpoint, self._newest_secret(endpoint))

    async def of_grant(self, grant_id: str) -> list[Endpoint]:
        """A grant's endpoints."""
        return await self._store.of_grant(grant_id)

    async def page(self, after: str, limit: int) -> list[Endpoint]:
        """All grants' endpoints, for operators."""
        return await self._store.page(after, limit)

    async def get(self, endpoint_id: str, grant_id: str | None) -> Endpoint | Refusal:
        """One endpoint."""
        return rules.owned(await self._store.get(endpoint_id), grant_id)

    async def last_position(self) -> int:
        """The journal's last position: how far an endpoint could be."""
        return await self._journal.last_position()

    async def change(
        self, endpoint_id: str, grant_id: str, url: str | None, wanted: Wanted | None
    ) -> Endpoint | Refusal:
        """Another address, other filters."""
        refused = await self._refusal_of(url) if url is not None else None
        if refused is not None:
            return refused
        return await self._do(endpoint_id, grant_id, lambda it: rules.change(it, url, wanted))

    async def pause(self, endpoint_id: str, grant_id: str) -> Endpoint | Refusal:
        """Nothing is sent until it is resumed."""
        return await self._do(endpoint_id, grant_id, rules.pause)

    async def resume(self, endpoint_id: str, grant_id: str | None) -> Endpoint | Refusal:
        """Goes on where it stopped."""
        now, by_operator = machine_now(), grant_id is None
        return await self._do(
            endpoint_id, grant_id, lambda it: rules.resume(it, now, by_operator=by_operator)
        )

    async def disable(self, endpoint_id: str) -> Endpoint | Refusal:
        """An operator's no; only an operator resumes it."""
        now = machine_now()
        return await self._do(
            endpoint_id, None, lambda it: rules.disable(it, DisabledFor.OPERATOR, now)
        )

    async def replace_secret(
        self, endpoint_id: str, grant_id: str, overlap: timedelta
    ) -> Shown | Refusal:
        """A new secret beside the old one, which ends after the overlap."""
        now, seed = machine_now(), new_seed()
        done = await self._do(
            endpoint_id, grant_id, lambda it: rules.replace_secret(it, seed, now, overlap)
        )
        return done if isinstance(done, Refusal) else Shown(done, secret_of(seed, self._hashes))

    async def go_to(self, endpoint_id: str, grant_id: str, after: int) -> Endpoint | Refusal:
        """Sends again everything behind a position; one beyond the journal's end is its end."""
        last = await self._journal.last_position()
        return await self._do(endpoint_id, grant_id, lambda it: rules.go_back(it, min(after, last)))

    async def remove(self, endpoint_id: str, grant_id: str) -> Endpoint | Refusal:
        """Nothing is kept of it."""
        done = await self._do(endpoint_id, grant_id, rules.remove)
        if not isinstance(done, Refusal):
            await self._store.forget_deliveries(endpoint_id)
        return done

    async def deliveries(self, endpoint_id: str, before: int | None, limit: int) -> list[Logged]:
        """The newest attempts."""
        return await self._store.deliveries(endpoint_id, before, limit)

    async def test(self, endpoint: Endpoint, grant: Grant) -> Tested:
        """Sends a test event now, outside all order, and tells what was answered."""
        event_id = self._ids.new()
        message = message_id(endpoint.endpoint_id, event_id)
        body = trial_event(event_id, grant.programme, machine_now())
        answer, seconds = await self._courier.send(endpoint, message, body)
        return Tested(message, answer, seconds)

    async def _do(self, endpoint_id: str, grant_id: str | None, rule: Rule) -> Endpoint | Refusal:
        def decide(state: Endpoint | None) -> Decision[Endpoint] | Refusal | None:
            endpoint = rules.owned(state, grant_id)
            return endpoint if isinstance(endpoint, Refusal) else rule(endpoint)

        cause = Cause.http(machine_now())
        outcome = await self._store.change_one(Change(endpoint_id, decide, cause))
        return outcome.refusal or outcome.state or rules.UNKNOWN

    async def _refusal_of(self, url: str) -> UrlRefused | None:
        refused = rules.check_url(url)
        if refused is not None:
            return refused
        parts = urlsplit(url)
        is_plain = parts.scheme == "http"
        port = parts.port or (80 if is_plain else 443)
        why = await self._sender.refusal(parts.hostname or "", port, is_plain=is_plain)
        return UrlRefused(why) if why is not None else None

    def _newest_secret(self, endpoint: Endpoint) -> str:
        return secret_of(endpoint.secrets[0].seed, self._hashes)
