"""One process of an engine: a broker or a mongod, with what fault tests do to it."""

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from deploy.local.engines.errors import EngineError, NodeDied, NodeNotReady, PortTaken
from deploy.local.engines.spawn import port_is_free, spawn_tied

_START_WITHIN_S: Final = 120.0
_STOP_WITHIN_S: Final = 15.0
_POLL_S: Final = 0.02
_LOG_LINES_SHOWN: Final = 8


class Node:
    """A server process on one port of the loopback interface.

    `kill` is a crash, `stop` an orderly end, `pause` a machine that hangs (its connections stay
    open and nothing answers). After any of them `start` or `resume` brings the same node back, on
    the same port with the same data.
    """

    def __init__(
        self,
        name: str,
        port: int,
        command: Sequence[str],
        *,
        log: Path,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.address = f"127.0.0.1:{port}"
        self._port = port
        self._command = tuple(command)
        self._log = log
        self._env = dict(env or {})
        self._log_start = 0
        self._process: subprocess.Popen[bytes] | None = None

    def __repr__(self) -> str:
        return f"Node({self.name!r}, {self.address}, {'running' if self.running else 'down'})"

    @property
    def running(self) -> bool:
        """Whether its process lives (paused counts as alive)."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """The process's id. Raises `EngineError` when it does not run."""
        if self._process is None or self._process.poll() is not None:
            raise EngineError(f"{self.name} does not run: start() it first")
        return self._process.pid

    def start(self) -> None:
        """Start it and wait until its port answers. Raises `NodeDied`, `PortTaken` or `NodeNotReady`."""
        self.launch()
        self.wait_until_it_listens()

    def launch(self) -> None:
        """Start it without waiting, for nodes that come up together."""
        if self.running:
            raise EngineError(f"{self.name} runs already, as process {self.pid}")
        if not port_is_free(self._port):
            raise PortTaken(f"{self.name}: port {self._port} is taken by another process")
        self._log_start = self._log.stat().st_size if self._log.exists() else 0
        self._process = spawn_tied(self._command, log=self._log, env=self._env)

    def wait_until_it_listens(self, within_s: float = _START_WITHIN_S) -> None:
        """Wait until its port takes connections. Raises as `start` does."""
        deadline = time.monotonic() + within_s
        while not self._listens():
            self.must_live()
            if time.monotonic() > deadline:
                raise NodeNotReady(
                    f"{self.name} did not listen on {self.address} within {within_s:.0f} s: "
                    f"see {self._log}"
                )
            time.sleep(_POLL_S)
        self.must_live()  # else it was somebody else who listens there

    def must_live(self) -> None:
        """Raise `PortTaken` or `NodeDied` when the process has ended by itself."""
        status = self._process.poll() if self._process is not None else None
        if self._process is not None and status is None:
            return
        said = self._said_since_its_start()
        if "in use" in said.lower() or "bindexception" in said.lower():
            raise PortTaken(f"{self.name}: port {self._port} was taken while it started")
        last_words = "\n".join(line[:200] for line in said.splitlines()[-_LOG_LINES_SHOWN:])
        raise NodeDied(
            f"{self.name} ended with status {status}: see {self._log}. It last said:\n{last_words}"
        )

    def kill(self) -> None:
        """End it at once (SIGKILL), as a crash would."""
        self._signal(signal.SIGKILL)
        if self._process is not None:
            self._process.wait()

    def stop(self, within_s: float = _STOP_WITHIN_S) -> None:
        """End it in order (SIGTERM), also when paused; after `within_s` seconds kill it."""
        self.ask_to_stop()
        self.wait_until_stopped(within_s)

    def ask_to_stop(self) -> None:
        """Ask for an orderly end without waiting, for nodes that go down together."""
        self._signal(signal.SIGTERM)
        self._signal(signal.SIGCONT)

    def wait_until_stopped(self, within_s: float = _STOP_WITHIN_S) -> None:
        """Wait for its end; after `within_s` seconds kill it."""
        if self._process is None:
            return
        try:
            self._process.wait(within_s)
        except subprocess.TimeoutExpired:
            self.kill()

    def pause(self) -> None:
        """Freeze it (SIGSTOP): connections stay open and nothing answers."""
        self._must_run("pause")
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let a paused node go on (SIGCONT)."""
        self._must_run("resume")
        self._signal(signal.SIGCONT)

    def _must_run(self, verb: str) -> None:
        if not self.running:
            raise EngineError(f"cannot {verb} {self.name}: it does not run")

    def _signal(self, number: signal.Signals) -> None:
        # Popen reaps in poll(), so the id cannot have passed on to a stranger while it says None.
        if self._process is not None and self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._process.pid, number)

    def _listens(self) -> bool:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.settimeout(1.0)
            return probe.connect_ex(("127.0.0.1", self._port)) == 0

    def _said_since_its_start(self) -> str:
        if not self._log.exists():
            return ""
        with self._log.open("rb") as log:
            log.seek(self._log_start)
            return log.read().decode(errors="replace")
