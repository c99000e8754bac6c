"""The doors that integrators take, each as one function: everything that comes through it.

A test of `EVERY_DOOR` holds for all of them. Whoever builds another door adds it to the list.
"""

import json
from collections.abc import Awaitable, Callable
from typing import Any, Final

from tests.integration.streams.ground import Ground, bearer

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


EVERY_DOOR: Final[list[Door]] = [through_the_feed, through_server_sent_events]
