"""The contract with every process: how it is started and which settings it is given.

Configuration is by environment only, and each process has a port of its own that answers
`/health/ready` and `/internal/work`.
"""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from deploy.local.access import Secrets
from deploy.local.engines import Engine
from deploy.local.identity import CLIENT, OPERATORS
from deploy.local.ports import LOOPBACK
from deploy.local.processes import Launch
from deploy.local.settings import PlatformSettings

ORIGIN: Final = "origin"
MAIL: Final = "mail"
ROOM_OF_MAIL: Final = "mailbox"
IDENTITY: Final = "identity"
_SIGNS_IN: Final = "intake"
"""The only service that talks to the identity provider, and knows its own secret there."""


@dataclass(frozen=True, slots=True)
class Ports:
    """Who listens where, all on the loopback interface."""

    origin: int
    origin_control: int
    mail: int
    smtp: int
    identity: int
    services: Mapping[str, int]

    @property
    def origin_url(self) -> str:
        """The one address that people see."""
        return _url(self.origin)

    @property
    def issuer(self) -> str:
        """The local identity provider, as everybody calls it."""
        return f"{self.origin_url}/{IDENTITY}"

    @property
    def mail_url(self) -> str:
        """Where the mail server answers by HTTP."""
        return _url(self.mail)


def mail_launch(settings: PlatformSettings, ports: Ports, secrets: Secrets) -> Launch:
    """The local mail server. Bounces go to notifications, where that is among the services."""
    to = ports.services.get("notifications")
    return Launch(
        name=MAIL,
        command=(sys.executable, "-m", "deploy.local.mail_server"),
        url=ports.mail_url,
        environment={
            "PORT": str(ports.mail),
            "SMTP_PORT": str(ports.smtp),
            "MAIL_DIRECTORY": str(settings.directory / "mail"),
            "CLOCK": settings.clock,
            "BOUNCES_URL": f"{_url(to)}/bounces" if to is not None else "",
            "BOUNCE_KEY": secrets.bounce_key,
        },
    )


def identity_launch(ports: Ports, secrets: Secrets) -> Launch:
    """The local identity provider, in place of the one of production."""
    return Launch(
        name=IDENTITY,
        command=(sys.executable, "-m", "deploy.local.identity"),
        url=_url(ports.identity),
        environment={
            "PORT": str(ports.identity),
            "ISSUER": ports.issuer,
            "CLIENT_ID": CLIENT,
            "CLIENT_SECRET": secrets.identity_secret,
            "REDIRECT_URI": f"{ports.origin_url}/{_SIGNS_IN}/callback",
        },
    )


def origin_launch(ports: Ports) -> Launch:
    """The reverse proxy before all of them."""
    rooms = {name: _url(port) for name, port in ports.services.items()}
    return Launch(
        name=ORIGIN,
        command=(sys.executable, "-m", "deploy.local.origin"),
        url=_url(ports.origin_control),
        environment={
            "PORT": str(ports.origin),
            "CONTROL_PORT": str(ports.origin_control),
            "ROUTES": json.dumps(
                {**rooms, ROOM_OF_MAIL: ports.mail_url, IDENTITY: _url(ports.identity)}
            ),
        },
    )


def service_launches(
    settings: PlatformSettings,
    ports: Ports,
    engine: Engine,
    secrets: Secrets,
    *,
    resend: bool,
) -> list[Launch]:
    """The services. resend: each is to send its current state again, see `deploy.local.resend`."""
    for_all = {
        "HOST": LOOPBACK,
        "KAFKA_URL": ",".join(engine.addresses.kafka),
        "STATIC_MEMBERS": str(engine.addresses.static_members),
        "CLOCK": settings.clock,
        "PUBLIC_URL": ports.origin_url,
        "SMTP_URL": f"smtp://{LOOPBACK}:{ports.smtp}",
        **secrets.environment(),
    }
    if settings.starts_at is not None:
        for_all["SEED"] = str(settings.seed)
        # Everybody comes from one address here, and a minute of the machine's is many of their days.
        for_all["REQUESTS_PER_MINUTE"] = "1000000"
    signing_in = {
        "OIDC_ISSUER": ports.issuer,
        "OIDC_CLIENT_ID": CLIENT,
        "OIDC_CLIENT_SECRET": secrets.identity_secret,
        "OIDC_OPERATOR_CLAIM": f"groups={OPERATORS}",
    }
    asked_by_the_console = ",".join(
        f"{name}-1={_url(port)}" for name, port in ports.services.items()
    )
    return [
        Launch(
            name=name,
            command=command,
            url=_url(ports.services[name]),
            environment={
                **for_all,
                **({"SERVICE_URLS": asked_by_the_console} if name == "streams" else {}),
                "PORT": str(ports.services[name]),
                "MONGODB_URL": engine.mongodb_url(name),
                "INSTANCE": f"{name}-1",
                **(signing_in if name == _SIGNS_IN else {}),
                **settings.environment.get(name, {}),
            },
            # Not given again once it is ready: it has then sent what it had.
            until_ready={"RESEND_STATE": "1"} if resend else {},
        )
        for name, command in settings.services.items()
    ]


def another_launch(first: Launch, name: str, port: int) -> Launch:
    """A second process of the same service, with a name and a port of its own."""
    environment = {**first.environment, "PORT": str(port), "INSTANCE": name}
    return Launch(name=name, command=first.command, url=_url(port), environment=environment)


def _url(port: int) -> str:
    return f"http://{LOOPBACK}:{port}"
