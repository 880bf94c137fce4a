"""Names anyone can recompute."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.ids import (
    AccountId,
    ClOrdId,
    EntryId,
    EventId,
    InstId,
    Leg,
    client_order_id,
    entry_order,
    fill_event_id,
)
from shared.domain.orders import attempt
from shared.domain.planning import decide
from tests.support.builders import FOLLOWER, book, opening, situation
from tests.unit.shared.domain.drawing import proven

words = st.text(st.characters(codec="ascii", categories=["L", "N"], include_characters="-_"), min_size=1, max_size=20)
names = st.tuples(words, words, st.sampled_from(Leg), st.integers(0, 50))


@pytest.mark.parametrize(
    ("event", "follower", "leg", "tries", "name"),
    [
        ("leader:BTC-USDT-SWAP:1", "follower", Leg.OPEN, 0, "b377dfa056b87f957ebaa70cb1d6f550"),
        ("leader:BTC-USDT-SWAP:1", "follower", Leg.CLOSE, 0, "3be43038b0a34fa1c66b7f0a7021a509"),
        ("leader:BTC-USDT-SWAP:1", "follower", Leg.OPEN, 1, "495b90941c665e0f29b3cec47e9e2c15"),
        ("whale:ETH-USDT-SWAP:987654321", "f-07", Leg.CLOSE, 12, "5690b90ae79b0f2d605715252f37407f"),
    ],
)
def test_a_client_order_id_is_the_published_function(
    event: str, follower: str, leg: Leg, tries: int, name: str
) -> None:
    """As `printf 'event|follower|leg|tries' | b2sum -l 128` prints it; changing it orphans every order in flight."""
    assert client_order_id(EventId(event), AccountId(follower), leg, tries) == name


@proven
@given(names)
def test_a_client_order_id_is_one_okx_takes(name: tuple[str, str, Leg, int]) -> None:
    event, follower, leg, tries = name
    assert re.fullmatch(r"[0-9a-f]{32}", client_order_id(EventId(event), AccountId(follower), leg, tries))


@proven
@given(st.lists(names, min_size=2, max_size=10, unique=True))
def test_different_attempts_have_different_names(several: list[tuple[str, str, Leg, int]]) -> None:
    made = {client_order_id(EventId(event), AccountId(follower), leg, tries) for event, follower, leg, tries in several}
    assert len(made) == len(several)


def test_an_attempt_carries_its_own_name() -> None:
    intent = decide(situation(book(5, 0, opening(5)))).intent
    assert intent is not None
    named = attempt(intent, FOLLOWER, EventId("leader:BTC-USDT-SWAP:1"), 1)
    assert named.cl_ord_id == ClOrdId("495b90941c665e0f29b3cec47e9e2c15")


def test_a_fill_is_known_by_leader_instrument_and_trade() -> None:
    assert fill_event_id(AccountId("whale"), InstId("BTC-USDT-SWAP"), "77") == "whale:BTC-USDT-SWAP:77"


@proven
@given(st.lists(st.tuples(st.integers(0, 2**53), st.integers(0, 2**40)), min_size=2, max_size=6))
def test_entries_sort_as_redis_sorts_them(pairs: list[tuple[int, int]]) -> None:
    """By number and not by letter: 9-1 comes before 10-0."""
    entries = [EntryId(f"{milliseconds}-{sequence}") for milliseconds, sequence in pairs]
    assert [entry_order(entry) for entry in sorted(entries, key=entry_order)] == sorted(pairs)


def test_an_entry_without_a_sequence_is_the_first_of_its_millisecond() -> None:
    assert entry_order(EntryId("1700000000000")) == (1_700_000_000_000, 0)
