"""One look after another, by one task of the process, for everybody who watches.

What must stay true: looking costs the same however many watch, never fails because something is away
(that is what it is there to tell), and runs on the machine's time: no clock waits for it.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from typing import Final

import structlog
from aiokafka.errors import KafkaError

from services.streams.domain.vitals import Lag, Sample
from services.streams.store.flows import Flows
from services.streams.store.journal import Journal, Search
from services.streams.store.letters import Letters
from services.streams.watching.lags import Lags
from services.streams.watching.neighbours import Neighbours
from shared.clock import Clock
from shared.events.programmes import ProgrammeChanged
from shared.storage.database import STORAGE_AWAY

_WATCHED_EVERY_S: Final = 3.0
_UNWATCHED_EVERY_S: Final = 20.0
_KAFKA_WITHIN_S: Final = 10.0
_KEPT: Final = 240
_PROGRAMMES: Final = Search(type=ProgrammeChanged.wire_name)
_MOST_PROGRAMMES: Final = 20

log = structlog.get_logger(__name__)


class Sampler:
    """Keeps the last samples, the newest last."""

    def __init__(
        self,
        clock: Clock,
        journal: Journal,
        flows: Flows,
        letters: Letters,
        lags: Lags,
        neighbours: Neighbours,
    ) -> None:
        self._clock = clock
        self._journal = journal
        self._flows = flows
        self._letters = letters
        self._lags = lags
        self._neighbours = neighbours
        self._samples: deque[Sample] = deque(maxlen=_KEPT)
        self.watchers = 0
        """How many watch."""
        self._sooner = asyncio.Event()
        self._is_over = False
        self._looked = asyncio.Event()
        """Set when the next sample is there; then another takes its place."""

    @property
    def samples(self) -> Sequence[Sample]:
        """All that are kept."""
        return tuple(self._samples)

    async def run(self) -> None:
        """Looks, for ever, until cancelled."""
        try:
            while True:
                await self.look()
                pause_s = _WATCHED_EVERY_S if self.watchers else _UNWATCHED_EVERY_S
                self._sooner.clear()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._sooner.wait(), pause_s)
        finally:
            await self._lags.close()
            await self._neighbours.close()

    async def look(self) -> None:
        """Takes one sample. What storage cannot answer is looked for again next time."""
        try:
            sample = await self._sample()
        except STORAGE_AWAY as error:
            log.warning("console_sees_nothing", error=type(error).__name__)
            return
        except Exception:
            # Whatever it is, the journal must not be restarted because nobody could look at it.
            log.exception("console_sees_nothing")
            return
        self._samples.append(sample)
        looked, self._looked = self._looked, asyncio.Event()
        looked.set()

    def stop(self) -> None:
        """The process is to stop: lets go all who watch."""
        self._is_over = True
        self._looked.set()

    async def watch(self) -> AsyncIterator[Sequence[Sample]]:
        """All samples now, and again after each new one, until the caller goes away or all is over."""
        self.watchers += 1
        self._sooner.set()
        try:
            while not self._is_over:
                looked = self._looked
                yield self.samples
                await looked.wait()
        finally:
            self.watchers -= 1

    async def _sample(self) -> Sample:
        now = self._clock.now()
        flows, is_cut_off = await self._flows.until(now)
        lags, instances = await asyncio.gather(self._look_at_kafka(), self._neighbours.look())
        return Sample(
            at=datetime.now(UTC),
            now=now,
            position=await self._journal.last_position(),
            letters=await self._letters.count_open(),
            instances=instances,
            lags=lags,
            flows=flows,
            is_flow_cut_off=is_cut_off,
            cities=await self._city_names(),
        )

    async def _city_names(self) -> dict[str, str]:
        changes = await self._journal.newest(_PROGRAMMES, _MOST_PROGRAMMES)
        return {
            city["code"]: city["name"]
            for entry in reversed(changes)
            for city in entry.payload.get("cities", ())
        }

    async def _look_at_kafka(self) -> tuple[Lag, ...] | None:
        try:
            async with asyncio.timeout(_KAFKA_WITHIN_S):
                return await self._lags.look()
        except (KafkaError, TimeoutError, OSError) as error:
            log.warning("console_sees_no_kafka", error=type(error).__name__)
            with contextlib.suppress(KafkaError, OSError):
                await self._lags.close()
            return None
