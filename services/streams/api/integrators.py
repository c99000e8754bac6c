"""HTTP in: operators make grants; integrators look after their own keys."""

from datetime import timedelta
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from services.streams.api.keys import Integrator
from services.streams.domain.grants import Grant, Key, faults_of_places
from services.streams.domain.integration import GrantedStream
from services.streams.granting import Granting, Issued, Wish
from shared.decisions import Refusal
from shared.events.wire import rfc3339
from shared.web.access import Operator
from shared.web.problems import Problem, problem_of, raise_for

_MOST_ROWS: Final = 500
_LONGEST_OVERLAP_H: Final = 24 * 90


class WishSent(BaseModel):
    """What an operator sends to make a grant. What is not named is not granted."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(min_length=1, max_length=200)]
    programme: Annotated[str, Field(min_length=1, max_length=100)]
    streams: Annotated[list[GrantedStream], Field(min_length=1, max_length=len(GrantedStream))]
    cities: Annotated[list[str], Field(max_length=200)] = []
    regions: Annotated[list[str], Field(max_length=50)] = []
    all_cities: bool = False

    def wish(self) -> Wish:
        """The same, checked. Raises `Problem` (422) that names each place that cannot be granted."""
        faults = faults_of_places(self.cities, self.regions)
        errors = [{"field": fault.field, "reason": fault.reason} for fault in faults]
        if not errors and not (self.cities or self.regions or self.all_cities):
            reason = "Name cities or regions, or say all_cities: no city is nothing, not all."
            errors = [{"field": "cities", "reason": reason}]
        if errors:
            detail = "Some places cannot be granted; each is named with its reason."
            raise Problem(422, "The request is not valid", detail, errors=errors)
        return Wish(
            name=self.name,
            programme=self.programme,
            streams=tuple(dict.fromkeys(self.streams)),
            cities=tuple(dict.fromkeys(self.cities)),
            regions=tuple(dict.fromkeys(self.regions)),
            all_cities=self.all_cities,
        )


class RotationSent(BaseModel):
    """How long the old keys still open after a rotation."""

    model_config = ConfigDict(extra="forbid")

    overlap_hours: Annotated[int, Field(ge=0, le=_LONGEST_OVERLAP_H)] = 24 * 7


def operators_routes(granting: Granting) -> APIRouter:
    """What operators do about integrators; each needs an operator's key."""
    router = APIRouter()

    @router.post("/integrators", status_code=201)
    async def make(_: Operator, sent: WishSent) -> dict[str, Any]:
        """Grants an integrator what is named. The answer is the only place where its key is shown."""
        return _with_key(await granting.make(sent.wish()))

    @router.get("/integrators")
    async def all_grants(
        _: Operator, after: str = "", limit: Annotated[int, Query(ge=1, le=_MOST_ROWS)] = 100
    ) -> dict[str, Any]:
        """Every grant, also those that were revoked. `next` is the `after` of the next page."""
        found = await granting.page(after, limit)
        following = found[-1].grant_id if len(found) == limit else None
        return {"integrators": [_seen(grant) for grant in found], "next": following}

    @router.get("/integrators/{grant_id}")
    async def one_grant(_: Operator, grant_id: str) -> dict[str, Any]:
        """One grant, its keys (never what opens it) and its use."""
        return _seen(await _known(granting, grant_id))

    @router.post("/integrators/{grant_id}/keys", status_code=201)
    async def add_key(_: Operator, grant_id: str) -> dict[str, Any]:
        """One more key; the others go on. For an integrator who has lost hers."""
        return _with_key(await granting.add_key(grant_id))

    @router.delete("/integrators/{grant_id}/keys/{prefix}")
    async def revoke_key(_: Operator, grant_id: str, prefix: str) -> dict[str, Any]:
        """The key opens nothing any more, at once."""
        outcome = await granting.revoke_key(grant_id, prefix)
        raise_for(outcome.refusal)
        return _seen(await _known(granting, grant_id))

    @router.post("/integrators/{grant_id}/revoke")
    async def revoke(_: Operator, grant_id: str) -> dict[str, Any]:
        """Ends the grant, at once and for good; its pseudonyms mean nobody any more."""
        outcome = await granting.revoke(grant_id)
        raise_for(outcome.refusal)
        return _seen(await _known(granting, grant_id))

    return router


def own_grant_routes(granting: Granting) -> APIRouter:
    """What an integrator sees and does with her own key."""
    router = APIRouter()

    @router.get("/grant")
    async def own(opened: Integrator) -> dict[str, Any]:
        """What is granted, the keys (never what opens it), and the use so far."""
        return _seen(opened.grant)

    @router.post("/grant/keys", status_code=201)
    async def rotate(opened: Integrator, sent: RotationSent | None = None) -> dict[str, Any]:
        """A new key, shown once; the old ones still open for `overlap_hours`."""
        overlap = timedelta(hours=(sent or RotationSent()).overlap_hours)
        return _with_key(await granting.rotate(opened.grant.grant_id, overlap))

    @router.delete("/grant/keys/{prefix}")
    async def revoke_key(opened: Integrator, prefix: str) -> dict[str, Any]:
        """One of your keys opens nothing any more, at once. Of the last one, too."""
        outcome = await granting.revoke_key(opened.grant.grant_id, prefix)
        raise_for(outcome.refusal)
        return _seen(await _known(granting, opened.grant.grant_id))

    return router


async def _known(granting: Granting, grant_id: str) -> Grant:
    found = await granting.get(grant_id)
    if found is None:
        detail = "There is no grant with this id; `GET /integrators` lists them."
        raise Problem(404, "Grant unknown", detail)
    return found


def _with_key(issued: Issued | Refusal) -> dict[str, Any]:
    if isinstance(issued, Refusal):
        raise problem_of(issued)
    return {**_seen(issued.grant), "key": issued.key}


def _seen(grant: Grant) -> dict[str, Any]:
    return {
        "grant_id": grant.grant_id,
        "name": grant.name,
        "programme": grant.programme,
        "streams": [stream.value for stream in grant.streams],
        "cities": list(grant.cities),
        "regions": list(grant.regions),
        "all_cities": grant.all_cities,
        "created_at": rfc3339(grant.created_at),
        "revoked_at": rfc3339(grant.revoked_at) if grant.revoked_at else None,
        "keys": [_key(key) for key in grant.keys],
        "usage": {
            "requests": grant.usage.requests,
            "events": grant.usage.events,
            "position": grant.usage.position,
            "last_used_at": rfc3339(grant.usage.last_used_at) if grant.usage.last_used_at else None,
        },
    }


def _key(key: Key) -> dict[str, Any]:
    """A key by its beginning, and when it opens: never its hash."""
    instants = {
        "created_at": key.created_at,
        "expires_at": key.expires_at,
        "revoked_at": key.revoked_at,
        "last_used_at": key.last_used_at,
    }
    return {"prefix": key.prefix, **{n: rfc3339(at) if at else None for n, at in instants.items()}}
