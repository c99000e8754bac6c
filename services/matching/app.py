"""Composition root of matching: settings → store, engine, service, time, routes → one ASGI app."""

from datetime import datetime
from pathlib import Path
from typing import Final

from fastapi import FastAPI

from services.matching import figures
from services.matching.answers_api import participant_routes
from services.matching.api import (
    coordinator_routes,
    match_routes,
    review_routes,
)
from services.matching.choosing import Choosing
from services.matching.desk.words import desk_routes
from services.matching.domain.engine import ColumnarEngine
from services.matching.domain.round import Engine
from services.matching.explaining import Explaining
from services.matching.fitting import Fitting
from services.matching.handlers import subscribe
from services.matching.recalling import Recalling
from services.matching.rights import MatchingData
from services.matching.rounds import Rounds
from services.matching.service import Matching
from services.matching.settings import Settings
from services.matching.store import Store
from shared.runtime import Runtime
from shared.web.frame import Pages

_FOLDER: Final = Path(__file__).parent


def make_app(settings: Settings, engine: Engine | None = None) -> FastAPI:
    """The app, not started. `engine` solves the rounds: `ColumnarEngine` with its defaults if None."""
    runtime = Runtime("matching", settings)
    store = Store(runtime)
    fitting = Fitting(store)
    matching = Matching(store, runtime.pipeline, runtime.clock, fitting)
    note = figures.timing_rounds(runtime.metrics)
    rounds = Rounds(store, engine or ColumnarEngine(), fitting, runtime.work, settings, note)
    figures.tell_of(store, runtime.clock, runtime.metrics)
    subscribe(runtime, matching, MatchingData(store, matching), Recalling(store, runtime.clock))

    async def tick(now: datetime) -> datetime | None:
        """Deadlines before rounds: what they free is in the round of the same instant."""
        earliest = await matching.earliest_deadline()
        if earliest is None or earliest > now:
            return earliest
        await matching.let_time_pass(now)
        await rounds.run_due(now)
        return await matching.next_deadline(now)

    matching.tick_by(runtime.every_tick_call(tick, name="deadlines and rounds"))
    return runtime.web_app(
        participant_routes(matching, runtime.links, Pages(_FOLDER)),
        match_routes(store, runtime.links),
        review_routes(matching, Choosing(store, runtime.clock), store),
        coordinator_routes(matching, store, Explaining(store)),
        desk_routes(store, runtime.sessions),
    )
