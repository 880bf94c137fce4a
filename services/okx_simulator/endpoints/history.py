"""What an account may ask about its orders and fills."""

from collections.abc import Callable, Iterable
from itertools import islice, takewhile
from typing import Any, Final

from services.okx_simulator.access.throttle import Limit, Throttle
from services.okx_simulator.calls import Call
from services.okx_simulator.clock import VenueClock
from services.okx_simulator.evidence import AskRow, Evidence
from services.okx_simulator.faults import LAG, Faults, Scene
from services.okx_simulator.rows.trade import fill_row, order_row
from services.okx_simulator.venue.accounts import Account
from services.okx_simulator.venue.orders import Order
from services.okx_simulator.wire.http import Answer, envelope
from services.okx_simulator.wire.numbers import whole
from services.okx_simulator.wire.refusals import Refused, empty, parameter

ASK: Final = Limit("ask", 60, keyed="user+inst")
_MOST_ROWS: Final = 100


class History:
    """Answers from the books of one account at a time."""

    def __init__(
        self, clock: VenueClock, throttle: Throttle, evidence: Evidence, faults: Faults, cancelled_kept_ms: int
    ) -> None:
        self._clock = clock
        self._throttle = throttle
        self._evidence = evidence
        self._faults = faults
        self._cancelled_kept_ms = cancelled_kept_ms

    def order(self, call: Call) -> Answer:
        """Return one order, by ordId or else the latest of a clOrdId; every such question is evidence.

        Raises:
            Refused: 51603 when there is none (any more, or yet: see the lag fault).
        """
        query = call.request.query()
        inst_id, ord_id, cl_ord_id = (query.get(name, "") for name in ("instId", "ordId", "clOrdId"))
        if not inst_id:
            raise empty("instId")
        if not (ord_id or cl_ord_id):
            raise empty("ordId")
        self._throttle.check(ASK, call.account.uid, inst_id)
        order = call.account.order_of(inst_id, ord_id, cl_ord_id)
        found = order is not None and self._shown(order, call)
        at_ms = self._clock.true_us() // 1_000
        self._evidence.add(AskRow(self._evidence.next, at_ms, call.account.uid, inst_id, cl_ord_id, ord_id, found))
        if order is None or not found:
            raise Refused("51603")
        return envelope([order_row(order)])

    def pending(self, call: Call) -> Answer:
        """Return pending orders, newest first."""
        query = call.request.query()
        orders = (order for order in reversed(call.account.pending.values()) if _matches(order, query))
        return envelope([order_row(order) for order in _page(orders, query, lambda order: int(order.ord_id))])

    def ended(self, call: Call) -> Answer:
        """Return orders that ended, newest first; cancelled ones without a fill only for their two hours."""
        query = call.request.query()
        if not query.get("instType"):
            raise empty("instType")
        ended = (order for order in reversed(call.account.orders.values()) if not order.pending)
        orders = (order for order in ended if _matches(order, query) and not self._forgotten(order))
        return envelope([order_row(order) for order in _page(orders, query, lambda order: int(order.ord_id))])

    def fills(self, call: Call) -> Answer:
        """Return fills, newest first, paged by billId: `after` older ones, `before` newer ones."""
        return envelope(_fill_rows(call.account, call.request.query()))

    def fills_history(self, call: Call) -> Answer:
        """Return fills like `fills`; here `instType` must be given."""
        query = call.request.query()
        if not query.get("instType"):
            raise empty("instType")
        return envelope(_fill_rows(call.account, query))

    def _shown(self, order: Order, call: Call) -> bool:
        if self._forgotten(order):
            return False
        if not self._faults:
            return True
        account = call.account
        members = {"instId": order.ticket.instrument.inst_id, "clOrdId": order.ticket.cl_ord_id}
        scene = Scene("GET", call.request.path, account.uid, account.role, (members,))
        age_ms = (self._clock.monotonic() - order.accepted_at) * 1_000
        return self._faults.strike({LAG}, scene, lambda fault: age_ms < fault.number("ms", 0)) is None

    def _forgotten(self, order: Order) -> bool:
        if order.state != "canceled" or order.fills:
            return False
        return self._clock.now_ms() - order.updated_ms > self._cancelled_kept_ms


def _matches(order: Order, query: dict[str, str]) -> bool:
    ticket = order.ticket
    return (
        query.get("instType") in (None, ticket.instrument.inst_type)
        and query.get("instId") in (None, ticket.instrument.inst_id)
        and query.get("instFamily") in (None, ticket.instrument.family)
        and query.get("ordType") in (None, ticket.ord_type)
        and query.get("state") in (None, order.state)
    )


def _fill_rows(account: Account, query: dict[str, str]) -> list[dict[str, Any]]:
    begin, end = _whole(query, "begin", 0), _whole(query, "end", 1 << 62)
    wanted = (
        (order, fill)
        for order, fill in reversed(account.fills)
        if _matches_fill(order, query) and begin <= fill.ts_ms <= end
    )
    return [fill_row(order, fill) for order, fill in _page(wanted, query, lambda each: each[1].bill_id)]


def _matches_fill(order: Order, query: dict[str, str]) -> bool:
    ticket = order.ticket
    return (
        query.get("instType") in (None, ticket.instrument.inst_type)
        and query.get("instId") in (None, ticket.instrument.inst_id)
        and query.get("instFamily") in (None, ticket.instrument.family)
        and query.get("ordId") in (None, order.ord_id)
    )


def _page(rows: Iterable[Any], query: dict[str, str], id_of: Callable[[Any], int]) -> list[Any]:
    """Cut a page out of rows that come newest first: at most `limit`, older than `after`, newer than `before`."""
    after, before = _whole(query, "after", 1 << 63), _whole(query, "before", 0)
    limit = _whole(query, "limit", _MOST_ROWS)
    if not 1 <= limit <= _MOST_ROWS:
        raise parameter("limit")
    newer = takewhile(lambda row: id_of(row) > before, rows)
    return list(islice((row for row in newer if id_of(row) < after), limit))


def _whole(query: dict[str, str], name: str, default: int) -> int:
    text = query.get(name)
    if text is None:
        return default
    value = whole(text)
    if value is None:
        raise parameter(name)
    return value
