"""Composition root of streams: settings → journal, service, routes → one ASGI app."""

from fastapi import FastAPI

from services.streams.api.journal import journal_routes
from services.streams.handlers import subscribe
from services.streams.service import Streams
from services.streams.settings import Settings
from services.streams.store.journal import Journal
from shared.runtime import Runtime


def make_app(settings: Settings) -> FastAPI:
    """The app, not started."""
    runtime = Runtime("streams", settings)
    journal = Journal(runtime.database)
    runtime.before_start(journal.prepare)
    streams = Streams(journal)
    subscribe(runtime, streams)
    return runtime.web_app(journal_routes(streams))
