"""What a top-up costs: CPU and time of the matcher, with all people and matches in MongoDB.

`python -m tests.bench.top_ups [--people 3300]`: a round over everybody, then some newcomers each time and
a top-up over the cities that propose at once (here all). Seconds of CPU are those of this process
alone; wall time counts MongoDB too. The first top-up reads what has changed since the round: all matches.
"""

import argparse
import asyncio
import tempfile
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Final

from pydantic import SecretStr

from deploy.local.engines import open_engine
from services.matching.domain import life
from services.matching.domain.engine import ColumnarEngine
from services.matching.domain.match import AnswerRules
from services.matching.domain.people import KnownPerson
from services.matching.domain.person import Person
from services.matching.domain.programmes import KnownProgramme, Rhythm, WaitingNotes
from services.matching.domain.supply import BetweenRoundsRules
from services.matching.fitting import Fitting
from services.matching.rounds import Rounds
from services.matching.settings import Settings
from services.matching.store import Store
from shared.decisions import Decision
from shared.events.participants import ParticipantStatus, Role
from shared.events.programmes import BetweenRounds, ScoreWeights
from shared.messaging.work import Work
from shared.runtime import Runtime
from shared.storage.changes import Cause, Change
from tests.bench.population import NOW, a_round

_PROGRAMME: Final = "bench"
_NEWCOMERS: Final = 5
_AT_ONCE: Final = 2_000


async def measure(people: int, top_ups: int, mongodb: str, folder: Path) -> None:
    """Prints a line for the round and one for each top-up."""
    settings = Settings(
        mongodb_url=mongodb,
        kafka_url="127.0.0.1:1",
        clock=f"stepped:{folder / 'clock'}",
        link_secret=SecretStr("links"),
        hash_secret=SecretStr("hashes"),
    )
    runtime = Runtime("matching", settings)
    store = Store(runtime)
    for collection in (store.matches, store.people, store.programmes, store.rounds, store.gaps):
        await collection.prepare()
    everybody = list(a_round(people + top_ups * _NEWCOMERS).people)
    newcomers = everybody[: top_ups * _NEWCOMERS]
    await _bring_in(store, everybody[top_ups * _NEWCOMERS :])
    programme = KnownProgramme(
        programme=_PROGRAMME,
        answer_rules=AnswerRules(7, 7, 4),
        review_before_proposing=False,
        waiting_notes=WaitingNotes(14, 30),
        weights=ScoreWeights(),
        rhythm=Rhythm(7, 5, "Europe/Copenhagen"),
        between_rounds=BetweenRoundsRules(BetweenRounds.AT_ONCE),
        asked_round_at=NOW,
    )
    await _set(store, programme)
    rounds = Rounds(store, ColumnarEngine(), Fitting(store), Work(), settings)
    await _timed("round", rounds, store)
    await _ask_everybody(store)
    for number in range(top_ups):
        await _bring_in(store, newcomers[number * _NEWCOMERS : (number + 1) * _NEWCOMERS])
        known = await store.programmes.get(_PROGRAMME)
        assert known is not None
        await _set(store, replace(known, next_top_up_at=NOW + timedelta(minutes=number + 1)))
        await _timed(f"top-up {number + 1}", rounds, store)
    runtime.database.close()


async def _timed(name: str, rounds: Rounds, store: Store) -> None:
    began, cpu = time.monotonic(), time.process_time()
    await rounds.run_due(NOW + timedelta(hours=1))
    cpu, wall = time.process_time() - cpu, time.monotonic() - began
    (record,) = await store.latest_rounds(_PROGRAMME, 1)
    print(
        f"{name}: {1000 * cpu:.0f} ms of CPU, {1000 * wall:.0f} ms; {record.mentees} mentees, "
        f"{record.mentors} mentors, {record.proposed} proposed, {record.displaced} displaced"
    )


async def _bring_in(store: Store, people: list[Person]) -> None:
    known = [
        KnownPerson(one.participant_id, _PROGRAMME, ParticipantStatus.ACTIVE, one) for one in people
    ]
    for start in range(0, len(known), _AT_ONCE):
        await store.people.change(
            [
                Change(one.participant_id, lambda _, one=one: Decision(one), Cause.due(NOW))  # type: ignore[misc]
                for one in known[start : start + _AT_ONCE]
            ]
        )


async def _ask_everybody(store: Store) -> None:
    """All messages have gone out, so by default nobody loses a proposal any more."""
    ids = await store.matches.ids({})
    await store.matches.change(
        [
            Change(
                match_id,
                lambda match: life.asked(match, Role.MENTEE, NOW) if match else None,
                Cause.due(NOW),
            )
            for match_id in ids
        ]
    )


async def _set(store: Store, programme: KnownProgramme) -> None:
    change = Change(_PROGRAMME, lambda _: Decision(programme), Cause.due(NOW))
    await store.programmes.change([change])


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--people", type=int, default=3_300)
    arguments.add_argument("--top-ups", type=int, default=5)
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as made, open_engine("embedded", var=Path(made)) as engine:
        url = engine.mongodb_url("matching")
        asyncio.run(measure(given.people, given.top_ups, url, Path(made)))
