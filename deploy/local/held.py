"""One at a time: whoever runs on a folder holds it, and the next one is told so."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from shared.errors import CommonGroundError


class DirectoryInUse(CommonGroundError):
    """Somebody else runs on the folder. The message says which process, and what to do."""


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Holds the folder until the end of the context. Raises `DirectoryInUse`.

    The lock lies beside the folder, which may be wiped meanwhile. It is the system's and ends with its
    process, so one that was killed is in nobody's way.
    """
    path = folder.with_suffix(".lock")
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+", encoding="ascii") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise DirectoryInUse(
                f"Process {lock.read() or 'unknown'} runs on {folder}; stop it first."
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield
