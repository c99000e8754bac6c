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
    ("defect", "number", "seen"),
    [
        ("no_dedupe", 12, "applied"),
        ("commit_before_write", 2, "applied"),
        ("clear_before_acknowledged", 3, "lacks|none there"),
        ("park_without_order", 14, "applied|wait behind"),
    ],
)
async def test_a_defect_makes_its_row_fail(
    defect: str, number: int, seen: str, ground: Ground, tmp_path_factory: pytest.TempPathFactory
) -> None:
    row = next(row for row in all_rows() if row.number == number)
    var = tmp_path_factory.getbasetemp()
    result = await run_row(row, ground, people=_PEOPLE, seed=1, var=var, defects=[defect])
    assert result.passed is False
    # For the reason that it is there for, not since something fell over.
    assert re.search(seen, result.why), result.why
