"""Composition root of streams: settings → journal, grants, service, routes → one ASGI app."""

from pathlib import Path
from typing import Final

from fastapi import FastAPI

from services.streams import figures
from services.streams.api.catalogue import catalogue_routes
from services.streams.api.event_stream import event_stream_routes
from services.streams.api.feed import feed_routes
from services.streams.api.integrators import operators_routes, own_grant_routes
from services.streams.api.journal import journal_routes
from services.streams.api.keys import Gate
from services.streams.doors import sending_doors
from services.streams.granting import Granting
from services.streams.handlers import subscribe
from services.streams.projecting import Projections
from services.streams.rights import JournalData
from services.streams.service import Streams
from services.streams.settings import Settings
from services.streams.store.grants import Grants
from services.streams.store.journal import Journal
from services.streams.tail import Tail
from shared.runtime import Runtime
from shared.web.frame import Pages

_FOLDER: Final = Path(__file__).parent


def make_app(settings: Settings) -> FastAPI:
    """The app, not started."""
    runtime = Runtime("streams", settings)
    journal = Journal(runtime.database)
    runtime.before_start(journal.prepare)
    tail = Tail(journal)
    figures.tell_of(journal, tail, runtime.metrics)
    runtime.in_background(tail.run, name="tail")
    runtime.when_asked_to_stop(tail.stop)
    grants = Grants(runtime)
    granting = Granting(grants, runtime.ids)
    runtime.in_background(granting.run, name="use of grants")
    projections = Projections(journal, runtime.hashes.of)
    streams = Streams(journal, tail)
    subscribe(runtime, streams, JournalData(journal))
    pages = Pages(_FOLDER, locales=("en",))
    gate = Gate(granting, settings)
    app = runtime.web_app(
        journal_routes(streams),
        catalogue_routes(pages),
        operators_routes(granting),
        own_grant_routes(granting),
        feed_routes(projections, journal, tail, granting, gate),
        event_stream_routes(projections, journal, tail, granting, gate),
        *sending_doors(runtime, settings, grants, journal, projections, tail),
    )
    app.state.projections = projections
    app.state.gate = gate
    app.state.granting = granting
    app.state.tail = tail
    return app
