"""Composition root of streams: settings → journal, grants, service, routes → one ASGI app."""

from pathlib import Path
from typing import Final

from fastapi import APIRouter, FastAPI

from services.streams import figures
from services.streams.api.catalogue import catalogue_routes
from services.streams.api.console import console_routes
from services.streams.api.event_stream import event_stream_routes
from services.streams.api.feed import feed_routes
from services.streams.api.integrators import operators_routes, own_grant_routes
from services.streams.api.journal import journal_routes
from services.streams.api.keys import Gate
from services.streams.api.letters import letter_routes
from services.streams.api.opened import opened_routes
from services.streams.api.replays import projection_routes, replay_routes
from services.streams.console import Console
from services.streams.domain.replaying import Replay
from services.streams.doors import sending_doors
from services.streams.granting import Granting
from services.streams.handlers import subscribe
from services.streams.projecting import Projections
from services.streams.rebuilding import Rebuilding
from services.streams.replaying import Replaying
from services.streams.rights import JournalData
from services.streams.service import Streams
from services.streams.settings import Settings
from services.streams.store.flows import Flows
from services.streams.store.grants import Grants
from services.streams.store.journal import Journal
from services.streams.store.letters import Letters
from services.streams.store.unmaskings import Unmaskings
from services.streams.tail import Tail
from services.streams.watching.lags import Lags
from services.streams.watching.neighbours import Neighbours, addresses_of
from services.streams.watching.sampler import Sampler
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
    letters, unmaskings = Letters(runtime.database), Unmaskings(runtime.database)
    runtime.before_start(letters.prepare)
    runtime.before_start(unmaskings.prepare)
    streams = Streams(journal, letters, tail)
    subscribe(runtime, streams, JournalData(journal))
    gate = Gate(granting, settings)
    app = runtime.web_app(
        *_for_operators(runtime, settings, streams, journal, letters, unmaskings, tail),
        catalogue_routes(Pages(_FOLDER, locales=("en",))),
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


def _for_operators(
    runtime: Runtime,
    settings: Settings,
    streams: Streams,
    journal: Journal,
    letters: Letters,
    unmaskings: Unmaskings,
    tail: Tail,
) -> tuple[APIRouter, ...]:
    """The console, what was set aside, replays, and the journal itself."""
    servers = settings.kafka_url.split(",")
    sampler = Sampler(
        runtime.clock,
        journal,
        Flows(runtime.database),
        letters,
        Lags(servers),
        Neighbours(addresses_of(settings.service_urls)),
    )
    runtime.in_background(sampler.run, name="sampler")
    runtime.when_asked_to_stop(sampler.stop)
    replays = runtime.aggregates("known", Replay, prefix="replays/")
    client_id = f"streams-{settings.instance}"
    replaying = Replaying(journal, replays, runtime.clock, servers, client_id)
    runtime.in_background(replaying.run, name="replaying")
    console = Console(streams, journal, letters, unmaskings, sampler, tail)
    return (
        console_routes(console),
        opened_routes(console),
        letter_routes(console),
        replay_routes(replaying),
        projection_routes(Rebuilding(journal, letters)),
        journal_routes(streams, unmaskings),
    )
