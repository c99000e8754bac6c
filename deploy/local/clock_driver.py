"""Moves the stepped clock, a step at a time, and only when all is quiet.

Quiet means: nobody has anything open, all timers have looked up to the present instant, every
record is consumed and committed, and Kafka ends where it ended before anybody was asked. Within a
reading all processes are asked first and Kafka's end offsets are read last. So when a quiet reading
carries the same end offsets as the look at Kafka before it, however old that is, no record was
written between the two looks, and all answers of the reading lie between them: work could not have
hidden in Kafka while each process in turn said that it had none. The other ways from process to
process, the origin and the mail server, tell their open work like everybody else.

Machine time is used here for pauses and time-outs only.
"""

import asyncio
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final

import aiohttp
from aiokafka.errors import KafkaError
from pydantic import ValidationError

from deploy.local.broker import Broker, EndOffsets
from deploy.local.work import Away, Reading, Work, still_open
from shared.clock import Clock, SteppedClock
from shared.errors import CommonGroundError, SettingsInvalid

_ASK_WITHIN_S: Final = 5.0
_SHORTEST_PAUSE_S: Final = 0.003
_LONGEST_PAUSE_S: Final = 0.05
_WAIT_S: Final = 0.25
_PAUSE_OF_ELAPSED: Final = 0.05
_KEEP_ALIVE_S: Final = 2.0
_TIMEOUT: Final = aiohttp.ClientTimeout(total=_ASK_WITHIN_S, sock_connect=1.0)

Progress = Callable[[list[str]], None]
"""Told what is still open, after each reading that was not quiet."""


class NotSettling(CommonGroundError):
    """Nothing has moved for a while, and it is not quiet either. The message says what is open."""


class ClockDriver:
    """Reads what is open and, where the clock is a stepped one, moves it.

    ask: for each process the URL under which it answers `/internal/work`.
    check: called with each reading; raises when waiting has become pointless.
    """

    def __init__(
        self,
        clock: Clock,
        ask: Mapping[str, str],
        broker: Broker,
        *,
        step: timedelta = timedelta(hours=12),
        check: Callable[[], None] = lambda: None,
    ) -> None:
        self._clock = clock
        self._urls = {name: f"{url}/internal/work" for name, url in ask.items()}
        self._broker = broker
        self._step = step
        self._check = check
        self._session: aiohttp.ClientSession | None = None
        self._topics_of: dict[str, frozenset[str]] = {}
        self._answers: dict[str, Work | Away] = {}
        self._ends: EndOffsets | Away = {}
        self._quiet: Reading | None = None
        self.readings = 0

    def ask_also(self, name: str, url: str) -> None:
        """Asks one more process from now on: a second instance of a service."""
        self._urls[name] = f"{url}/internal/work"

    def forget(self, name: str) -> None:
        """Asks a process no more that has been stopped for good."""
        del self._urls[name]
        self._answers.pop(name, None)

    async def aclose(self) -> None:
        """Closes its connections to the processes."""
        if self._session is not None:
            await self._session.close()

    def now(self) -> datetime:
        """The domain's present instant."""
        return self._clock.now()

    async def settle(self, progress: Progress | None = None, *, timeout_s: float = 120.0) -> None:
        """Returns when all is quiet. Raises `NotSettling` after `timeout_s` in which nothing moved.

        On the system's clock timers are not waited for, all else is the same.
        """
        began = moved_at = time.monotonic()
        before: tuple[object, int] | None = None
        busy: frozenset[str] = frozenset()
        while True:
            self._check()
            # Until those who are busy say that they are done, nobody else is asked: to answer takes
            # from everybody the time in which the work could be done.
            asked = time.monotonic()
            ended = self._ends
            reading = await self.read(busy)
            left = still_open(reading, self._stands_at(), self._topics_of)
            if not left and busy:
                busy = frozenset()
                continue
            if not left:
                self._quiet = reading
                if reading.ends == ended:
                    return
                continue
            self._quiet = None
            said = {name for name, _, _ in (line.partition(":") for line in left)}
            busy = frozenset(
                name for name in self._urls if not said.isdisjoint(self._names_of(name))
            )
            if progress is not None:
                progress(left)
            now = time.monotonic()
            moved, total = (reading.offsets(), reading.looked_at()), reading.open_total()
            if before is None or moved != before[0] or total < before[1]:
                moved_at, before = now, (moved, total)
            if now - moved_at > timeout_s:
                raise NotSettling(f"Nothing moved for {timeout_s:.0f} s; open: {'; '.join(left)}")
            # Services answer when they are done; others, and those that are away, at once.
            pause_s = min(_LONGEST_PAUSE_S, (now - began) * _PAUSE_OF_ELAPSED)
            await asyncio.sleep(max(_SHORTEST_PAUSE_S, pause_s) - (now - asked))

    async def advance(
        self,
        extra_next: Iterable[datetime] = (),
        progress: Progress | None = None,
        *,
        is_settled: bool = False,
    ) -> datetime:
        """Settles, moves the clock once, settles again. Returns the new instant.

        It moves by a step, or less: to the earliest future instant at which a process has something
        due, or that `extra_next` names. Raises `SettingsInvalid` on the system's clock.

        is_settled: it is quiet, and nobody has done anything since it was found to be.
        """
        if not isinstance(self._clock, SteppedClock):
            raise SettingsInvalid(
                "CLOCK is 'system', which moves by itself; only a stepped one can."
            )
        if self._quiet is None or not is_settled:
            await self.settle(progress)
        now = self._clock.now()
        asked_for = [*extra_next, *(self._quiet.next_at() if self._quiet is not None else ())]
        instant: datetime = min([now + self._step, *(at for at in asked_for if at > now)])
        # The clock keeps whole milliseconds: rounded up, since what is due at .0005 is not at .000.
        instant += timedelta(microseconds=-instant.microsecond % 1000)
        self._clock.set(instant)
        await self.settle(progress)
        return instant

    async def read(self, only: Collection[str] = ()) -> Reading:
        """Asks all processes at once, then Kafka. only: the others' last answers are taken as news."""
        self.readings += 1
        names = [name for name in self._urls if not only or name in only]
        answers = await asyncio.gather(*(self._ask(name) for name in names))
        for answer in answers:
            if isinstance(answer, Work):
                known = self._topics_of.get(answer.service, frozenset())
                self._topics_of[answer.service] = known | answer.consumed.keys()
        # One that was forgotten while it was asked must not stay in here, away for ever.
        pairs = zip(names, answers, strict=True)
        self._answers |= {name: answer for name, answer in pairs if name in self._urls}
        self._ends = await self._read_ends()
        return Reading(dict(self._answers), self._ends)

    def _names_of(self, name: str) -> tuple[str, str]:
        """What is open is said of a process, or of the service that it is of."""
        answer = self._answers.get(name)
        return name, answer.service if isinstance(answer, Work) else name

    def _stands_at(self) -> datetime | None:
        return self._clock.now() if isinstance(self._clock, SteppedClock) else None

    def _question(self, name: str) -> dict[str, str]:
        """Waits in the answer for what is unread by what we know; what comes after, we see then."""
        topics = self._topics_of.get(self._names_of(name)[1], frozenset())
        ends = {} if isinstance(self._ends, Away) else self._ends
        read_to = (
            f"{topic}/{number}:{end}"
            for topic in sorted(topics & ends.keys())
            for number, end in ends[topic].items()
        )
        return {"wait_s": str(_WAIT_S), "read_to": ",".join(read_to)}

    async def _ask(self, name: str) -> Work | Away:
        if self._session is None:  # Made here, since it belongs to the running event loop.
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEEP_ALIVE_S),
                timeout=_TIMEOUT,
            )
        try:
            question = self._question(name)
            async with self._session.get(self._urls[name], params=question) as answer:
                if answer.status != 200:
                    return Away(f"status {answer.status}")
                return Work.model_validate_json(await answer.read())
        except (aiohttp.ClientError, TimeoutError) as error:
            return Away(type(error).__name__)
        except ValidationError as error:
            return Away(f"answer unreadable: {error.errors()[0]['loc']} {error.errors()[0]['msg']}")

    async def _read_ends(self) -> EndOffsets | Away:
        try:
            return await asyncio.wait_for(self._broker.end_offsets(), _ASK_WITHIN_S)
        except (KafkaError, TimeoutError) as error:
            return Away(type(error).__name__)
