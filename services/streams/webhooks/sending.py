"""One signed request to an integrator's endpoint, which may be slow, hostile, or not hers at all.

What must stay true: every connection goes to an address that was checked when its socket was made,
whatever the name resolved to before or resolves to later; redirects are not followed; nothing of an
answer's body is kept; and each request ends within a bounded time.
"""

import asyncio
import contextlib
import socket
import ssl
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any, Final, Self, TypeAlias

import aiohttp

from services.streams.domain.addresses import Network, is_allowed
from services.streams.domain.deliveries import Answer

MOST_AT_ONCE: Final = 256
"""Requests under way in one process, whoever they go to."""
ANSWER_WITHIN_S: Final = 10.0
_CONNECT_WITHIN_S: Final = 5.0
_MOST_READ_BYTES: Final = 16 * 1024
"""Read of an answer so that its connection can be used again; a longer answer costs the connection."""
_MOST_LINE_BYTES: Final = 8 * 1024
_KEEP_IDLE_S: Final = 30.0
_AGENT: Final = "CommonGround-Webhooks/1"

_AddressInfo: TypeAlias = tuple[int, int, int, str, tuple[Any, ...]]


class AddressRefused(OSError):
    """The host leads to an address that we do not send to."""

    def __init__(self) -> None:
        # Always the same words: of several refused addresses one error is then raised, as this class.
        super().__init__("we do not send to this address")


class Sender:
    """Makes requests, between `open` and `close`; also an async context manager.

    networks: where the operator allows private addresses, and plain http.
    tls: for tests with a certificate authority of their own.
    """

    def __init__(
        self, networks: Sequence[Network] = (), *, tls: ssl.SSLContext | None = None
    ) -> None:
        self._networks = networks
        self._tls = tls
        self._room = asyncio.Semaphore(MOST_AT_ONCE)
        self._sessions: dict[str, aiohttp.ClientSession] = {}

    async def open(self) -> None:
        """Can be used from now on."""
        for scheme in ("https", "http"):
            self._sessions[scheme] = self._session(is_plain=scheme == "http")

    async def close(self) -> None:
        """Ends every connection."""
        for session in self._sessions.values():
            await session.close()

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> tuple[Answer, float]:
        """What the endpoint answered, and the seconds it took. Raises nothing for what others do."""
        session = self._sessions[url.partition(":")[0].lower()]
        async with self._room:
            began = time.monotonic()
            return await _answer(session, url, body, headers), time.monotonic() - began

    async def refusal(self, host: str, port: int, *, is_plain: bool) -> str | None:
        """Why nothing would be sent there now, or None. An early word; what counts is said at sending."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(_CONNECT_WITHIN_S):
                found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, ValueError):
            return "The host's name leads nowhere; please look at its spelling."
        addresses = {info[4][0] for info in found}
        if any(is_allowed(str(one), self._networks, plain=is_plain) for one in addresses):
            return None
        if is_plain:
            return "Only https:// is possible: what we send is not for others on the way."
        return "The host leads to no public address, and we send to public addresses only."

    def _session(self, *, is_plain: bool) -> aiohttp.ClientSession:
        def checked_socket(info: _AddressInfo) -> socket.socket:
            family, kind, protocol, _, address = info
            if not is_allowed(address[0], self._networks, plain=is_plain):
                raise AddressRefused
            return socket.socket(family, kind, protocol)

        connector = aiohttp.TCPConnector(
            socket_factory=checked_socket,
            use_dns_cache=False,
            limit=0,
            keepalive_timeout=_KEEP_IDLE_S,
            ssl=self._tls or True,
        )
        return aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=ANSWER_WITHIN_S, connect=_CONNECT_WITHIN_S),
            auto_decompress=False,
            trust_env=False,
            max_line_size=_MOST_LINE_BYTES,
            max_field_size=_MOST_LINE_BYTES,
            headers={"User-Agent": _AGENT, "Accept-Encoding": "identity"},
        )


async def _answer(
    session: aiohttp.ClientSession, url: str, body: bytes, headers: Mapping[str, str]
) -> Answer:
    try:
        async with session.post(url, data=body, headers=headers, allow_redirects=False) as response:
            await _read_some(response)
            return Answer(response.status, asked_wait=_asked_wait(response.headers))
    except TimeoutError:
        return Answer(None, "timeout")
    except aiohttp.ClientConnectorCertificateError:
        return Answer(None, "certificate")
    except aiohttp.ClientConnectorError as error:
        return Answer(None, _reason(error.os_error))
    except (aiohttp.ClientError, OSError, ValueError) as error:
        return Answer(None, _reason(error))


async def _read_some(response: aiohttp.ClientResponse) -> None:
    """Reads a short body to its end; what goes on for longer, or breaks, is cut off with its connection.

    The status has been said by then, and counts.
    """
    left = _MOST_READ_BYTES
    with contextlib.suppress(aiohttp.ClientError, TimeoutError):
        while part := await response.content.read(left):
            left -= len(part)
            if left <= 0:
                break
        else:
            return
    response.close()


def _asked_wait(headers: Mapping[str, str]) -> timedelta | None:
    """What `Retry-After` asks for: seconds or a date."""
    text = headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit():
        return timedelta(seconds=min(int(text), 10**6))
    try:
        return parsedate_to_datetime(text) - datetime.now(UTC)
    except (TypeError, ValueError):
        return None


def _reason(error: BaseException) -> str:
    """A short code for the log of deliveries."""
    match error:
        case AddressRefused():
            return "address_refused"
        case aiohttp.InvalidURL():
            return "url_invalid"
        case aiohttp.ClientConnectorDNSError() | socket.gaierror():
            return "name_unknown"
        case ConnectionRefusedError():
            return "connection_refused"
        case aiohttp.ServerDisconnectedError() | ConnectionError():
            return "connection_broken"
        case ssl.SSLError() | aiohttp.ClientSSLError():
            return "tls"
        case _:
            return "unreachable" if isinstance(error, OSError) else "no_http"
