"""A URL says where the server is, or who knows; what it says wrongly is refused without telling its password."""

import pytest

from shared.bus.client import open_redis
from shared.bus.topology import Topology, read_topology


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("redis://127.0.0.1:6379/0", None),
        ("unix:///run/redis.sock", None),
        ("redis+cluster://a:7000,b:7001", Topology("cluster", (("a", 7000), ("b", 7001)), "main")),
        ("redis+cluster://[::1]:7000/", Topology("cluster", (("::1", 7000),), "main")),
        (
            "rediss+cluster://us%40er:p%2Fw@a:7000",
            Topology("cluster", (("a", 7000),), "main", tls=True, username="us@er", password="p/w"),
        ),
        ("redis+sentinel://a:1,b:2/lead", Topology("sentinel", (("a", 1), ("b", 2)), "lead")),
        ("redis+sentinel://:pw@a:1/lead/3", Topology("sentinel", (("a", 1),), "lead", 3, password="pw")),
    ],
)
def test_a_url_names_one_server_or_those_who_know_it(url: str, expected: Topology | None) -> None:
    assert read_topology(url, "main") == expected


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("redis+ring://:hidden@a:1", "redis\\+sentinel://"),
        ("redis+sentinel://:hidden@a:1", "master's name"),
        ("redis+sentinel://:hidden@a:1/lead/first", "database's number"),
        ("redis+cluster://:hidden@a:1/0", "one database"),
        ("redis+cluster://:hidden@a", "HOST:PORT"),
        ("redis+cluster://:hidden@a:1,b", "HOST:PORT"),
    ],
)
def test_another_form_is_refused_with_what_was_expected(url: str, why: str) -> None:
    with pytest.raises(ValueError, match=why) as refused:
        open_redis(url, "main", 1.0, 1)
    assert "hidden" not in str(refused.value)


def test_a_cluster_is_asked_for_an_installation() -> None:
    with pytest.raises(ValueError, match="installation"):
        read_topology("redis+cluster://a:1", "")


def test_a_password_is_not_shown() -> None:
    assert "hidden" not in repr(read_topology("redis+cluster://:hidden@a:1", "main"))
