"""Nothing that goes wrong once ends the relay: events would lie in outboxes until a restart."""

import asyncio
import time
from datetime import timedelta
from typing import Any, cast

import pytest
from pymongo.errors import OperationFailure

from shared.messaging import relay
from shared.messaging.relay import Relay
from shared.storage.aggregates import Unsent


class FailingOnce:
    """A database, and a producer, that fail in a way that nobody has foreseen, once each."""

    def __init__(self) -> None:
        self.counted = 0
        self.sent = 0

    def collection(self, _: str) -> "FailingOnce":
        return self

    async def count_documents(self, _: object) -> int:
        self.counted += 1
        if self.counted == 1:
            raise OperationFailure("what is this?")
        return 0

    async def send(self, *_: object, **__: object) -> None:
        self.sent += 1
        raise ValueError("what is this?")


async def test_the_sweeper_and_the_sender_outlive_what_nobody_has_foreseen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(relay, "_SWEEP_EVERY_S", 0.01)
    monkeypatch.setattr(relay, "_PAUSE_AFTER_FAILURE_S", 0.01)
    failing = FailingOnce()
    one = Relay(cast("Any", failing), most_unsent=10)
    one.watch("matches")
    one.use(cast("Any", failing))
    await one.start()
    try:
        deadline = time.monotonic() + 20
        while failing.counted < 3 or failing.sent < 2:
            assert time.monotonic() < deadline, "one of the two has ended"
            one.hand_over([Unsent("matches", "m-1", [an_entry()])])
            await asyncio.sleep(0.01)
    finally:
        await one.stop()


class Counted:
    """A database whose outboxes hold so many, and that knows how often it was asked."""

    def __init__(self) -> None:
        self.unsent = 0
        self.asked = 0

    def collection(self, _: str) -> "Counted":
        return self

    async def count_documents(self, _: object) -> int:
        self.asked += 1
        return self.unsent


async def test_outboxes_are_asked_for_leftovers_only_while_there_is_doubt(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(relay, "_SWEPT_AFTER", timedelta(0))
    database = Counted()
    one = Relay(cast("Any", database), most_unsent=10)
    one.watch("matches")
    database.unsent = 2
    assert await one.left_behind() == 2, "an earlier life may have left some"
    database.unsent = 0
    assert await one.left_behind() == 0
    asked = database.asked
    assert await one.left_behind() == 0
    assert database.asked == asked, "nobody asks when nothing can be there"
    database.unsent = 1
    one.doubt()
    assert await one.left_behind() == 1, "a write that went wrong may have been done"
    assert await one.left_behind() == 1, "and stays until it is gone"


async def test_doubt_lasts_as_long_as_a_write_may_still_come_through() -> None:
    database = Counted()
    one = Relay(cast("Any", database), most_unsent=10)
    one.watch("matches")
    one.doubt()
    assert await one.left_behind() == 0
    database.unsent = 1
    assert await one.left_behind() == 1


def an_entry() -> dict[str, Any]:
    return {
        "id": "e",
        "stream": "matches",
        "sequence": 1,
        "key": "k",
        "headers": {},
        "value": b"{}",
    }
