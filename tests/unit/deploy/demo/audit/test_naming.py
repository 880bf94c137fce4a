"""The published definition of a name, recomputed without our code."""

from deploy.demo.audit.naming import Name, Names, cl_ord_id


def test_a_known_answer() -> None:
    """Made with: printf %s 'lead:BTC-USDT-SWAP:7|follower|open|0' | b2sum -l 128."""
    assert cl_ord_id("lead:BTC-USDT-SWAP:7", "follower", "open", 0) == "ac1270735025e3cb0d59cbbf1d8e3ebf"


def test_names_are_read_back_whatever_the_try() -> None:
    names = Names("follower", ["a:b:1", "a:b:2"])
    for name in (Name("a:b:1", "open", 0), Name("a:b:2", "close", 1), Name("a:b:2", "close", 40)):
        assert names.read(cl_ord_id(name.event, "follower", name.leg, name.tries)) == name


def test_a_name_of_another_follower_or_of_nothing_is_not_read() -> None:
    names = Names("follower", ["a:b:1"])
    assert names.read(cl_ord_id("a:b:1", "somebody", "open", 0)) is None
    assert names.read("") is None
