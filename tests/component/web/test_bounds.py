"""What a client may cost before, and while, it is served: a real server, raw bytes, short time-outs."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Annotated, Any

import httpx
import pytest
import pytest_asyncio
from fastapi import Body, FastAPI, Request, UploadFile
from fastapi.responses import StreamingResponse

from shared.messaging.work import Work
from shared.security.keys import hash_key
from shared.web import doorkeeper, server
from shared.web.doorkeeper import Doorkeeper, only_waits
from shared.web.problems import add_problem_handlers
from shared.web.server import make_server
from tests.faults.hostile import BODIES, CONTENT_TYPES, say

POST = b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
GET = b"GET /fast HTTP/1.1\r\nHost: x\r\n\r\n"


@dataclass
class Served:
    """A small service on a port. `open_gate` lets the requests go on that wait behind it."""

    url: str
    http: httpx.AsyncClient
    work: Work
    uploads: list[str]
    waiting: int = 0
    relay: Any = field(default_factory=lambda: SimpleNamespace(is_full=False))
    gate: asyncio.Event = field(default_factory=asyncio.Event)


@asynccontextmanager
async def served() -> AsyncIterator[Served]:
    app = FastAPI()
    add_problem_handlers(app)
    one = Served("", httpx.AsyncClient(), Work(), [])
    app.state.runtime = SimpleNamespace(
        settings=SimpleNamespace(
            coordinator_key_hashes=hash_key("coordinator"), operator_key_hashes=""
        )
    )
    app.add_middleware(Doorkeeper, relay=one.relay, work=one.work)

    @app.post("/echo")
    async def echo(sent: Annotated[Any, Body()]) -> dict[str, str]:
        return {"kind": type(sent).__name__}

    @app.post("/programmes/p/imports")
    async def take_in(request: Request, file: UploadFile) -> dict[str, int]:
        one.uploads.append(request.url.path)
        return {"bytes": file.size or 0}

    @app.get("/fast")
    async def fast() -> dict[str, bool]:
        return {"fast": True}

    @app.get("/health/live")
    async def live() -> dict[str, bool]:
        return {"alive": True}

    @app.get("/gated")
    async def gated() -> dict[str, bool]:
        await one.gate.wait()
        return {"gated": True}

    @app.get("/waiting")
    async def waiting(request: Request) -> dict[str, bool]:
        one.waiting += 1
        only_waits(request)
        await one.gate.wait()
        return {"waited": True}

    @app.get("/large")
    async def large() -> StreamingResponse:
        async def parts() -> AsyncIterator[bytes]:
            with one.work.one("mails"):
                for _ in range(1_000):
                    yield b"x" * 100_000

        return StreamingResponse(parts())

    running = make_server(app, "127.0.0.1", 0)
    task = asyncio.create_task(running.serve())
    try:
        await eventually(lambda: running.started)
        one.url = f"http://127.0.0.1:{running.servers[0].sockets[0].getsockname()[1]}"
        async with httpx.AsyncClient(base_url=one.url, timeout=30, trust_env=False) as http:
            one.http = http
            yield one
    finally:
        one.gate.set()
        running.should_exit = True
        await task


async def eventually(holds: Callable[[], bool]) -> None:
    """Asks until the answer is yes, to a deadline."""
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline, "it did not come true in time"
        await asyncio.sleep(0.01)


async def flood(writer: asyncio.StreamWriter, part: bytes) -> None:
    """Sends the same for ever; ends with `ConnectionError` when it is cut off."""
    async with asyncio.timeout(20):
        while True:
            writer.write(part)
            await writer.drain()


@pytest_asyncio.fixture
async def service() -> AsyncIterator[Served]:
    async with served() as one:
        yield one


async def test_a_head_that_does_not_end_in_time_is_refused(
    service: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "HEAD_WITHIN_S", 0.2)
    drip = [b"GET /fast HTTP/1.1\r\n", *[b"X: y\r\n"] * 1_000]
    seen = await say(service.url, *drip, pause_s=0.02)
    assert (seen.status, seen.media_type) == (408, "application/problem+json")
    silent = await say(service.url)
    assert silent.status == 408


async def test_blank_lines_do_not_keep_a_connection_open(
    service: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "HEAD_WITHIN_S", 0.2)
    address = httpx.URL(service.url)
    reader, writer = await asyncio.open_connection(address.host, address.port)
    writer.write(GET)
    await reader.readuntil(b"}")

    async def drip() -> None:
        while True:
            writer.write(b"\r\n")
            await asyncio.sleep(0.05)

    dripping = asyncio.create_task(drip())
    async with asyncio.timeout(3):
        rest = await reader.read()
    dripping.cancel()
    writer.close()
    assert b" 408 " in rest


async def test_a_head_that_is_too_large_is_refused(service: Served) -> None:
    endless = [b"GET /fast HTTP/1.1\r\nX: ", *[b"y" * 10_000] * 1_000]
    seen = await say(service.url, *endless)
    assert (seen.status, seen.media_type) == (431, "application/problem+json")


async def test_trailers_without_end_are_not_kept(service: Served) -> None:
    head = POST + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n"
    seen = await say(service.url, head, *[b"X-Trailer: " + b"y" * 1_000 + b"\r\n"] * 1_000)
    assert seen.status in (200, 431)
    address = httpx.URL(service.url)
    _, writer = await asyncio.open_connection(address.host, address.port)
    writer.write(head)
    with pytest.raises(ConnectionError):
        await flood(writer, b"X-Trailer: " + b"y" * 1_000 + b"\r\n")
    writer.close()


async def test_small_chunks_are_no_attack(service: Served) -> None:
    body = b'{"name": "' + b"a" * 20_000 + b'"}'
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in body)
    seen = await say(
        service.url, POST + b"Transfer-Encoding: chunked\r\n\r\n", chunks, b"0\r\n\r\n"
    )
    assert seen.status == 200


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"NONSENSE\r\n\r\n",
        b"GET /\xc3\xa6 HTTP/1.1\r\n\r\n",
        b"POST /echo HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        b"POST /echo HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /echo HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
async def test_what_is_no_http_is_refused_as_a_problem(service: Served, sent: bytes) -> None:
    seen = await say(service.url, sent)
    assert (seen.status, seen.media_type) == (400, "application/problem+json")


async def test_a_body_that_trickles_is_refused(
    service: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doorkeeper, "BODY_SILENCE_S", 0.3)
    head = POST + b"Content-Length: 1000\r\n\r\n"
    seen = await say(service.url, head, *[b" "] * 1_000, pause_s=0.02)
    assert (seen.status, seen.media_type) == (408, "application/problem+json")
    assert seen.seconds < 5
    assert service.work.requests == 0


async def test_an_announced_giant_is_refused_before_it_comes(service: Served) -> None:
    seen = await say(service.url, POST + b"Content-Length: 9999999999\r\n\r\n")
    assert (seen.status, seen.media_type) == (413, "application/problem+json")


async def test_an_unannounced_giant_is_refused_as_too_large(service: Served) -> None:
    chunk = b"10000\r\n" + b"a" * 65_536 + b"\r\n"
    seen = await say(service.url, POST + b"Transfer-Encoding: chunked\r\n\r\n", *[chunk] * 100)
    assert (seen.status, seen.media_type) == (413, "application/problem+json")


async def test_whoever_goes_on_sending_after_a_refusal_is_cut_off(
    service: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "HEAD_WITHIN_S", 0.2)
    address = httpx.URL(service.url)
    reader, writer = await asyncio.open_connection(address.host, address.port)
    writer.write(POST + b"Content-Length: 9999999999\r\n\r\n")
    assert b" 413 " in await reader.readline()
    with pytest.raises(ConnectionError):
        await flood(writer, b"a" * 65_536)
    writer.close()


async def test_a_file_is_taken_in_from_coordinators_only(service: Served) -> None:
    large = {"file": ("people.csv", b"x" * 2_000_000)}
    refused = await service.http.post("/programmes/p/imports", files=large)
    assert (refused.status_code, service.uploads) == (401, [])
    key = {"Authorization": "Bearer coordinator"}
    taken = await service.http.post("/programmes/p/imports", files=large, headers=key)
    assert taken.json() == {"bytes": 2_000_000}


@pytest.mark.parametrize("media_type", CONTENT_TYPES)
async def test_no_body_is_an_error_of_ours(service: Served, media_type: str) -> None:
    for name, body in BODIES.items():
        answer = await service.http.post(
            "/echo", content=body, headers={"content-type": media_type}
        )
        assert answer.status_code < 500, name
        if answer.status_code >= 400:
            assert answer.headers["content-type"] == "application/problem+json", name


async def test_a_crowd_is_asked_to_come_again_while_health_is_answered(
    service: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doorkeeper, "MOST_UNANSWERED", 3)
    crowd = [asyncio.create_task(service.http.get("/gated")) for _ in range(3)]
    await eventually(lambda: service.work.requests == 3)
    refused = await service.http.get("/fast")
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
    assert (await service.http.get("/health/live")).status_code == 200
    service.gate.set()
    assert [answer.status_code for answer in await asyncio.gather(*crowd)] == [200] * 3
    assert (await service.http.get("/fast")).status_code == 200


async def test_who_only_waits_takes_nobodys_place_and_holds_no_clock(
    service: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doorkeeper, "MOST_UNANSWERED", 3)
    waiting = [asyncio.create_task(service.http.get("/waiting")) for _ in range(5)]
    await eventually(lambda: service.waiting == 5)
    assert service.work.requests == 0
    assert (await service.http.get("/fast")).status_code == 200
    service.gate.set()
    assert [answer.status_code for answer in await asyncio.gather(*waiting)] == [200] * 5
    assert service.work.requests == 0
    crowd = [asyncio.create_task(service.http.get("/gated")) for _ in range(3)]
    assert [answer.status_code for answer in await asyncio.gather(*crowd)] == [200] * 3


async def test_a_full_house_shows_the_longest_idle_out(
    service: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "MOST_CONNECTIONS", 10)
    working = asyncio.create_task(service.http.get("/gated"))
    await eventually(lambda: service.work.requests == 1)
    address = httpx.URL(service.url)
    idle = [await asyncio.open_connection(address.host, address.port) for _ in range(50)]
    async with httpx.AsyncClient(base_url=service.url, trust_env=False) as late:
        assert (await late.get("/fast")).status_code == 200
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):  # the first to come
        await asyncio.wait_for(idle[0][0].readexactly(1), 5)
    service.gate.set()
    assert (await working).status_code == 200
    for _, writer in idle:
        writer.close()


async def test_an_answer_that_nobody_reads_is_given_up(
    service: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "READS_WITHIN_S", 0.3)
    address = httpx.URL(service.url)
    deaf = socket.create_connection((address.host, address.port))
    deaf.sendall(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
    await eventually(lambda: service.work.mails == 1)
    await eventually(lambda: service.work.mails == 0)
    deaf.close()


async def test_a_slow_reader_gets_all_of_a_large_answer(
    service: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "READS_WITHIN_S", 0.3)
    read = 0
    async with service.http.stream("GET", "/large") as answer:
        async for part in answer.aiter_bytes(5_000_000):
            read += len(part)
            await asyncio.sleep(0.05)
    assert read == 100_000_000


async def test_pipelined_requests_are_answered_in_order(service: Served) -> None:
    address = httpx.URL(service.url)
    reader, writer = await asyncio.open_connection(address.host, address.port)
    writer.write(GET * 20)
    for _ in range(20):
        assert b" 200 " in await reader.readline()
        await reader.readuntil(b"}")
    writer.close()
