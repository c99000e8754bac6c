"""A seeded load: people register on the web, answer their mail, and time goes on.

What must stay true: nobody gives up before she has an answer (lost answers are asked for again under the
same key), and time moves only when all is quiet, so during a fault people go on asking and time stands.
"""

import asyncio
import time
from collections.abc import Coroutine
from datetime import timedelta
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from deploy.local.simulation.agenda import Act, Agenda, Phase
from deploy.local.simulation.chance import name_of
from deploy.local.simulation.coordination import Coordination
from deploy.local.simulation.letters import read_letter
from deploy.local.simulation.life import Life
from deploy.local.simulation.opening import Imported, import_file, make_programme
from deploy.local.simulation.population import gather
from deploy.local.supervisor import Platform
from deploy.sample import programme as sample_programme
from shared.errors import CommonGroundError
from tests.faults.witness import Witness

_YEARS: Final = timedelta(weeks=200)
_AT_ONCE: Final = 32
_TWICE_EVERY: Final = 2
_BEAT_S: Final = 1.5
"""How long one round of asking and settling may take before people ask again regardless."""
_ANSWERED_WITHIN_S: Final = 150.0


class Load:
    """What people do to a platform. Half of them come by a spreadsheet at the opening."""

    def __init__(self, platform: Platform, people: int, seed: int) -> None:
        self._platform = platform
        self._programme = sample_programme.load()
        charters = [charter["version"] for charter in self._programme.body["charters"]]
        self._population = gather(
            str(people // 2),
            seed=seed,
            directory=platform.settings.directory,
            charters=charters,
            on_the_web=people - people // 2,
        )
        self.witness = Witness(platform.origin_url)
        self._agenda = Agenda(platform.clock.now() + _YEARS)
        self._life = Life(self._population.people, self.witness, self._agenda)
        emails = [each["email"] for each in self._programme.body["coordinators"]]
        self._coordination = Coordination(seed, emails, self.witness, self._agenda)
        self._forms = list(self._population.on_the_web)
        self._read_to = 0
        self._in_flight: set[asyncio.Task[None]] = set()
        self._free = asyncio.Semaphore(_AT_ONCE)
        self._running: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()
        self.imported: Imported | None = None
        self.quiet_at: list[float] = []
        """When all was quiet, by `time.monotonic()`: what recovery is measured with."""
        self.unanswered: list[str] = []

    @property
    def acknowledged(self) -> int:
        """How many different requests were answered with 2xx so far."""
        return self.witness.acknowledged

    async def open(self) -> None:
        """The programme and the spreadsheet, and everybody's first plans."""
        await self.witness.__aenter__()
        await make_programme(self.witness, self._programme, self._platform.keys)
        await self._platform.settle()
        self._life.begin(self._platform.clock.now())
        self.imported = await import_file(
            self.witness,
            self._programme.programme_id,
            self._population,
            self._platform.keys,
            lambda _: None,
        )
        await self._platform.settle()

    async def start(self, rate: float = 25.0) -> None:
        """Begins: `rate` registrations a second beside all that life brings."""
        self._stopping.clear()
        self._running = asyncio.create_task(self._run(rate), name="load")

    async def stop(self) -> None:
        """Nobody begins anything new; returns when everybody has her answer."""
        self._stopping.set()
        if self._running is not None:
            running, self._running = self._running, None
            await running
        async with asyncio.timeout(_ANSWERED_WITHIN_S):
            await self._answered()

    def pages_of(self, role: str) -> list[tuple[str, str]]:
        """Of those who have this role alone: participant id, and the token of her own page's link."""
        return [
            (participant_id, parse_qs(urlsplit(link.url).query)["token"][0])
            for person, participant_id, link in self._life.pages()
            if person.roles == {role}
        ]

    async def reaches(self, acknowledged: int, within_s: float = 60.0) -> None:
        """Returns when so many more have been acknowledged, or nobody is left to ask anything."""
        wanted, until = self.acknowledged + acknowledged, time.monotonic() + within_s
        while self.acknowledged < wanted and time.monotonic() < until:
            await self._pause(0.02)

    async def live_on(self, days: float) -> None:
        """So many more days of quiet life: nothing is hurt, each step waits for its effects."""
        ends = self._platform.clock.now() + timedelta(days=days)
        while self._platform.clock.now() < ends:
            self._act()
            await self._step()

    async def close(self) -> None:
        """Gives up what is still asked for."""
        self._stopping.set()
        tasks = [*self._in_flight, *([self._running] if self._running else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.witness.__aexit__(None, None, None)

    async def _run(self, rate: float) -> None:
        began, come = time.monotonic(), 0
        while not self._stopping.is_set():
            due = int(rate * (time.monotonic() - began)) + 1 - come
            come += due
            self._register(due)
            self._act()
            try:
                async with asyncio.timeout(_BEAT_S):
                    await self._step()
            except TimeoutError:
                continue
            await self._pause(0.02)

    async def _step(self) -> None:
        """Waits for all answers and until all is quiet; then time goes on."""
        await self._answered()
        await self._platform.settle()
        self.quiet_at.append(time.monotonic())
        await self._platform.clock.advance(extra_next=[self._agenda.next_at])
        self.quiet_at.append(time.monotonic())

    async def _answered(self) -> None:
        while self._in_flight:
            # Not gather: being cancelled here must not cancel those who wait for an answer.
            await asyncio.wait(set(self._in_flight))

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            pass

    def _register(self, how_many: int) -> None:
        url = f"/intake/programmes/{self._programme.programme_id}/participants"
        for number, form in enumerate(self._forms[:how_many]):
            key = name_of("register", form["role"], form["email"])
            self._begin(self._ask(url, key, form))
            if number % _TWICE_EVERY == 0:
                # She fills it in twice, in two windows: two keys, and still one participant.
                self._begin(self._ask(url, f"{key}-again", form))
        del self._forms[:how_many]

    async def _ask(self, url: str, key: str, form: dict[str, Any]) -> None:
        await self.witness.ask("POST", url, key=key, json=form)

    def _act(self) -> None:
        """Everybody reads her mail and does what is due by now."""
        for message in self._platform.mailbox.messages(after=self._read_to):
            self._read_to = message.number
            if message.repeat_of is None:
                letter = read_letter(message)
                self._life.read(letter)
                self._coordination.read(letter)
        for act in self._agenda.take(self._platform.clock.now(), Phase.COORDINATE):
            self._begin(_done(act))

    def _begin(self, doing: Coroutine[Any, Any, None]) -> None:
        async def one() -> None:
            async with self._free:
                try:
                    await doing
                except CommonGroundError as error:
                    self.unanswered.append(str(error))

        task = asyncio.create_task(one())
        self._in_flight.add(task)
        task.add_done_callback(self._in_flight.discard)


async def _done(act: Act) -> None:
    await act.do()
