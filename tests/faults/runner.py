"""Runs rows one after the other on the same engines, and tells what became of each."""

import asyncio
import time
import traceback
from collections.abc import AsyncIterator, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from shared.errors import CommonGroundError
from tests.faults.ground import Ground
from tests.faults.rows import Row
from tests.faults.verdict import Verdict
from tests.faults.world import CannotRun, open_world

_ROW_WITHIN_S: Final = 420.0
_LONG_ROW_WITHIN_S: Final = 3_600.0


@dataclass(frozen=True, slots=True)
class Result:
    """One line of the report. passed: None if the row cannot run here; `why` then says why."""

    row: int
    name: str
    did: str
    acknowledged: int
    effects: int
    lost: int
    doubled: int
    resent: int
    recovered_s: float | None
    seconds: float
    passed: bool | None
    why: str = ""

    def as_report(self) -> dict[str, Any]:
        """As `report.json` has it."""
        return asdict(self)


async def run_rows(
    rows: Iterable[Row], ground: Ground, *, people: int, seed: int, var: Path, long: bool = False
) -> AsyncIterator[Result]:
    """The result of each row as soon as it is known. The ground is started already."""
    for row in rows:
        yield await run_row(row, ground, people=people, seed=seed, var=var, long=long)


async def run_row(
    row: Row,
    ground: Ground,
    *,
    people: int,
    seed: int,
    var: Path,
    long: bool = False,
    defects: Iterable[str] = (),
) -> Result:
    """One row. What goes wrong in it is in the result; only the harness's own failures raise."""
    began = time.monotonic()
    did, why, verdict, recovered_s = "", "", None, None
    passed: bool | None = False
    try:
        async with (
            asyncio.timeout(_LONG_ROW_WITHIN_S if long else _ROW_WITHIN_S),
            open_world(
                ground,
                row.number,
                people=row.people_of(people, long=long),
                seed=seed,
                var=var,
                long=long,
                patched=row.patched,
                proxied=row.proxied,
                defects=defects,
                environment=row.environment,
                starts_at=row.starts_at,
            ) as world,
        ):
            did = await row.act(world)
            verdict = await world.finish()
            recovered_s = world.recovered_s
            passed, why = verdict.passed, verdict.why
    except CannotRun as error:
        passed, why = None, str(error)
    except (CommonGroundError, AssertionError) as error:
        why = f"{type(error).__name__}: {error}"
    except Exception as error:  # noqa: BLE001  (a row that breaks must not hide the rows after it)
        why = f"{type(error).__name__}: {error} ({_place_of(error)})"
    return _result(row, did, why, verdict, recovered_s, time.monotonic() - began, passed)


def _result(
    row: Row,
    did: str,
    why: str,
    verdict: Verdict | None,
    recovered_s: float | None,
    seconds: float,
    passed: bool | None,
) -> Result:
    return Result(
        row=row.number,
        name=row.name,
        did=did,
        acknowledged=verdict.acknowledged if verdict is not None else 0,
        effects=verdict.effects if verdict is not None else 0,
        lost=len(verdict.lost) if verdict is not None else 0,
        doubled=len(verdict.doubled) if verdict is not None else 0,
        resent=verdict.resent if verdict is not None else 0,
        recovered_s=recovered_s,
        seconds=round(seconds, 1),
        passed=passed,
        why=why,
    )


def _place_of(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "site-packages" not in frame.filename]
    last = (ours or frames)[-1]
    return f"{Path(last.filename).name}:{last.lineno}"
