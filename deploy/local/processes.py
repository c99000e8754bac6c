"""A child process that is kept running: started, watched, started again when it dies, stopped.

What must stay true: a child dies with the supervisor, also when that is killed with -9; it never
gets the terminal's Ctrl-C itself (own session); a death is said once, in one line; and one that
keeps dying stops the platform instead of spinning. Children are forked by the event loop's thread and
die with it too, so the loop belongs in the main thread.
"""

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from deploy.local import engines
from deploy.local.logs import LogView
from deploy.local.settings import PROJECT
from shared.errors import CommonGroundError

_TIED: Final = Path(engines.__file__).with_name("tied.py")
_LONGEST_LINE: Final = 4 * 1024 * 1024
_OUTPUT_ENDS_WITHIN_S: Final = 2.0


class CrashLoop(CommonGroundError):
    """A process keeps dying, so that starting it again is of no use."""


@dataclass(frozen=True, slots=True)
class RestartPolicy:
    """How soon a child that died is started again, and when it is not any more.

    The pause doubles from `first_pause_s` to `longest_pause_s` with each death within `window_s`;
    the death number `deaths` within it is the last.
    """

    deaths: int = 5
    window_s: float = 30.0
    first_pause_s: float = 0.2
    longest_pause_s: float = 5.0

    def pause_s(self, deaths_in_window: int) -> float:
        """Seconds to wait after so many deaths (1 or more)."""
        return min(self.longest_pause_s, self.first_pause_s * 2.0 ** (deaths_in_window - 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """How a child is started, every time in the same way.

    url: where it answers `/health/ready` and `/internal/work`.
    until_ready: settings that it is given until it has been ready once.
    """

    name: str
    command: Sequence[str]
    url: str
    environment: Mapping[str, str] = field(default_factory=dict)
    until_ready: Mapping[str, str] = field(default_factory=dict)


class Child:
    """One process under watch. `run()` is its life; the other methods act on it from outside."""

    def __init__(
        self,
        launch: Launch,
        logs: LogView,
        say: Callable[[str], None],
        policy: RestartPolicy | None = None,
    ) -> None:
        self.name = launch.name
        self.url = launch.url
        self.launch = launch
        self.starts = 0
        self.was_ready = False
        self._logs = logs
        self._say = say
        self._policy = policy or RestartPolicy()
        self._process: asyncio.subprocess.Process | None = None
        self._stopping = asyncio.Event()
        self._asked_to_restart = False
        self._ended = asyncio.Event()

    @property
    def pid(self) -> int | None:
        """The process's id, or None while it is down."""
        return self._process.pid if self._process is not None else None

    async def run(self) -> None:
        """Keeps the process running until `stop()`. Raises `CrashLoop`."""
        deaths: deque[float] = deque(maxlen=self._policy.deaths)
        try:
            while not self._stopping.is_set():
                how = await self._run_once()
                if self._stopping.is_set():
                    return
                if self._asked_to_restart:
                    self._asked_to_restart = False
                    continue
                now = time.monotonic()
                deaths.append(now)
                recent = sum(now - at <= self._policy.window_s for at in deaths)
                if recent >= self._policy.deaths:
                    raise CrashLoop(self._crash_loop(how))
                pause_s = self._policy.pause_s(recent)
                self._say(f"{self.name} {how}; starting it again in {pause_s:.1f} s")
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._stopping.wait(), pause_s)
        finally:
            self.kill()
            self._ended.set()

    def kill(self) -> None:
        """Kills the process and its own children at once, as a fault would; it is started again."""
        if self._process is not None:
            _signal_group(self._process.pid, signal.SIGKILL)

    def pause(self) -> None:
        """Freezes the process (SIGSTOP): its connections stay open and nothing answers."""
        if self._process is not None:
            _signal_group(self._process.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Lets a paused process go on (SIGCONT)."""
        if self._process is not None:
            _signal_group(self._process.pid, signal.SIGCONT)

    def restart(self, within_s: float = 10.0) -> None:
        """Asks the process to end in good order and starts it again at once; no death is counted."""
        self._asked_to_restart = True
        self._ask_to_end(within_s)

    async def stop(self, within_s: float) -> None:
        """Ends the process for good: SIGTERM, and SIGKILL after `within_s` seconds."""
        self._stopping.set()
        self._ask_to_end(within_s)
        await self._ended.wait()

    def _ask_to_end(self, within_s: float) -> None:
        process = self._process
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        asyncio.get_running_loop().call_later(within_s, self._kill_if_still, process, within_s)

    def _kill_if_still(self, process: asyncio.subprocess.Process, after_s: float) -> None:
        if self._process is process:
            self._say(f"{self.name} did not end within {after_s:.0f} s of SIGTERM; killed")
            self.kill()

    async def _run_once(self) -> str:
        """Starts the process and waits for its end. Returns how it ended, as half a sentence."""
        extra = {} if self.was_ready else self.launch.until_ready
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-S", str(_TIED), str(os.getpid())),
            *self.launch.command,
            env={**os.environ, **self.launch.environment, **extra},
            cwd=PROJECT,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=_LONGEST_LINE,
            start_new_session=True,
        )
        self._process = process
        self.starts += 1
        readers = [
            asyncio.create_task(self._read(process.stdout, stderr=False)),
            asyncio.create_task(self._read(process.stderr, stderr=True)),
        ]
        try:
            code = await process.wait()
        finally:
            # What it left behind holds its port and its output open.
            _signal_group(process.pid, signal.SIGKILL)
            self._process = None
            await asyncio.wait(readers, timeout=_OUTPUT_ENDS_WITHIN_S)
            for reader in readers:
                reader.cancel()
        return _how_it_ended(code)

    async def _read(self, stream: asyncio.StreamReader | None, *, stderr: bool) -> None:
        while stream is not None:
            try:
                line = await stream.readline()
            except ValueError:  # longer than the limit: StreamReader has dropped what it held
                line = b"(a line of more than 4 MiB was dropped)\n"
            if not line:
                return
            self._logs.take(self.name, line, stderr=stderr)

    def _crash_loop(self, how: str) -> str:
        policy = self._policy
        return (
            f"{self.name} died {policy.deaths} times within {policy.window_s:.0f} s "
            f"(the last time it {how}), so everything is stopped. What it said last:\n"
            f"{self._logs.last_lines(self.name)}"
        )


def _signal_group(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def _how_it_ended(code: int) -> str:
    if code >= 0:
        return f"ended by itself with exit status {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"
