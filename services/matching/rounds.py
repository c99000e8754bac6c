"""The rounds: who runs one, on whom, and how its proposals are written.

What must stay true: proposals are written only by whoever holds the lease, in transactions that touch
it; and a round that was cut off is run again at its instant, under the same names of matches, so
what was written before is found and not made twice.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from typing import Final, TypeVar

import structlog

from services.matching.domain import gap_reports, life, people, programmes
from services.matching.domain.gap_reports import GapReport
from services.matching.domain.match import Match
from services.matching.domain.people import KnownPerson
from services.matching.domain.programmes import KnownProgramme
from services.matching.domain.round import Engine, Pairing, RoundInput, RoundResult, Waiting
from services.matching.domain.schedule import RoundRecord, round_id_of, seed_of
from services.matching.fitting import Fitting
from services.matching.outcomes import settled
from services.matching.settings import Settings
from services.matching.store import Store
from shared.decisions import Decision
from shared.errors import LeaseLost
from shared.events.participants import Role
from shared.ids import Ids, repeatable_id
from shared.messaging.work import Work
from shared.storage.changes import Cause, Change, Decide, Status
from shared.storage.leases import Lease

_PROGRAMMES_AT_ONCE: Final = 100
_NOTES_AT_ONCE: Final = 500
_RENEWALS_A_LEASE: Final = 3

Item = TypeVar("Item")

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Ground:
    """What a round stands on: everybody active, and what their matches bind."""

    people: Mapping[str, KnownPerson]
    binding: Sequence[Match]

    @property
    def open_matches(self) -> list[Match]:
        """Matches that hold a mentee and a seat."""
        return [match for match in self.binding if match.open]

    def seats_taken(self) -> dict[str, set[int]]:
        """The numbers of the seats that are held, by mentor."""
        taken: dict[str, set[int]] = {}
        for match in self.open_matches:
            taken.setdefault(match.mentor_id, set()).add(match.seat)
        return taken

    def input_of(self, programme: KnownProgramme, seed: int, instant: datetime) -> RoundInput:
        """What the engine sees: free mentees, all active mentors, and their free seats."""
        held = {match.mentee_id for match in self.open_matches}
        taken = self.seats_taken()
        seen = [
            person
            for known in self.people.values()
            if known.is_in_pool and known.participant_id not in held
            for person in [known.for_round()]
            if person is not None
        ]
        return RoundInput(
            people=seen,
            free_seats={
                person.participant_id: max(
                    0, person.seats - len(taken.get(person.participant_id, ()))
                )
                for person in seen
                if person.role is Role.MENTOR
            },
            never_again=frozenset((match.mentee_id, match.mentor_id) for match in self.binding),
            weights=programme.weights,
            seed=seed,
            now=instant,
        )


class Rounds:
    """Runs the rounds that are due, of every programme whose lease it gets."""

    def __init__(
        self, store: Store, engine: Engine, fitting: Fitting, work: Work, settings: Settings
    ) -> None:
        self._store = store
        self._engine = engine
        self._fitting = fitting
        self._work = work
        self._settings = settings
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
        if programme is not None and programme.wake_at is not None and programme.wake_at <= now:
            instant = programme.round_instant or now
            async with _kept_alive(lease, self._settings.lease_for):
                await self._run(programme, instant, lease, now)
        await lease.release()

    async def _run(
        self, programme: KnownProgramme, instant: datetime, lease: Lease, now: datetime
    ) -> None:
        started = time.monotonic()
        name = programme.programme
        round_id = round_id_of(name, instant)
        seed = seed_of(round_id, self._settings.seed)
        await self._fitting.check_programme(name, now)
        ground = Ground(
            await self._store.active_people(name),
            await self._store.matches_that_bind(name, round_id),
        )
        round_input = ground.input_of(programme, seed, instant)
        result = await asyncio.to_thread(self._engine.solve, round_input)
        proposals = list(_matches_of(result.pairings, ground, programme, round_id))
        refused = await self._propose(proposals, programme, lease, now)
        await self._note_who_waits(result, ground, programme, now)
        await self._report_gaps(result, name, now)
        # Somebody may have changed while the round was being solved.
        paired = [person for match in proposals for person in (match.mentee_id, match.mentor_id)]
        await self._fitting.check_people(dict.fromkeys(paired, Cause(now, round_id)), now)
        record = RoundRecord(
            round_id=round_id,
            programme=name,
            instant=instant,
            seed=seed,
            mentees=sum(person.role is Role.MENTEE for person in round_input.people),
            mentors=sum(person.role is Role.MENTOR for person in round_input.people),
            proposed=len(proposals) - refused,
            refused=refused,
            waiting=len(result.waiting),
            blocking_pairs=result.certificate.blocking_pairs,
            seconds=round(time.monotonic() - started, 3),
        )
        await self._finish(record, programme, lease, now)

    async def _propose(
        self, proposals: Sequence[Match], programme: KnownProgramme, lease: Lease, now: datetime
    ) -> int:
        """Writes the proposals in chunks, each a transaction that touches the lease.

        Returns how many the unique indexes refused: somebody else was faster.
        """
        review = programme.review_before_proposing
        refused = 0
        for chunk in _chunks(proposals, self._settings.proposals_at_once):
            outcomes = await self._store.matches.change(
                [
                    Change(
                        match.match_id,
                        _making(match, now, review=review),
                        Cause(now, match.match_id),
                    )
                    for match in chunk
                ],
                fence=lease,
            )
            refused += sum(outcome.status is Status.REFUSED for outcome in settled(outcomes))
        return refused

    async def _note_who_waits(
        self, result: RoundResult, ground: Ground, programme: KnownProgramme, now: datetime
    ) -> None:
        """Keeps for everybody why she waits, if that is new. Who has an open match does not wait."""
        matched = {match.mentor_id for match in ground.open_matches}
        changes: dict[str, Decide[KnownPerson]] = {
            person: _stopping()
            for pairing in result.pairings
            for person in (pairing.mentee_id, pairing.mentor_id)
        }
        for waiting in result.waiting:
            if waiting.participant_id not in matched:
                changes[waiting.participant_id] = _waiting(waiting, programme)
        new = [
            Change(person, decide, Cause.due(now))
            for person, decide in sorted(changes.items())
            if decide(ground.people[person]) is not None
        ]
        for chunk in _chunks(new, _NOTES_AT_ONCE):
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
        finished = Change(programme.programme, _finishing(record.instant, now), cause)
        settled(await self._store.programmes.change([finished], fence=lease))
        log.info(
            "round_finished",
            round_id=record.round_id,
            mentees=record.mentees,
            mentors=record.mentors,
            proposed=record.proposed,
            refused=record.refused,
            waiting=record.waiting,
            seconds=record.seconds,
        )


def _matches_of(
    pairings: Iterable[Pairing], ground: Ground, programme: KnownProgramme, round_id: str
) -> Iterable[Match]:
    """The pairings as matches: each on the mentor's lowest free seat, named for pair and round."""
    taken = ground.seats_taken()
    for pairing in pairings:
        seats = taken.setdefault(pairing.mentor_id, set())
        seat = next(number for number in count(1) if number not in seats)
        seats.add(seat)
        mentee = ground.people[pairing.mentee_id].person
        yield Match.of(
            pairing,
            match_id=repeatable_id("match", round_id, pairing.mentee_id, pairing.mentor_id),
            programme=programme.programme,
            city=mentee.city if mentee is not None else None,
            seat=seat,
            round_id=round_id,
            rules=programme.answer_rules,
        )


def _chunks(items: Sequence[Item], size: int) -> Iterable[Sequence[Item]]:
    return (items[start : start + size] for start in range(0, len(items), size))


def _making(match: Match, now: datetime, *, review: bool) -> Decide[Match]:
    return lambda kept: None if kept is not None else life.make(match, now, review=review)


def _stopping() -> Decide[KnownPerson]:
    return lambda known: None if known is None else people.stop_waiting(known)


def _waiting(waiting: Waiting, programme: KnownProgramme) -> Decide[KnownPerson]:
    notes = programme.waiting_notes
    return lambda known: None if known is None else people.wait_on(known, waiting, notes)


def _telling(report: GapReport) -> Decide[GapReport]:
    return lambda told: gap_reports.tell(told, report)


def _finishing(instant: datetime, now: datetime) -> Decide[KnownProgramme]:
    return lambda known: None if known is None else programmes.finish_round(known, instant, now)


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
