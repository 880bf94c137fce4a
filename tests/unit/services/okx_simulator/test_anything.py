"""Whatever JSON arrives, the venue answers in its own words and its books stay true."""

import json
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from services.okx_simulator.settings import Settings
from services.okx_simulator.wire.http import Request
from services.okx_simulator.wiring import Simulator, assemble
from tests.support.simulator import people

PATHS = (
    "/api/v5/trade/order",
    "/api/v5/trade/batch-orders",
    "/api/v5/trade/cancel-order",
    "/api/v5/trade/cancel-batch-orders",
    "/api/v5/account/set-leverage",
    "/v5/users/oauth/token",
    "/control/accounts",
    "/control/instruments",
    "/control/market",
    "/control/trade",
    "/control/position",
    "/control/faults",
    "/control/clock",
)
NAMES = (
    "instId", "tdMode", "side", "posSide", "ordType", "sz", "px", "reduceOnly", "clOrdId", "ordId", "tag", "tgtCcy",
    "lever", "mgnMode", "uid", "uids", "kind", "where", "times", "probability", "pos", "offset_ms", "refresh_token",
)  # fmt: skip
WORDS = st.sampled_from(
    ["", "BTC-USDT-SWAP", "BTC-USDT", "cross", "cash", "buy", "sell", "market", "limit", "ioc", "0.03", "1e999999",
     "-1", "9" * 400, "60000", "NaN", "true", "ws_drop", "throttle", "1001", "1900", "isolated", "net"]
)  # fmt: skip
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text() | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=3),
    max_leaves=5,
)
OBJECTS = st.dictionaries(st.sampled_from(NAMES), WORDS | VALUES, max_size=9)
BODIES = OBJECTS | st.lists(OBJECTS, max_size=3) | VALUES


def venue() -> Simulator:
    simulator = assemble(Settings(rate_limits=False))
    send(simulator, "/control/accounts", people(1))
    return simulator


def send(simulator: Simulator, path: str, body: object) -> tuple[int, Any]:
    headers = {"authorization": "Bearer access-1001", "content-type": "application/json"}
    content = json.dumps(body).encode()
    answer, _ = simulator.gateway.answer(Request("POST", path, headers, "127.0.0.1", 0, content))
    return answer.status, json.loads(answer.body)


@given(st.lists(st.tuples(st.sampled_from(PATHS), BODIES), max_size=8))
def test_everything_is_answered(requests: list[tuple[str, object]]) -> None:
    simulator = venue()
    for path, body in requests:
        status, answer = send(simulator, path, body)
        assert 200 <= status < 500
        assert isinstance(answer, dict)


@given(st.lists(st.fixed_dictionaries({"side": st.sampled_from(["buy", "sell"])}, optional={
    "sz": st.sampled_from(["0.01", "0.5", "3", "12000", "0.005", "x"]),
    "ordType": st.sampled_from(["market", "ioc", "limit", "fok", "post_only"]),
    "px": st.sampled_from(["59000", "60000", "61000", "90000"]),
    "reduceOnly": st.booleans(),
    "clOrdId": st.sampled_from(["a", "b", "c-c"]),
}), max_size=12))  # fmt: skip
def test_books_and_evidence_agree_after_any_orders(orders: list[dict[str, Any]]) -> None:
    simulator = venue()
    send(simulator, "/control/market", {"instId": "BTC-USDT-SWAP", "depth": "2", "max_fill": "0.3"})
    for number, order in enumerate(orders):
        full = {"instId": "BTC-USDT-SWAP", "tdMode": "cross", "ordType": "market", "sz": "1", **order}
        send(simulator, "/api/v5/trade/order", full)
        send(simulator, "/control/market", {"instId": "BTC-USDT-SWAP", "px": str(59_000 + 700 * (number % 4))})
    rows = simulator.evidence.since(0, 10_000)
    account = simulator.venue.accounts.by_uid["1001"]
    signed = sum((Decimal(row.fillSz) * (1 if row.side == "buy" else -1) for row in rows["fills"]), Decimal(0))
    assert signed == account.net.get("BTC-USDT-SWAP", Decimal(0))
    assert len({row.tradeId for row in rows["fills"]}) == len(rows["fills"]) == len(account.fills)
    assert len(rows["orders"]) == len(orders)
    assert sum(row.accepted for row in rows["orders"]) == account.order_count == len(account.orders)
    assert all(order.pending for order in account.pending.values())
