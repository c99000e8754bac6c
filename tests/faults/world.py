"""The world of one row: a platform at work on engines that can be hurt, people who use it, the books.

async with open_world(ground, row, people=1000, seed=1) as world:
    did = await row.act(world)
    verdict = await world.finish()
"""

import asyncio
import json
import shutil
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rich.console import Console

from deploy.local import topics
from deploy.local.clock_driver import ClockDriver
from deploy.local.engines import SERVICES, Engine
from deploy.local.processes import Child
from deploy.local.settings import PlatformSettings
from deploy.local.supervisor import Platform
from shared.errors import CommonGroundError
from shared.events.dead_letters import RecordParked
from tests.faults.crashing import PLANS, command, plan_file
from tests.faults.ground import Borrowed, Ground
from tests.faults.load import Load
from tests.faults.verdict import Verdict, judge

if TYPE_CHECKING:
    from tests.faults.network import Network

STARTS_AT: Final = datetime(2026, 1, 5, 7, tzinfo=UTC)
_SETTLED_WITHIN_S: Final = 90.0
_DEATHS: Final = 12
"""Rows kill on purpose; one that cannot even start still ends the row soon."""


class CannotRun(Exception):
    """This row cannot run on this machine: why, and what it would take."""


@dataclass(slots=True)
class World:
    """What a row may touch.

    long: take the issue's own lengths (a minute of silence) rather than those that fit 100 s.
    network: proxies before the engines; only in rows with `proxied=True`.
    """

    row: int
    people: int
    seed: int
    long: bool
    ground: Ground
    engine: Engine
    platform: Platform
    load: Load
    folder: Path
    network: "Network | None" = None
    is_poison: Callable[[RecordParked], bool] = lambda _: False
    """Whether a dead letter is about what the row itself made unreadable or unbearable."""
    unreadable: int = 0
    """How many records the row put into topics that nobody can read."""
    judged_by_row: bool = False
    """The topics no longer hold the whole story: sequences and effects were compared by the row."""
    words_lost: set[str] = field(default_factory=set)
    """Requests (by path and key) whose words went with a database that the row put back."""
    mended_at: float | None = None

    @property
    def clock(self) -> ClockDriver:
        """Domain time: `now()`, and `advance()` when all is quiet."""
        return self.platform.clock

    def service(self, name: str) -> Child:
        """A process: `kill()`, `pause()`, `resume()`, `restart()`, `pid`."""
        return self.platform.service(name)

    @property
    def services(self) -> tuple[str, ...]:
        """The names of the five."""
        return SERVICES

    async def start_another(self, name: str) -> Child:
        """A second (third, …) process of a service, ready and sharing its work."""
        return await self.platform.start_another(name)

    async def dismiss(self, child: Child) -> None:
        """Ends one of `start_another` for good."""
        await self.platform.dismiss(child)

    # Faults inside a process: rows with `patched=True` ------------------------------------------

    def crash(self, name: str, point: str, *, at: int = 1) -> None:
        """The process `name` kills itself the `at`-th time it comes to `point` (see `crashing`)."""
        self._plan(name, {"crash": point, "at": at})

    def freeze(self, name: str, point: str, *, at: int = 1) -> None:
        """The process `name` stops itself there (SIGSTOP), until its `resume()`."""
        self._plan(name, {"freeze": point, "at": at})

    def bug(self, name: str, wire_name: str, where: str, share: float = 1.0) -> None:
        """From now on `name` fails on every event of this type, for this share of the subjects.

        where: in a `decision`, or in the whole `use case`.
        """
        self._plan(name, {"bug": wire_name, "where": where, "share": share})

    def delay(self, name: str, seconds: Mapping[str, float]) -> None:
        """From now on `name` takes so long before it handles a batch of these streams."""
        self._plan(name, {"delay": dict(seconds)})

    def skew(self, name: str, seconds: float) -> None:
        """From now on the clock of `name` is so much ahead of the right time."""
        self._plan(name, {"skew_s": seconds})

    def mend(self, name: str) -> None:
        """Takes back `crash`, `bug` and `delay`."""
        plan_file(self.folder, name).unlink(missing_ok=True)

    def is_armed(self, name: str) -> bool:
        """Whether the crash that was planned for `name` is still to come."""
        return plan_file(self.folder, name).exists()

    def _plan(self, name: str, plan: Mapping[str, object]) -> None:
        file = plan_file(self.folder, name)
        unfinished = file.with_suffix(".new")
        unfinished.write_text(json.dumps(plan))
        unfinished.replace(file)

    # Services down, topics gone: rows about restores ---------------------------------------------

    async def stop_service(self, name: str) -> None:
        """Ends a service in good order; it stays down."""
        await self.platform.halt(name)

    async def start_service(self, name: str, once: Mapping[str, str]) -> None:
        """Starts it again, with these settings for this start only, and returns when it is ready."""
        await self.platform.start_again(name, once)

    async def empty_topics(self) -> None:
        """The broker loses every record and every committed offset; the topics are made again."""
        await self.ground.lose_all_records()
        await topics.apply(self.engine.addresses, self.platform.settings.topics)

    async def release(self, name: str) -> dict[str, int]:
        """An operator has a service try again what it has parked. Returns the counts."""
        key = self.platform.keys.operator
        answer = await self.load.witness.ask("POST", f"/{name}/parked/release", bearer=key)
        counts: dict[str, int] = json.loads(answer.text)
        return counts

    # The end --------------------------------------------------------------------------------------

    def mended(self) -> None:
        """The fault is over: the seconds to recover are counted from here."""
        self.mended_at = time.monotonic()

    async def settled(self, within_s: float = _SETTLED_WITHIN_S) -> None:
        """Stops the load; returns when everybody has her answer and all is quiet.

        Raises `NotSettled`, which says what is open.
        """
        await self.load.stop()
        left: list[str] = []

        def remember(open_now: list[str]) -> None:
            left[:] = open_now

        try:
            await asyncio.wait_for(self.platform.settle(remember), within_s)
        except TimeoutError:
            said = "; ".join(left[:10])
            raise NotSettled(f"Not quiet {within_s:.0f} s after the load: {said}") from None
        self.load.quiet_at.append(time.monotonic())

    @property
    def recovered_s(self) -> float | None:
        """From the end of the fault until all was quiet for the first time."""
        since = self.mended_at
        after = [at - since for at in self.load.quiet_at if since is not None and at >= since]
        return round(min(after), 2) if after else None

    async def books(self) -> Verdict:
        """What the stores, topics and mails say now; all must be quiet."""
        return await judge(self)

    async def finish(self, days: float = 2) -> Verdict:
        """The end of every row: all quiet, some days of quiet life, and the books."""
        if self.mended_at is None:
            self.mended()
        await self.settled()
        await self.load.live_on(days)
        await self.settled()
        return await self.books()


class NotSettled(CommonGroundError):
    """It did not become quiet in time."""


@asynccontextmanager
async def open_world(
    ground: Ground,
    number: int,
    *,
    people: int,
    seed: int,
    var: Path,
    long: bool = False,
    patched: bool = False,
    proxied: bool = False,
    starts_at: datetime = STARTS_AT,
    defects: Iterable[str] = (),
    environment: Mapping[str, Mapping[str, str]] | None = None,
) -> AsyncIterator[World]:
    """A platform on cleared ground, with half of the people in it and the others at the door.

    defects: names of `tests.faults.defects`; the services run with them from the first to the last.
    environment: by service, settings in place of the usual ones.
    """
    await ground.clear()
    folder = var / f"row-{number}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    given = {name: dict((environment or {}).get(name, {})) for name in SERVICES}
    commands = PlatformSettings(run="").services
    if patched or defects:
        commands = {name: command(name) for name in SERVICES}
        for name in SERVICES:
            given[name] |= {PLANS: str(folder), "DEFECTS": ",".join(defects)}
    settings = PlatformSettings(
        run=f"row-{number}",
        var=var,
        engine=ground.engine.name,
        brokers=ground.brokers,
        mongo_nodes=ground.mongo_nodes,
        starts_at=starts_at,
        step=timedelta(hours=12),
        seed=seed,
        environment=given,
        deaths=_DEATHS,
        services=commands,
    )
    async with AsyncExitStack() as stack:
        network = await stack.enter_async_context(ground.proxied()) if proxied else None
        if proxied and network is None:
            raise CannotRun(f"no proxies before {ground.engine.name}: it takes --engine apache")
        engine = Borrowed(ground.engine, network.kafka_addresses if network else ())
        log = stack.enter_context((folder / "console.log").open("w"))
        platform = Platform(settings, console=Console(file=log), engine=engine)
        await stack.enter_async_context(platform)
        load = Load(platform, people, seed)
        stack.push_async_callback(load.close)
        await load.open()
        yield World(
            number, people, seed, long, ground, ground.engine, platform, load, folder, network
        )
