"""What every engine can do."""

from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Protocol, Self

from deploy.local.engines.node import Node

#: Each service is a user of MongoDB, and owns the database of the same name.
SERVICES: Final = ("intake", "matching", "notifications", "followup", "streams")


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where a started engine listens."""

    #: Bootstrap servers, each `host:port`.
    kafka: tuple[str, ...]
    #: URL of a user who may do everything; empty where the engine was not given one.
    mongodb_admin: str
    #: Whether a consumer group there may have static members (`ServiceSettings.static_members`).
    static_members: bool = True


class Engine(Protocol):
    """Kafka and MongoDB, started and stopped together. Synchronous; also a context manager."""

    @property
    def name(self) -> str: ...

    @property
    def addresses(self) -> Addresses:
        """Where it listens. Raises `EngineError` unless started."""

    @property
    def kafka_nodes(self) -> Sequence[Node]:
        """The broker processes, to be killed or paused by fault tests; empty where not ours."""

    @property
    def mongo_nodes(self) -> Sequence[Node]:
        """The mongod processes; empty where not ours."""

    def start(self) -> None:
        """Start everything and return when it can be used. Raises `EngineError`."""

    def stop(self) -> None:
        """Stop everything. Does nothing when it is stopped already."""

    def wipe(self) -> None:
        """Remove this engine's data, accounts and logs. Raises `EngineError` unless stopped."""

    def mongodb_url(self, user: str) -> str:
        """The URL of a service's user, who may use the database of the same name only.

        Writes are journaled by a majority and retried. Raises `EngineError` for an unknown user.
        """

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...
