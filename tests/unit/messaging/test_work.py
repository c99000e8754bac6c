"""What a process says of its open work to whoever waits for quiet."""

import re

import pytest

from shared.messaging.work import OFFSETS_PATTERN, Work, offsets_of


def test_offsets_are_written_as_the_clocks_driver_writes_them() -> None:
    written = "check-ins/0:12,matches/2:7"
    assert re.match(OFFSETS_PATTERN, written)
    assert offsets_of(written) == {("check-ins", 0): 12, ("matches", 2): 7}
    assert re.match(OFFSETS_PATTERN, "")
    assert offsets_of("") == {}


@pytest.mark.parametrize("written", ["matches", "matches/0", "matches/x:1", "a/0:1,", "a/0:1;b"])
def test_what_is_no_offsets_is_refused(written: str) -> None:
    assert not re.match(OFFSETS_PATTERN, written)


def test_a_process_has_read_to_where_its_own_partitions_end() -> None:
    work = Work(consumed={("matches", 0): 5})
    assert work.has_read_to({("matches", 0): 5, ("matches", 1): 9, ("care", 0): 1})
    assert not work.has_read_to({("matches", 0): 6})


@pytest.mark.parametrize("kind", ["requests", "handling", "mails", "rounds"])
def test_whatever_is_open_counts(kind: str) -> None:
    work = Work()
    said = [work.is_any]
    with work.one(kind):
        said.append(work.is_any)
    assert [*said, work.is_any] == [False, True, False]
