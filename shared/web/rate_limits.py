"""How often somebody may ask: a moving minute for each, in the memory of this process."""

import ipaddress
from typing import Final

from fastapi import Request
from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import MovingWindowRateLimiter

from shared.web.problems import Problem

_IPV6_SITE: Final = 64
_MINUTE_S: Final = 60


class RateLimit:
    """How many requests each may make in a minute."""

    def __init__(
        self,
        per_minute: int,
        detail: str = "Too many requests came from your network; please wait a minute.",
    ) -> None:
        self._limit = RateLimitItemPerMinute(per_minute)
        self._limiter = MovingWindowRateLimiter(MemoryStorage())
        self._detail = detail

    async def admit(self, who: str) -> None:
        """Raises `Problem` (429) if `who` has asked too often."""
        if not await self._limiter.hit(self._limit, who):
            wait = {"Retry-After": str(_MINUTE_S)}
            raise Problem(429, "Too many requests", self._detail, headers=wait)


def site_of(request: Request) -> str:
    """Where a request comes from: an IPv4 address as it is, of IPv6 the network of one customer."""
    address = request.client.host if request.client else "unknown"
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if parsed.version == 4:
        return address
    return str(ipaddress.ip_network((parsed, _IPV6_SITE), strict=False))
