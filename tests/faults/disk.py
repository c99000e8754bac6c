"""A disk that is too small: one node's data on a tmpfs of its own, filled up and freed again."""

import errno
import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

from deploy.local.engines import Node

_PART: Final = b"\0" * 65_536


class NoSmallDisk(Exception):
    """This machine does not let us mount a tmpfs: why, and what it would take."""


class SmallDisk:
    """The disk of one node, whose data lie in `folder`. Synchronous."""

    def __init__(self, node: Node, folder: Path) -> None:
        self._node = node
        self._folder = folder
        self._aside = folder.with_name(f"{folder.name}.aside")
        self._ballast = folder / "ballast"

    def mount(self, spare_bytes: int) -> None:
        """Restarts the node on a disk with so much room beside its data. Raises `NoSmallDisk`."""
        if os.geteuid() != 0:
            raise NoSmallDisk("to mount a tmpfs for a data folder takes root")
        self._node.stop()
        used = int(_run("du", "--summarize", "--block-size=1", str(self._folder)).split()[0])
        self._folder.rename(self._aside)
        self._folder.mkdir()
        size = f"size={used + spare_bytes}"
        try:
            _run("mount", "--types", "tmpfs", "--options", size, "tmpfs", str(self._folder))
        except subprocess.CalledProcessError as error:
            self._put_back()
            raise NoSmallDisk(f"a tmpfs was not to be mounted: {error.stderr.strip()}") from None
        _copy(self._aside, self._folder)
        self._node.start()

    def fill(self) -> int:
        """Fills it to the last byte. Returns how many bytes that took."""
        with self._ballast.open("ab", buffering=0) as ballast:
            try:
                while True:
                    ballast.write(_PART)
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
            return ballast.tell()

    def free(self) -> None:
        """Gives the space back."""
        self._ballast.unlink(missing_ok=True)

    def unmount(self) -> None:
        """Puts the data back where they were, and restarts the node there."""
        self.free()
        self._node.stop()
        shutil.rmtree(self._aside)
        _copy(self._folder, self._aside)
        _run("umount", str(self._folder))
        self._put_back()

    def _put_back(self) -> None:
        self._folder.rmdir()
        self._aside.rename(self._folder)
        self._node.start()


def _copy(source: Path, target: Path) -> None:
    """All files, with their holes: indexes of Kafka are ten megabytes of nothing."""
    _run("cp", "--archive", "--sparse=always", "--no-target-directory", str(source), str(target))


def _run(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout
