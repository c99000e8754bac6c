"""The engine `external`: Kafka and MongoDB that run elsewhere. It starts and creates nothing.

| variable                     | meaning                                                            |
|------------------------------|--------------------------------------------------------------------|
| `KAFKA_URL`                  | bootstrap servers `host:port`, comma separated                     |
| `MONGODB_URL`                | either the URL of a user who may create users, or a template for   |
|                              | the services' users, with `{service}` and, if wanted, `{password}` |
| `MONGODB_PASSWORD_<SERVICE>` | what `{password}` stands for, e.g. `MONGODB_PASSWORD_INTAKE`       |
| `MONGODB_CREATE_USERS`       | `yes`: with the URL of an administrator, create the services'      |
|                              | users; passwords are kept in `<var>/external/mongodb.json`         |
"""

import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import quote

from pymongo import MongoClient

from deploy.local.engines.accounts import (
    WRITE_OPTIONS,
    Accounts,
    create_service_users,
)
from deploy.local.engines.errors import EngineError
from deploy.local.engines.interface import SERVICES, Addresses
from deploy.local.engines.node import Node

_PLACE: Final = "{service}"
#: Options of the administrator's URL that a service's URL has its own values for.
_REPLACED: Final = {"authsource", "w", "journal", "retrywrites"}


class ExternalEngine:
    """Addresses from the environment. See `interface.Engine` and the table above."""

    name: Final = "external"
    kafka_nodes: Final[tuple[Node, ...]] = ()
    mongo_nodes: Final[tuple[Node, ...]] = ()

    def __init__(self, folder: Path, environment: Mapping[str, str] | None = None) -> None:
        self._folder = folder
        self._environment = os.environ if environment is None else environment
        self._accounts = Accounts(folder / "mongodb.json")
        self._started = False

    @property
    def addresses(self) -> Addresses:
        self._must_be_started()
        admin = "" if self._is_template else self._mongodb
        return Addresses(kafka=tuple(self._variable("KAFKA_URL").split(",")), mongodb_admin=admin)

    def start(self) -> None:
        """Check that the addresses are given, and create users if that was asked for."""
        self._variable("KAFKA_URL")
        if not self._is_template and self._may_create_users:
            self._folder.mkdir(parents=True, exist_ok=True)
            if not self._accounts.exist:
                self._accounts.make_passwords()
            admin: MongoClient[dict[str, Any]]
            with MongoClient(self._mongodb, serverSelectionTimeoutMS=10_000) as admin:
                create_service_users(admin, self._accounts)
            self._accounts.mark_complete()
        self._started = True

    def stop(self) -> None:
        """Forget the addresses; what runs elsewhere goes on."""
        self._started = False

    def wipe(self) -> None:
        """Refused: data that runs elsewhere is not ours to remove."""
        raise EngineError("the engine external removes no data: drop the databases by hand")

    def mongodb_url(self, user: str) -> str:
        self._must_be_started()
        if user not in SERVICES:
            known = ", ".join(SERVICES)
            raise EngineError(f"no user of MongoDB is called {user!r}: the services are {known}")
        if self._is_template:
            return self._from_template(user)
        if not self._may_create_users:
            raise EngineError(
                f"MONGODB_URL names one user for everything: write {_PLACE} where the service's "
                "name belongs, or set MONGODB_CREATE_USERS=yes to have users created"
            )
        return self._from_admin_url(user)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def _mongodb(self) -> str:
        return self._variable("MONGODB_URL")

    @property
    def _is_template(self) -> bool:
        return _PLACE in self._mongodb

    @property
    def _may_create_users(self) -> bool:
        return self._environment.get("MONGODB_CREATE_USERS", "").lower() in ("1", "true", "yes")

    def _variable(self, name: str) -> str:
        value = self._environment.get(name, "").strip()
        if not value:
            raise EngineError(f"the engine external needs {name} in its environment")
        return value

    def _must_be_started(self) -> None:
        if not self._started:
            raise EngineError("the engine external has no addresses yet: start() it first")

    def _from_template(self, user: str) -> str:
        url = self._mongodb.replace(_PLACE, user)
        if "{password}" in url:
            password = self._variable(f"MONGODB_PASSWORD_{user.upper()}")
            url = url.replace("{password}", quote(password, safe=""))
        return _with_write_options(url)

    def _from_admin_url(self, user: str) -> str:
        """The administrator's URL with another user in it, and that user's own database."""
        scheme, _, rest = self._mongodb.partition("://")
        hosts, _, options = rest.rpartition("@")[2].partition("?")
        password = quote(self._accounts.password(user), safe="")
        kept = "&".join(
            part
            for part in options.split("&")
            if part and part.partition("=")[0].lower() not in _REPLACED
        )
        address = f"{scheme}://{user}:{password}@{hosts.partition('/')[0]}/{user}"
        return _with_write_options(f"{address}?authSource=admin" + (f"&{kept}" if kept else ""))


def _with_write_options(url: str) -> str:
    """The URL with how a service must write, unless it says so itself."""
    if "retrywrites=" in url.lower():
        return url
    return f"{url}{'&' if '?' in url else '?'}{WRITE_OPTIONS}"
