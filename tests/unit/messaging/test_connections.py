"""A connection to Kafka that was reset is a broken connection to aiokafka, on every event loop."""

import asyncio
from collections.abc import Callable

import pytest
import uvloop
from aiokafka import conn
from aiokafka.errors import KafkaConnectionError
from aiokafka.protocol.metadata import MetadataRequest

from shared.messaging import broker
from shared.messaging.connections import Connection


async def send_after_a_reset() -> None:
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    connection = Connection(host, port)
    connection._reader, connection._writer = await asyncio.open_connection(host, port)
    connection._read_task = asyncio.create_task(asyncio.sleep(60))
    connection._writer.transport.abort()
    await asyncio.sleep(0)
    with pytest.raises(KafkaConnectionError):
        await connection.send(MetadataRequest([]))
    assert not connection.connected(), "the client makes a new one"
    server.close()
    await server.wait_closed()


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_sending_after_a_reset_is_an_error_that_callers_retry(
    loop: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(send_after_a_reset())


def test_whoever_uses_our_brokers_has_connections_of_this_kind() -> None:
    assert broker.REQUEST_TIMEOUT_MS
    assert conn.AIOKafkaConnection is Connection
