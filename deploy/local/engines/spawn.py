"""Starting processes that die with this one, and ports for them to listen on."""

import contextlib
import os
import queue
import random
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Final

from deploy.local.engines.errors import EngineError

_TIED: Final = str(Path(__file__).with_name("tied.py"))
_EPHEMERAL_PORTS: Final = Path("/proc/sys/net/ipv4/ip_local_port_range")
_LOWEST_PORT: Final = 15_000

_Start = Callable[[], subprocess.Popen[bytes]]
_Order = tuple[_Start, "Future[subprocess.Popen[bytes]]"]


def spawn_tied(
    command: Sequence[str], *, log: Path, env: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """Start a command whose output goes to `log`, and which is killed when this process ends.

    It has a session of its own, so a Ctrl-C in the terminal reaches this process only, which can
    then stop things in their order. `env` is added to this process's environment.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    launcher = [sys.executable, "-I", "-S", _TIED, str(os.getpid()), *command]

    def start() -> subprocess.Popen[bytes]:
        with log.open("ab") as out:
            return subprocess.Popen(
                launcher,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env={**os.environ, **(env or {})},
            )

    return _SPAWNER.run(start)


class _Spawner:
    """One thread that starts every child and lives as long as the process.

    The kernel sends the parent-death signal when the *thread* that forked ends. Started from a
    worker thread (`asyncio.to_thread`, a pool), children would die with that thread.
    """

    def __init__(self) -> None:
        self._orders: queue.SimpleQueue[_Order] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._owner = 0

    def run(self, start: _Start) -> subprocess.Popen[bytes]:
        with self._lock:
            if self._owner != os.getpid():  # first use, or the first after a fork
                self._owner = os.getpid()
                self._orders = queue.SimpleQueue()
                threading.Thread(target=self._work, name="spawner", daemon=True).start()
        done: Future[subprocess.Popen[bytes]] = Future()
        self._orders.put((start, done))
        return done.result()

    def _work(self) -> None:
        orders = self._orders
        while True:
            start, done = orders.get()
            try:
                done.set_result(start())
            except BaseException as error:  # noqa: BLE001 - handed to the caller, who waits
                done.set_exception(error)


def free_ports(number: int) -> tuple[int, ...]:
    """Ports of the loopback interface on which nobody listens now.

    They lie below the range from which the kernel serves outgoing connections. A port of that
    range could be taken by any client while a fault test has the node down that owns it.
    """
    top = 32_768
    with contextlib.suppress(OSError, ValueError):
        top = int(_EPHEMERAL_PORTS.read_text().split()[0])
    candidates = random.sample(range(_LOWEST_PORT, max(top, _LOWEST_PORT + 1_000)), k=500)
    found: list[int] = []
    for port in candidates:
        if len(found) == number:
            return tuple(found)
        if port_is_free(port):
            found.append(port)
    raise EngineError(f"found no {number} free ports from {_LOWEST_PORT} up: too much runs here")


def port_is_free(port: int) -> bool:
    """Whether a server could listen on this port of the loopback interface now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do it: connections of an earlier run in TIME_WAIT are no hindrance.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


_SPAWNER: Final = _Spawner()
