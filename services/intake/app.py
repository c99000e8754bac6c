"""The composition root: settings → store, service, routes → one ASGI app."""

from fastapi import FastAPI

from services.intake import figures
from services.intake.api import (
    change,
    coordinators,
    my_page,
    pages,
    programmes,
    register,
    registration,
    reminders,
    rights,
)
from services.intake.desk import bringing_in, lists, one, reporting, signing_in
from services.intake.desk.desk import Desk
from services.intake.desk.looks import Looks
from services.intake.domain.tables import load_tables
from services.intake.following import Following
from services.intake.handlers import subscribe
from services.intake.identity import Attempts, IdentityProvider
from services.intake.recalling import Recalling
from services.intake.registrar import Registrar
from services.intake.rights import DataRights
from services.intake.service import Intake
from services.intake.settings import Settings
from services.intake.store import Store
from shared.runtime import Runtime
from shared.web.rate_limits import RateLimit


def make_intake(runtime: Runtime) -> Intake:
    """Intake on what the process runs on."""
    store = Store(runtime)
    tables = load_tables()
    registrar = Registrar(store, runtime.ids, runtime.hashes, tables)
    data_rights = DataRights(store, runtime)
    return Intake(store, registrar, runtime.relay, tables, data_rights)


def make_app(settings: Settings) -> FastAPI:
    """The whole service, not started."""
    runtime = Runtime("intake", settings)
    intake = make_intake(runtime)
    subscribe(
        runtime,
        Following(intake.store, runtime.pipeline),
        intake.rights,
        Recalling(intake.store, intake.registrar, runtime.clock),
    )
    figures.tell_of(intake.store, runtime.metrics)
    runtime.every_tick_call(intake.registrar.finish_cut_off, name="registrations")
    runtime.every_tick_call(intake.rights.let_time_pass, name="requests")
    runtime.before_start(intake.rights.forget_again)
    runtime.in_background(intake.rights.watch_topics, name="last words")
    app = runtime.web_app(
        register.router,
        registration.router,
        rights.router,
        reminders.router,
        change.router,
        my_page.router,
        pages.router,
        coordinators.router,
        programmes.router,
        signing_in.router,
        lists.router,
        one.router,
        bringing_in.router,
        reporting.router,
    )
    app.state.intake = intake
    app.state.rate_limit = RateLimit(settings.requests_per_minute)
    app.state.provider = IdentityProvider(settings)
    app.state.desk = Desk(intake, Looks(runtime), runtime.ids)
    app.state.attempts = Attempts(settings.session_key)
    return app
