"""HTTP in: an integrator's own webhooks, and what operators do about anybody's."""

from datetime import datetime, timedelta
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from services.streams.api.asked import LAST_POSITION, may_ask_for
from services.streams.api.keys import Integrator
from services.streams.domain.grants import Grant
from services.streams.domain.integration import (
    BY_WIRE_NAME,
    INTEGRATION_PREFIX,
    GrantedStream,
    integration_name,
)
from services.streams.domain.subscriptions import MOST_OVERLAP, Endpoint, Wanted
from services.streams.store.webhooks import KEPT_DELIVERIES, Logged
from services.streams.webhooks.managing import Shown, Subscriptions
from shared.decisions import Refusal
from shared.events.wire import rfc3339
from shared.web.access import Operator
from shared.web.doorkeeper import only_waits
from shared.web.problems import Problem, problem_of
from shared.web.rate_limits import RateLimit

_MOST_NAMED: Final = 100
_MOST_ROWS: Final = 500
_TESTS_PER_MINUTE: Final = 10

Position = Annotated[int, Field(ge=0, le=LAST_POSITION)]
Names = Annotated[list[str], Field(max_length=_MOST_NAMED)]
Url = Annotated[str, Field(min_length=1, max_length=2_000)]


class WantedSent(BaseModel):
    """What is wanted of what is granted; an empty list is all of it."""

    model_config = ConfigDict(extra="forbid")

    streams: Annotated[list[GrantedStream], Field(max_length=len(GrantedStream))] = []
    types: Names = []
    cities: Names = []

    def wanted(self, grant: Grant) -> Wanted:
        """The same, checked. Raises `Problem` 403 for what is not granted, 422 for what is unknown."""
        if others := [one.value for one in self.streams if one not in grant.streams]:
            raise _not_granted("streams", others)
        if others := [city for city in self.cities if not may_ask_for(grant, city)]:
            raise _not_granted("cities", others)
        types = [integration_name(name) for name in self.types]
        if set(types) - BY_WIRE_NAME.keys():
            short = (
                name.removeprefix(INTEGRATION_PREFIX).rpartition(".v")[0] for name in BY_WIRE_NAME
            )
            reason = f"The types are {', '.join(short)}."
            raise Problem(
                422, "Type unknown", reason, errors=[{"field": "wanted.types", "reason": reason}]
            )
        return Wanted(
            tuple(dict.fromkeys(one.value for one in self.streams)),
            tuple(dict.fromkeys(types)),
            tuple(dict.fromkeys(self.cities)),
        )


class WebhookSent(BaseModel):
    """A new webhook. `after`: a position of the journal; without it, what comes from now on is sent."""

    model_config = ConfigDict(extra="forbid")

    url: Url
    wanted: WantedSent = WantedSent()
    after: Position | None = None


class ChangeSent(BaseModel):
    """What is to be another one; what is not named stays."""

    model_config = ConfigDict(extra="forbid")

    url: Url | None = None
    wanted: WantedSent | None = None


class NewSecretSent(BaseModel):
    """How long the old secret goes on signing beside the new one."""

    model_config = ConfigDict(extra="forbid")

    overlap_hours: Annotated[int, Field(ge=0, le=MOST_OVERLAP // timedelta(hours=1))] = 24


class PositionSent(BaseModel):
    """Where to go on: everything behind this position is sent (again), under the same ids."""

    model_config = ConfigDict(extra="forbid")

    after: Position


def webhook_routes(subscriptions: Subscriptions) -> APIRouter:
    """What an integrator does with her own webhooks; each needs her key."""
    router = APIRouter()
    tests = RateLimit(_TESTS_PER_MINUTE, "A webhook is tested ten times a minute at most.")

    @router.post("/webhooks", status_code=201)
    async def make(opened: Integrator, sent: WebhookSent) -> dict[str, Any]:
        """A new webhook. Its secret is shown in this answer and never again."""
        wanted = sent.wanted.wanted(opened.grant)
        made = await subscriptions.make(opened.grant, sent.url, wanted, sent.after)
        return await _with_secret(subscriptions, made)

    @router.get("/webhooks")
    async def own(opened: Integrator) -> dict[str, Any]:
        """Your webhooks, how far each is, and how it goes."""
        found = await subscriptions.of_grant(opened.grant.grant_id)
        last = await subscriptions.last_position()
        return {"webhooks": [_seen(one, last) for one in found], "last_position": last}

    @router.get("/webhooks/{webhook_id}")
    async def one(opened: Integrator, webhook_id: str) -> dict[str, Any]:
        """One webhook."""
        return await _said(
            subscriptions, await subscriptions.get(webhook_id, opened.grant.grant_id)
        )

    @router.patch("/webhooks/{webhook_id}")
    async def change(opened: Integrator, webhook_id: str, sent: ChangeSent) -> dict[str, Any]:
        """Another address, other filters. Its place and its secrets stay."""
        wanted = sent.wanted.wanted(opened.grant) if sent.wanted is not None else None
        grant_id = opened.grant.grant_id
        changed = await subscriptions.change(webhook_id, grant_id, sent.url, wanted)
        return await _said(subscriptions, changed)

    @router.delete("/webhooks/{webhook_id}", status_code=204)
    async def remove(opened: Integrator, webhook_id: str) -> None:
        """Nothing is sent any more, and nothing is kept of it."""
        _raise(await subscriptions.remove(webhook_id, opened.grant.grant_id))

    @router.post("/webhooks/{webhook_id}/pause")
    async def pause(opened: Integrator, webhook_id: str) -> dict[str, Any]:
        """Nothing is sent until you resume it; nothing is lost meanwhile."""
        return await _said(
            subscriptions, await subscriptions.pause(webhook_id, opened.grant.grant_id)
        )

    @router.post("/webhooks/{webhook_id}/resume")
    async def resume(opened: Integrator, webhook_id: str) -> dict[str, Any]:
        """Goes on where it stopped, with what waited first."""
        return await _said(
            subscriptions, await subscriptions.resume(webhook_id, opened.grant.grant_id)
        )

    @router.post("/webhooks/{webhook_id}/secret", status_code=201)
    async def new_secret(
        opened: Integrator, webhook_id: str, sent: NewSecretSent | None = None
    ) -> dict[str, Any]:
        """A new secret, shown once. For the overlap each message has a signature of both."""
        overlap = timedelta(hours=(sent or NewSecretSent()).overlap_hours)
        grant_id = opened.grant.grant_id
        shown = await subscriptions.replace_secret(webhook_id, grant_id, overlap)
        return await _with_secret(subscriptions, shown)

    @router.post("/webhooks/{webhook_id}/test")
    async def test(request: Request, opened: Integrator, webhook_id: str) -> dict[str, Any]:
        """Sends a test event now, and says what your endpoint answered."""
        endpoint = _raise(await subscriptions.get(webhook_id, opened.grant.grant_id))
        await tests.admit(webhook_id)
        only_waits(request)
        tested = await subscriptions.test(endpoint, opened.grant)
        return {
            "message_id": tested.message_id,
            "delivered": tested.answer.is_success,
            "status": tested.answer.status,
            "error": tested.answer.error,
            "seconds": round(tested.seconds, 3),
        }

    @router.post("/webhooks/{webhook_id}/position")
    async def position(opened: Integrator, webhook_id: str, sent: PositionSent) -> dict[str, Any]:
        """Goes back to a position, and sends all that stands behind it again."""
        grant_id = opened.grant.grant_id
        return await _said(
            subscriptions, await subscriptions.go_to(webhook_id, grant_id, sent.after)
        )

    @router.get("/webhooks/{webhook_id}/deliveries")
    async def deliveries(
        opened: Integrator,
        webhook_id: str,
        before: Annotated[int | None, Query(ge=0, le=LAST_POSITION)] = None,
        limit: Annotated[int, Query(ge=1, le=KEPT_DELIVERIES)] = 100,
    ) -> dict[str, Any]:
        """The newest attempts first. `next` is the `before` of the next page."""
        _raise(await subscriptions.get(webhook_id, opened.grant.grant_id))
        return await _log(subscriptions, webhook_id, before, limit)

    return router


def operators_webhook_routes(subscriptions: Subscriptions) -> APIRouter:
    """What operators see and do about every grant's webhooks. They see no address and no secret."""
    router = APIRouter()

    @router.get("/operators/webhooks")
    async def all_webhooks(
        _: Operator, after: str = "", limit: Annotated[int, Query(ge=1, le=_MOST_ROWS)] = 100
    ) -> dict[str, Any]:
        """Every webhook. `next` is the `after` of the next page."""
        found = await subscriptions.page(after, limit)
        last = await subscriptions.last_position()
        following = found[-1].endpoint_id if len(found) == limit else None
        return {"webhooks": [_of_somebody(one, last) for one in found], "next": following}

    @router.get("/operators/webhooks/{webhook_id}/deliveries")
    async def deliveries(
        _: Operator,
        webhook_id: str,
        before: Annotated[int | None, Query(ge=0, le=LAST_POSITION)] = None,
        limit: Annotated[int, Query(ge=1, le=KEPT_DELIVERIES)] = 100,
    ) -> dict[str, Any]:
        """The newest attempts first."""
        _raise(await subscriptions.get(webhook_id, None))
        return await _log(subscriptions, webhook_id, before, limit)

    @router.post("/operators/webhooks/{webhook_id}/disable")
    async def disable(_: Operator, webhook_id: str) -> dict[str, Any]:
        """Nothing is sent until an operator resumes it; its place is kept."""
        done = _raise(await subscriptions.disable(webhook_id))
        return _of_somebody(done, await subscriptions.last_position())

    @router.post("/operators/webhooks/{webhook_id}/resume")
    async def resume(_: Operator, webhook_id: str) -> dict[str, Any]:
        """Goes on where it stopped."""
        done = _raise(await subscriptions.resume(webhook_id, None))
        return _of_somebody(done, await subscriptions.last_position())

    return router


def _raise(found: Endpoint | Refusal) -> Endpoint:
    if isinstance(found, Refusal):
        raise problem_of(found)
    return found


async def _said(subscriptions: Subscriptions, found: Endpoint | Refusal) -> dict[str, Any]:
    return _seen(_raise(found), await subscriptions.last_position())


async def _with_secret(subscriptions: Subscriptions, shown: Shown | Refusal) -> dict[str, Any]:
    if isinstance(shown, Refusal):
        raise problem_of(shown)
    return {**await _said(subscriptions, shown.endpoint), "secret": shown.secret}


async def _log(
    subscriptions: Subscriptions, webhook_id: str, before: int | None, limit: int
) -> dict[str, Any]:
    found = await subscriptions.deliveries(webhook_id, before, limit)
    following = found[-1].number if len(found) == limit else None
    return {"deliveries": [_attempt(one) for one in found], "next": following}


def _seen(endpoint: Endpoint, last_position: int) -> dict[str, Any]:
    """A webhook as its owner sees it."""
    return {
        "webhook_id": endpoint.endpoint_id,
        "url": endpoint.url,
        "wanted": {
            "streams": list(endpoint.wanted.streams),
            "types": list(endpoint.wanted.types),
            "cities": list(endpoint.wanted.cities),
        },
        "secrets": [
            {"made_at": rfc3339(one.made_at), "until": _instant(one.until)}
            for one in endpoint.secrets
        ],
        **_how_it_goes(endpoint, last_position),
    }


def _of_somebody(endpoint: Endpoint, last_position: int) -> dict[str, Any]:
    return {
        "webhook_id": endpoint.endpoint_id,
        "grant_id": endpoint.grant_id,
        **_how_it_goes(endpoint, last_position),
    }


def _how_it_goes(endpoint: Endpoint, last_position: int) -> dict[str, Any]:
    progress = endpoint.progress
    return {
        "state": endpoint.state.value,
        "disabled_for": endpoint.disabled_for.value if endpoint.disabled_for else None,
        "disabled_at": _instant(endpoint.disabled_at),
        "made_at": rfc3339(endpoint.made_at),
        "position": progress.after,
        "behind": max(0, last_position - progress.after),
        "matches_waiting": len(progress.lanes),
        "next_attempt_at": _instant(progress.next_at),
        "failing_since": _instant(progress.failing_since),
        "attempted": progress.attempted,
        "delivered": progress.delivered,
        "last_delivered_at": _instant(progress.last_delivered_at),
    }


def _attempt(one: Logged) -> dict[str, Any]:
    return {
        "number": one.number,
        "at": rfc3339(one.at),
        "event_id": one.event_id,
        "type": one.type,
        "position": one.position,
        "attempt": one.attempt,
        "verdict": one.verdict,
        "status": one.status,
        "error": one.error,
        "seconds": one.seconds,
    }


def _instant(at: datetime | None) -> str | None:
    return rfc3339(at) if at is not None else None


def _not_granted(field: str, others: list[str]) -> Problem:
    return Problem(403, "Not granted", f"Your grant does not hold the {field} {', '.join(others)}.")
