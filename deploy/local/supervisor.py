"""A whole platform on one machine: engine, mail server, origin and services, as one thing.

    async with Platform(PlatformSettings(run="up")) as platform:
        print(platform.origin_url)
        await platform.settle()

Order of start: engine, topics, mail server, identity provider, origin, services. The end begins with draining and then
takes the same order backwards. What fails on the way stops what was started.
"""

import asyncio
import contextlib
import shutil
import time
from collections.abc import Collection, Coroutine, Iterable, Mapping
from dataclasses import replace
from typing import Any, Final, Self, TypeVar

import httpx
from rich.console import Console

from deploy.local.access import Keys, Secrets, load_or_make
from deploy.local.broker import Broker, KafkaBroker
from deploy.local.clock_driver import ClockDriver, Progress
from deploy.local.engines import Engine, open_engine
from deploy.local.held import held
from deploy.local.launches import (
    Ports,
    another_launch,
    identity_launch,
    mail_launch,
    origin_launch,
    service_launches,
)
from deploy.local.logs import LogView
from deploy.local.mailbox import Mailbox
from deploy.local.ports import ReservedPort
from deploy.local.processes import Child, Launch, RestartPolicy
from deploy.local.resend import must_resend
from deploy.local.settings import PlatformSettings
from shared.clock import Clock, SteppedClock, SystemClock
from shared.errors import CommonGroundError

_DRAIN_WITHIN_S: Final = 10.0
_LOOK_AGAIN_S: Final = 0.05
_OWN_STOP_WITHIN_S: Final = 5.0

Result = TypeVar("Result")
Part = TypeVar("Part")


class NotReady(CommonGroundError):
    """A process was started and did not become ready in time."""


class Platform:
    """Everything of one platform. `engine` and `broker` are given by tests only."""

    def __init__(
        self,
        settings: PlatformSettings,
        *,
        console: Console | None = None,
        engine: Engine | None = None,
        broker: Broker | None = None,
    ) -> None:
        self.settings = settings
        self.origin_url = ""
        self.engine = engine or open_engine(
            settings.engine,
            var=settings.directory,
            brokers=settings.brokers,
            mongo_nodes=settings.mongo_nodes,
        )
        self._console = console or Console()
        self._broker = broker
        self._children: dict[str, Child] = {}
        self._lives: dict[str, asyncio.Task[None]] = {}
        self._failure: BaseException | None = None
        self._failed = asyncio.Event()
        self.stopping = False
        """From the moment on at which the end began; nothing may break it off but a kill."""
        self._to_undo = contextlib.AsyncExitStack()
        self._logs: LogView | None = None
        self._secrets: Secrets | None = None
        self._mailbox: Mailbox | None = None
        self._driver: ClockDriver | None = None

    async def __aenter__(self) -> Self:
        try:
            await self._start()
        except BaseException:
            await self._stop()
            raise
        return self

    async def __aexit__(self, *_raised: object) -> None:
        await self._stop()

    @property
    def clock(self) -> ClockDriver:
        """Tells the domain's time and moves it, where it is a stepped one."""
        return _started(self._driver)

    @property
    def console(self) -> Console:
        """The terminal that logs and lines go to; whoever shows progress must use the same."""
        return self._console

    @property
    def mailbox(self) -> Mailbox:
        """Every mail that was sent."""
        return _started(self._mailbox)

    @property
    def keys(self) -> Keys:
        """What a coordinator and an operator sign in with."""
        return _started(self._secrets).keys

    def service(self, name: str) -> Child:
        """One of the five services, `origin` or `mail`: its `pid`, `kill()`, `restart()`."""
        return self._children[name]

    async def start_another(self, name: str) -> Child:
        """One more process of a service, ready: it shares the partitions with the others.

        The origin sends requests to the first one only.
        """
        number = sum(child.startswith(name) for child in self._children) + 1
        launch = another_launch(self.service(name).launch, f"{name}-{number}", self._reserve())
        self._keep_running(launch)
        await self.ready([launch.name])
        self.clock.ask_also(launch.name, launch.url)
        return self._children[launch.name]

    async def halt(self, name: str) -> None:
        """Ends a service in good order and keeps it down, until `start_again`."""
        await self._children[name].stop(self.settings.stop_within_s)
        await asyncio.gather(self._lives[name], return_exceptions=True)

    async def start_again(self, name: str, once: Mapping[str, str]) -> None:
        """Starts a service that was halted; `once` are settings for this start only."""
        launch = replace(self._children[name].launch, until_ready=once)
        self._keep_running(launch)
        await self.ready([name])

    async def dismiss(self, child: Child) -> None:
        """Ends a process of `start_another` in good order, for good."""
        self.clock.forget(child.name)
        await child.stop(self.settings.stop_within_s)

    async def settle(self, progress: Progress | None = None) -> None:
        """Returns when all is quiet. Raises `NotSettling`, or `CrashLoop` if a process gave up."""
        await self.clock.settle(progress)

    async def ready(self, names: Iterable[str] | None = None) -> None:
        """Returns when these processes (or all) answer that they are ready. Raises `NotReady`."""
        waiting = set(self._children if names is None else names)
        began = time.monotonic()
        async with httpx.AsyncClient(trust_env=False, timeout=2.0) as client:
            with self._console.status("") as status:
                while waiting:
                    self.check()
                    waited_s = time.monotonic() - began
                    status.update(f"waiting for {', '.join(sorted(waiting))} ({waited_s:.0f} s)")
                    for name in sorted(waiting):
                        if await _is_ready(client, self._children[name]):
                            waiting.discard(name)
                    if waiting and waited_s > self.settings.ready_within_s:
                        raise NotReady(self._not_ready(sorted(waiting)))
                    if waiting:
                        await asyncio.sleep(_LOOK_AGAIN_S)

    async def failed(self) -> None:
        """Waits until a process is given up, then raises why."""
        await self._failed.wait()
        self.check()

    def check(self) -> None:
        """Raises `CrashLoop` if a process was given up."""
        if self._failure is not None:
            raise self._failure

    async def guard(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Does the work; gives it up with `CrashLoop` as soon as a process is given up."""
        task = asyncio.ensure_future(work)
        failed = asyncio.ensure_future(self._failed.wait())
        try:
            await asyncio.wait({task, failed}, return_when=asyncio.FIRST_COMPLETED)
            self.check()
            return await task
        finally:
            for pending in (task, failed):
                pending.cancel()
            await asyncio.gather(task, failed, return_exceptions=True)

    def kill(self) -> None:
        """Kills all processes at once, the second Ctrl-C's way out. The engine dies with us."""
        for child in self._children.values():
            child.kill()

    def say(self, line: str) -> None:
        """One line to the person in front of the terminal."""
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)

    def wipe(self) -> None:
        """Removes all data of this platform. Raises `DirectoryInUse` while it runs elsewhere."""
        with held(self.settings.directory):
            self.engine.wipe()
            shutil.rmtree(self.settings.directory, ignore_errors=True)

    async def _start(self) -> None:
        """Starts one thing after the other, and notes for each how to undo it."""
        settings, undo, began = self.settings, self._to_undo, time.monotonic()
        undo.enter_context(held(settings.directory))
        settings.directory.mkdir(parents=True, exist_ok=True)
        logs = self._logs = LogView(self._console, settings.directory / "logs", settings.log_level)
        undo.callback(logs.close)
        self._secrets = load_or_make(settings.directory / "secrets.json")
        clock = self._open_clock()

        undo.push_async_callback(self._stop_engine)
        with self._console.status(f"starting the engine ({settings.engine})"):
            # In a thread, so that Ctrl-C is heard; engines tie their processes to this one.
            await _finished(asyncio.to_thread(self.engine.start))
        broker = self._broker or KafkaBroker(self.engine.addresses, settings.topics)
        undo.push_async_callback(broker.close)
        await broker.open()
        engine_s = time.monotonic() - began

        ports = self._reserve_ports()
        self.origin_url = ports.origin_url
        self._mailbox = Mailbox(settings.directory / "mail", ports.mail_url)
        resend = await must_resend(
            await broker.end_offsets(),
            self.engine.addresses.mongodb_admin,
            list(settings.services),
        )
        if resend:
            self.say("The broker is empty, the databases are not: all state is sent again.")
        services = service_launches(settings, ports, self.engine, self._secrets, resend=resend)
        ours = (
            mail_launch(settings, ports, self._secrets),
            identity_launch(ports, self._secrets),
            origin_launch(ports),
        )
        for launch in ours:
            self._keep_running(launch)
            undo.push_async_callback(self._stop_children, [launch.name], _OWN_STOP_WITHIN_S)
        for launch in services:
            self._keep_running(launch)
        undo.push_async_callback(self._stop_services, {launch.name for launch in ours})
        self._driver = ClockDriver(
            clock,
            {name: child.url for name, child in self._children.items()},
            broker,
            step=settings.step,
            check=self.check,
        )
        undo.push_async_callback(self._driver.aclose)
        await self.ready()
        undo.push_async_callback(self._drain)
        all_s = time.monotonic() - began
        self.say(f"Ready in {all_s:.1f} s (engine {settings.engine}: {engine_s:.1f} s).")

    async def _stop(self) -> None:
        """Undoes the start, last thing first, whatever fails on the way."""
        self.stopping = True
        await self._to_undo.aclose()

    def _open_clock(self) -> Clock:
        if self.settings.starts_at is None:
            return SystemClock()
        clock = SteppedClock(self.settings.directory / "clock")
        # A run that is continued goes on where it stood: the time never goes back.
        clock.set(max(clock.now(), self.settings.starts_at))
        return clock

    def _reserve_ports(self) -> Ports:
        origin = self._reserve(self.settings.port)
        if self.settings.port not in (0, origin):
            self.say(f"Port {self.settings.port} is taken; the origin gets {origin} instead.")
        return Ports(
            origin=origin,
            origin_control=self._reserve(),
            mail=self._reserve(),
            smtp=self._reserve(),
            identity=self._reserve(),
            services={name: self._reserve() for name in self.settings.services},
        )

    def _reserve(self, wanted: int = 0) -> int:
        port = ReservedPort(wanted)
        self._to_undo.callback(port.release)
        return port.number

    def _keep_running(self, launch: Launch) -> None:
        """Starts this process, and again whenever it dies."""
        policy = RestartPolicy(deaths=self.settings.deaths)
        child = Child(launch, _started(self._logs), self.say, policy)
        self._children[launch.name] = child
        self._lives[launch.name] = asyncio.create_task(child.run(), name=launch.name)
        self._lives[launch.name].add_done_callback(self._has_ended)

    def _has_ended(self, life: asyncio.Task[None]) -> None:
        error = None if life.cancelled() else life.exception()
        if error is not None and self._failure is None:
            self._failure = error
            self._failed.set()

    def _not_ready(self, names: list[str]) -> str:
        said = "\n".join(f"{name}:\n{_started(self._logs).last_lines(name)}" for name in names)
        within_s = self.settings.ready_within_s
        return f"Not ready within {within_s:.0f} s, so everything is stopped. Said last by {said}"

    async def _stop_engine(self) -> None:
        with self._console.status("stopping the engine"):
            await asyncio.to_thread(self.engine.stop)

    async def _drain(self) -> None:
        """Waits a little until nothing is on its way any more: the embedded broker forgets."""
        if self._failure is not None:
            return
        left: list[str] = []

        def remember(open_now: list[str]) -> None:
            left[:] = open_now

        with self._console.status("draining"):
            try:
                await asyncio.wait_for(self.clock.settle(remember), _DRAIN_WITHIN_S)
            except TimeoutError:
                self.say(f"Not drained within {_DRAIN_WITHIN_S:.0f} s: {'; '.join(left)}.")
            except CommonGroundError as error:
                self.say(f"Not drained: {error}")

    async def _stop_services(self, ours: Collection[str]) -> None:
        """All services together, those too that were started later: nobody is drained by halves."""
        services = [name for name in self._children if name not in ours]
        await self._stop_children(services, self.settings.stop_within_s)

    async def _stop_children(self, names: list[str], within_s: float) -> None:
        await asyncio.gather(*(self._children[name].stop(within_s) for name in names))
        await asyncio.gather(*(self._lives[name] for name in names), return_exceptions=True)


async def _is_ready(client: httpx.AsyncClient, child: Child) -> bool:
    if child.pid is None:
        return False
    try:
        answer = await client.get(f"{child.url}/health/ready")
    except httpx.HTTPError:
        return False
    child.was_ready = child.was_ready or answer.status_code == httpx.codes.OK
    return answer.status_code == httpx.codes.OK


async def _finished(work: Coroutine[Any, Any, None]) -> None:
    """Waits for work that cannot be broken off. Being cancelled takes effect when it is done."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        raise


def _started(part: Part | None) -> Part:
    if part is None:
        raise RuntimeError("the platform is not started: use it inside 'async with Platform(...)'")
    return part
