"""Who an integrator is: the key in `Authorization: Bearer`, looked up after two bounds. Deny first."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

from fastapi import Depends, Request

from services.streams.domain.grants import PREFIX_LENGTH
from services.streams.granting import Granting, Opened
from services.streams.settings import Settings
from shared.web.access import Key, bearer_token
from shared.web.problems import Problem
from shared.web.rate_limits import RateLimit, site_of


class Gate:
    """What one process asks of a request before it opens a grant for it."""

    def __init__(self, granting: Granting, settings: Settings) -> None:
        self._granting = granting
        self._of_address = RateLimit(settings.requests_per_minute)
        self._of_key = RateLimit(
            settings.requests_per_minute,
            "This key was used too often; please wait a minute, and use wait= or a stream.",
        )
        self._most_readers = settings.readers_per_grant
        self._readers: dict[str, int] = {}

    async def open(self, request: Request) -> Opened:
        """The grant that the request's key opens. Raises `Problem` 401, 403 or 429.

        The bounds come before the look-up, so guessing costs the guesser and not the database. The
        second counts by the key's beginning, which tells nothing about whether there is such a key.
        """
        await self._of_address.admit(site_of(request))
        key = bearer_token(request)
        if key is None:
            raise Problem(
                401,
                "A key is needed",
                "Send an integrator's key in the header 'Authorization: Bearer …'.",
                headers={"WWW-Authenticate": "Bearer"},
            )
        await self._of_key.admit(key[:PREFIX_LENGTH])
        opened = await self._granting.open(key)
        if opened is None:
            detail = "This key opens nothing: it is unknown, has expired, or was revoked."
            raise Problem(403, "Not allowed", detail)
        self._granting.note(opened, requests=1)
        return opened

    async def still_opens(self, request: Request) -> bool:
        """Whether the key that opened a stream is still good."""
        return await self._granting.open(bearer_token(request) or "") is not None

    def waiting(self, grant_id: str) -> int:
        """How many of the grant's readers wait here."""
        return self._readers.get(grant_id, 0)

    @contextmanager
    def one_reader(self, opened: Opened) -> Iterator[None]:
        """A place among the grant's readers who wait. Raises `Problem` (429) if all are taken."""
        who = opened.grant.grant_id
        if self._readers.get(who, 0) >= self._most_readers:
            detail = f"A grant has at most {self._most_readers} readers who wait; close one first."
            raise Problem(429, "Too many readers", detail, headers={"Retry-After": "5"})
        self._readers[who] = self._readers.get(who, 0) + 1
        try:
            yield
        finally:
            self._readers[who] -= 1
            if self._readers[who] == 0:
                del self._readers[who]


async def integrator(request: Request, _: Key = None) -> Opened:
    """Lets integrators in."""
    gate: Gate = request.app.state.gate
    return await gate.open(request)


Integrator = Annotated[Opened, Depends(integrator)]
