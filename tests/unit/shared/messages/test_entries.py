"""Entries of `trades`: what goes in comes out, and junk is refused by one exception."""

import json
from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.fills import EventKind, PosSide, TradeEvent
from shared.domain.ids import EntryId
from shared.domain.subscriptions import BelowMinimum, Subscription, SubscriptionState
from shared.messages.entries import (
    SubscriptionV1,
    TradeEventV1,
    Undecodable,
    decode,
    encode,
    read_subscription,
    read_trade_event,
    write_subscription,
    write_trade_event,
)
from tests.support.builders import NOON_MS, event, subscription
from tests.unit.shared.domain.drawing import policies, proven, states

numbers = st.decimals(-(10**12), 10**12, places=9, allow_nan=False, allow_infinity=False)
positive = st.decimals(Decimal("1e-9"), 10**12, places=9, allow_nan=False, allow_infinity=False)


@st.composite
def events(draw: st.DrawFn) -> TradeEvent:
    return event(
        draw(numbers),
        draw(numbers),
        number=draw(st.integers(1, 10**18)),
        price=draw(positive),
        at_ms=draw(st.integers(0, 2 * NOON_MS)),
        category=draw(st.text(max_size=20)),
        kind=draw(st.sampled_from(EventKind)),
        pos_side=draw(st.sampled_from(PosSide)),
        late=draw(st.booleans()),
        vouched=draw(st.booleans()),
    )


@st.composite
def settings(draw: st.DrawFn) -> Subscription:
    return subscription(
        ratio=draw(positive),
        state=draw(states),
        below_minimum=draw(policies),
        max_age_ms=draw(st.none() | st.integers(1, 10**12)),
        slippage_cap=draw(st.none() | positive),
        max_order=draw(st.none() | positive),
        max_position=draw(st.none() | positive),
        version=draw(st.integers(1, 10**6)),
    )


@proven
@given(events())
def test_an_event_comes_back_as_it_was(moved: TradeEvent) -> None:
    message = decode(encode(write_trade_event(moved)))
    assert isinstance(message, TradeEventV1)
    assert read_trade_event(message, moved.entry) == moved


@proven
@given(settings())
def test_a_subscription_comes_back_as_it_was(made: Subscription) -> None:
    message = decode(encode(write_subscription(made)))
    assert isinstance(message, SubscriptionV1)
    assert read_subscription(message) == made


def test_an_event_is_plain_json_with_numbers_as_text() -> None:
    """Any client can read it; a float would round what it reads."""
    spelled = json.loads(encode(write_trade_event(event("1E+1", "12.50", number=7, price="64000.10"))))
    assert spelled == {
        "schema": "trade_event/1",
        "id": "leader:BTC-USDT-SWAP:7",
        "kind": "fill",
        "leader": "leader",
        "inst_id": "BTC-USDT-SWAP",
        "inst_type": "SWAP",
        "pos_side": "net",
        "before": "10",
        "after": "12.5",
        "price": "64000.1",
        "category": "normal",
        "late": False,
        "vouched": True,
        "filled_ms": NOON_MS + 7,
        "seen_ms": NOON_MS + 12,
        "published_ms": NOON_MS + 13,
    }


def test_a_subscription_leaves_out_what_is_not_set() -> None:
    spelled = json.loads(encode(write_subscription(subscription(ratio="0.50", state=SubscriptionState.PAUSED))))
    assert spelled == {
        "schema": "subscription/1",
        "follower": "follower",
        "leader": "leader",
        "version": 1,
        "state": "paused",
        "ratio": "0.5",
    }


def test_a_version_of_a_subscription_has_one_identity() -> None:
    message = write_subscription(subscription(version=3, below_minimum=BelowMinimum.CARRY))
    assert message.id == "subscription:follower:leader:3"


def test_a_field_nobody_knows_yet_is_passed_over() -> None:
    """A newer publisher may say more; what it says otherwise would be a new schema."""
    known = json.loads(encode(write_trade_event(event(0, 1))))
    message = decode(json.dumps({**known, "from_the_future": {"deep": [1, 2]}}))
    assert message == write_trade_event(event(0, 1))


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"{}",
        b"null",
        b"[]",
        b"\xff\xfe",
        b'{"schema":"trade_event/2"}',
        b'{"schema":"trade_event/1"}',
        b'{"schema":"subscription/1","follower":1}',
        b'{"schema":["trade_event/1"]}',
        b"[" * 100_000,
        b'{"schema":"trade_event/1","x":' + b"[" * 100_000,
        "\ud800",
    ],
)
def test_junk_is_undecodable(payload: bytes | str) -> None:
    with pytest.raises(Undecodable, match="expected schema"):
        decode(payload)


def _read(payload: bytes) -> None:
    """Read an entry as far as a worker does before it plans."""
    match decode(payload):
        case TradeEventV1() as message:
            read_trade_event(message, EntryId("1-0"))
        case SubscriptionV1() as message:
            read_subscription(message)


@proven
@given(st.binary(max_size=200))
def test_of_any_bytes_only_undecodable_is_raised(payload: bytes) -> None:
    with pytest.raises(Undecodable):
        _read(payload)


junk = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["fill", "net", "1"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=4,
)


@proven
@given(st.sampled_from(["trade", "subscription"]), st.data())
def test_of_any_damage_to_an_entry_only_undecodable_is_raised(kind: str, data: st.DataObject) -> None:
    """One field replaced by anything, or missing, or bytes cut out of the middle: read, or refused."""
    entry = write_trade_event(event(0, 1)) if kind == "trade" else write_subscription(subscription(max_order=1))
    fields: dict[str, Any] = json.loads(encode(entry))
    name = data.draw(st.sampled_from(sorted(fields)))
    if data.draw(st.booleans()):
        fields[name] = data.draw(junk)
    else:
        del fields[name]
    payload = json.dumps(fields).encode()
    cut = data.draw(st.integers(0, len(payload)))
    _read_or_refuse(payload)
    _read_or_refuse(payload[:cut])
    _read_or_refuse(payload[:cut] + payload[cut + data.draw(st.integers(1, 5)) :])


def _read_or_refuse(payload: bytes) -> None:
    with suppress(Undecodable):
        _read(payload)


@pytest.mark.parametrize(
    "number",
    ["", "x", "NaN", "Infinity", "-Infinity", "1e5", "1E+999999", " 1", "1_000", "٣", "+1", ".5", "1.", "9" * 41],
)
@pytest.mark.parametrize("field", ["before", "after", "price"])
def test_a_number_of_an_event_is_plain_or_refused(field: str, number: str) -> None:
    """An exponent could stand for a number of a million digits, which every follower's book would then carry."""
    fields = json.loads(encode(write_trade_event(event(0, 1))))
    message = decode(json.dumps({**fields, field: number}))
    assert isinstance(message, TradeEventV1)
    with pytest.raises(Undecodable, match=f"{field} is .*expected a plain decimal number"):
        read_trade_event(message, EntryId("1-0"))


@pytest.mark.parametrize("field", ["ratio", "slippage_cap", "max_order", "max_position"])
def test_a_setting_that_is_no_number_is_refused(field: str) -> None:
    fields = json.loads(encode(write_subscription(subscription())))
    message = decode(json.dumps({**fields, field: "much"}))
    assert isinstance(message, SubscriptionV1)
    with pytest.raises(Undecodable, match=f"{field} is 'much'"):
        read_subscription(message)
