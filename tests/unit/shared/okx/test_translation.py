"""OKX's words in ours, exactly, or not at all."""

from decimal import Decimal
from typing import TypeVar

import msgspec
import pytest

from shared.domain.fills import Fill, PosSide, Source
from shared.domain.instruments import Instrument, InstType, Side
from shared.domain.quantities import Contracts, Price
from shared.okx import frames, models, translation
from shared.okx.errors import Unreadable
from tests.unit.shared.okx.scripted import BTC, LEADER, ORDER_ID, payload

M = TypeVar("M", bound=msgspec.Struct)

SEEN = 1_751_000_000_600


def rows(name: str, model: type[M]) -> list[M]:
    return [msgspec.convert(row, model) for row in payload(name)["data"]]


def test_a_fill_is_the_same_fill_from_socket_and_rest() -> None:
    pushed = translation.pushed_fill(rows("ws_orders_fill", frames.OrderPush)[0], LEADER, SEEN)
    read = translation.leader_fill(rows("rest_fills_page", models.Fill)[1], LEADER, SEEN)
    assert pushed == Fill(
        leader=LEADER,
        inst_id=BTC,
        inst_type=InstType.SWAP,
        trade_id="1518905528",
        order_id=ORDER_ID,
        side=Side.BUY,
        pos_side=PosSide.NET,
        size=Contracts(Decimal("0.02")),
        price=Price(Decimal("61234.5")),
        category="normal",
        at_ms=1_751_000_000_502,
        bill_id="",
        source=Source.SOCKET,
        seen_ms=SEEN,
    )
    assert read.event_id == pushed.event_id
    assert (read.size, read.price, read.at_ms, read.side) == (pushed.size, pushed.price, pushed.at_ms, pushed.side)
    assert (read.source, read.bill_id, read.category, read.tag) == (
        Source.REST,
        "9896576259728695901",
        "",
        "ABCDEF0123456789",
    )


def test_a_forced_fill_keeps_its_category_and_side() -> None:
    fill = translation.pushed_fill(rows("ws_orders_liquidation", frames.OrderPush)[0], LEADER, SEEN)
    assert (fill.category, fill.pos_side, fill.side) == ("full_liquidation", PosSide.LONG, Side.SELL)


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("tradeId", ""),
        ("fillSz", ""),
        ("fillSz", "lots"),
        ("fillPx", "Infinity"),
        ("side", "both"),
        ("posSide", "up"),
        ("instType", "EVENTS"),
        ("fillTime", ""),
        ("fillTime", "-1"),
        ("fillTime", "²"),
    ],
)
def test_a_fill_that_does_not_fit_our_words_is_unreadable_and_says_where(field: str, text: str) -> None:
    row = {**payload("ws_orders_fill")["data"][0], field: text}
    with pytest.raises(Unreadable, match=field):
        translation.pushed_fill(msgspec.convert(row, frames.OrderPush), LEADER, SEEN)


def test_positions_are_signed_contracts_of_derivatives() -> None:
    assert translation.net_positions(rows("rest_positions_net", models.Position)) == {BTC: Decimal("-0.03")}
    both_sides = translation.net_positions(rows("rest_positions_long_short", models.Position))
    assert both_sides == {BTC: Decimal(3), "ETH-USDT-SWAP": Decimal(-7)}


def test_an_instrument_is_its_rules() -> None:
    btc, _, inverse = (translation.instrument(row) for row in rows("rest_instruments_swap", models.Instrument))
    assert btc == Instrument(
        inst_id=BTC,
        inst_type=InstType.SWAP,
        linear=True,
        contract_value=Decimal("0.01"),
        lot=Contracts(Decimal("0.01")),
        minimum=Contracts(Decimal("0.01")),
        tick=Price(Decimal("0.1")),
        max_market=Contracts(Decimal(12_000)),
        max_limit=Contracts(Decimal(100_000_000)),
        live=True,
    )
    assert (inverse.linear, inverse.live, inverse.contract_value) == (False, False, Decimal(100))


@pytest.mark.parametrize("field", ["ctVal", "ctMult", "lotSz", "minSz", "tickSz", "maxMktSz", "maxLmtSz"])
@pytest.mark.parametrize("text", ["", "0", "-1", "NaN"])
def test_an_instrument_with_a_hole_in_its_rules_is_unreadable(field: str, text: str) -> None:
    row = {**payload("rest_instruments_swap")["data"][0], field: text}
    with pytest.raises(Unreadable, match=field):
        translation.instrument(msgspec.convert(row, models.Instrument))


def test_prices_that_are_not_there_are_none() -> None:
    assert [translation.price(text, "px") for text in ("", "0", "0.0", "1.50")] == [None, None, None, Decimal("1.5")]


def test_the_next_page_begins_at_the_lowest_bill_by_number() -> None:
    assert translation.oldest_bill(rows("rest_fills_page", models.Fill)) == "9896576259728695901"
