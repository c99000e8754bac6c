"""Kafka and MongoDB behind one small interface, whatever runs underneath.

    with open_engine("embedded", var=Path("var/demo")) as engine:
        engine.addresses.kafka          # ("127.0.0.1:20311",)
        engine.mongodb_url("intake")    # may read and write the database `intake`, nothing else

| engine       | Kafka                      | MongoDB                         | needs            |
|--------------|----------------------------|---------------------------------|------------------|
| `embedded`   | Tansu, in memory           | mongod, 1 or 3 nodes            | the extra `local`|
| `apache`     | Apache Kafka, 1 or 3 nodes | mongod, 1 or 3 nodes            | Java 17+, Maven  |
| `containers` | Apache Kafka in Docker     | MongoDB 8 in Docker             | Docker           |
| `external`   | `KAFKA_URL`                | `MONGODB_URL` (see `external`)  | nothing          |

Everything an engine writes is below `<var>/<name>/`. Engines create no topics: `deploy.local.topics`.
"""

from pathlib import Path
from typing import Final

from deploy.local.engines.errors import (
    ClusterTooLarge,
    EngineError,
    NodeDied,
    NodeNotReady,
    PortTaken,
)
from deploy.local.engines.interface import SERVICES, Addresses, Engine
from deploy.local.engines.node import Node

ENGINES: Final = ("embedded", "apache", "containers", "external")

__all__ = [
    "ENGINES",
    "SERVICES",
    "Addresses",
    "ClusterTooLarge",
    "Engine",
    "EngineError",
    "Node",
    "NodeDied",
    "NodeNotReady",
    "PortTaken",
    "open_engine",
]


def open_engine(name: str, *, var: Path, brokers: int = 1, mongo_nodes: int = 1) -> Engine:
    """The engine called `name`, not started yet.

    `var` is the folder of this run; `brokers` and `mongo_nodes` are 1 or 3. Raises `EngineError`
    for an unknown name, and `ClusterTooLarge` where that engine has no such cluster.
    """
    for what, number in (("brokers", brokers), ("mongo_nodes", mongo_nodes)):
        if number not in (1, 3):
            raise EngineError(f"{what}={number}: an engine has 1 or 3, since two have no majority")
    folder = (var / name).absolute()
    # Imported here, so that one engine works without the libraries of the others.
    match name:
        case "embedded":
            from deploy.local.engines.local import embedded

            return embedded(folder, brokers=brokers, mongo_nodes=mongo_nodes)
        case "apache":
            from deploy.local.engines.local import apache

            return apache(folder, brokers=brokers, mongo_nodes=mongo_nodes)
        case "containers":
            from deploy.local.engines.containers import ContainerEngine

            return ContainerEngine(folder, brokers=brokers, mongo_nodes=mongo_nodes)
        case "external":
            from deploy.local.engines.external import ExternalEngine

            return ExternalEngine(folder)
        case _:
            raise EngineError(f"no engine is called {name!r}: choose one of {', '.join(ENGINES)}")
