"""Orders over WebSocket: the same desk as REST's, but instruments are named by `instIdCode` alone.

Source: OKX reference, #order-book-trading-trade-ws-place-order.
"""

from typing import Any, Final

from services.okx_simulator.calls import NO_PLAN
from services.okx_simulator.clock import VenueClock
from services.okx_simulator.endpoints.trade import TradeDesk, verdict
from services.okx_simulator.evidence import Evidence, OrderRow
from services.okx_simulator.venue.accounts import Account
from services.okx_simulator.venue.instruments import Market
from services.okx_simulator.wire.refusals import Refused

ORDER_OPS: Final = frozenset({"order", "batch-orders"})


class OrderEntry:
    """Takes orders from sessions; each is evidence like those of REST."""

    def __init__(self, desk: TradeDesk, market: Market, evidence: Evidence, clock: VenueClock) -> None:
        self._desk = desk
        self._market = market
        self._evidence = evidence
        self._clock = clock

    def enter(self, account: Account | None, op: str, message: dict[str, Any]) -> dict[str, Any]:
        """Place the orders of one message; return the answer's code, msg and data.

        Raises:
            Refused: 60011 before login, 60013 when the arguments are not orders, or a request-level code; none was
                placed.
        """
        if account is None:
            raise Refused("60011", "Please log in")
        args = message["args"]
        if not args or not all(isinstance(each, dict) for each in args) or (op == "order" and len(args) != 1):
            raise Refused("60013", "Invalid args")
        if "trade" not in account.perm:
            raise Refused("50120")
        rows = [self._witness(account, self._named(each), message) for each in args]
        try:
            self._desk.check(account, args, str(message.get("expTime") or ""), self._clock.now_us())
        except Refused as refused:
            for row in rows:
                row.sCode, row.answered = refused.code, True
            raise
        results = [self._take(account, each, row) for each, row in zip(args, rows, strict=True)]
        code, msg = verdict(results, single=op == "order")
        return {"data": results, "code": code, "msg": msg if op != "order" else ""}

    def _take(self, account: Account, members: dict[str, Any], row: OrderRow) -> dict[str, str]:
        row.answered = True
        if members.get("instIdCode") in (None, ""):
            refused = Refused("50014", "Parameter instIdCode can not be empty.")
            return self._desk.refuse(row, refused)
        return self._desk.take(account, self._named(members), row, NO_PLAN)

    def _named(self, members: dict[str, Any]) -> dict[str, Any]:
        code = members.get("instIdCode")
        instrument = self._market.by_code.get(code) if isinstance(code, int) else None
        return {**members, "instId": "" if code is None else instrument.inst_id if instrument else f"code {code}"}

    def _witness(self, account: Account, members: dict[str, Any], message: dict[str, Any]) -> OrderRow:
        row = OrderRow.of(members, self._evidence.next, self._clock.true_us(), account.uid)
        row.expTime = str(message.get("expTime") or "")
        self._evidence.add(row)
        return row
