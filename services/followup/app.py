"""Composition root of followup: settings → store, service, time, routes → one ASGI app."""

from pathlib import Path
from typing import Final

from fastapi import FastAPI

from services.followup import figures
from services.followup.agreement_api import agreement_routes
from services.followup.api import coordinator_routes, own_view, participant_routes
from services.followup.desk.words import desk_routes
from services.followup.domain.timing import on_time
from services.followup.handlers import subscribe
from services.followup.rights import FollowupData
from services.followup.service import Followup
from services.followup.settings import Settings
from services.followup.store import Store
from shared.runtime import Runtime
from shared.web.frame import Pages
from shared.web.letterbox import Letterbox

_FOLDER: Final = Path(__file__).parent


def make_app(settings: Settings) -> FastAPI:
    """The app, not started."""
    runtime = Runtime("followup", settings)
    store = Store(runtime)
    followup = Followup(store, runtime.pipeline, runtime.clock)
    subscribe(runtime, followup, FollowupData(store))
    runtime.every_tick(store.mentorships, on_time)
    figures.tell_of(store, runtime.clock, runtime.metrics)
    pages = Pages(_FOLDER)
    letterbox = Letterbox(runtime.links, pages, own_view)
    return runtime.web_app(
        participant_routes(followup, letterbox),
        agreement_routes(followup, letterbox, runtime.links, pages, runtime.clock),
        coordinator_routes(followup, runtime.links),
        desk_routes(followup, runtime.sessions),
    )
