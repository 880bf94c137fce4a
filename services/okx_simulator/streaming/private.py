"""Pushes of positions and balances on one session: a snapshot, events gathered for a moment, full pushes between."""

import asyncio
from typing import Any, Final, Protocol

from services.okx_simulator.rows.account import balance_row, brief_position, position_row
from services.okx_simulator.streaming.channels import Subscription
from services.okx_simulator.streaming.venue import Venue
from services.okx_simulator.venue.accounts import Account, Position, PositionKey
from services.okx_simulator.venue.orders import Fill
from services.okx_simulator.wire.numbers import wire

# How long events of positions are gathered (OKX reference, positions channel).
_GATHER_S: Final = 0.05


class Pusher(Protocol):
    """The session, as far as pushes need it."""

    account: Account | None
    subscriptions: dict[str, Subscription]

    def push(self, subscription: Subscription, data: list[Any], **members: object) -> None:
        """Send rows of a channel."""


class PrivatePushes:
    """Keeps a session's positions, account and balance_and_position channels fed."""

    def __init__(self, session: Pusher, venue: Venue) -> None:
        self._session = session
        self._venue = venue
        self._changed: dict[PositionKey, Position] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}

    def begin(self, subscription: Subscription) -> None:
        """Send the snapshot of a new subscription; the orders channel has none."""
        if subscription.channel == "balance_and_position":
            self._push_both(subscription, "snapshot", None, None)
        elif subscription.channel in ("positions", "account"):
            self._push_whole(subscription, "snapshot")
            if subscription.regular_pushes():
                self._later(subscription.key, self._venue.settings.ws_positions_s)

    def changed(self, event: str, position: Position | None, fill: Fill | None) -> None:
        """Tell of one change: balance_and_position at once, the others after gathering."""
        for subscription in list(self._session.subscriptions.values()):
            if subscription.channel == "balance_and_position":
                self._push_both(subscription, event, position, fill)
        if position is not None:
            self._changed[position.instrument.inst_id, position.mgn_mode, position.pos_side] = position
        if "gather" not in self._timers:
            self._timers["gather"] = asyncio.get_running_loop().call_later(_GATHER_S, self._gathered)

    def stop(self) -> None:
        """Stop every timer."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    def _gathered(self) -> None:
        self._timers.pop("gather", None)
        changed, self._changed = list(self._changed.values()), {}
        for subscription in list(self._session.subscriptions.values()):
            if subscription.channel == "account":
                self._push_whole(subscription, "event_update")
            elif subscription.channel == "positions":
                self._push_positions(subscription, changed, "event_update")

    def _later(self, key: str, seconds: float) -> None:
        self._timers[key] = asyncio.get_running_loop().call_later(seconds, self._regular, key, seconds)

    def _regular(self, key: str, seconds: float) -> None:
        subscription = self._session.subscriptions.get(key)
        if subscription is None:
            self._timers.pop(key, None)
            return
        self._push_whole(subscription, "snapshot")
        self._later(key, seconds)

    def _push_whole(self, subscription: Subscription, event: str) -> None:
        account = self._session.account
        if account is None:
            return
        if subscription.channel == "positions":
            self._push_positions(subscription, list(account.open_positions()), event)
            return
        ccy = str(subscription.arg.get("ccy") or "")
        wanted = frozenset({ccy}) if ccy else frozenset[str]()
        row = balance_row(account, self._venue.market, self._venue.clock.now_ms(), wanted)
        self._session.push(subscription, [row], **_paging(event))

    def _push_positions(self, subscription: Subscription, positions: list[Position], event: str) -> None:
        account = self._session.account
        mine = [position for position in positions if subscription.covers(position.instrument)]
        if account is not None and (mine or event == "snapshot"):
            rows = [position_row(account, position) for position in mine]
            self._session.push(subscription, rows, **_paging(event))

    def _push_both(self, subscription: Subscription, event: str, position: Position | None, fill: Fill | None) -> None:
        account = self._session.account
        if account is None:
            return
        now = str(self._venue.clock.now_ms())
        positions = list(account.open_positions()) if event == "snapshot" else [position] if position else []
        traded = [{"instId": position.instrument.inst_id, "tradeId": fill.trade_id}] if fill and position else []
        row = {
            "pTime": now,
            "eventType": event,
            "balData": [{"ccy": c, "cashBal": wire(cash), "uTime": now} for c, cash in account.balances.items()],
            "posData": [brief_position(each) for each in positions],
            "trades": traded,
        }
        self._session.push(subscription, [row])


def _paging(event: str) -> dict[str, object]:
    return {"eventType": event, "curPage": 1, "lastPage": True} if event == "snapshot" else {"eventType": event}
