"""What a handler cannot stand: found, tried again with the others of its kind, parked; the rest goes on."""

import asyncio
from typing import Any, cast

import pytest

from shared.clock import SystemClock
from shared.events.wire import Record
from shared.messaging.consumption import ATTEMPTS, Batch, Consumption
from tests.unit.messaging.test_parking import an_event


class Letters:
    """Where parked records are noted."""

    def __init__(self) -> None:
        self.parked: list[str] = []

    async def change(self, changes: list[Any]) -> None:
        self.parked += [change.id for change in changes]


class Handler:
    """Fails at these subjects: so many times, or for ever."""

    def __init__(self, **fails: int) -> None:
        self.fails = fails
        self.handled: list[tuple[str, int]] = []

    async def use(self, batch: Batch) -> None:
        for event in batch:
            if self.fails.get(event.subject, 0) > 0:
                self.fails[event.subject] -= 1
                raise LookupError
        self.handled += [(event.subject, event.sequence) for event in batch]


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    return slept


def records(*names: tuple[str, int]) -> list[Record]:
    found = [an_event(sequence, subject=subject).record for subject, sequence in names]
    return [record for record in found if record is not None]


async def consume(handler: Handler, *names: tuple[str, int]) -> Letters:
    letters = Letters()
    consumption = Consumption("g", cast("Any", letters), SystemClock(), handler.use)
    await consumption.handle(records(*names))
    return letters


FOR_EVER = 10**6


async def test_many_that_fail_wait_together_and_not_one_after_the_other(
    pauses: list[float],
) -> None:
    names = [(name, 1) for name in "abcdefgh"]
    handler = Handler(**dict.fromkeys("bcdefg", FOR_EVER))
    letters = await consume(handler, *names)
    assert handler.handled == [("a", 1), ("h", 1)]
    assert len(letters.parked) == 6
    assert len(pauses) == 1 + ATTEMPTS - 1, "one before the batch again, then one for each round"


async def test_what_follows_on_one_that_fails_waits_behind_it(pauses: list[float]) -> None:
    handler = Handler(a=4)
    letters = await consume(handler, ("a", 1), ("b", 1), ("a", 2), ("b", 2), ("a", 3))
    assert letters.parked == []
    of_a = [sequence for subject, sequence in handler.handled if subject == "a"]
    assert of_a == [1, 2, 3]
    assert handler.handled[:2] == [("b", 1), ("b", 2)]


async def test_one_alone_is_parked_after_its_last_try_and_no_later(pauses: list[float]) -> None:
    assert (await consume(Handler(a=ATTEMPTS - 1), ("a", 1))).parked == []
    assert len((await consume(Handler(a=ATTEMPTS), ("a", 1))).parked) == 1
