"""Which addresses webhooks may be sent to."""

from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.streams.domain.addresses import is_allowed, networks_of


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.8.8.8",
        "0.0.0.0",  # noqa: S104  (an address that is refused)
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "192.0.2.1",
        "224.0.0.1",
        "239.1.1.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::7f00:1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "fe80::1",
        "fe80::1%eth0",
        "fc00::1",
        "fd00:ec2::254",
        "ff02::1",
        "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::a00:1",
        "2002:7f00:1::",
        "2002:a9fe:a9fe::1",
        "2001:db8::1",
    ],
)
def test_what_is_not_public_is_refused_in_every_disguise(address: str) -> None:
    assert not is_allowed(address)


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1::1", "::ffff:8.8.8.8"])
def test_public_addresses_are_allowed_with_tls_only(address: str) -> None:
    assert is_allowed(address)
    assert not is_allowed(address, plain=True)


def test_what_the_operator_vouches_for_is_allowed_also_without_tls() -> None:
    networks = networks_of("10.20.0.0/16, fd00::/8")
    for address in ("10.20.3.4", "fd00::1"):
        assert is_allowed(address, networks)
        assert is_allowed(address, networks, plain=True)
    assert not is_allowed("10.21.0.1", networks)
    assert not is_allowed("127.0.0.1", networks)


def test_a_network_that_is_none_is_named() -> None:
    with pytest.raises(ValueError, match=r"10\.20\.0\.0/33"):
        networks_of("10.20.0.0/33")
    assert networks_of("") == ()


@given(st.ip_addresses(v=4))
def test_an_address_of_ipv4_is_judged_alike_in_all_its_forms_of_ipv6(address: IPv4Address) -> None:
    number = int(address)
    mapped = IPv6Address((0xFFFF << 32) | number)
    assert is_allowed(str(mapped)) == is_allowed(str(address))
    translated = IPv6Address((0x64FF9B << 96) | number)
    if not is_allowed(str(address)):
        assert not is_allowed(str(translated))
