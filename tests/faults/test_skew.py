"""A skewed clock is as wrong as the plan says, from one moment to the next."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.faults.crashing import Plan
from tests.faults.skew import SkewedClock

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)


class Noon:
    def now(self) -> datetime:
        return NOON


def test_the_clock_is_wrong_by_what_the_plan_says_now(tmp_path: Path) -> None:
    file = tmp_path / "intake.plan.json"
    clock = SkewedClock(Noon(), Plan(file))
    assert clock.now() == NOON
    file.write_text(json.dumps({"skew_s": -180}))
    assert clock.now() == NOON - timedelta(minutes=3)
    file.unlink()
    assert clock.now() == NOON
