"""Clients who mean harm, or are broken: raw bytes on a socket, and requests that no form would send."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import httpx

_ANSWERED_WITHIN_S: Final = 30.0
_PARTS: Final = re.compile(r"\{[^}]*\}")

#: Bodies that are JSON only in part, or more than anybody can use.
BODIES: Final[Mapping[str, bytes]] = {
    "a hundred thousand nested lists": b"[" * 100_000 + b"]" * 100_000,
    "fifty thousand nested objects": b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
    "half a surrogate pair": b'{"name":"\\ud800","email":"\\ud800@x.dk","token":"\\udfff"}',
    "Latin-1": '{"name":"Bjørn"}'.encode("latin-1"),
    "UTF-16": '{"name":"Bjørn"}'.encode("utf-16"),
    "a byte order mark": b'\xef\xbb\xbf{"name":"x"}',
    "no number": b'{"seats":NaN,"education_level":Infinity}',
    "five thousand digits": b'{"seats":' + b"9" * 5_000 + b"}",
    "null": b"null",
    "a list": b"[1]",
    "nothing": b"",
    "a NUL in a name": b'{"name":"a\\u0000b","email":"a\\u0000@x.dk","token":"\\u0000"}',
    "fifty thousand fields": b"{" + b",".join(b'"f%d":1' % n for n in range(50_000)) + b"}",
    "operators of the database": b'{"$where":"1","token":{"$gt":""},"name":{"$ne":null}}',
    "a name of a megabyte": b'{"name":"' + b"a" * 1_000_000 + b'"}',
    "two megabytes": b'{"name":"' + b"a" * 2_000_000 + b'"}',
    "bytes of all kinds": bytes(range(256)) * 100,
}
CONTENT_TYPES: Final = (
    "application/json",
    "application/json; charset=utf-16",
    'application/json; charset="',
    "text/plain",
    "application/xml",
    "application/x-www-form-urlencoded",
    "multipart/form-data",
    "multipart/form-data; boundary=x",
    "",
)
IN_PATHS: Final = ("%00", "%ff", "%2e%2e", "%0a", "%ED%A0%80", "%F0%9F%92%A3", "$gt", "a" * 5_000)
IN_QUERIES: Final = (
    *("%00", "%ff", "%ED%A0%80", "-1", "9" * 30, "NaN", "$gt", "a" * 5_000),
    *("2026-13-45", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59-12:00"),
)
HEADERS: Final[tuple[tuple[str, bytes], ...]] = (
    ("authorization", b"Bearer \xff\xfe"),
    ("authorization", b"Bearer " + b"x" * 20_000),
    ("authorization", b"Basic Og=="),
    ("idempotency-key", b"\xff"),
    ("idempotency-key", b"x" * 300),
    ("accept-language", b"\xff;q=nan,da;q=inf"),
    ("accept-language", b"da," * 5_000),
    ("traceparent", b"\xff"),
    ("cookie", b"\xff" * 5_000),
    ("content-encoding", b"gzip"),
    ("last-event-id", b"9" * 500),
)


@dataclass(frozen=True, slots=True)
class Seen:
    """What came of one hostile request. status: 0 if the connection was closed without a word."""

    what: str
    status: int
    media_type: str
    seconds: float

    @property
    def is_refusal(self) -> bool:
        """An answer, and no error of ours: 4xx as a problem of RFC 9457, or as a page to a form."""
        if self.status < 400:
            return self.status > 0
        return self.status < 500 and self.media_type.startswith(
            ("application/problem+json", "text/html")
        )


async def strange_requests(
    url: str, keys: Iterable[str | None], *, sample: int = 1
) -> AsyncIterator[Seen]:
    """Every operation that the service's OpenAPI names, asked in every strange way.

    keys: each request is sent with each; None is nobody's. sample: only every so many-th is sent.
    """
    async with httpx.AsyncClient(
        base_url=url, timeout=_ANSWERED_WITHIN_S, trust_env=False
    ) as client:
        described = (await client.get("/openapi.json")).json()
        number = 0
        for key in keys:
            known = {"authorization": f"Bearer {key}"} if key else {}
            for request in _strange(client, described["paths"], known):
                number += 1
                if number % sample == 0:
                    yield await _send(client, request)


def _strange(
    client: httpx.AsyncClient, paths: Mapping[str, Any], known: Mapping[str, str]
) -> Iterable[httpx.Request]:
    for template, operations in paths.items():
        path = _PARTS.sub("x", template)
        for method, operation in operations.items():
            for value in IN_PATHS:
                yield client.build_request(method, _PARTS.sub(value, template), headers=known)
            asked = [
                each["name"] for each in operation.get("parameters", ()) if each["in"] == "query"
            ]
            for name in (*asked, "token", "lang"):
                for value in IN_QUERIES:
                    yield client.build_request(method, f"{path}?{name}={value}", headers=known)
            for name, header in HEADERS:
                yield client.build_request(
                    method, path, headers=[*_raw(known), (name.encode(), header)]
                )
            if method in ("post", "put", "patch"):
                for media_type in CONTENT_TYPES:
                    for body in BODIES.values():
                        headers = {**known, "content-type": media_type, "idempotency-key": "k"}
                        yield client.build_request(method, path, content=body, headers=headers)


def _raw(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode()) for name, value in headers.items()]


async def _send(client: httpx.AsyncClient, request: httpx.Request) -> Seen:
    began = time.monotonic()
    what = f"{request.method} {str(request.url)[:120]} {request.headers.get('content-type', '')}"
    try:
        answer = await client.send(request)
    except httpx.HTTPError as error:
        return Seen(f"{what} {type(error).__name__}", 0, "", time.monotonic() - began)
    media_type = answer.headers.get("content-type", "")
    return Seen(what, answer.status_code, media_type, time.monotonic() - began)


async def say(url: str, *parts: bytes, pause_s: float = 0.0, within_s: float = 60.0) -> Seen:
    """Sends bytes as they are, part by part, and reads the first answer to the end of its head."""
    began = time.monotonic()
    address = urlsplit(url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    head = b""
    try:
        async with asyncio.timeout(within_s):
            sending = asyncio.create_task(_send_parts(writer, parts, pause_s))
            try:
                head = await reader.readuntil(b"\r\n\r\n")
            except (asyncio.IncompleteReadError, ConnectionError):
                pass
            finally:
                sending.cancel()
                await asyncio.gather(sending, return_exceptions=True)
    finally:
        writer.close()
    status = int(head.split()[1]) if head else 0
    found = re.search(rb"(?i)\r\ncontent-type: ([^\r]+)", head)
    media_type = found[1].decode() if found else ""
    return Seen(repr(parts[0][:40] if parts else b""), status, media_type, time.monotonic() - began)


async def _send_parts(writer: asyncio.StreamWriter, parts: Iterable[bytes], pause_s: float) -> None:
    for part in parts:
        writer.write(part)
        await writer.drain()
        await asyncio.sleep(pause_s)
