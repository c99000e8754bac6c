"""The rows that always run with the tests: on Apache Kafka and MongoDB of three nodes each, in small.

`make faults` runs all of them, with more people.
"""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.faults.ground import Ground
from tests.faults.rows import Row, all_rows
from tests.faults.runner import run_row

_PEOPLE = 120
# The killing and the poison: about a minute each. The others come with `make faults`.
_ALWAYS = frozenset({1, 2, 3, 4, 14, 18})

pytestmark = [pytest.mark.apache, pytest.mark.faults, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def ground(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Ground]:
    var = tmp_path_factory.mktemp("faults")
    async with Ground("apache", var, brokers=3, mongo_nodes=3) as started:
        yield started


def _name(row: Row) -> str:
    return f"{row.number} {row.name}"


@pytest.mark.parametrize("row", [row for row in all_rows() if row.number in _ALWAYS], ids=_name)
async def test_nothing_is_lost_and_nothing_doubled(
    row: Row, ground: Ground, tmp_path_factory: pytest.TempPathFactory
) -> None:
    var = tmp_path_factory.getbasetemp()
    result = await run_row(row, ground, people=_PEOPLE, seed=1, var=var)
    assert result.passed, result.why
    assert result.acknowledged == result.effects
    assert result.acknowledged >= _PEOPLE / 2
