"""The network between services, brokers and databases, as proxies that a row can slow down and cut.

A *link* leads from a source to a target and has a weather of its own. Targets are nodes (`kafka-2`,
`mongod-1`); sources are `clients` and, before a mongod, its fellow members: they are told apart by the
process that owns the other end of the connection. So a member can be cut off from the majority while
its clients still reach it. Brokers talk to one another directly.

The proxies have a thread and a loop of their own: a row that waits does not stop the network.
"""

import asyncio
import os
import socket
import struct
import threading
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeAlias, TypeVar

import uvloop

from deploy.local.engines import Node
from deploy.local.engines.spawn import free_ports

CLIENTS: Final = "clients"
_LOOPBACK: Final = "127.0.0.1"
_PART_BYTES: Final = 64 * 1024
_SLOW_PART_BYTES: Final = 8 * 1024
_ON_ITS_WAY_BYTES: Final = 1024 * 1024
"""How much of one connection a slow link holds, as the queues of routers do."""
_RESET: Final = struct.pack("ii", 1, 0)
_ESTABLISHED: Final = "01"

Result = TypeVar("Result")
_Parts: TypeAlias = asyncio.Queue[tuple[float, bytes]]


@dataclass(slots=True)
class Link:
    """The way from a source to a target, for all connections between them.

    delay_s: each way. bytes_per_s: each way, shared by all; None is no limit.
    """

    source: str
    target: str
    delay_s: float = 0.0
    bytes_per_s: float | None = None
    is_refusing: bool = False
    """Connections are reset, old ones and new ones."""
    is_open: asyncio.Event = field(default_factory=asyncio.Event)
    """Cleared: a black hole. Connections stay, nothing comes through until it is set again."""
    free_at: list[float] = field(default_factory=lambda: [0.0, 0.0])
    """Per direction: when the last byte that was taken so far will have gone over."""
    connections: set["_Connection"] = field(default_factory=set)
    carried_bytes: int = 0


class Network:
    """Proxies before so many brokers and mongods. Their addresses are known before the nodes' are."""

    def __init__(self, *, brokers: int, mongo_nodes: int) -> None:
        ports = free_ports(brokers + mongo_nodes)
        addresses = [f"{_LOOPBACK}:{port}" for port in ports]
        self.kafka_addresses = tuple(addresses[:brokers])
        self.mongo_addresses = tuple(addresses[brokers:])
        self._proxies: list[_Proxy] = []
        self._mongo_nodes: Sequence[Node] = ()
        self._loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="network", daemon=True)

    def open(self) -> None:
        """Listens from now on; `aim` says where it leads."""
        self._thread.start()
        names = [f"kafka-{number}" for number, _ in enumerate(self.kafka_addresses, 1)]
        names += [f"mongod-{number}" for number, _ in enumerate(self.mongo_addresses, 1)]
        addresses = (*self.kafka_addresses, *self.mongo_addresses)
        for name, address in zip(names, addresses, strict=True):
            proxy = _Proxy(name, address, self._source_of)
            self._do(proxy.listen())
            self._proxies.append(proxy)

    def close(self) -> None:
        """Ends all connections and the thread."""
        for proxy in self._proxies:
            self._do(proxy.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def aim(self, *, kafka: Sequence[str], mongo: Sequence[Node]) -> None:
        """Where the proxies lead: the brokers' second listeners, and the members themselves."""
        self._mongo_nodes = tuple(mongo)
        targets = [*kafka, *(node.address for node in mongo)]
        for proxy, target in zip(self._proxies, targets, strict=True):
            proxy.target = target

    def links(self, *, source: str = "", target: str = "") -> list[Link]:
        """All links from a source, to a target; a name's beginning is enough (`kafka`)."""
        found = [link for proxy in self._proxies for link in proxy.links.values()]
        return [
            link
            for link in found
            if link.source.startswith(source) and link.target.startswith(target)
        ]

    def slow(self, links: Iterable[Link], *, delay_s: float, bytes_per_s: float | None) -> None:
        """From now on these are slow, in each direction."""
        for link in links:
            link.delay_s, link.bytes_per_s = delay_s, bytes_per_s

    def reset(self, links: Iterable[Link]) -> None:
        """Cuts: connections are reset, and new ones as soon as they are made."""

        async def act() -> None:
            for link in links:
                link.is_refusing = True
                for connection in tuple(link.connections):
                    connection.abort()

        self._do(act())

    def silence(self, links: Iterable[Link]) -> None:
        """Cuts without a word: what is sent arrives when the link is healed, or never."""

        async def act() -> None:
            for link in links:
                link.is_open.clear()

        self._do(act())

    def heal(self) -> None:
        """Good weather everywhere."""

        async def act() -> None:
            for link in self.links():
                link.delay_s, link.bytes_per_s, link.is_refusing = 0.0, None, False
                link.is_open.set()

        self._do(act())

    def cut_off(self, node: Node) -> None:
        """Parts a member of the replica set from its fellows, both ways, without a word.

        Its clients still reach it.
        """
        both = [*self.links(source=node.name), *self.links(source="mongod", target=node.name)]
        self.silence(link for link in both if link.source != link.target)

    def _source_of(self, port: int, proxy_port: int) -> str:
        """Whose connection this is, by its two ports on the loopback interface."""
        inode = _inode_of(port, proxy_port)
        for node in self._mongo_nodes:
            if inode and node.running and inode in _sockets_of(node.pid):
                return node.name
        return CLIENTS

    def _do(self, act: Coroutine[Any, Any, Result]) -> Result:
        return asyncio.run_coroutine_threadsafe(act, self._loop).result(10.0)


class _Proxy:
    """Listens at one address and leads to one target."""

    def __init__(self, name: str, address: str, source_of: Callable[[int, int], str]) -> None:
        self._port = int(address.rpartition(":")[2])
        self._source_of = source_of
        self._server: asyncio.Server | None = None
        self._serving: set[asyncio.Task[None]] = set()
        self.target = ""
        sources = [CLIENTS]
        if name.startswith("mongod"):
            sources += [f"mongod-{number}" for number in (1, 2, 3)]
        self.links = {source: Link(source, name) for source in sources}
        for link in self.links.values():
            link.is_open.set()

    async def listen(self) -> None:
        self._server = await asyncio.start_server(self._accept, _LOOPBACK, self._port)

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = self.links[CLIENTS]
        if len(self.links) > 1:
            port = writer.get_extra_info("peername")[1]
            link = self.links[self._source_of(port, self._port)]
        connection = _Connection(link, writer)
        link.connections.add(connection)
        try:
            if link.is_refusing:
                connection.abort()
                return
            await link.is_open.wait()
            await connection.carry(reader, self.target)
        except* (OSError, RuntimeError):  # uvloop: "the handler is closed"
            connection.abort()
        finally:
            connection.close()
            link.connections.discard(connection)


class _Connection:
    """One connection through a proxy, over its link."""

    def __init__(self, link: Link, writer: asyncio.StreamWriter) -> None:
        self._link = link
        self._writers = [writer]

    async def carry(self, reader: asyncio.StreamReader, target: str) -> None:
        """Carries both ways until both have ended. Raises a group of `OSError`."""
        host, _, port = target.rpartition(":")
        there, onwards = await asyncio.open_connection(host, int(port))
        self._writers.append(onwards)
        async with asyncio.TaskGroup() as group:
            for way, source, sink in ((0, reader, onwards), (1, there, self._writers[0])):
                on_its_way: _Parts = asyncio.Queue(_ON_ITS_WAY_BYTES // _SLOW_PART_BYTES)
                group.create_task(self._take(source, on_its_way, way))
                group.create_task(self._deliver(on_its_way, sink))

    def abort(self) -> None:
        """Resets both ends."""
        for writer in self._writers:
            ours: socket.socket | None = writer.get_extra_info("socket")
            if ours is not None and not writer.transport.is_closing():
                ours.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            writer.transport.abort()

    def close(self) -> None:
        """Ends both when what was written is sent."""
        for writer in self._writers:
            writer.close()

    async def _take(self, reader: asyncio.StreamReader, parts: _Parts, way: int) -> None:
        """Reads, and says when each part will be there; an empty one is the end."""
        link, now = self._link, asyncio.get_running_loop().time
        part = b"more"
        while part:
            await link.is_open.wait()
            is_slow = link.bytes_per_s is not None
            part = await reader.read(_SLOW_PART_BYTES if is_slow else _PART_BYTES)
            gone_at = now()
            if link.bytes_per_s is not None:
                gone_at = max(gone_at, link.free_at[way]) + len(part) / link.bytes_per_s
                link.free_at[way] = gone_at
            await parts.put((gone_at + link.delay_s, part))

    async def _deliver(self, parts: _Parts, writer: asyncio.StreamWriter) -> None:
        """Writes each part when its time has come and the link is open."""
        link, now = self._link, asyncio.get_running_loop().time
        while True:
            at, part = await parts.get()
            if at > now():
                await asyncio.sleep(at - now())
            await link.is_open.wait()
            if not part:
                break
            writer.write(part)
            link.carried_bytes += len(part)
            await writer.drain()
        if not writer.transport.is_closing():
            writer.write_eof()


def _inode_of(port: int, to_port: int) -> str:
    """Of the socket that is connected from one port to another; empty if it is gone already.

    One port does not tell: the kernel gives it to several connections that go to different ones.
    """
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        ports = [int(address.rpartition(":")[2], 16) for address in fields[1:3]]
        if fields[3] == _ESTABLISHED and ports == [port, to_port]:
            return fields[9]
    return ""


def _sockets_of(pid: int) -> set[str]:
    """Inodes of the process's sockets."""
    found = set()
    for entry in os.scandir(f"/proc/{pid}/fd"):
        try:
            name = str(Path(entry.path).readlink())
        except FileNotFoundError:
            continue
        if name.startswith("socket:["):
            found.add(name[8:-1])
    return found
