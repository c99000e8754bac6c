"""The harness can see: with a deliberate defect in the services, the row fails that is there for it."""

import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.faults.ground import Ground
from tests.faults.rows import all_rows
from tests.faults.runner import run_row

_PEOPLE = 80

pytestmark = [pytest.mark.faults, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def ground(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Ground]:
    var = tmp_path_factory.mktemp("harness")
    async with Ground("embedded", var, brokers=1, mongo_nodes=1) as started:
        yield started


@pytest.mark.parametrize(
    ("defect", "name", "seen"),
    [
        ("no_dedupe", "every event delivered five times", "applied"),
        ("commit_before_write", "kill -9 after the fetch", "applied"),
        (
            "clear_before_acknowledged",
            "kill -9 between publishing and clearing",
            "lacks|none there",
        ),
        ("own_newest_entry_only", "her next step at another instance", "applied|order"),
        ("no_unique_indexes", "killed after the write, before the reply", "one address is 2"),
        ("park_without_order", "a handler with a bug", "applied|wait behind"),
        (
            "nothing_recalled",
            "restored from an older backup",
            "overbooked|two_open_matches|too many",
        ),
    ],
)
async def test_a_defect_makes_its_row_fail(
    defect: str, name: str, seen: str, ground: Ground, tmp_path_factory: pytest.TempPathFactory
) -> None:
    row = next(row for row in all_rows() if name in row.name)
    var = tmp_path_factory.getbasetemp()
    result = await run_row(row, ground, people=_PEOPLE, seed=1, var=var, defects=[defect])
    assert result.passed is False
    # For the reason that it is there for, not since something fell over.
    assert re.search(seen, result.why), result.why
