"""One WebSocket session: login, subscriptions, orders, and what is pushed to it."""

import asyncio
from typing import Any, Final, Literal

import msgspec

from services.okx_simulator.access.gate import signed
from services.okx_simulator.access.throttle import Limit
from services.okx_simulator.streaming.channels import MOST_CONNECTIONS, Subscription, WrongArgs, subscription_of
from services.okx_simulator.streaming.connection import WsConnection
from services.okx_simulator.streaming.order_entry import ORDER_OPS
from services.okx_simulator.streaming.order_pushes import OrderPushes
from services.okx_simulator.streaming.private import PrivatePushes
from services.okx_simulator.streaming.public import snapshot
from services.okx_simulator.streaming.venue import Venue
from services.okx_simulator.venue.accounts import Account, Position
from services.okx_simulator.venue.orders import Fill, Order
from services.okx_simulator.wire.numbers import whole
from services.okx_simulator.wire.refusals import Refused

_COUNTED: Final = frozenset({"orders", "positions", "account", "balance_and_position"})
_LOGIN_SKEW_S: Final = 30
_IDLE: Final = 4004
_OPERATIONS: Final = Limit("ws operations", 480, 3_600.0)

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


class Session:
    """Speaks OKX's WebSocket protocol on one connection; a `Listener` of its account once logged in."""

    def __init__(self, connection: WsConnection, path: str, venue: Venue) -> None:
        self.connection = connection
        self.path = path
        self.conn_id = venue.new_conn_id()
        self.account: Account | None = None
        self.subscriptions: dict[str, Subscription] = {}
        self._venue = venue
        self._heard_at = venue.clock.monotonic()
        self._timer: asyncio.TimerHandle | None = None
        self._pushes = PrivatePushes(self, venue)
        self._orders = OrderPushes(self, venue.faults)

    # Speaker

    def on_open(self) -> None:
        """Join the venue and start to watch for silence."""
        self._venue.sessions[self] = None
        self._watch_idle()

    def on_gone(self) -> None:
        """Leave."""
        self._venue.sessions.pop(self, None)
        self._pushes.stop()
        if self._timer is not None:
            self._timer.cancel()
        if self.account is not None and self in self.account.listeners:
            self.account.listeners.remove(self)

    def on_text(self, text: str) -> None:
        """Take one message."""
        self._heard_at = self._venue.clock.monotonic()
        if text == "ping":
            self.connection.send("pong")
            return
        try:
            message = _decode(text)
        except msgspec.DecodeError:
            message = None
        if not isinstance(message, dict) or not isinstance(message.get("args"), list):
            self._error("60012", f"Invalid request: {text[:200]}", None)
            return
        self._operate(message, text)

    # Listener

    def on_order(self, order: Order, fill: Fill | None) -> None:
        """Push an order's change to every orders subscription that covers it."""
        for subscription in list(self.subscriptions.values()):
            if subscription.channel == "orders" and subscription.covers(order.ticket.instrument):
                self._orders.push(subscription, order, fill)

    def on_holdings(self, event: str, position: Position | None, fill: Fill | None) -> None:
        """Push changed balances and positions."""
        self._pushes.changed(event, position, fill)

    # sending

    def push(self, subscription: Subscription, data: list[Any], **members: object) -> None:
        """Send rows of a channel."""
        self.push_text(self.frame(subscription, data, **members))

    def frame(self, subscription: Subscription, data: list[Any], **members: object) -> str:
        """Spell rows of a channel as one message."""
        arg = {name: value for name, value in subscription.arg.items() if name != "extraParams"}
        if self.account is not None and subscription.channel in _COUNTED:
            arg["uid"] = self.account.uid
        return _encode({"arg": arg, **members, "data": data}).decode()

    def push_text(self, text: str) -> None:
        """Send a message of a channel."""
        self._heard_at = self._venue.clock.monotonic()
        self.connection.send(text)

    def notice(self, cut_after_s: float) -> None:
        """Announce an upgrade of the service, and cut the connection that much later."""
        text = "The connection will soon be closed for a service upgrade. Please reconnect."
        self._send({"event": "notice", "code": "64008", "msg": text})
        asyncio.get_running_loop().call_later(cut_after_s, self.connection.close, 1001, "service upgrade")

    # operations

    def _operate(self, message: dict[str, Any], text: str) -> None:
        op, request_id = message.get("op"), message.get("id")
        args: list[Any] = message["args"]
        if op in ("login", "subscribe", "unsubscribe"):
            try:
                self._venue.throttle.check(_OPERATIONS, self.conn_id)
            except Refused:
                self._error("60014", "Requests too frequent", request_id)
                return
        if op == "login":
            self._login(args)
        elif op in ("subscribe", "unsubscribe"):
            for arg in args:
                self._subscription(op, arg, request_id)
        elif op in ORDER_OPS:
            self._enter(op, message)
        else:
            self._error("60012", f"Invalid request: {text[:200]}", request_id)

    def _login(self, args: list[Any]) -> None:
        try:
            account = self._authenticated(args[0] if args and isinstance(args[0], dict) else {})
        except WrongArgs as wrong:
            self._error(wrong.code, wrong.text, None)
            return
        self.account = account
        account.listeners.append(self)
        self._send({"event": "login", "code": "0", "msg": ""})

    def _authenticated(self, given: dict[str, Any]) -> Account:
        if self.account is not None:
            raise WrongArgs("60031", "The WebSocket endpoint does not support repeated logins")
        if self.path == "public":
            raise WrongArgs("60008", "Public channels do not need login")
        timestamp, sign = str(given.get("timestamp", "")), str(given.get("sign", ""))
        api_key = str(given.get("apiKey", ""))
        if not api_key:
            raise WrongArgs("60005", "Invalid apiKey")
        seconds = whole(timestamp)
        if seconds is None:
            raise WrongArgs("60004", "Invalid timestamp")
        if abs(seconds - self._venue.clock.now_ms() / 1_000) > _LOGIN_SKEW_S:
            raise WrongArgs("60006", "Timestamp request expired")
        account, credentials = self._venue.accounts.by_key.get(api_key, (None, None))
        if account is None or credentials is None:
            raise WrongArgs("60032", "API key doesn't exist")
        if given.get("passphrase") != credentials.passphrase:
            raise WrongArgs("60024", "Wrong passphrase")
        if not signed(credentials.secret_key, f"{timestamp}GET/users/self/verify".encode(), sign):
            raise WrongArgs("60007", "Invalid sign")
        return account

    def _subscription(self, op: Literal["subscribe", "unsubscribe"], arg: object, request_id: object) -> None:
        logged_in = self.account is not None
        try:
            subscription = subscription_of(arg, self.path, self._venue.market, logged_in=logged_in)
        except WrongArgs as wrong:
            self._error(wrong.code, wrong.text, request_id)
            return
        self._send({**_id(request_id), "event": op, "arg": subscription.arg})
        if op == "unsubscribe":
            self.subscriptions.pop(subscription.key, None)
            return
        if subscription.channel in _COUNTED and not self._count(subscription.channel):
            return
        self.subscriptions[subscription.key] = subscription
        self._first_push(subscription)

    def _count(self, channel: str) -> bool:
        """Tell how many connections have the channel; past the most there may be, the subscription is dead."""
        others = [listener for listener in self.account.listeners if listener is not self] if self.account else []
        number = 1 + sum(1 for other in others if other.listens_to(channel))
        if number > MOST_CONNECTIONS:
            self._send({"event": "channel-conn-count-error", "channel": channel, "connCount": str(MOST_CONNECTIONS)})
            return False
        self._send({"event": "channel-conn-count", "channel": channel, "connCount": str(number)})
        return True

    def listens_to(self, channel: str) -> bool:
        """Tell whether the session subscribed to a channel."""
        return any(subscription.channel == channel for subscription in self.subscriptions.values())

    def _first_push(self, subscription: Subscription) -> None:
        if subscription.channel in _COUNTED:
            self._pushes.begin(subscription)
        else:
            self.push(subscription, snapshot(subscription, self._venue.market))

    def _enter(self, op: str, message: dict[str, Any]) -> None:
        """Take orders as `op` and answer them."""
        answer: dict[str, Any] = {**_id(message.get("id")), "op": op}
        started = str(self._venue.clock.now_us())
        try:
            answer |= self._venue.entry.enter(self.account, op, message)
        except Refused as refused:
            answer |= {"data": [], "code": refused.code, "msg": refused.text}
        answer |= {"inTime": started, "outTime": str(self._venue.clock.now_us())}
        self.connection.send(_encode(answer).decode())

    def _error(self, code: str, text: str, request_id: object) -> None:
        self._send({**_id(request_id), "event": "error", "code": code, "msg": text})

    def _send(self, message: dict[str, Any]) -> None:
        self.connection.send(_encode({**message, "connId": self.conn_id}).decode())

    def _watch_idle(self) -> None:
        """Close after the silence OKX allows; pushes count as sound."""
        left = self._venue.settings.ws_idle_s - (self._venue.clock.monotonic() - self._heard_at)
        if left <= 0:
            self.connection.close(_IDLE, "no data received in 30s")
            left = self._venue.settings.ws_idle_s
        self._timer = asyncio.get_running_loop().call_later(left, self._watch_idle)


def _id(request_id: object) -> dict[str, object]:
    return {} if request_id is None else {"id": request_id}
