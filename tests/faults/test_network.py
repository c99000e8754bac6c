"""The proxies do what rows believe that they do."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from tests.faults.network import CLIENTS, Network


@pytest.fixture
def network() -> Iterator[Network]:
    network = Network(brokers=1, mongo_nodes=0)
    network.open()
    yield network
    network.close()


@pytest_asyncio.fixture
async def echo(network: Network) -> AsyncIterator[Network]:
    """A network whose only broker sends everything back."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while part := await reader.read(65_536):
            writer.write(part)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    network.aim(kafka=[f"{host}:{port}"], mongo=())
    yield network
    server.close()


class Client:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def of(cls, network: Network) -> "Client":
        host, _, port = network.kafka_addresses[0].rpartition(":")
        return cls(*await asyncio.open_connection(host, int(port)))

    async def ask(self, sent: bytes) -> bytes:
        self.writer.write(sent)
        return await asyncio.wait_for(self.reader.readexactly(len(sent)), 20)


async def test_what_goes_in_comes_out(echo: Network) -> None:
    sent = bytes(range(256)) * 40_000
    client = await Client.of(echo)
    assert await client.ask(sent) == sent
    client.writer.write_eof()
    assert await asyncio.wait_for(client.reader.read(), 20) == b""
    (link,) = echo.links()
    assert (link.source, link.carried_bytes) == (CLIENTS, 2 * len(sent))


async def test_the_last_bytes_before_the_end_are_not_lost(network: Network) -> None:
    last_words = b"x" * 3_000_000

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(last_words)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    network.aim(kafka=[f"{host}:{port}"], mongo=())
    client = await Client.of(network)
    assert await asyncio.wait_for(client.reader.read(), 20) == last_words
    server.close()


async def test_a_delay_is_paid_on_each_way(echo: Network) -> None:
    client = await Client.of(echo)
    echo.slow(echo.links(), delay_s=0.1, bytes_per_s=None)
    began = time.monotonic()
    await client.ask(b"ping")
    assert time.monotonic() - began >= 0.2


async def test_a_narrow_link_is_shared_by_its_connections(echo: Network) -> None:
    clients = [await Client.of(echo) for _ in range(2)]
    echo.slow(echo.links(), delay_s=0.0, bytes_per_s=1_000_000)
    began = time.monotonic()
    await asyncio.gather(*(client.ask(b"x" * 250_000) for client in clients))
    assert time.monotonic() - began >= 0.5


async def test_a_reset_ends_old_and_new_connections_until_it_is_healed(echo: Network) -> None:
    client = await Client.of(echo)
    await client.ask(b"ping")
    echo.reset(echo.links())
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await client.ask(b"ping")
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await (await Client.of(echo)).ask(b"ping")
    echo.heal()
    assert await (await Client.of(echo)).ask(b"ping") == b"ping"


async def test_silence_holds_everything_back_until_it_is_healed(echo: Network) -> None:
    old = await Client.of(echo)
    await old.ask(b"ping")
    echo.silence(echo.links())
    new = await Client.of(echo)
    asking = [asyncio.create_task(client.ask(b"pong")) for client in (old, new)]
    done, _ = await asyncio.wait(asking, timeout=0.2)
    assert not done
    echo.heal()
    assert await asyncio.gather(*asking) == [b"pong", b"pong"]


async def test_a_node_that_is_down_looks_down(network: Network) -> None:
    network.aim(kafka=["127.0.0.1:1"], mongo=())
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await (await Client.of(network)).ask(b"ping")
