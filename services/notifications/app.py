"""Composition root: settings → store, service, sender, routes → one ASGI app."""

from fastapi import FastAPI

from services.notifications import api, figures, handlers
from services.notifications.channel import Email
from services.notifications.letters.written import Letterhead
from services.notifications.mail_server import MailServer, MailServerAddress
from services.notifications.returning import Returning
from services.notifications.sender import Sender, SenderOptions
from services.notifications.service import Notifications
from services.notifications.settings import Settings
from services.notifications.store import Store
from shared.clock import Clock
from shared.runtime import Runtime


def make_app(settings: Settings) -> FastAPI:
    """The service, not started."""
    runtime = Runtime("notifications", settings)
    store = Store(runtime)
    sender = make_sender(runtime, store, settings)
    notifications = Notifications(runtime, store, sender.nudge)
    handlers.register(runtime, notifications)
    figures.tell_of(store, sender, runtime.clock, runtime.metrics)

    notifications.tick_by(runtime.every_tick_call(notifications.let_time_pass, name="messages"))
    runtime.in_background(sender.run, name="sender")
    returning = Returning(
        store, runtime.clock, settings.mail_from, settings.link_secret.get_secret_value()
    )
    return runtime.web_app(api.router(store), api.bounce_routes(returning))


def make_sender(
    runtime: Runtime, store: Store, settings: Settings, *, machine: Clock | None = None
) -> Sender:
    """The sender with its connections to the mail server. `machine` is the system's time if None."""
    mail_server = MailServer(
        MailServerAddress.read(settings.smtp_url),
        hello=settings.mail_from.rpartition("@")[2],
        connections=settings.smtp_connections,
        timeout_s=settings.smtp_timeout_s,
    )
    letterhead = Letterhead(
        address=settings.mail_from,
        public_url=settings.public_url,
        link_secret=settings.link_secret.get_secret_value(),
    )
    options = SenderOptions(
        instance=settings.instance,
        patience=settings.patience,
        mails_at_once=settings.mails_at_once,
    )
    email = Email(mail_server, letterhead)
    return Sender(store, runtime.clock, runtime.work, email, options, machine=machine)
