"""The ledger: whatever order outcomes arrive in, and however often, the newest knowledge stands."""

from decimal import Decimal
from itertools import permutations
from typing import Any

import pytest

from shared.domain.fills import EventKind, PosSide
from shared.domain.instruments import InstType
from shared.messages.entries import TradeEventV1
from shared.messages.outcome import HopTimes, OutcomeKind, OutcomeV1
from shared.store.ledger import Unrecordable
from tests.contract.store.conftest import Store

NAME = "0123456789abcdef0123456789abcdef"


def outcome(kind: OutcomeKind, at_ms: int, **facts: Any) -> OutcomeV1:
    return OutcomeV1(NAME, kind, at_ms, "follower", "leader", "BTC-USDT-SWAP", "leader:BTC-USDT-SWAP:1", **facts)


UNKNOWN = outcome(
    OutcomeKind.UNKNOWN,
    1_000,
    side="buy",
    size="1.10",
    order_type="market",
    message="no answer within 4 s",
    hops=HopTimes(filled_ms=900, sent_ms=990),
)
ACCEPTED = outcome(OutcomeKind.ACCEPTED, 2_000, order_id="77", hops=HopTimes(answered_ms=1_990))
SETTLED = outcome(
    OutcomeKind.SETTLED,
    3_000,
    filled="1.1",
    average="43000.123456789012345",
    fee="-0.02",
    fee_currency="USDT",
    hops=HopTimes(settled_ms=2_990),
)
EVENT = TradeEventV1(
    "leader:BTC-USDT-SWAP:1",
    EventKind.FILL,
    "leader",
    "BTC-USDT-SWAP",
    InstType.SWAP,
    PosSide.NET,
    "0",
    "10.5",
    "43000.1",
    "normal",
    late=False,
    vouched=True,
    filled_ms=900,
    seen_ms=920,
    published_ms=930,
)


async def copy_of(store: Store, *names: str) -> dict[str, Any]:
    row = await store.ledger.copy(NAME)
    assert row is not None
    return {name: row[name] for name in names}


@pytest.mark.parametrize("order", list(permutations([UNKNOWN, ACCEPTED, SETTLED])))
async def test_in_any_order_the_last_word_stands_and_every_fact_is_kept(
    store: Store, order: tuple[OutcomeV1, ...]
) -> None:
    for each in order:
        await store.ledger.record([], [each])

    assert await copy_of(store, "outcome", "at", "message", "side", "order_id", "fee_currency") == {
        "outcome": "settled",
        "at": 3_000,
        "message": None,
        "side": "buy",
        "order_id": "77",
        "fee_currency": "USDT",
    }
    assert await copy_of(store, "size", "filled_size", "average_price", "fee") == {
        "size": Decimal("1.10"),
        "filled_size": Decimal("1.1"),
        "average_price": Decimal("43000.123456789012345"),
        "fee": Decimal("-0.02"),
    }
    assert await copy_of(store, "filled", "sent", "answered", "settled") == {
        "filled": 900,
        "sent": 990,
        "answered": 1_990,
        "settled": 2_990,
    }


async def test_one_batch_may_hold_an_attempts_whole_life_and_come_twice(store: Store) -> None:
    for _ in range(2):
        await store.ledger.record([("1-0", EVENT)], [UNKNOWN, ACCEPTED, SETTLED])

    assert await store.ledger.counts() == {"trade_events": 1, "settled": 1}


async def test_an_attempt_proven_absent_may_be_accepted_afterwards(store: Store) -> None:
    absent = outcome(OutcomeKind.ABSENT, 1_500)
    await store.ledger.record([], [UNKNOWN, absent])
    assert await copy_of(store, "outcome", "message") == {"outcome": "absent", "message": None}

    await store.ledger.record([], [ACCEPTED])

    assert await copy_of(store, "outcome", "order_id") == {"outcome": "accepted", "order_id": "77"}


async def test_a_skip_keeps_its_reason_and_numbers(store: Store) -> None:
    skipped = outcome(
        OutcomeKind.SKIPPED,
        1_000,
        reason="below_minimum",
        remedy="raise the ratio",
        numbers={"size": "0.004", "minimum": "0.01"},
    )

    await store.ledger.record([], [skipped])

    assert await copy_of(store, "outcome", "reason", "remedy", "numbers") == {
        "outcome": "skipped",
        "reason": "below_minimum",
        "remedy": "raise the ratio",
        "numbers": {"size": "0.004", "minimum": "0.01"},
    }


async def test_a_number_that_is_none_stops_the_batch_and_writes_nothing(store: Store) -> None:
    with pytest.raises(Unrecordable):
        await store.ledger.record([("1-0", EVENT)], [outcome(OutcomeKind.SETTLED, 1, filled="many")])

    assert await store.ledger.counts() == {"trade_events": 0}


async def test_an_unknown_attempt_is_not_invented(store: Store) -> None:
    assert await store.ledger.copy("nobody") is None
