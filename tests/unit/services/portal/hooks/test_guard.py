"""Where a webhook may lead: to the internet's hosts, and never into anybody's own network."""

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.portal.hooks.guard import Guard, NotAllowed, is_public

PRIVATE = [
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/29",
    "192.0.2.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4",
    "240.0.0.0/4", "255.255.255.255/32",
]  # fmt: skip
PRIVATE_6 = ["::/128", "::1/128", "fc00::/7", "fe80::/10", "ff00::/8", "64:ff9b::/96", "2002::/16", "2001:db8::/32"]


@given(st.sampled_from(PRIVATE).flatmap(lambda net: st.ip_addresses(v=4, network=IPv4Network(net))))
def test_no_address_of_a_private_range_is_public_in_any_spelling(address: object) -> None:
    assert not is_public(str(address))
    assert not is_public(f"::ffff:{address}")


@given(st.sampled_from(PRIVATE_6).flatmap(lambda net: st.ip_addresses(v=6, network=IPv6Network(net))))
def test_no_address_of_a_private_range_of_version_6_is_public(address: object) -> None:
    assert not is_public(str(address))


@pytest.mark.parametrize("address", ["1.1.1.1", "93.184.216.34", "2606:4700:4700::1111", "fe80::1%eth0"])
def test_the_internet_s_addresses_are(address: str) -> None:
    assert is_public(address) is ("fe80" not in address)


def guard(*addresses: str, rehearsing: bool = False) -> Guard:
    async def resolve(host: str, port: int) -> Sequence[str]:
        del host, port
        if not addresses:
            raise OSError("no such host")
        return addresses

    return Guard(resolve, rehearsing)


async def test_it_connects_to_the_very_address_that_was_checked() -> None:
    target = await guard("93.184.216.34").check("https://hooks.example.com:8443/in?token=1")
    assert (target.url, target.host) == ("https://93.184.216.34:8443/in?token=1", "hooks.example.com")
    six = await guard("2606:4700:4700::1111").check("https://hooks.example.com")
    assert six.url == "https://[2606:4700:4700::1111]:443/"


async def test_one_private_address_among_public_ones_is_enough_to_refuse() -> None:
    with pytest.raises(NotAllowed, match="not the internet's"):
        await guard("93.184.216.34", "10.0.0.1").check("https://hooks.example.com/")


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example.com/",
        "ftp://hooks.example.com/",
        "https://user:word@hooks.example.com/",
        "https://hooks.example.com:22/",
        "https://hooks.example.com:99999/",
        "https:///path",
        "https://hooks.example.com/#part",
        "https://" + "a" * 3_000,
        "//hooks.example.com",
        "",
    ],
)
async def test_what_is_no_plain_https_is_refused(url: str) -> None:
    with pytest.raises(NotAllowed):
        await guard("93.184.216.34").check(url)


async def test_a_host_without_an_address_is_refused() -> None:
    with pytest.raises(NotAllowed, match="has no address"):
        await guard().check("https://nowhere.example.com/")


async def test_a_rehearsal_may_stay_at_home() -> None:
    assert (
        await guard("127.0.0.1", rehearsing=True).check("http://localhost:8000/in")
    ).url == "http://127.0.0.1:8000/in"
