"""The engine `containers`: Apache Kafka and MongoDB 8 in Docker, by testcontainers.

NOT VERIFIED: nobody has run it yet, for want of a machine with Docker. Whoever does takes this
sentence out, here and in deploy/local/README.md.

Both servers advertise the address under which they are reached from the host, so each listens
inside its container on the very port that is published. Data is gone after `stop`.
"""

import secrets
import shutil
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from pymongo import MongoClient
from pymongo.errors import PyMongoError

from deploy.local.engines.accounts import (
    ADMIN,
    Accounts,
    admin_url,
    create_service_users,
    service_url,
)
from deploy.local.engines.errors import ClusterTooLarge, EngineError, NodeNotReady
from deploy.local.engines.interface import Addresses
from deploy.local.engines.kafka import broker_settings
from deploy.local.engines.node import Node
from deploy.local.engines.readiness import wait_for_brokers
from deploy.local.engines.spawn import free_ports

KAFKA_IMAGE: Final = "apache/kafka:4.3.1"
MONGODB_IMAGE: Final = "mongo:8.0"
_REPLICA_SET: Final = "commonground"
_READY_WITHIN_S: Final = 120.0
#: A replica set with passwords wants a key; the image makes the administrator before it starts.
_MONGOD: Final = (
    "printf %s $KEY > /tmp/key && chmod 400 /tmp/key && chown mongodb:mongodb /tmp/key && "
    "exec docker-entrypoint.sh mongod --replSet {set} --keyFile /tmp/key --port {port} "
    "--bind_ip_all --slowms 3600000"
)


class ContainerEngine:
    """One container of each. See `interface.Engine`."""

    name: Final = "containers"
    kafka_nodes: Final[tuple[Node, ...]] = ()
    mongo_nodes: Final[tuple[Node, ...]] = ()

    def __init__(self, folder: Path, *, brokers: int, mongo_nodes: int) -> None:
        if (brokers, mongo_nodes) != (1, 1):
            raise ClusterTooLarge("the engine containers has one of each: choose `apache`")
        self._folder = folder
        self._accounts = Accounts(folder / "mongodb.json")
        self._running: list[Any] = []
        self._kafka_address = ""
        self._mongo_address = ""

    @property
    def addresses(self) -> Addresses:
        self._must_be_started()
        password = self._accounts.password(ADMIN)
        admin = admin_url(self._mongo_address, password, replica_set=_REPLICA_SET)
        return Addresses(kafka=(self._kafka_address,), mongodb_admin=admin)

    def start(self) -> None:
        """Start both containers, form the replica set, create the users."""
        if self._running:
            raise EngineError("the engine containers runs already")
        kafka_port, controller_port, mongo_port = free_ports(3)
        self._kafka_address = f"127.0.0.1:{kafka_port}"
        self._mongo_address = f"127.0.0.1:{mongo_port}"
        self._folder.mkdir(parents=True, exist_ok=True)
        # Containers keep nothing, so each start makes new users with new passwords.
        self._accounts.make_passwords()
        try:
            self._start_mongodb(mongo_port)
            self._start_kafka(kafka_port, controller_port)
            self._form_set()
            wait_for_brokers([self._kafka_address], 1)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Remove both containers."""
        while self._running:
            self._running.pop().stop()

    def wipe(self) -> None:
        if self._running:
            raise EngineError("the engine containers runs: stop() it before wipe()")
        shutil.rmtree(self._folder, ignore_errors=True)

    def mongodb_url(self, user: str) -> str:
        self._must_be_started()
        password = self._accounts.password(user)
        return service_url(self._mongo_address, user, password, replica_set=_REPLICA_SET)

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

    def _must_be_started(self) -> None:
        if not self._running:
            raise EngineError("the engine containers has no addresses yet: start() it first")

    def _run(self, image: str, *ports: int, env: dict[str, str], command: list[str]) -> None:
        from testcontainers.core.container import DockerContainer

        container = DockerContainer(image).with_envs(**env)
        published: dict[str, Any] = container.ports
        for port in ports:
            # On loopback only. with_bind_ports knows no address, Docker's own client does.
            published[str(port)] = ("127.0.0.1", port)
        if command:
            container.with_command(command)
        container.start()
        self._running.append(container)

    def _start_mongodb(self, port: int) -> None:
        self._run(
            MONGODB_IMAGE,
            port,
            env={
                "KEY": secrets.token_hex(256),
                "MONGO_INITDB_ROOT_USERNAME": ADMIN,
                "MONGO_INITDB_ROOT_PASSWORD": self._accounts.password(ADMIN),
            },
            command=["bash", "-c", _MONGOD.format(set=_REPLICA_SET, port=port)],
        )

    def _start_kafka(self, port: int, controller_port: int) -> None:
        settings = broker_settings(1, port, [controller_port], Path("/var/lib/kafka/data"))
        # Inside the container it must listen on every interface to be published.
        settings["listeners"] = f"PLAINTEXT://:{port},CONTROLLER://:{controller_port}"
        env = {f"KAFKA_{name.upper().replace('.', '_')}": str(v) for name, v in settings.items()}
        self._run(KAFKA_IMAGE, port, env=env, command=[])

    def _form_set(self) -> None:
        password = self._accounts.password(ADMIN)
        direct = f"mongodb://{ADMIN}:{password}@{self._mongo_address}/?directConnection=true"
        config = {"_id": _REPLICA_SET, "members": [{"_id": 0, "host": self._mongo_address}]}
        deadline = time.monotonic() + _READY_WITHIN_S
        initiated = False
        admin: MongoClient[dict[str, Any]]
        with MongoClient(direct, serverSelectionTimeoutMS=2_000) as admin:
            while True:
                try:
                    if not initiated:
                        admin.admin.command("replSetInitiate", config)
                        initiated = True
                    if admin.admin.command("hello")["isWritablePrimary"]:
                        create_service_users(admin, self._accounts)
                        return
                except PyMongoError as error:
                    # It restarts once by itself, after it has made the administrator.
                    if time.monotonic() > deadline:
                        raise NodeNotReady(
                            f"MongoDB's container was not ready after {_READY_WITHIN_S:.0f} s: "
                            "see `docker logs`"
                        ) from error
                time.sleep(0.2)
