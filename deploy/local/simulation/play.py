"""The whole run: programme, import, and then a step of the clock after the other until it is over."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from deploy.local.simulation.agenda import Act, Agenda, Phase
from deploy.local.simulation.browser import Browser
from deploy.local.simulation.coordination import Coordination
from deploy.local.simulation.letters import read_letter
from deploy.local.simulation.life import Life
from deploy.local.simulation.opening import (
    Imported,
    import_file,
    make_programme,
    register_on_the_web,
)
from deploy.local.simulation.population import Identity, Population, gather
from deploy.local.simulation.progress import Line, stage
from deploy.local.supervisor import Platform
from deploy.sample import programme as sample_programme
from deploy.sample.programme import SampleProgramme

AT_ONCE: Final = 16
"""How many people act at the same time."""

Disturb = Callable[[datetime], Awaitable[None]]
"""Called after each step of the clock, before people act; tests break things here."""


@dataclass(slots=True)
class Seconds:
    """How long things took, in seconds of machine time."""

    import_: float = 0.0
    first_round: float = 0.0
    """From the import's end until the first proposals are in the mailboxes."""
    in_step: float = 0.0
    """Of the time after that: the clock's steps with all that services do then."""
    in_acts: float = 0.0
    """People's own acts."""
    in_settling: float = 0.0
    """Waiting until what they did has had all its effects."""
    reading: float = 0.0
    """Reading mail."""
    life: float = 0.0
    """All weeks."""
    all: float = 0.0
    """From the first request to the last."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the simulation knows that no store does: what was asked for, and what it was answered.

    surprises: answers that no person should ever get, each as a sentence. record_of: see
    `Population`.
    """

    people: str
    weeks: int
    seed: int
    programme: str
    began: datetime
    imported: Imported
    imported_again: Imported
    on_the_web: int
    record_of: dict[Identity, int]
    surprises: tuple[str, ...]
    retries: int
    steps: int
    seconds: Seconds


async def run(
    platform: Platform, *, people: str, weeks: int, seed: int, disturb: Disturb | None = None
) -> Outcome:
    """Plays `weeks` weeks of the people's life on a platform that stands on a stepped clock.

    people: the path of a spreadsheet, or a number. Raises what the platform raises.
    """
    programme = sample_programme.load()
    charters = [charter["version"] for charter in programme.body["charters"]]
    population = gather(people, seed=seed, directory=platform.settings.directory, charters=charters)
    started = time.monotonic()
    async with Browser(platform.origin_url) as browser:
        began = platform.clock.now()
        agenda = Agenda(began + timedelta(weeks=weeks))
        play = _Play(platform, browser, population, programme, agenda, seed)
        imported, again = await play.open()
        lived = time.monotonic()
        await play.live(began, weeks, disturb)
    play.seconds.life = time.monotonic() - lived
    play.seconds.all = time.monotonic() - started
    surprises = [f"{what}: {count} times" for what, count in sorted(browser.surprises.items())]
    return Outcome(
        people=people,
        weeks=weeks,
        seed=seed,
        programme=programme.programme_id,
        began=began,
        imported=imported,
        imported_again=again,
        on_the_web=len(population.on_the_web),
        record_of=population.record_of,
        surprises=tuple(surprises),
        retries=browser.retries,
        steps=play.steps,
        seconds=play.seconds,
    )


@dataclass(slots=True)
class _Play:
    """One run under way."""

    platform: Platform
    browser: Browser
    population: Population
    programme: SampleProgramme
    agenda: Agenda
    seed: int
    steps: int = 0
    seconds: Seconds = field(default_factory=Seconds)
    life: Life = field(init=False)
    coordination: Coordination = field(init=False)
    mails: int = 0
    _since_import: float = 0.0

    def __post_init__(self) -> None:
        emails = [each["email"] for each in self.programme.body["coordinators"]]
        self.life = Life(self.population.people, self.browser, self.agenda)
        self.coordination = Coordination(self.seed, emails, self.browser, self.agenda)

    async def open(self) -> tuple[Imported, Imported]:
        """Programme, import, the same import again, and the few who come by themselves."""
        await make_programme(self.browser, self.programme, self.platform.keys)
        await self.platform.settle()
        imported = await self._import("Import")
        self.seconds.import_ = imported.seconds
        self._since_import = time.monotonic()
        again = await self._import("The same file again")
        await register_on_the_web(self.browser, self.programme.programme_id, self.population)
        await self.platform.settle()
        return imported, again

    async def live(self, began: datetime, weeks: int, disturb: Disturb | None) -> None:
        """One step of the clock after the other, until all weeks are over."""
        clock, ends = self.platform.clock, began + timedelta(weeks=weeks)
        self.life.begin(began)
        self._read_mail()
        with stage(self.platform.console, "Life", 7 * weeks) as tell:
            while clock.now() < ends:
                stepped = time.monotonic()
                # After each step and each act it was settled; only a disturbance comes in between.
                now = await clock.advance(
                    extra_next=(self.agenda.next_at, ends), is_settled=disturb is None
                )
                self.steps += 1
                self.seconds.in_step += time.monotonic() - stepped
                if disturb is not None:
                    await disturb(now)
                self._read_mail()
                await self._act(now)
                self._read_mail()
                await self._tell(tell, began, now)

    async def _import(self, name: str) -> Imported:
        with stage(self.platform.console, name, self.population.records) as tell:

            def told(counts: dict[str, int]) -> None:
                words = ", ".join(f"{count:,} {what}" for what, count in counts.items())
                tell(counts["read"], words)

            imported = await import_file(
                self.browser,
                self.programme.programme_id,
                self.population,
                self.platform.keys,
                told,
            )
            told(imported.counts())
        await self.platform.settle()
        return imported

    def _read_mail(self) -> None:
        """Everybody reads what has come. Reminders and repeats are read too, and change nothing."""
        began = time.monotonic()
        for message in self.platform.mailbox.messages(after=self.mails):
            self.mails = message.number
            if message.repeat_of is not None:
                continue
            letter = read_letter(message)
            if not self.seconds.first_round and letter.link_to("answer") is not None:
                self.seconds.first_round = time.monotonic() - self._since_import
            self.life.read(letter)
            self.coordination.read(letter)
        self.seconds.reading += time.monotonic() - began

    async def _act(self, now: datetime) -> None:
        """Everybody does what she had in mind for this instant; see `Phase` for the order."""
        talking = self.agenda.take(now, Phase.TALK)
        await self._do(talking)
        closing = self.agenda.take(now, Phase.CLOSE)
        await self._do(closing)
        going = self.agenda.take(now, Phase.GO)
        for act in going:
            await self._settle()
            await self._do([act])
        if going:
            await self._settle()
        coordinating = self.agenda.take(now, Phase.COORDINATE)
        await self._do(coordinating)
        if talking or closing or coordinating:
            await self._settle()

    async def _do(self, acts: Sequence[Act]) -> None:
        """Does these at once. When it returns, the services they went to have done them too."""
        began = time.monotonic()
        free = asyncio.Semaphore(AT_ONCE)

        async def one(act: Act) -> None:
            async with free:
                await act.do()

        await asyncio.gather(*(one(act) for act in acts))
        self.seconds.in_acts += time.monotonic() - began

    async def _settle(self) -> None:
        """Waits until what people did has had all its effects, mail included."""
        began = time.monotonic()
        await self.platform.settle()
        self.seconds.in_settling += time.monotonic() - began

    async def _tell(self, tell: Line, began: datetime, now: datetime) -> None:
        days = (now - began).days
        told = self.life.told
        tell(
            days,
            f"week {days // 7 + 1}, day {days % 7 + 1}: {told.said_yes + told.said_no:,} answers, "
            f"{told.mentors_yes:,} mentorships, {told.check_ins:,} check-ins, {self.mails:,} mails",
        )
