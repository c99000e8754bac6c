"""The passwords of an engine's MongoDB users, and the users themselves.

Passwords are random, made once for each run's folder and kept in one file that only its owner may
read, so that a restart finds the same users.
"""

import json
import os
import secrets
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from pymongo import MongoClient

from deploy.local.engines.errors import EngineError
from deploy.local.engines.interface import SERVICES

ADMIN: Final = "admin"
#: How every service writes: journaled by a majority, and repeated by the driver after a failover.
WRITE_OPTIONS: Final = "w=majority&journal=true&retryWrites=true"


class Accounts:
    """Users and passwords of one MongoDB, in a file with mode 0600."""

    def __init__(self, file: Path) -> None:
        self._file = file

    @property
    def file(self) -> Path:
        return self._file

    @property
    def exist(self) -> bool:
        """Whether passwords were made in this folder before."""
        return self._file.exists()

    @property
    def complete(self) -> bool:
        """Whether the users were all created: a first start that was cut short leaves it false."""
        return self.exist and bool(self._read()["complete"])

    def make_passwords(self) -> None:
        """Choose a random password for each user."""
        passwords = {user: secrets.token_urlsafe(24) for user in (ADMIN, *SERVICES)}
        self._write({"complete": False, "passwords": passwords})

    def mark_complete(self) -> None:
        """Note that every user was created."""
        self._write({**self._read(), "complete": True})

    def password(self, user: str) -> str:
        """That user's password. Raises `EngineError` for an unknown user."""
        passwords: dict[str, str] = self._read()["passwords"]
        if user not in passwords:
            known = ", ".join(SERVICES)
            raise EngineError(f"no user of MongoDB is called {user!r}: the services are {known}")
        return passwords[user]

    def _read(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads(self._file.read_text())
        return content

    def _write(self, content: dict[str, Any]) -> None:
        write_private(self._file, json.dumps(content, indent=2))


def write_private(file: Path, text: str) -> None:
    """Write a secret so that it is never readable by others, and never half written."""
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as out:
        out.write(text)
    draft.replace(file)


def create_service_users(admin: MongoClient[dict[str, Any]], accounts: Accounts) -> None:
    """Give each service a user who may read and write its own database and nothing else.

    Users who exist get the password of the accounts file, so this can be repeated.
    """
    existing = {found["user"] for found in admin.admin.command("usersInfo")["users"]}
    for service in SERVICES:
        admin.admin.command(
            "updateUser" if service in existing else "createUser",
            service,
            pwd=accounts.password(service),
            roles=[{"role": "readWrite", "db": service}],
        )


def service_url(hosts: str, user: str, password: str, *, replica_set: str) -> str:
    """A service's URL: its user, the database of the same name, and how it writes."""
    return (
        f"mongodb://{quote(user, safe='')}:{quote(password, safe='')}@{hosts}/{quote(user, safe='')}"
        f"?replicaSet={replica_set}&authSource=admin&{WRITE_OPTIONS}"
    )


def admin_url(hosts: str, password: str, *, replica_set: str) -> str:
    """The URL of the user who may do everything."""
    return (
        f"mongodb://{ADMIN}:{quote(password, safe='')}@{hosts}/"
        f"?replicaSet={replica_set}&authSource=admin&{WRITE_OPTIONS}"
    )
