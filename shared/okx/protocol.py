"""Requests to OKX as bytes, and the promise every way out to OKX keeps; no I/O here.

A request's `headers` are spelled lines, each ended by CRLF: what is constant for a connection (host, user agent, demo
mode) is added by the way out, what depends on the account by `signing`.
"""

from collections.abc import Callable, Mapping
from math import inf
from typing import Literal, Protocol
from urllib.parse import urlencode

import msgspec

from shared.domain.ids import ClOrdId, InstId
from shared.domain.orders import Attempt
from shared.domain.quantities import plain
from shared.okx.errors import OkxError

Encoding = Literal["json", "form"]
"""How a body is spelled where OKX does not say which it takes."""

GET = "GET"
POST = "POST"

PAGE = 100
"""Rows of a page of fills, the most OKX gives."""


class Request(msgspec.Struct, frozen=True, gc=False):
    """What to send; `path` begins with a slash and holds the query."""

    method: str
    path: str
    headers: bytes = b""
    body: bytes = b""

    def __repr__(self) -> str:
        return f"Request({self.method} {self.path})"


class Response(msgspec.Struct, frozen=True, gc=False):
    """A whole answer; nothing of it is judged yet."""

    status: int
    body: bytes


class WayOut(Protocol):
    """Connections to one OKX host."""

    async def send(self, request: Request, timeout_s: float, leave_before: float = inf) -> Response:
        """Send a request once and return its whole answer, whatever its status; never repeats, never follows.

        `timeout_s` bounds the answer; waiting for a connection and opening one have bounds of their own. Cancelling
        gives the connection up, so that an answer never meets another request. No byte leaves at or after
        `leave_before` (monotonic seconds), however long a connection had to be waited for.

        Raises:
            NotSent: no byte left, so it may be sent again.
            Unanswered: a byte left and no whole, clean answer came back in time.
        """


Told = Callable[[Response | OkxError], None]
"""Is told, once, what came of a request: its whole answer, or `NotSent` or `Unanswered`. Must not raise."""


class HotWay(WayOut, Protocol):
    """A way out for orders, which may not cost a task each."""

    def dispatch(self, request: Request, timeout_s: float, leave_before: float, told: Told) -> None:
        """Send as `send` does, and return at once; `told` may be called before this returns."""


class _Placing(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    instId: str  # noqa: N815 - OKX's own field names
    tdMode: str  # noqa: N815
    side: str
    ordType: str  # noqa: N815
    sz: str
    clOrdId: str  # noqa: N815
    tag: str
    px: str = ""
    reduceOnly: bool = False  # noqa: N815


_encode = msgspec.json.Encoder().encode


def constant_headers(*, simulated: bool) -> bytes:
    """Return the header lines every request of this installation carries.

    OKX's edge refuses some default user agents; the demo header must not be sent to the live environment.
    """
    lines = b"User-Agent: slipstream/1\r\nAccept: application/json\r\n"
    return lines + b"x-simulated-trading: 1\r\n" if simulated else lines


def place_order(attempt: Attempt, tag: str, expires_ms: int) -> Request:
    """Place one order; OKX does not process it after `expires_ms` (D#overview-transaction-timeouts)."""
    intent = attempt.intent
    body = _Placing(
        instId=intent.inst_id,
        tdMode=intent.margin_mode,
        side=intent.side,
        ordType=intent.type,
        sz=plain(intent.size),
        clOrdId=attempt.cl_ord_id,
        tag=tag,
        px="" if intent.price is None else plain(intent.price),
        reduceOnly=intent.reduce_only,
    )
    return Request(POST, "/api/v5/trade/order", b"expTime: %d\r\n" % expires_ms, _encode(body))


def ask_token(path: str, encoding: Encoding, form: Mapping[str, str], headers: bytes = b"") -> Request:
    """Ask the token endpoint; its path and encoding are not documented publicly (okx-api facts, code exchange)."""
    if encoding == "form":
        lines = b"Content-Type: application/x-www-form-urlencoded\r\n"
        return Request(POST, path, lines + headers, urlencode(form).encode())
    return Request(POST, path, b"Content-Type: application/json\r\n" + headers, _encode(form))


def ask_order(inst_id: InstId, cl_ord_id: ClOrdId) -> Request:
    """Ask for the latest order of a name (D#order-book-trading-trade-get-order-details)."""
    return Request(GET, f"/api/v5/trade/order?instId={inst_id}&clOrdId={cl_ord_id}")


def query(path: str, **parameters: str | int | None) -> Request:
    """Build a reading request; parameters that are None are left out."""
    given = {name: value for name, value in parameters.items() if value is not None}
    return Request(GET, f"{path}?{urlencode(given)}" if given else path)


def fills(inst_id: InstId | None = None, older_than_bill: str | None = None) -> Request:
    """Ask for a page of the last three days' fills, newest first, of one instrument or all.

    D#order-book-trading-trade-get-transaction-details-last-3-days; pages go by `billId`.
    """
    return query("/api/v5/trade/fills", instId=inst_id, after=older_than_bill, limit=PAGE)


def positions(inst_id: InstId | None = None) -> Request:
    """Ask for the account's positions (D#trading-account-rest-api-get-positions)."""
    return query("/api/v5/account/positions", instId=inst_id)


def balance() -> Request:
    """Ask for the account's equity (D#trading-account-rest-api-get-balance)."""
    return query("/api/v5/account/balance")


def account_config() -> Request:
    """Ask how the account is set up (D#trading-account-rest-api-get-account-configuration)."""
    return query("/api/v5/account/config")


def if_rebate(api_key: str) -> Request:
    """Ask whether an account's orders earn the partner a rebate (OKX broker documentation)."""
    return query("/api/v5/broker/fd/if-rebate", apiKey=api_key, brokerType="oauth")


def instruments(inst_type: str) -> Request:
    """Ask for every product of a kind (D#public-data-rest-api-get-instruments)."""
    return query("/api/v5/public/instruments", instType=inst_type)


def server_time() -> Request:
    """Ask for the venue's time (D#public-data-rest-api-get-system-time)."""
    return query("/api/v5/public/time")


def price_limit(inst_id: InstId) -> Request:
    """Ask for a product's price band (D#public-data-rest-api-get-limit-price)."""
    return query("/api/v5/public/price-limit", instId=inst_id)


def ticker(inst_id: InstId) -> Request:
    """Ask for a product's last price (D#order-book-trading-market-data-get-ticker)."""
    return query("/api/v5/market/ticker", instId=inst_id)
