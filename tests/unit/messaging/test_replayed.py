"""What was sent again for one consumer group is for that group alone."""

from dataclasses import replace
from typing import Any, cast

import pytest

from shared.clock import SystemClock
from shared.events.wire import REPLAY_TO, Record
from shared.messaging.consumption import Batch, Consumption
from tests.unit.messaging.test_parking import an_event


def sent_again(to: bytes | None, sequence: int = 1) -> Record:
    record = an_event(sequence).record
    assert record is not None
    return record if to is None else replace(record, headers=(*record.headers, (REPLAY_TO, to)))


@pytest.mark.parametrize(
    ("to", "comes"),
    [(None, True), (b"followup.check-ins", True), (b"matching.check-ins", False), (b"\xff", False)],
)
async def test_only_the_group_that_is_meant_takes_it(to: bytes | None, comes: bool) -> None:
    taken: list[str] = []

    async def use(batch: Batch) -> None:
        taken.extend(event.id for event in batch)

    letters = cast("Any", None)
    consumption = Consumption("followup.check-ins", letters, SystemClock(), use)
    await consumption.handle([sent_again(to), sent_again(None, 2)])
    assert taken == (["check-ins/a:1"] if comes else []) + ["check-ins/a:2"]


async def test_a_record_without_headers_is_not_taken_for_one() -> None:
    consumption = Consumption("g", cast("Any", None), SystemClock(), cast("Any", None))
    assert not consumption._is_for_another(Record("matches", 0, 0, None, (), None))
