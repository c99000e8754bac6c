"""What a simulated person or coordinator uses the web with: tries again while a service is away."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from types import TracebackType
from typing import Any, Final, Self, TypeVar
from urllib.parse import urlsplit

import aiohttp

from deploy.local.simulation.forms import Form, forms_of
from shared.errors import CommonGroundError

AWAY: Final = frozenset(
    {
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
    }
)
"""Answers after which one tries again: the origin's for a service that is being restarted."""
_NO_WONDER: Final = frozenset(
    {HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT, HTTPStatus.GONE}
)
"""Refusals that belong to life: a link that has expired, an answer that comes too late."""

_GIVES_UP_AFTER_S: Final = 120.0
_FIRST_PAUSE_S: Final = 0.05
_LONGEST_PAUSE_S: Final = 2.0
_TIMEOUT: Final = aiohttp.ClientTimeout(total=None, connect=30.0, sock_read=30.0)

Answered = TypeVar("Answered")


class OriginAway(CommonGroundError):
    """The origin or a service behind it did not come back in time."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. location: where a redirect leads. cookies: those that were set."""

    status: int
    text: str
    location: str = ""
    cookies: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_done(self) -> bool:
        """Whether it was done, or had been done before."""
        return HTTPStatus.OK <= self.status < HTTPStatus.BAD_REQUEST

    def forms(self) -> list[Form]:
        """The forms of the page."""
        return forms_of(self.text)

    def form_for(self, action: str) -> Form | None:
        """The first form that is sent there."""
        return next((form for form in self.forms() if form.action == action), None)


@dataclass(slots=True)
class Browser:
    """Requests through the one origin. surprises: answers that no person should ever get."""

    origin: str
    surprises: Counter[str] = field(default_factory=Counter)
    retries: int = 0
    _session: aiohttp.ClientSession = field(init=False)

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            self.origin,
            headers={"accept": "text/html"},
            timeout=_TIMEOUT,
            # Everybody looks through this one browser: what one is told must not stick to another.
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        return self

    async def __aexit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        await self._session.close()

    async def open(self, url: str) -> Answer:
        """Looks at a page."""
        return await self.ask("GET", url)

    async def send(self, form: Form, chosen: Mapping[str, str], key: str) -> Answer:
        """Sends a form. key: the same for the same question, so that it counts once."""
        return await self.ask("POST", form.url, key=key, data=form.filled(chosen))

    async def ask(
        self,
        method: str,
        url: str,
        *,
        key: str | None = None,
        bearer: str | None = None,
        session: str | None = None,
        as_json: bool = False,
        data: Mapping[str, str] | Sequence[tuple[str, str]] | None = None,
        json: Any = None,
    ) -> Answer:
        """One request, answered; redirects are for the caller. Raises `OriginAway`.

        session: the cookies of somebody who is signed in.
        """
        headers = {"idempotency-key": key} if key is not None else {}
        if bearer is not None:
            headers |= {"authorization": f"Bearer {bearer}", "accept": "application/json"}

        if session is not None:
            headers |= {"cookie": session, "sec-fetch-site": "same-origin"}
        if as_json:
            headers["accept"] = "application/json"

        async def once() -> Answer | None:
            async with self._session.request(
                method, url, headers=headers, data=data, json=json, allow_redirects=False
            ) as answer:
                if answer.status in AWAY:
                    return None
                return Answer(
                    answer.status,
                    await answer.text(),
                    answer.headers.get("location", ""),
                    {name: morsel.value for name, morsel in answer.cookies.items()},
                )

        answer = await self.until_answered(once, url)
        if not answer.is_done and answer.status not in _NO_WONDER:
            self.surprises[f"{answer.status} for {method} {_path(url)}"] += 1
        return answer

    async def until_answered(
        self, once: Callable[[], Awaitable[Answered | None]], url: str
    ) -> Answered:
        """Tries until there is an answer that is not None. Raises `OriginAway`."""
        pause_s, give_up_at = _FIRST_PAUSE_S, time.monotonic() + _GIVES_UP_AFTER_S
        while True:
            try:
                answer = await once()
            except (aiohttp.ClientError, TimeoutError):
                answer = None
            if answer is not None:
                return answer
            if time.monotonic() > give_up_at:
                raise OriginAway(
                    f"{_path(url)} was not answered for {_GIVES_UP_AFTER_S:.0f} s; "
                    "see the log of the service behind it."
                )
            self.retries += 1
            await asyncio.sleep(pause_s)
            pause_s = min(_LONGEST_PAUSE_S, pause_s * 2)

    def upload(self, url: str, **request: Any) -> Any:
        """A POST whose answer is read as it comes; see `aiohttp.ClientSession.post`."""
        return self._session.post(url, **request)


def _path(url: str) -> str:
    """Without the query, which may hold a signed link."""
    return urlsplit(url).path
