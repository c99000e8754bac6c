"""The origin's way to a service that stops in the middle."""

import asyncio
from typing import Any

import pytest

from deploy.local import forwarding
from deploy.local.forwarding import Forwarder


async def test_a_service_that_takes_nothing_of_a_body_is_given_up_with_a_504(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(forwarding, "_WRITE_WITHIN_S", 0.05)
    over = asyncio.Event()

    async def reads_nothing(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await over.wait()
        writer.close()

    # Small buffers on both sides, so that they are full at once.
    server = await asyncio.start_server(reads_nothing, "127.0.0.1", 0, limit=1024)
    port = server.sockets[0].getsockname()[1]
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"x" * 1_000_000, "more_body": True}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http", "method": "POST", "scheme": "http", "query_string": b"",
        "headers": [(b"host", b"origin"), (b"transfer-encoding", b"chunked")],
    }  # fmt: skip
    try:
        async with asyncio.timeout(20), Forwarder() as forwarder:
            address = f"http://127.0.0.1:{port}"
            await forwarder.forward("intake", address, b"/imports", scope, receive, send)
            assert forwarder.open == 0
    finally:
        over.set()
        server.close()
    assert sent[0]["status"] == 504
