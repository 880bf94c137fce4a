"""Pushes of the orders channel on one session, and what planted faults do to them."""

import asyncio
from random import random
from typing import Any, Protocol

from services.okx_simulator.faults import PUSH, Fault, Faults, Scene
from services.okx_simulator.rows.trade import order_push
from services.okx_simulator.streaming.channels import Subscription
from services.okx_simulator.venue.accounts import Account
from services.okx_simulator.venue.orders import Fill, Order

_APART_S = 1e-6
"""Timers of the same instant may fire in any order."""


class Pusher(Protocol):
    """The session, as far as pushes need it."""

    account: Account | None

    def frame(self, subscription: Subscription, data: list[Any], **members: object) -> str:
        """Spell rows as one message."""

    def push_text(self, text: str) -> None:
        """Send a message."""


class OrderPushes:
    """Sends each change once and in order, unless a fault says otherwise."""

    def __init__(self, session: Pusher, faults: Faults) -> None:
        self._session = session
        self._faults = faults
        self._held: list[str] = []
        self._ended = False
        """Whether the session pushes no order any more, though it lives."""
        self._late_until = 0.0
        """Until when pushes wait for one that is late: they come late, but never overtake each other."""

    def push(self, subscription: Subscription, order: Order, fill: Fill | None) -> None:
        """Push one change of an order."""
        if self._ended:
            return
        row = order_push(order, fill)
        fault = self._fault(order)
        if fault is not None and fault.kind == "push_no_trade_id":
            row["tradeId"] = ""
        text = self._session.frame(subscription, [row])
        if self._held and (fault is None or fault.kind != "push_reorder"):
            self._release()
        if fault is None or fault.kind == "push_no_trade_id":
            self._later(text, 0.0)
        elif fault.kind == "push_late":
            self._later(text, (fault.number("ms", 500) + random() * fault.number("jitter_ms", 0)) / 1_000)
        elif fault.kind == "push_repeat":
            for _ in range(1 + int(fault.number("n", 1))):
                self._later(text, 0.0)
        elif fault.kind == "push_reorder":
            self._hold(text, fault)
        self._ended = fault is not None and fault.kind == "push_end"

    def _later(self, text: str, seconds: float) -> None:
        """Push after a while, behind whatever is late already."""
        loop = asyncio.get_running_loop()
        if not seconds and loop.time() >= self._late_until:
            self._session.push_text(text)
            return
        self._late_until = max(self._late_until + _APART_S, loop.time() + seconds)
        loop.call_at(self._late_until, self._session.push_text, text)

    def _fault(self, order: Order) -> Fault | None:
        account = self._session.account
        if not self._faults or account is None:
            return None
        ticket = order.ticket
        members = {"instId": ticket.instrument.inst_id, "side": ticket.side, "clOrdId": ticket.cl_ord_id}
        return self._faults.strike(PUSH, Scene("PUSH", "orders", account.uid, account.role, (members,)))

    def _hold(self, text: str, fault: Fault) -> None:
        """Hold pushes until `window` of them, `within_ms` or any other push have come; then send them out of order."""
        self._held.append(text)
        if len(self._held) == 1:
            asyncio.get_running_loop().call_later(fault.number("within_ms", 200) / 1_000, self._release)
        if len(self._held) >= fault.number("window", 3):
            self._release()

    def _release(self) -> None:
        held, self._held = self._held, []
        if len(held) > 1:
            self._faults.shuffle(held)
        for text in held:
            self._later(text, 0.0)
