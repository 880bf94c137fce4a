from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest

from services.okx_simulator.clock import VenueClock
from services.okx_simulator.evidence import Evidence, FillRow
from services.okx_simulator.venue.accounts import Account, Accounts, Position
from services.okx_simulator.venue.exchange import Exchange, Terms
from services.okx_simulator.venue.instruments import Market
from services.okx_simulator.venue.orders import Fill, Order
from services.okx_simulator.venue.tickets import ticket_of
from services.okx_simulator.wire.numbers import ZERO
from services.okx_simulator.wire.refusals import Refused

SWAP = "BTC-USDT-SWAP"


class Floor:
    """An exchange with one account, and short ways to trade on it."""

    def __init__(self, terms: Terms | None = None, **account: Any) -> None:
        self.market, self.evidence = Market(0), Evidence()
        accounts = Accounts()
        account.setdefault("balances", {"USDT": Decimal(1_000_000)})
        self.account = Account("1", **account)
        accounts.add(self.account)
        self.exchange = Exchange(VenueClock(), accounts, self.market, self.evidence, terms or Terms())

    def order(self, side: str, sz: str, ord_type: str = "market", px: str = "", **more: Any) -> Order:
        pieces = more.pop("pieces", ())
        members = {"instId": SWAP, "tdMode": "cross", "side": side, "ordType": ord_type, "sz": sz, "px": px, **more}
        ticket = ticket_of(members, self.account, self.market.by_id)
        return self.exchange.place(self.account, ticket, [Decimal(piece) for piece in pieces])

    def refusal(self, *args: Any, **more: Any) -> tuple[str, str]:
        with pytest.raises(Refused) as caught:
            self.order(*args, **more)
        return caught.value.code, caught.value.sub_code

    def market_is(self, **changes: object) -> None:
        self.exchange.move(self.market.upsert({"instId": SWAP, **changes}))

    @property
    def pos(self) -> Decimal:
        return self.account.net.get(SWAP, Decimal(0))

    def position(self, side: str = "net") -> Position:
        return self.account.positions[SWAP, "cross", side]


class Ears:
    """A listener that writes down."""

    def __init__(self) -> None:
        self.orders: list[tuple[str, str]] = []
        self.events: list[str] = []

    def listens_to(self, _channel: str) -> bool:
        return True

    def on_order(self, order: Order, fill: Fill | None) -> None:
        self.orders.append((order.state, str(fill.sz) if fill else ""))

    def on_holdings(self, event: str, _position: Position | None, _fill: Fill | None) -> None:
        self.events.append(event)


def test_a_market_order_fills_at_the_price_there_is() -> None:
    floor = Floor()
    order = floor.order("buy", "0.03")
    assert (order.state, order.avg_px, floor.pos) == ("filled", Decimal(60_000), Decimal("0.03"))


def test_a_doubled_market_order_fills_twice() -> None:
    floor = Floor()
    first = floor.order("buy", "0.03", clOrdId="same")
    second = floor.order("buy", "0.03", clOrdId="same")
    assert first.ord_id != second.ord_id
    assert floor.pos == Decimal("0.06")
    assert floor.account.order_of(SWAP, "", "same") is second


def test_a_client_id_is_taken_only_while_its_order_is_pending() -> None:
    floor = Floor()
    resting = floor.order("buy", "1", "limit", "59000", clOrdId="same")
    assert floor.refusal("buy", "1", clOrdId="same") == ("51016", "")
    floor.exchange.cancel(floor.account, resting)
    assert floor.order("buy", "1", clOrdId="same").state == "filled"


def test_a_client_id_is_taken_over_all_instruments_and_found_per_instrument() -> None:
    floor = Floor()
    eth = floor.order("buy", "1", "limit", "2900", clOrdId="same", instId="ETH-USDT-SWAP")
    assert floor.refusal("buy", "1", clOrdId="same") == ("51016", "")
    floor.exchange.cancel(floor.account, eth)
    btc = floor.order("buy", "1", clOrdId="same")
    assert floor.account.order_of("ETH-USDT-SWAP", "", "same") is eth
    assert floor.account.order_of(SWAP, "", "same") is btc
    assert floor.account.order_of(SWAP, eth.ord_id, "") is None


def test_depth_leaves_the_rest_of_a_market_order_unfilled() -> None:
    floor = Floor()
    floor.market_is(depth="0.02")
    order = floor.order("buy", "0.05")
    assert (order.state, order.acc_fill_sz, floor.pos) == ("canceled", Decimal("0.02"), Decimal("0.02"))


def test_max_fill_splits_an_order_into_fills_of_their_own() -> None:
    floor = Floor()
    floor.market_is(max_fill="0.02")
    order = floor.order("buy", "0.05")
    assert [str(fill.sz) for fill in order.fills] == ["0.02", "0.02", "0.01"]
    assert len({fill.trade_id for fill in order.fills}) == 3
    bills = [fill.bill_id for fill in order.fills]
    assert bills == sorted(set(bills))


def test_pieces_say_how_an_order_fills() -> None:
    order = Floor().order("buy", "3", pieces=["1", "2"])
    assert [fill.sz for fill in order.fills] == [1, 2]


def test_an_ioc_that_does_not_cross_is_cancelled_whole() -> None:
    order = Floor().order("buy", "1", "ioc", "59999.9")
    assert (order.state, order.cancel_source, order.acc_fill_sz) == ("canceled", "14", ZERO)


def test_an_ioc_that_crosses_fills_at_the_market_price() -> None:
    order = Floor().order("buy", "1", "ioc", "60100")
    assert (order.state, order.avg_px) == ("filled", Decimal(60_000))


def test_a_fok_fills_whole_or_not_at_all() -> None:
    floor = Floor()
    floor.market_is(depth="0.5")
    order = floor.order("buy", "1", "fok", "60000")
    assert (order.state, order.cancel_source, floor.pos) == ("canceled", "13", ZERO)


def test_a_post_only_that_would_take_is_only_cancelled() -> None:
    floor, ears = Floor(), Ears()
    floor.account.listeners.append(ears)
    assert floor.order("buy", "1", "post_only", "60000").cancel_source == "31"
    assert ears.orders == [("canceled", "")]


def test_a_plain_limit_rests_and_fills_as_maker_when_the_price_comes() -> None:
    floor = Floor()
    order = floor.order("buy", "1", "limit", "59000")
    floor.market_is(px="59500")
    assert order.state == "live"
    floor.market_is(px="58900")
    assert (order.state, order.avg_px, order.fills[0].exec_type) == ("filled", Decimal(59_000), "M")
    assert floor.account.pending == {}


def test_what_a_limit_finds_at_once_it_takes_and_the_rest_rests() -> None:
    floor = Floor()
    floor.market_is(depth="0.4")
    order = floor.order("buy", "1", "limit", "60000")
    assert (order.state, order.acc_fill_sz) == ("partially_filled", Decimal("0.4"))
    floor.market_is(px="60000")
    assert order.acc_fill_sz == Decimal("0.8")


def test_closing_takes_the_gain_and_fees_are_paid() -> None:
    floor = Floor(Terms(taker_fee_rate=Decimal("0.001")))
    floor.order("buy", "1")
    floor.market_is(px="61000")
    floor.order("sell", "1")
    assert floor.position().realized == Decimal(10)
    assert floor.account.cash("USDT") == Decimal(1_000_000) + 10 - Decimal("0.6") - Decimal("0.61")


def test_an_order_through_flat_turns_the_position() -> None:
    floor = Floor()
    floor.order("buy", "1")
    floor.market_is(px="61000")
    floor.order("sell", "3")
    assert (floor.pos, floor.position().avg_px) == (Decimal(-2), Decimal(61_000))


def test_reduce_only_refuses_what_does_not_reduce() -> None:
    floor = Floor()
    assert floor.refusal("sell", "1", reduceOnly=True)[0] == "51169"
    floor.order("buy", "1")
    assert floor.refusal("buy", "1", reduceOnly=True)[0] == "51170"
    assert floor.refusal("sell", "1.01", reduceOnly=True)[0] == "51112"
    assert floor.order("sell", "1", reduceOnly=True).state == "filled"
    assert floor.pos == 0


def test_reduce_only_can_be_set_to_trim() -> None:
    floor = Floor(Terms(oversize_reduce_only="trim"))
    floor.order("buy", "1")
    order = floor.order("sell", "5", reduceOnly=True)
    assert (order.sz, order.amend_source, floor.pos) == (Decimal(1), "4", ZERO)


def test_resting_reduce_only_orders_count_against_the_position() -> None:
    floor = Floor()
    floor.order("buy", "1")
    floor.order("sell", "0.8", "limit", "61000", reduceOnly=True)
    assert floor.refusal("sell", "0.3", reduceOnly=True)[0] == "51112"
    assert floor.order("sell", "0.2", reduceOnly=True).state == "filled"


def test_a_resting_reduce_only_order_ends_with_its_position() -> None:
    floor = Floor()
    floor.order("buy", "1")
    resting = floor.order("sell", "1", "limit", "61000", reduceOnly=True)
    floor.order("sell", "1")
    floor.market_is(px="61500")
    assert (resting.state, resting.cancel_source, floor.pos) == ("canceled", "17", ZERO)


def test_long_short_mode_keeps_two_positions() -> None:
    floor = Floor(pos_mode="long_short_mode")
    floor.order("buy", "2", posSide="long")
    floor.order("sell", "3", posSide="short")
    assert (floor.position("long").pos, floor.position("short").pos, floor.pos) == (
        Decimal(2),
        Decimal(-3),
        Decimal(-1),
    )
    assert floor.refusal("sell", "2.01", posSide="long")[0] == "51112"
    floor.order("sell", "2", posSide="long")
    assert floor.refusal("sell", "1", posSide="long")[0] == "51023"


def test_margin_that_is_not_there_refuses() -> None:
    floor = Floor(balances={"USDT": Decimal(100)})
    assert floor.refusal("buy", "2") == ("51008", "1001")
    assert floor.order("buy", "1").state == "filled"
    assert floor.refusal("buy", "1") == ("51008", "1001")
    assert floor.order("sell", "1").state == "filled"


def test_a_refused_order_changes_nothing() -> None:
    floor = Floor(balances={"USDT": Decimal(1)})
    floor.refusal("buy", "1", clOrdId="x")
    assert (floor.account.orders, floor.account.latest, floor.evidence.next) == ({}, {}, 1)


def test_spot_moves_balances_and_takes_the_fee_in_what_was_received() -> None:
    floor = Floor(Terms(taker_fee_rate=Decimal("0.001")))
    order = floor.order("buy", "6000", instId="BTC-USDT", tdMode="cash")
    assert order.acc_fill_sz == Decimal("0.1")
    assert floor.account.cash("BTC") == Decimal("0.0999")
    assert floor.account.cash("USDT") == 994_000
    assert floor.refusal("sell", "0.1", instId="BTC-USDT", tdMode="cash") == ("51008", "1000")


def test_every_update_is_told_in_order() -> None:
    floor, ears = Floor(), Ears()
    floor.account.listeners.append(ears)
    floor.order("buy", "3", pieces=["1", "2"])
    assert ears.orders == [("live", ""), ("partially_filled", "1"), ("filled", "2")]
    assert ears.events == ["filled", "filled"]


def test_a_forced_fill_asks_nothing_and_says_what_it_was() -> None:
    floor, ears = Floor(balances={}), Ears()
    floor.account.listeners.append(ears)
    members = {"instId": SWAP, "tdMode": "cross", "side": "sell", "ordType": "market", "sz": "1"}
    ticket = ticket_of(members, floor.account, floor.market.by_id)
    ticket.category = "full_liquidation"
    floor.exchange.force(floor.account, ticket)
    assert (floor.pos, ears.events) == (Decimal(-1), ["liquidation"])


def test_a_position_can_be_set_without_a_fill() -> None:
    floor, ears = Floor(), Ears()
    floor.account.listeners.append(ears)
    floor.order("buy", "1")
    floor.exchange.set_position(floor.account, floor.market.by_id[SWAP], Decimal(5), "cross")
    assert (floor.pos, len(floor.account.fills), ears.events[-1]) == (Decimal(5), 1, "transferred")


def test_evidence_of_fills_adds_up_to_positions() -> None:
    floor = Floor()
    floor.market_is(max_fill="0.4")
    for side, sz in (("buy", "1"), ("sell", "0.3"), ("sell", "2")):
        floor.order(side, sz)
    rows: list[FillRow] = floor.evidence.since(0, 100)["fills"]
    assert sum(Decimal(row.fillSz) * (1 if row.side == "buy" else -1) for row in rows) == floor.pos == Decimal("-1.3")
    assert all(later.pos_before == earlier.pos_after for earlier, later in pairwise(rows))
    assert [row.seq for row in rows] == list(range(1, len(rows) + 1))
