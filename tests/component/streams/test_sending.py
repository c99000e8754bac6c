"""Requests to endpoints that are slow, hostile, or not where an integrator may send us."""

import asyncio
import socket
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from deploy.local.engines.certificates import make_certificates
from services.streams.domain.addresses import networks_of
from services.streams.domain.deliveries import Answer
from services.streams.webhooks import sending
from services.streams.webhooks.sending import Sender

LOOPBACK = networks_of("127.0.0.0/8")
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "ANSWER_WITHIN_S", 1.0)


@asynccontextmanager
async def a_server(serve: Serve, **options: Any) -> AsyncIterator[int]:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0, **options)
    async with server:
        yield server.sockets[0].getsockname()[1]


def saying(answer: bytes, heard: list[bytes] | None = None) -> Serve:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        if heard is not None:
            heard.append(head)
        writer.write(answer)
        await writer.drain()
        await reader.read()

    return serve


def answer(status: str, *headers: str, body: bytes = b"") -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


async def post(port: int, host: str = "127.0.0.1", sender: Sender | None = None) -> Answer:
    async with sender or Sender(LOOPBACK) as opened:
        found, seconds = await opened.post(f"http://{host}:{port}/hooks", b"{}", {"x-a": "b"})
        assert seconds < 5
        return found


async def test_the_status_is_what_counts() -> None:
    heard: list[bytes] = []
    async with a_server(saying(answer("204 No Content"), heard)) as port:
        assert await post(port) == Answer(204)
    assert heard[0].startswith(b"POST /hooks HTTP/1.1\r\n")
    assert b"x-a: b" in heard[0]


async def test_a_redirect_is_not_followed() -> None:
    led_to: list[bytes] = []
    async with (
        a_server(saying(answer("200 OK"), led_to)) as elsewhere,
        a_server(
            saying(answer("307 Go there", f"Location: http://127.0.0.1:{elsewhere}/"))
        ) as port,
    ):
        found = await post(port)
    assert (found.status, found.is_success, led_to) == (307, False, [])


async def test_an_endpoint_that_does_not_answer_costs_a_bounded_time() -> None:
    async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    began = time.monotonic()
    async with a_server(silent) as port:
        assert await post(port) == Answer(None, "timeout")
    assert time.monotonic() - began < 4


async def test_an_answer_without_end_is_cut_off_and_its_status_counts() -> None:
    sent = 0

    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\n")
        while True:
            writer.write(b"x" * 65_536)
            await writer.drain()
            sent += 65_536

    async with a_server(endless) as port:
        assert await post(port) == Answer(200)
    assert sent < 20_000_000, "what the kernel buffers, no more"


@pytest.mark.parametrize(
    "said",
    [
        b"\x00\xff garbage\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 100_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X-A: b\r\n" * 20_000 + b"\r\n",
        b"",
    ],
)
async def test_what_is_no_http_is_a_failure(said: bytes) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(said)
        await writer.drain()

    async with a_server(serve) as port:
        found = await post(port)
    assert found.status is None
    assert found.error in {"no_http", "connection_broken"}


async def test_nobody_at_home_is_a_failure_with_its_reason() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert await post(port) == Answer(None, "connection_refused")
    assert await post(80, "no-such-host.invalid") == Answer(None, "name_unknown")


async def test_retry_after_is_heard_in_both_its_forms() -> None:
    async with a_server(saying(answer("503 Later", "Retry-After: 90"))) as port:
        assert (await post(port)).asked_wait == timedelta(seconds=90)
    at = format_datetime(datetime.now(UTC) + timedelta(minutes=10), usegmt=True)
    async with a_server(saying(answer("429 Slow down", f"Retry-After: {at}"))) as port:
        wait = (await post(port)).asked_wait
    assert wait is not None
    assert timedelta(minutes=9) < wait <= timedelta(minutes=10)
    async with a_server(saying(answer("503 Later", "Retry-After: soon"))) as port:
        assert (await post(port)).asked_wait is None


# Where we do not send ------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1", "2130706433", "0x7f000001", "localhost"])
async def test_a_private_address_is_refused_by_whatever_name_it_goes(host: str) -> None:
    heard: list[bytes] = []
    async with a_server(saying(answer("200 OK"), heard)) as port:
        for scheme in ("https", "http"):
            async with Sender() as sender:
                refused = await sender.refusal(host, port, is_plain=scheme == "http")
                found, _ = await sender.post(f"{scheme}://{host}:{port}/", b"{}", {})
            assert refused is not None
            assert found.error in {"address_refused", "url_invalid"}
    assert heard == []


async def test_a_name_is_judged_by_the_address_that_is_connected_to_not_by_an_earlier_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """DNS rebinding: at the check the name is public, at the connection it is loopback."""
    answers = [("93.184.216.34", 1), ("127.0.0.1", 0)]
    asked: list[str] = []

    async def getaddrinfo(
        _: asyncio.AbstractEventLoop, host: str, port: int, **__: Any
    ) -> list[Any]:
        asked.append(host)
        address = answers.pop(0)[0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    heard: list[bytes] = []
    async with a_server(saying(answer("200 OK"), heard)) as port, Sender() as sender:
        loop_type = type(asyncio.get_running_loop())
        monkeypatch.setattr(loop_type, "getaddrinfo", getaddrinfo)
        assert await sender.refusal("rebinds.example", port, is_plain=False) is None
        found, _ = await sender.post(f"https://rebinds.example:{port}/", b"{}", {})
    assert found == Answer(None, "address_refused")
    assert asked == ["rebinds.example", "rebinds.example"]
    assert heard == []


async def test_plain_http_is_only_for_networks_that_the_operator_vouches_for() -> None:
    async with Sender() as sender:
        refused = await sender.refusal("93.184.216.34", 80, is_plain=True)
        assert refused is not None
        assert refused.startswith("Only https://")
        found, _ = await sender.post("http://93.184.216.34/", b"{}", {})
        assert found == Answer(None, "address_refused")
    async with Sender(LOOPBACK) as sender:
        assert await sender.refusal("127.0.0.1", 80, is_plain=True) is None


async def test_a_host_that_leads_nowhere_or_inside_is_refused_with_a_sentence() -> None:
    async with Sender() as sender:
        for host in ("localhost", "10.0.0.1", "no-such-host.invalid", "a" * 80):
            refused = await sender.refusal(host, 443, is_plain=False)
            assert refused is not None
            assert refused.endswith(".")


async def test_a_certificate_that_nobody_vouches_for_is_a_failure(tmp_path: Path) -> None:
    made = make_certificates(tmp_path, "localhost")
    server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_side.load_cert_chain(made.certificate, made.key)
    client_side = ssl.create_default_context(cafile=str(made.authority))
    async with a_server(saying(answer("204 No Content")), ssl=server_side) as port:
        url = f"https://localhost:{port}/"
        async with Sender(networks_of("127.0.0.0/8, ::1/128")) as sender:
            found, _ = await sender.post(url, b"{}", {})
            assert found == Answer(None, "certificate")
        async with Sender(networks_of("127.0.0.0/8, ::1/128"), tls=client_side) as sender:
            found, _ = await sender.post(url, b"{}", {})
            assert found == Answer(204)
