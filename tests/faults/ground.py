"""The engines of a run: started once, wiped clean between rows, never stopped by a platform.

Services and their consumers are gone when the ground is cleared, so topics can be deleted and made
again: their committed offsets go with them.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from pymongo import AsyncMongoClient
from pymongo.errors import PyMongoError

from deploy.local.engines import SERVICES, Addresses, Engine, open_engine
from deploy.local.engines.errors import EngineError
from deploy.local.engines.local import LocalEngine, apache
from deploy.local.engines.node import Node
from tests.faults.network import Network

_CLEAR_WITHIN_S: Final = 60.0


class Borrowed:
    """An engine for one platform, which starts and stops with it and is lent, not owned.

    kafka: other addresses by which the platform reaches the brokers.
    """

    def __init__(self, engine: Engine, kafka: tuple[str, ...] = ()) -> None:
        self._engine = engine
        self._kafka = kafka

    @property
    def name(self) -> str:
        return self._engine.name

    @property
    def addresses(self) -> Addresses:
        addresses = self._engine.addresses
        return replace(addresses, kafka=self._kafka or addresses.kafka)

    @property
    def kafka_nodes(self) -> Sequence[Node]:
        return self._engine.kafka_nodes

    @property
    def mongo_nodes(self) -> Sequence[Node]:
        return self._engine.mongo_nodes

    def mongodb_url(self, user: str) -> str:
        return self._engine.mongodb_url(user)

    def start(self) -> None:
        """It runs already."""

    def stop(self) -> None:
        """It goes on running."""

    def wipe(self) -> None:
        raise EngineError("a borrowed engine is not ours to wipe")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """It goes on running."""


class Ground:
    """What all rows stand on. `brokers` and `mongo_nodes` are 1 or 3.

    Apache Kafka has a second way to it, by the proxies of `network`; MongoDB is reached by them
    while `proxied` lasts.
    """

    def __init__(self, name: str, var: Path, *, brokers: int, mongo_nodes: int) -> None:
        self.brokers = brokers
        self.mongo_nodes = mongo_nodes
        self.network: Network | None = None
        self.engine: Engine
        if name == "apache":
            self.network = Network(brokers=brokers, mongo_nodes=mongo_nodes)
            self.engine = apache(
                (var / name).absolute(),
                brokers=brokers,
                mongo_nodes=mongo_nodes,
                advertised=self.network.kafka_addresses,
            )
        else:
            self.engine = open_engine(name, var=var, brokers=brokers, mongo_nodes=mongo_nodes)

    async def __aenter__(self) -> Self:
        await asyncio.to_thread(self.engine.wipe)
        await asyncio.to_thread(self.engine.start)
        if self.network is not None:
            self.network.open()
        return self

    async def __aexit__(self, *_raised: object) -> None:
        if self.network is not None:
            self.network.close()
        await asyncio.to_thread(self.engine.stop)

    @asynccontextmanager
    async def proxied(self) -> AsyncIterator[Network | None]:
        """While this lasts, members of the replica set are called by the proxies' addresses.

        None where the engine has no such way.
        """
        if self.network is None or not isinstance(self.engine, LocalEngine):
            yield None
            return
        engine, network = self.engine, self.network
        network.aim(kafka=engine.second_listeners, mongo=engine.mongo_nodes)
        await asyncio.to_thread(engine.call_mongo_members, network.mongo_addresses)
        try:
            yield network
        finally:
            network.heal()
            await asyncio.to_thread(self.revive)
            await asyncio.to_thread(engine.call_mongo_members, ())

    async def clear(self) -> None:
        """Deletes all topics and all documents, whatever a row left behind; nodes are revived first.

        The embedded broker is started anew: it would keep the groups as well, and one that waits for a
        process that the last row killed keeps the next row's from ever being ready (0098).
        """
        await asyncio.to_thread(self.revive)
        until = time.monotonic() + _CLEAR_WITHIN_S
        while True:
            try:
                await self._clear_databases()
                await self.lose_all_records()
                return
            except (KafkaError, PyMongoError):
                # A leader or a primary may still be on its way after the last row.
                if time.monotonic() > until:
                    raise
                await asyncio.sleep(0.2)

    async def lose_all_records(self) -> None:
        """The brokers forget everything; afterwards there are no topics."""
        if self.engine.name == "embedded":
            for node in self.engine.kafka_nodes:
                await asyncio.to_thread(node.kill)
                await asyncio.to_thread(node.start)
        else:
            await self._clear_topics()

    def revive(self) -> None:
        """Starts what a row left down."""
        down = [
            node
            for node in (*self.engine.kafka_nodes, *self.engine.mongo_nodes)
            if not node.running
        ]
        for node in down:
            node.launch()
        for node in down:
            node.wait_until_it_listens()

    async def _clear_databases(self) -> None:
        async with AsyncMongoClient[dict[str, Any]](self.engine.addresses.mongodb_admin) as client:
            for service in SERVICES:
                await client.drop_database(service)

    async def _clear_topics(self) -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=list(self.engine.addresses.kafka))
        await admin.start()
        try:
            ours = await _our_topics(admin)
            if ours:
                await admin.delete_topics(ours)
            until = time.monotonic() + _CLEAR_WITHIN_S
            while await _our_topics(admin) and time.monotonic() < until:
                await asyncio.sleep(0.05)
        finally:
            await admin.close()


async def _our_topics(admin: AIOKafkaAdminClient) -> list[str]:
    return [name for name in await admin.list_topics() if not name.startswith("__")]
