"""What stands in for Kafka and MongoDB where a test is about processes only, and how to wait."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Self

from deploy.local.broker import EndOffsets
from deploy.local.engines import Addresses, Node


class FakeEngine:
    """An engine with nothing in it."""

    name = "none"
    addresses = Addresses(kafka=("127.0.0.1:1",), mongodb_admin="")
    kafka_nodes: tuple[Node, ...] = ()
    mongo_nodes: tuple[Node, ...] = ()

    def start(self) -> None:
        """Nothing to start."""

    def stop(self) -> None:
        """Nothing to stop."""

    def wipe(self) -> None:
        """Nothing to remove."""

    def mongodb_url(self, user: str) -> str:
        return f"mongodb://{user}@127.0.0.1:1/{user}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_raised: object) -> None:
        """Nothing to stop."""


class FakeBroker:
    """Ends where a test says."""

    def __init__(self) -> None:
        self.ends: dict[str, dict[int, int]] = {"participants": {0: 0}}

    async def open(self) -> None:
        """Nothing to open."""

    async def end_offsets(self) -> EndOffsets:
        return {topic: dict(offsets) for topic, offsets in self.ends.items()}

    async def close(self) -> None:
        """Nothing to close."""


async def until(true: Callable[[], bool | Awaitable[bool]], within_s: float = 15.0) -> None:
    """Polls until something is true; fails when it is not in time."""
    deadline = time.monotonic() + within_s
    while True:
        answer = true()
        if answer if isinstance(answer, bool) else await answer:
            return
        assert time.monotonic() < deadline, f"not true within {within_s} s"
        await asyncio.sleep(0.02)
