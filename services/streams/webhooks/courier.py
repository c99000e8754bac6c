"""One turn of deliveries to one endpoint: what is due is sent, in order within each match.

What must stay true: of one match nothing is sent before what came earlier was delivered or given up;
and what a turn did is told as a whole, so that it can be noted in one write. A turn that is not noted is
done again: at least once, under the same message ids.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Protocol

from services.streams.domain.deliveries import ILL_AFTER, Answer, Attempt, Lane, Run, Verdict
from services.streams.domain.projection import Projected
from services.streams.domain.subscriptions import Endpoint, Turn
from shared.ids import repeatable_id
from shared.security.hashing import KeyedHash
from shared.security.webhooks import secret_of, signed_headers

AT_ONCE: Final = 4
"""Requests under way to one endpoint."""
CONTENT_TYPE: Final = "application/cloudevents+json"

Now = Callable[[], datetime]


class Source(Protocol):
    """Where the events come from; `services.streams.following.Following` is one."""

    async def page(self, after: int, limit: int) -> tuple[list[Projected], int]:
        """At most `limit` events behind a position, and the position up to which these are all."""

    async def of_match(self, at: int, until: int) -> list[Projected]:
        """The event at a position, and the later ones of its match up to `until`."""


class Post(Protocol):
    """Makes one request; `services.streams.webhooks.sending.Sender` has one."""

    def __call__(
        self, url: str, body: bytes, headers: Mapping[str, str]
    ) -> Awaitable[tuple[Answer, float]]:
        """What was answered, and the seconds it took."""


def machine_now() -> datetime:
    """The machine's time, in whole milliseconds: signatures and retries know no other."""
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


def message_id(endpoint_id: str, event_id: str) -> str:
    """The same for the same event at the same endpoint, however often it is sent."""
    return f"msg_{repeatable_id(endpoint_id, event_id)}"


@dataclass(slots=True)
class Courier:
    """Delivers for any endpoint, a turn at a time. `stopping`: nothing new is begun any more."""

    post: Post
    hashes: KeyedHash
    stopping: asyncio.Event
    now: Now = machine_now

    async def turn(self, endpoint: Endpoint, source: Source) -> Turn:
        """Sends what is due; what it did, and how far it looked."""
        progress = endpoint.progress
        due = progress.due(self.now())
        events: list[Projected] = []
        reached = progress.after
        if due.new:
            events, reached = await source.page(progress.after, due.new)
        # What belongs behind a lane is read again from the journal when the lane moves on.
        fresh: dict[str, list[Projected]] = {}
        for event in events:
            if event.subject not in progress.waiting:
                fresh.setdefault(event.subject, []).append(event)
        lanes = due.lanes if not (progress.is_ill and fresh) else ()
        round_ = _Round(self, endpoint, is_probe=progress.is_ill)
        runs = await asyncio.gather(
            *(round_.follow(lane, source, reached) for lane in lanes),
            *(round_.deliver(match, events, 1) for match, events in fresh.items()),
        )
        chances = [random.random() for _ in runs]  # noqa: S311  (spreads load, guards nothing)
        begun = (progress.turned_back, progress.begun_anew)
        return Turn(endpoint.epoch, *begun, reached, runs, chances)

    async def send(self, endpoint: Endpoint, message: str, body: bytes) -> tuple[Answer, float]:
        """One signed request, outside all order."""
        now = self.now()
        secrets = [secret_of(seed, self.hashes) for seed in endpoint.seeds(now)]
        headers = signed_headers(secrets, message, int(now.timestamp()), body)
        return await self.post(endpoint.url, body, {"content-type": CONTENT_TYPE, **headers})


class _Round:
    """What the runs of one turn share: room for so many at once, and how ill the endpoint seems."""

    def __init__(self, courier: Courier, endpoint: Endpoint, *, is_probe: bool) -> None:
        self._courier = courier
        self._endpoint = endpoint
        self._room = asyncio.Semaphore(AT_ONCE)
        self._failures = 0 if is_probe else endpoint.progress.failures_in_a_row
        self._is_over = False

    @property
    def _must_end(self) -> bool:
        return self._is_over or self._failures >= ILL_AFTER or self._courier.stopping.is_set()

    async def follow(self, lane: Lane, source: Source, until: int) -> Run:
        """The event that waits, and those behind it."""
        events = await source.of_match(lane.position, until)
        is_same = bool(events) and events[0].position == lane.position
        return await self.deliver(lane.match_id, events, lane.attempts + 1 if is_same else 1)

    async def deliver(self, match_id: str, events: Sequence[Projected], number: int) -> Run:
        """One match's events, until one fails."""
        attempts: list[Attempt] = []
        for event in events:
            async with self._room:
                if self._must_end:
                    return Run(match_id, tuple(attempts), waits_at=event.position)
                attempts.append(await self._attempt(event, number))
            if not attempts[-1].is_settled:
                return Run(match_id, tuple(attempts), waits_at=event.position)
            number = 1
        return Run(match_id, tuple(attempts))

    async def _attempt(self, event: Projected, number: int) -> Attempt:
        message = message_id(self._endpoint.endpoint_id, event.id)
        answer, seconds = await self._courier.send(
            self._endpoint, message, event.as_json().encode()
        )
        made = Attempt(
            event_id=event.id,
            type=event.type,
            position=event.position,
            number=number,
            at=self._courier.now(),
            seconds=round(seconds, 4),
            answer=answer,
        )
        self._failures = 0 if answer.is_success else self._failures + 1
        self._is_over |= made.verdict is Verdict.GONE
        return made
