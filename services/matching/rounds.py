"""The rounds and the top-ups between them: who runs one, and how its proposals are written.

What must stay true: proposals are written only by whoever holds the lease, in transactions that touch
it; and a round that was cut off is run again at its instant, under the same names of matches, so
what was written before is found and not made twice. A top-up is a round in all but this: it sees only
the cities that propose at once, and takes proposals back that nobody has answered.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

import structlog

from services.matching.domain import gap_reports, people, programmes
from services.matching.domain.audit import audit_of
from services.matching.domain.gap_reports import GapReport
from services.matching.domain.people import KnownPerson
from services.matching.domain.programmes import KnownProgramme
from services.matching.domain.round import Engine, RoundResult, Waiting
from services.matching.domain.schedule import RoundKind, RoundRecord, round_id_of, seed_of
from services.matching.fitting import Fitting
from services.matching.ground import Ground, supply_left
from services.matching.outcomes import settled
from services.matching.proposing import Proposing, chunks
from services.matching.settings import Settings
from services.matching.store import Store
from shared.decisions import Decision
from shared.errors import LeaseLost
from shared.events.participants import Role
from shared.ids import Ids
from shared.messaging.work import Work
from shared.storage.changes import Cause, Change, Decide
from shared.storage.leases import Lease

_PROGRAMMES_AT_ONCE: Final = 100
_NOTES_AT_ONCE: Final = 500
_RENEWALS_A_LEASE: Final = 3

log = structlog.get_logger(__name__)


class Rounds:
    """Runs the rounds that are due, of every programme whose lease it gets."""

    def __init__(
        self,
        store: Store,
        engine: Engine,
        fitting: Fitting,
        work: Work,
        settings: Settings,
        note: Callable[[RoundRecord], None] = lambda _: None,
    ) -> None:
        """`note` is told of each round and top-up that is done."""
        self._store = store
        self._engine = engine
        self._fitting = fitting
        self._work = work
        self._settings = settings
        self._note = note
        # Of this process alone, so that one that comes back under the same name is another holder.
        self._holder = f"{settings.instance}.{Ids().new()}"

    async def run_due(self, now: datetime) -> None:
        """Runs every round whose instant has come. Raises `LeaseLost` where another one is at it."""
        while due := await self._store.programmes.due(now, _PROGRAMMES_AT_ONCE):
            for programme in sorted(due):
                with self._work.one("rounds"):
                    await self._run_if_due(programme, now)

    async def _run_if_due(self, programme_id: str, now: datetime) -> None:
        lease = await self._store.lease(programme_id, self._holder, self._settings.lease_for)
        if lease is None:
            raise LeaseLost(
                f"Another instance runs the rounds of {programme_id!r}; it is asked again."
            )
        programme = await self._store.programmes.get(programme_id)
        # Looked at only now: whoever had the lease before may have run it.
        due = programme.what_is_due(now) if programme is not None else None
        if programme is not None and due is not None:
            async with _kept_alive(lease, self._settings.lease_for):
                await self._run(programme, *due, lease, now)
        await lease.release()

    async def _run(
        self,
        programme: KnownProgramme,
        kind: RoundKind,
        instant: datetime,
        lease: Lease,
        now: datetime,
    ) -> None:
        started = time.monotonic()
        name = programme.programme
        round_id = round_id_of(name, instant)
        is_round = kind is RoundKind.ROUND
        drawn_in = round_id if is_round else programme.drawn_in or round_id
        seed = seed_of(drawn_in, self._settings.seed)
        if is_round:
            await self._fitting.check_programme(name, now)
        ground = await self._ground(programme, kind, round_id)
        round_input = ground.input_of(programme, seed, instant)
        solve = self._engine.solve if is_round else self._engine.top_up
        result = await asyncio.to_thread(solve, round_input)
        proposing = Proposing(self._store.matches, programme, round_id, lease, now)
        written = await proposing.write(result, ground, at_once=self._settings.proposals_at_once)
        if written.answered_meanwhile:
            await self._note_for_top_up(name, now)
        await self._note_who_stops_waiting(result, ground, now)
        if is_round:
            await self._note_who_waits(result, ground, programme, now)
            await self._report_gaps(result, name, now)
        # Somebody may have changed while the round was being solved.
        paired = [
            person for match in written.proposed for person in (match.mentee_id, match.mentor_id)
        ]
        await self._fitting.check_people(dict.fromkeys(paired, Cause(now, round_id)), now)
        mentees = sum(person.role is Role.MENTEE for person in round_input.people)
        with_proposal = len(round_input.tentative) - len(result.displaced) + len(result.pairings)
        record = RoundRecord(
            round_id=round_id,
            programme=name,
            instant=instant,
            seed=seed,
            mentees=mentees,
            mentors=sum(person.role is Role.MENTOR for person in round_input.people),
            proposed=len(written.proposed),
            refused=len(result.pairings) - len(written.proposed),
            waiting=len(result.waiting) if is_round else mentees - with_proposal,
            blocking_pairs=result.certificate.blocking_pairs,
            seconds=round(time.monotonic() - started, 3),
            kind=kind,
            displaced=written.displaced,
            rescued=result.certificate.rescued,
            moves=result.moves,
        )
        if is_round:
            audit = await asyncio.to_thread(audit_of, round_input, result, programme.host_languages)
            record = replace(record, supply=supply_left(round_input, result), audit=audit)
        await self._finish(record, programme, lease, now)

    async def _ground(self, programme: KnownProgramme, kind: RoundKind, round_id: str) -> Ground:
        people = await self._store.active_people(programme.programme)
        binding = await self._store.matches_that_bind(programme.programme, round_id)
        if kind is RoundKind.ROUND:
            return Ground.of_round(people, binding)
        return Ground.of_top_up(people, binding, programme, round_id)

    async def _note_for_top_up(self, programme: str, now: datetime) -> None:
        """Somebody said yes to what was to be taken back: the others are looked at again."""
        change = Change(programme, _noting(now), Cause.due(now))
        settled(await self._store.programmes.change([change]))

    async def _note_who_stops_waiting(
        self, result: RoundResult, ground: Ground, now: datetime
    ) -> None:
        """Who has a proposal is not told why she waits."""
        await self._change_people(
            {
                person: _stopping()
                for pairing in result.pairings
                for person in (pairing.mentee_id, pairing.mentor_id)
            },
            ground,
            now,
        )

    async def _note_who_waits(
        self, result: RoundResult, ground: Ground, programme: KnownProgramme, now: datetime
    ) -> None:
        """Keeps for everybody why she waits. Who has an open match does not wait.

        Only a round knows: a top-up does not see all the mentors who are in reach.
        """
        matched = {match.mentor_id for match in ground.open_matches}
        await self._change_people(
            {
                waiting.participant_id: _waiting(waiting, programme)
                for waiting in result.waiting
                if waiting.participant_id not in matched
            },
            ground,
            now,
        )

    async def _change_people(
        self, changes: Mapping[str, Decide[KnownPerson]], ground: Ground, now: datetime
    ) -> None:
        """Writes what is new of it."""
        new = [
            Change(person, decide, Cause.due(now))
            for person, decide in sorted(changes.items())
            if decide(ground.people[person]) is not None
        ]
        for chunk in chunks(new, _NOTES_AT_ONCE):
            settled(await self._store.people.change(chunk))

    async def _report_gaps(self, result: RoundResult, programme: str, now: datetime) -> None:
        """Tells each city's gap where it is another than before; a city that is not named has none."""
        found = {
            report_id: GapReport.closed(programme, report.city)
            for report_id, report in (await self._store.open_gaps(programme)).items()
        }
        for gap in result.gaps:
            report = GapReport.of(programme, gap)
            found[report.report_id] = report
        settled(
            await self._store.gaps.change(
                [
                    Change(report_id, _telling(report), Cause.due(now))
                    for report_id, report in sorted(found.items())
                ]
            )
        )

    async def _finish(
        self, record: RoundRecord, programme: KnownProgramme, lease: Lease, now: datetime
    ) -> None:
        """Keeps the record, and only then sets the day of the next round."""
        cause = Cause.due(now)
        await self._store.rounds.change(
            [Change(record.round_id, lambda kept: None if kept else Decision(record), cause)],
            fence=lease,
        )
        finished = Change(programme.programme, _finishing(record, now), cause)
        settled(await self._store.programmes.change([finished], fence=lease))
        self._note(record)
        log.info(
            "round_finished",
            kind=record.kind,
            round_id=record.round_id,
            mentees=record.mentees,
            mentors=record.mentors,
            proposed=record.proposed,
            refused=record.refused,
            displaced=record.displaced,
            waiting=record.waiting,
            seconds=record.seconds,
        )


def _stopping() -> Decide[KnownPerson]:
    return lambda known: None if known is None else people.stop_waiting(known)


def _waiting(waiting: Waiting, programme: KnownProgramme) -> Decide[KnownPerson]:
    notes = programme.waiting_notes
    return lambda known: None if known is None else people.wait_on(known, waiting, notes)


def _telling(report: GapReport) -> Decide[GapReport]:
    return lambda told: gap_reports.tell(told, report)


def _noting(now: datetime) -> Decide[KnownProgramme]:
    return lambda known: None if known is None else programmes.note_for_top_up(known, now)


def _finishing(record: RoundRecord, now: datetime) -> Decide[KnownProgramme]:
    return lambda known: None if known is None else programmes.finish(known, record, now)


@asynccontextmanager
async def _kept_alive(lease: Lease, ttl: timedelta) -> AsyncIterator[None]:
    """Renews the lease while a round runs. If it is lost, the next fenced write says so."""

    async def renew() -> None:
        while True:
            await asyncio.sleep(ttl.total_seconds() / _RENEWALS_A_LEASE)
            await lease.renew(ttl)

    renewing = asyncio.create_task(renew(), name=f"lease {lease.name}")
    try:
        yield
    finally:
        renewing.cancel()
        await asyncio.gather(renewing, return_exceptions=True)
