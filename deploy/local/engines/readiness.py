"""Waiting until brokers answer a real Kafka client."""

import asyncio
import logging
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Final

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from deploy.local.engines.errors import NodeNotReady

_READY_WITHIN_S: Final = 120.0


def wait_for_brokers(addresses: Sequence[str], number: int) -> None:
    """Return when a client sees that many brokers in service. Raises `NodeNotReady`.

    Synchronous, and usable from within a running event loop: the client has a thread of its own.
    """
    outcome: Future[None] = Future()

    def ask() -> None:
        try:
            outcome.set_result(asyncio.run(_wait(list(addresses), number)))
        except BaseException as error:  # noqa: BLE001 - handed to the caller, who waits
            outcome.set_exception(error)

    threading.Thread(target=ask, name="readiness").start()
    outcome.result()


async def _wait(addresses: list[str], number: int) -> None:
    deadline = time.monotonic() + _READY_WITHIN_S
    seen = 0
    while time.monotonic() < deadline:
        seen = await _count(addresses)
        if seen >= number:
            return
        await asyncio.sleep(0.1)
    raise NodeNotReady(
        f"{seen} of {number} brokers were in service after {_READY_WITHIN_S:.0f} s: see their logs"
    )


async def _count(addresses: list[str]) -> int:
    """How many brokers a client sees now; none while they cannot be asked."""
    # aiokafka logs each refused connection as an error, which here only means 'not yet'.
    logger = logging.getLogger("aiokafka")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    client = AIOKafkaAdminClient(bootstrap_servers=addresses, request_timeout_ms=5_000)
    try:
        await client.start()
        return len((await client.describe_cluster())["brokers"])
    except (KafkaError, OSError):
        return 0
    finally:
        await client.close()
        logger.setLevel(level)
