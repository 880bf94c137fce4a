"""Orders over REST: place, cancel, ask, list; fills."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Final

from services.okx_simulator.access.throttle import CANCEL, PLACE, PLACE_BATCH, SUB_ACCOUNT, Limit, Throttle
from services.okx_simulator.calls import Call, Endpoint, Routes
from services.okx_simulator.clock import VenueClock
from services.okx_simulator.endpoints.history import History
from services.okx_simulator.evidence import OrderRow
from services.okx_simulator.faults import Plan
from services.okx_simulator.venue.accounts import Account
from services.okx_simulator.venue.exchange import Exchange
from services.okx_simulator.venue.orders import Order
from services.okx_simulator.venue.tickets import ticket_of
from services.okx_simulator.wire.http import Answer, json_answer
from services.okx_simulator.wire.numbers import ZERO, whole, wire
from services.okx_simulator.wire.refusals import Refused, parameter

_MOST_IN_BATCH: Final = 20


class TradeDesk:
    """Takes orders and cancellations, over REST and WebSocket alike."""

    def __init__(self, exchange: Exchange, throttle: Throttle, clock: VenueClock) -> None:
        self._exchange = exchange
        self._throttle = throttle
        self._clock = clock

    def routes(self, history: History) -> Routes:
        """Return the endpoints under trade/."""
        return {
            "/api/v5/trade/order": {
                "POST": Endpoint(self.place, trades=True, orders=True),
                "GET": Endpoint(history.order),
            },
            "/api/v5/trade/batch-orders": {"POST": Endpoint(self.place_batch, trades=True, orders=True)},
            "/api/v5/trade/cancel-order": {"POST": Endpoint(self.cancel, trades=True)},
            "/api/v5/trade/cancel-batch-orders": {"POST": Endpoint(self.cancel_batch, trades=True)},
            "/api/v5/trade/orders-pending": {"GET": Endpoint(history.pending, limit=Limit("orders-pending", 60))},
            "/api/v5/trade/orders-history": {"GET": Endpoint(history.ended, limit=Limit("orders-history", 40))},
            "/api/v5/trade/fills": {"GET": Endpoint(history.fills, limit=Limit("fills", 60))},
            "/api/v5/trade/fills-history": {"GET": Endpoint(history.fills_history, limit=Limit("fills-history", 10))},
        }

    def place(self, call: Call) -> Answer:
        """Take one order."""
        members = call.members()
        self.check(call.account, [members], call.request.headers.get("exptime", ""), call.request.received_us)
        return self._answer(call, [self.take(call.account, members, call.rows[0], call.plan)], single=True)

    def place_batch(self, call: Call) -> Answer:
        """Take up to twenty orders, each for itself."""
        elements = call.json()
        if not isinstance(elements, list) or not elements or not all(isinstance(each, dict) for each in elements):
            raise parameter("body")
        if len(elements) > _MOST_IN_BATCH:
            raise Refused("51111")
        self.check(call.account, elements, call.request.headers.get("exptime", ""), call.request.received_us)
        twice = _repeated(each.get("clOrdId") or "" for each in elements)
        results = [
            self.take(call.account, members, row, call.plan, unique=row.clOrdId not in twice)
            for members, row in zip(elements, call.rows, strict=True)
        ]
        return self._answer(call, results, single=False)

    def cancel(self, call: Call) -> Answer:
        """Cancel one pending order; 51400 when there is nothing to cancel."""
        return self._answer(call, [self._cancel(call.account, call.members())], single=True)

    def cancel_batch(self, call: Call) -> Answer:
        """Cancel up to twenty pending orders."""
        elements = call.json()
        if not isinstance(elements, list) or not all(isinstance(each, dict) for each in elements):
            raise parameter("body")
        return self._answer(call, [self._cancel(call.account, each) for each in elements], single=False)

    def check(self, account: Account, elements: list[dict[str, Any]], exp_time: str, received_us: int) -> None:
        """Refuse a whole request for its rate or its age.

        Raises:
            Refused: 50011 or 50061 for the rate, 50036 or 50037 for `exp_time`, 51000 when that is no time.
        """
        if self._throttle.enabled:
            self._check_rate(account, elements)
            self._check_account(account, elements)
        self._check_expiry(exp_time, received_us)

    def refuse(self, row: OrderRow, refused: Refused) -> dict[str, str]:
        """Write a refusal into the evidence and return its row of the answer."""
        row.sCode = refused.code
        return _result(row.clOrdId, "", row.tag, self._clock.now_ms(), refused)

    def take(
        self, account: Account, members: Mapping[str, Any], row: OrderRow, plan: Plan, *, unique: bool = True
    ) -> dict[str, str]:
        """Place one order, write its evidence, and return its row of the answer; refusals become its sCode."""
        row.pos_before = row.pos_after = wire(account.net.get(row.instId, ZERO))
        try:
            _check_item(plan, unique=unique)
            order = self._exchange.place(account, ticket_of(members, account, self._exchange.market.by_id))
        except Refused as refused:
            return self.refuse(row, refused)
        _witness(row, order)
        row.pos_after = wire(account.net.get(row.instId, ZERO))
        return _result(row.clOrdId, order.ord_id, row.tag, order.created_ms, None)

    def _cancel(self, account: Account, members: Mapping[str, Any]) -> dict[str, str]:
        inst_id, ord_id, cl_ord_id = (str(members.get(name) or "") for name in ("instId", "ordId", "clOrdId"))
        self._throttle.check(CANCEL, account.uid, inst_id)
        order = account.order_of(inst_id, ord_id, cl_ord_id)
        now_ms = self._clock.now_ms()
        if order is None or not order.pending:
            return _cancelled(cl_ord_id, ord_id, now_ms, Refused("51400"))
        self._exchange.cancel(account, order)
        return _cancelled(order.ticket.cl_ord_id, order.ord_id, now_ms, None)

    def _check_rate(self, account: Account, elements: list[dict[str, Any]]) -> None:
        """Count per instrument; a batch of one counts as a single order."""
        limit = PLACE if len(elements) == 1 else PLACE_BATCH
        inst_ids = [str(each.get("instId") or each.get("instIdCode") or "") for each in elements]
        for inst_id in dict.fromkeys(inst_ids):
            self._throttle.check(limit, account.uid, inst_id, weight=inst_ids.count(inst_id))

    def _check_account(self, account: Account, elements: list[dict[str, Any]]) -> None:
        """Count against the account's cap on new orders, from which spot is exempt."""
        by_id = self._exchange.market.by_id
        instruments = [by_id.get(str(each.get("instId", ""))) for each in elements]
        counted = sum(1 for instrument in instruments if instrument is not None and not instrument.is_spot)
        if counted:
            self._throttle.check(SUB_ACCOUNT, account.uid, weight=counted)

    def _check_expiry(self, exp_time: str, received_us: int) -> None:
        """Refuse an order whose time was over when it came (50036) or is over now that it is its turn (50037)."""
        if not exp_time:
            return
        deadline_ms = whole(exp_time)
        if deadline_ms is None:
            raise parameter("expTime")
        if deadline_ms < received_us // 1_000:
            raise Refused("50036")
        if deadline_ms < self._clock.now_ms():
            raise Refused("50037")

    def _answer(self, call: Call, results: list[dict[str, str]], *, single: bool) -> Answer:
        code, msg = verdict(results, single=single)
        times = {"inTime": str(call.request.received_us), "outTime": str(self._clock.now_us())}
        counted = results[0]["sCode"] if single else code
        return json_answer({"code": code, "msg": msg, "data": results, **times}, 200, counted)


def verdict(results: list[dict[str, str]], *, single: bool) -> tuple[str, str]:
    """Return an envelope's code and msg for item results: 0 all well, 1 all failed, 2 some failed."""
    failed = sum(1 for result in results if result["sCode"] != "0")
    if not failed:
        return "0", ""
    if failed < len(results):
        return "2", "Bulk operation partially successful"
    return "1", "All operations failed" if single else ""


def _check_item(plan: Plan, *, unique: bool) -> None:
    if plan.refuse is not None:
        params = plan.refuse.params
        code, text = str(params.get("sCode", "50026")), str(params.get("sMsg") or "Order failed")
        raise Refused(code, text, sub_code=str(params.get("subCode", "")))
    if not unique:
        raise Refused("51016")


def _witness(row: OrderRow, order: Order) -> None:
    row.accepted, row.sCode, row.ordId, row.state = True, "0", order.ord_id, order.state
    row.acc_fill_sz, row.avg_px = wire(order.acc_fill_sz), wire(order.avg_px)


def _result(cl_ord_id: str, ord_id: str, tag: str, ts_ms: int, refused: Refused | None) -> dict[str, str]:
    return {
        "clOrdId": cl_ord_id,
        "ordId": ord_id,
        "tag": tag,
        "ts": str(ts_ms),
        "sCode": refused.code if refused else "0",
        "sMsg": refused.text if refused else "Order placed",
        "subCode": refused.sub_code if refused else "",
    }


def _cancelled(cl_ord_id: str, ord_id: str, ts_ms: int, refused: Refused | None) -> dict[str, str]:
    result = _result(cl_ord_id, ord_id, "", ts_ms, refused)
    return {name: result[name] for name in ("clOrdId", "ordId", "ts", "sCode")} | {
        "sMsg": refused.text if refused else ""
    }


def _repeated(ids: Iterable[object]) -> set[object]:
    return {each for each, number in Counter(filter(None, map(str, ids))).items() if number > 1}
