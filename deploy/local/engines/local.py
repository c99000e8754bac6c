"""The engines whose processes run on this machine: `embedded` and `apache`."""

import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from deploy.local.engines.certificates import Certificates
from deploy.local.engines.errors import ClusterTooLarge, EngineError
from deploy.local.engines.interface import Addresses
from deploy.local.engines.kafka import ApacheKafka
from deploy.local.engines.mongod import MongoReplicaSet
from deploy.local.engines.node import Node
from deploy.local.engines.tansu import Tansu


class Brokers(Protocol):
    """The Kafka half of an engine: Tansu or Apache Kafka."""

    nodes: tuple[Node, ...]
    second_listeners: tuple[str, ...]
    secured_listeners: tuple[str, ...]
    certificates: Certificates | None
    static_members: bool

    def start(self) -> None: ...

    def stop(self) -> None: ...


def embedded(folder: Path, *, brokers: int, mongo_nodes: int) -> "LocalEngine":
    """Tansu and mongod from wheels. Raises `ClusterTooLarge` for more than one broker."""
    if brokers != 1:
        raise ClusterTooLarge(
            f"brokers={brokers}: the embedded broker is one process; choose the engine `apache`"
        )
    return LocalEngine("embedded", folder, Tansu(folder), mongo_nodes=mongo_nodes)


def apache(
    folder: Path,
    *,
    brokers: int,
    mongo_nodes: int,
    advertised: Sequence[str] = (),
    secured: bool = False,
) -> "LocalEngine":
    """Apache Kafka on the local JVM, and the same mongod as `embedded`.

    advertised, secured: see `ApacheKafka`.
    """
    kafka = ApacheKafka(folder, brokers=brokers, advertised=advertised, secured=secured)
    return LocalEngine("apache", folder, kafka, mongo_nodes=mongo_nodes)


class LocalEngine:
    """Brokers and a replica set as child processes. See `interface.Engine`."""

    def __init__(self, name: str, folder: Path, brokers: Brokers, *, mongo_nodes: int) -> None:
        self.name = name
        self._folder = folder
        self._brokers = brokers
        self._mongo = MongoReplicaSet(self._folder, nodes=mongo_nodes)
        self._started = False

    @property
    def addresses(self) -> Addresses:
        self._must_be_started()
        kafka = tuple(node.address for node in self._brokers.nodes)
        return Addresses(
            kafka=kafka,
            mongodb_admin=self._mongo.admin_url,
            static_members=self._brokers.static_members,
        )

    @property
    def kafka_nodes(self) -> Sequence[Node]:
        return self._brokers.nodes

    @property
    def second_listeners(self) -> Sequence[str]:
        """Where brokers listen for those who come by a proxy; empty without `advertised`."""
        return self._brokers.second_listeners

    @property
    def secured_listeners(self) -> Sequence[str]:
        """Where brokers listen for strangers, by TLS and SCRAM; empty without `secured`."""
        return self._brokers.secured_listeners

    @property
    def certificates(self) -> Certificates | None:
        """Of the secured listeners; what strangers trust is the authority."""
        return self._brokers.certificates

    @property
    def mongo_nodes(self) -> Sequence[Node]:
        return self._mongo.nodes

    def start(self) -> None:
        if self._started:
            raise EngineError(f"the engine {self.name} runs already")
        with ThreadPoolExecutor(2) as pool:
            halves = [pool.submit(half.start) for half in (self._brokers, self._mongo)]
        failures = [error for half in halves if (error := half.exception()) is not None]
        if failures:
            self._stop_both()
            raise failures[0]
        self._started = True

    def stop(self) -> None:
        if self._started:
            self._started = False
            self._stop_both()

    def wipe(self) -> None:
        if self._started:
            raise EngineError(f"the engine {self.name} runs: stop() it before wipe()")
        shutil.rmtree(self._folder, ignore_errors=True)

    def mongodb_url(self, user: str) -> str:
        self._must_be_started()
        return self._mongo.url(user)

    def call_mongo_members(self, addresses: Sequence[str]) -> None:
        """See `MongoReplicaSet.call_members`; URLs are new from then on."""
        self._must_be_started()
        self._mongo.call_members(addresses)

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
        if not self._started:
            raise EngineError(f"the engine {self.name} has no addresses yet: start() it first")

    def _stop_both(self) -> None:
        with ThreadPoolExecutor(2) as pool:
            halves = [pool.submit(half.stop) for half in (self._brokers, self._mongo)]
        for half in halves:
            half.result()
