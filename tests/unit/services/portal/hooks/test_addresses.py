"""No webhook leads inside: every address that is not of the open Internet is refused, however it is spelled."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.portal.hooks.addresses import is_public, read_address

INSIDE = [
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
    "192.0.2.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4",
    "240.0.0.0/4", "168.63.129.16/32",
]  # fmt: skip
INSIDE_6 = [
    "::/128", "::1/128", "::ffff:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/32", "2001:20::/28",
    "2001:db8::/32", "2002::/16", "3fff::/20", "5f00::/16", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8",
]  # fmt: skip
OUTSIDE = ["1.1.1.1", "8.8.8.8", "99.255.255.255", "100.128.0.1", "172.32.0.1", "192.167.255.255", "223.255.255.255"]
OUTSIDE_6 = ["2606:4700:4700::1111", "2a00:1450:4001::1", "2001:4860:4860::8888", "2003::1", "2400::1"]


@st.composite
def within(draw: st.DrawFn, networks: list[str]) -> IPv4Address | IPv6Address:
    text = draw(st.sampled_from(networks))
    network: IPv4Network | IPv6Network = IPv6Network(text) if ":" in text else IPv4Network(text)
    return network[draw(st.integers(0, network.num_addresses - 1))]


@given(within(INSIDE + INSIDE_6))
def test_what_is_inside_is_refused(address: IPv4Address | IPv6Address) -> None:
    assert not is_public(address)


@given(within(["0.0.0.0/0"]))
def test_an_address_of_the_old_internet_does_not_hide_in_one_of_the_new(address: IPv4Address) -> None:
    packed = int(address)
    for prefix, shift in (("::ffff:0:0", 0), ("::", 0), ("64:ff9b::", 0), ("2002::", 80), ("2001::", 0)):
        assert not is_public(IPv6Address(int(IPv6Address(prefix)) | packed << shift)), prefix


@given(st.one_of(within(["0.0.0.0/0"]), within(["::/0"]), within(["2000::/3"])))
def test_what_the_language_calls_special_is_refused(address: IPv4Address | IPv6Address) -> None:
    special = address.is_multicast or address.is_reserved or address.is_link_local or address.is_loopback
    if special or address.is_private or not address.is_global or address.is_unspecified:
        assert not is_public(address)


@pytest.mark.parametrize("text", OUTSIDE + OUTSIDE_6)
def test_what_is_outside_is_let_out(text: str) -> None:
    assert is_public(ip_address(text))


def test_an_address_on_an_interface_of_ours_is_refused() -> None:
    scoped = read_address("2606:4700::1%eth0")
    assert scoped is not None
    assert not is_public(scoped)
    assert read_address("hooks.example") is None
