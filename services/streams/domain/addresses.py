"""Which addresses of the network we send to: public ones, and those that the operator vouches for. Pure."""

from collections.abc import Sequence
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import Final, TypeAlias

Network: TypeAlias = IPv4Network | IPv6Network

_NAT64: Final = (IPv6Network("64:ff9b::/96"), IPv6Network("64:ff9b:1::/48"))


def networks_of(setting: str) -> tuple[Network, ...]:
    """Networks such as `10.20.0.0/16, fd00::/8`. Raises `ValueError`, which names what is none."""
    return tuple(ip_network(part.strip()) for part in setting.split(",") if part.strip())


def is_allowed(address: str, networks: Sequence[Network] = (), *, plain: bool = False) -> bool:
    """Whether we connect to it. Private, loopback, link-local (the clouds' metadata), shared, reserved and
    multicast addresses are not, nor IPv6 addresses that stand for such ones of IPv4.

    plain: without TLS, which is for the operator's own networks only.
    """
    parsed = ip_address(address.partition("%")[0])
    if any(parsed in network for network in networks):
        return True
    if plain:
        return False
    return all(one.is_global and not one.is_multicast for one in _meant_by(parsed))


def _meant_by(address: IPv4Address | IPv6Address) -> list[IPv4Address | IPv6Address]:
    """The address, and the one of IPv4 that a gateway would make of it."""
    if isinstance(address, IPv4Address):
        return [address]
    if address.ipv4_mapped is not None:
        return [address.ipv4_mapped]
    meant: list[IPv4Address | IPv6Address] = [address]
    if address.sixtofour is not None:
        meant.append(address.sixtofour)
    if address.teredo is not None:
        meant.extend(address.teredo)
    if any(address in network for network in _NAT64) or _is_ipv4_compatible(address):
        meant.append(IPv4Address(int(address) & 0xFFFFFFFF))
    return meant


def _is_ipv4_compatible(address: IPv6Address) -> bool:
    return int(address) >> 32 == 0
