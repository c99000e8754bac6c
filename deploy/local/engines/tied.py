"""Run a command that dies with the process that asked for it: `python tied.py PARENT_PID CMD ...`.

On Linux the kernel keeps the promise (`PR_SET_PDEATHSIG`), also when the parent is killed -9, and
the setting survives `exec`. It is a script of its own, since code between fork and exec of a
program with threads (`preexec_fn`) may deadlock. Elsewhere the command just runs: there, only an
orderly end stops it.

Imports nothing of the project: it runs with `-I -S`, to be gone in a few milliseconds.
"""

import ctypes
import os
import signal
import sys

#: <linux/prctl.h>
PR_SET_PDEATHSIG = 1


def main() -> None:
    """Tie this process to its parent, then become the command."""
    parent, command = int(sys.argv[1]), sys.argv[2:]
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
        if os.getppid() != parent:
            # The parent died between fork and prctl: its death was not seen, and will not be.
            sys.exit("the parent is gone, so this process does not start")
    os.execvp(command[0], command)


if __name__ == "__main__":
    main()
