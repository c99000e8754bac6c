"""A folder is held by one process at a time, and by none that is gone."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.local.held import DirectoryInUse, held

_HOLDER = """
import sys, time
from pathlib import Path
from deploy.local.held import held
with held(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_the_second_is_told_who_has_it_and_one_that_was_killed_is_in_nobodys_way(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "faults"
    command = [sys.executable, "-c", _HOLDER, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=os.environ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        told = f"Process {holder.pid} runs on .*faults"
        with pytest.raises(DirectoryInUse, match=told), held(folder):
            pass
        holder.kill()
    with held(folder):
        assert folder.with_suffix(".lock").read_text() == str(os.getpid())


def test_it_is_free_again_at_the_end(tmp_path: Path) -> None:
    for _ in range(2):
        with held(tmp_path / "up"):
            pass
