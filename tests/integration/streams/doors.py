"""The doors that integrators take, each as one function: everything that comes through it.

A test of `EVERY_DOOR` holds for all of them. Whoever builds another door adds it to the list.
"""

import json
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, Final

import pytest

from services.streams.domain import deliveries
from services.streams.webhooks import serving
from tests.integration.streams.ground import Ground, bearer
from tests.integration.streams.ground import until as eventually
from tests.integration.streams.receiver import a_receiver

Event = dict[str, Any]
Door = Callable[[Ground, dict[str, Any], str, int, int], Awaitable[list[Event]]]
"""`door(ground, grant, stream, after, until)`: the events of a stream behind a position, until everything
up to position `until` has come. `grant` is what the operator got when she made it, with its `key`."""


async def through_the_feed(
    ground: Ground, grant: dict[str, Any], stream: str, after: int, until: int
) -> list[Event]:
    """Page by page, going on from the position that each answer names."""
    events: list[Event] = []
    while after < until:
        answer = await ground.http.get(
            f"/feed/{stream}", params={"after": after, "limit": 7}, headers=bearer(grant["key"])
        )
        assert answer.status_code == 200, answer.text
        events += answer.json()
        after = int(answer.headers["Commonground-Position"])
    return events


async def all_through_the_feed(
    ground: Ground, grant: dict[str, Any], after: int, until: int
) -> list[Event]:
    """Of both streams, by rising position."""
    events = [
        event
        for stream in ("matches", "check-ins")
        for event in await through_the_feed(ground, grant, stream, after, until)
    ]
    return sorted(events, key=lambda event: int(event["position"]))


async def through_server_sent_events(
    ground: Ground, grant: dict[str, Any], stream: str, after: int, until: int
) -> list[Event]:
    """In two connections: the second goes on with the id that the first one came to."""
    events: list[Event] = []
    most = 5
    while after < until:
        headers = {**bearer(grant["key"]), "Last-Event-ID": str(after)}
        path = f"/feed/{stream}/stream"
        async with ground.http.stream("GET", path, headers=headers) as answer:
            assert answer.status_code == 200, await answer.aread()
            before = len(events)
            async for told in messages(answer):
                if "data" in told:
                    events.append(json.loads(told["data"]))
                after = int(told.get("id", after))
                if after >= until or len(events) - before >= most:
                    break
        most = 10_000
    return events


async def messages(answer: Any) -> Any:
    """The messages of a stream of server-sent events, as the specification says: fields by name."""
    fields: dict[str, str] = {}
    async for line in answer.aiter_lines():
        if not line:
            if fields:
                yield fields
            fields = {}
            continue
        name, _, value = line.partition(":")
        if name:
            value = value.removeprefix(" ")
            is_more = name == "data" and name in fields
            fields[name] = f"{fields[name]}\n{value}" if is_more else value


async def through_a_webhook(
    ground: Ground, grant: dict[str, Any], stream: str, after: int, until: int
) -> list[Event]:
    """A webhook from a position on, whose receiver was away at first: sorted, since only each match is in
    order."""
    headers = bearer(grant["key"])

    async def away_at_first(number: int) -> int:
        return 503 if number == 0 else 204

    async with a_receiver() as receiver:
        receiver.answer = away_at_first
        sent = {"url": receiver.url, "wanted": {"streams": [stream]}, "after": after}
        made = await ground.http.post("/webhooks", json=sent, headers=headers)
        assert made.status_code == 201, made.text
        receiver.secret = made.json()["secret"]
        path = f"/webhooks/{made.json()['webhook_id']}"

        async def has_come() -> bool:
            found = (await ground.http.get(path, headers=headers)).json()
            return bool(found["position"] >= until and found["matches_waiting"] == 0)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(serving, "NOTE_IDLE_EVERY_S", 0.05)
            patch.setattr(deliveries, "RETRY_AFTER", (timedelta(seconds=0.1),) * 9)
            await eventually(has_come)
        await ground.http.delete(path, headers=headers)
    by_match: dict[str, list[int]] = {}
    for event in receiver.received:
        by_match.setdefault(event["subject"], []).append(int(event["position"]))
    assert all(positions == sorted(positions) for positions in by_match.values())
    return sorted(receiver.received, key=lambda event: int(event["position"]))


EVERY_DOOR: Final[list[Door]] = [
    through_the_feed,
    through_server_sent_events,
    through_a_webhook,
]
