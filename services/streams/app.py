"""Composition root of streams: settings → journal, service, routes → one ASGI app."""

from pathlib import Path
from typing import Final

from fastapi import FastAPI

from services.streams import figures
from services.streams.api.catalogue import catalogue_routes
from services.streams.api.journal import journal_routes
from services.streams.handlers import subscribe
from services.streams.rights import JournalData
from services.streams.service import Streams
from services.streams.settings import Settings
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
    figures.tell_of(journal, runtime.metrics)
    tail = Tail(journal)
    runtime.in_background(tail.run, name="tail")
    streams = Streams(journal, tail)
    subscribe(runtime, streams, JournalData(journal))
    pages = Pages(_FOLDER, locales=("en",))
    return runtime.web_app(journal_routes(streams), catalogue_routes(pages))
