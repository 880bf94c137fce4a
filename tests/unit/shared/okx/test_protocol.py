import json
from decimal import Decimal

from shared.domain.ids import EventId, InstId, Leg
from shared.domain.orders import Attempt, Intent, MarginMode, OrderType, attempt
from shared.domain.quantities import Contracts, Price
from shared.okx import protocol
from shared.okx.protocol import GET, POST
from tests.unit.shared.okx.scripted import BTC, FOLLOWER, NAME


def order(
    change: str, price: str | None = None, *, reduce_only: bool = False, mode: MarginMode = MarginMode.CROSS
) -> Attempt:
    limit = None if price is None else Price(Decimal(price))
    kind = OrderType.MARKET if price is None else OrderType.IOC
    intent = Intent(BTC, Leg.OPEN, Contracts(Decimal(change)), kind, limit, reduce_only, mode)
    return attempt(intent, FOLLOWER, EventId("event"), 0)


def test_a_market_order_says_what_it_must_and_no_more() -> None:
    named = order("3.10")
    request = protocol.place_order(named, "ABCDEF0123456789", 1_751_000_001_500)
    assert (request.method, request.path) == (POST, "/api/v5/trade/order")
    assert request.headers == b"expTime: 1751000001500\r\n"
    assert json.loads(request.body) == {
        "instId": "BTC-USDT-SWAP",
        "tdMode": "cross",
        "side": "buy",
        "ordType": "market",
        "sz": "3.1",
        "clOrdId": named.cl_ord_id,
        "tag": "ABCDEF0123456789",
    }


def test_an_ioc_close_carries_its_price_and_reduces_only() -> None:
    body = json.loads(protocol.place_order(order("-0.02", "61234.50", reduce_only=True), "T", 1).body)
    assert (body["side"], body["sz"], body["ordType"], body["px"]) == ("sell", "0.02", "ioc", "61234.5")
    assert body["reduceOnly"] is True


def test_the_margin_mode_is_the_intents() -> None:
    assert json.loads(protocol.place_order(order("1", mode=MarginMode.ISOLATED), "T", 1).body)["tdMode"] == "isolated"


def test_a_size_is_never_spelled_with_an_exponent() -> None:
    assert json.loads(protocol.place_order(order("1E+3"), "T", 1).body)["sz"] == "1000"
    assert json.loads(protocol.place_order(order("0.0000001"), "T", 1).body)["sz"] == "0.0000001"


def test_questions_name_what_they_ask_for() -> None:
    questions = [
        protocol.ask_order(BTC, NAME),
        protocol.fills(),
        protocol.fills(BTC, "77"),
        protocol.positions(),
        protocol.positions(BTC),
        protocol.balance(),
        protocol.account_config(),
        protocol.instruments("SWAP"),
        protocol.server_time(),
        protocol.price_limit(BTC),
        protocol.ticker(BTC),
    ]
    assert [question.path for question in questions] == [
        "/api/v5/trade/order?instId=BTC-USDT-SWAP&clOrdId=1751000000123000042",
        "/api/v5/trade/fills?limit=100",
        "/api/v5/trade/fills?instId=BTC-USDT-SWAP&after=77&limit=100",
        "/api/v5/account/positions",
        "/api/v5/account/positions?instId=BTC-USDT-SWAP",
        "/api/v5/account/balance",
        "/api/v5/account/config",
        "/api/v5/public/instruments?instType=SWAP",
        "/api/v5/public/time",
        "/api/v5/public/price-limit?instId=BTC-USDT-SWAP",
        "/api/v5/market/ticker?instId=BTC-USDT-SWAP",
    ]
    assert {question.method for question in questions} == {GET}


def test_an_instrument_of_odd_letters_does_not_break_the_query() -> None:
    assert protocol.positions(InstId("A&b=c d")).path == "/api/v5/account/positions?instId=A%26b%3Dc+d"


def test_only_the_demo_environment_is_told_so() -> None:
    assert b"x-simulated-trading: 1\r\n" in protocol.constant_headers(simulated=True)
    assert b"x-simulated-trading" not in protocol.constant_headers(simulated=False)
    assert b"User-Agent: slipstream/1\r\n" in protocol.constant_headers(simulated=False)
