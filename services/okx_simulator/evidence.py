# ruff: noqa: N815 - members are named as on the wire
"""What really happened, in the order it happened: every order request, every question about one, every fill.

Rows are written when the thing is processed and never taken back, so an auditor can compute from them alone. Times are
the machine's, not the venue's. Only `answered` changes later: it turns true when the whole answer was handed to the
connection.
"""

from collections.abc import Mapping
from typing import Any, Final, Self

import msgspec

_SENT: Final = ("instId", "side", "posSide", "tdMode", "ordType", "sz", "px", "clOrdId", "tag")


class OrderRow(msgspec.Struct, gc=False):
    """One element of a POST order request, whatever became of it; sizes are as they were sent."""

    seq: int
    at_ms: int
    at_us: int
    uid: str
    instId: str = ""
    side: str = ""
    posSide: str = ""
    tdMode: str = ""
    ordType: str = ""
    sz: str = ""
    px: str = ""
    reduceOnly: bool = False
    clOrdId: str = ""
    tag: str = ""
    expTime: str = ""
    accepted: bool = False
    sCode: str = ""
    ordId: str = ""
    acc_fill_sz: str = "0"
    avg_px: str = "0"
    state: str = ""
    fault: str | None = None
    answered: bool = False
    pos_before: str = "0"
    pos_after: str = "0"

    @classmethod
    def of(cls, members: Mapping[str, Any], seq: int, at_us: int, uid: str, fault: str | None = None) -> Self:
        """Take an order's members down as they were sent."""
        row = cls(seq, at_us // 1_000, at_us, uid, fault=fault)
        for name in _SENT:
            setattr(row, name, str(members.get(name) or ""))
        row.reduceOnly = members.get("reduceOnly") in (True, "true")
        return row


class AskRow(msgspec.Struct, gc=False):
    """One GET trade/order that was processed."""

    seq: int
    at_ms: int
    uid: str
    instId: str
    clOrdId: str
    ordId: str
    found: bool


class FillRow(msgspec.Struct, gc=False):
    """One fill; positions are the account's signed sum over the instrument."""

    seq: int
    at_ms: int
    uid: str
    instId: str
    ordId: str
    clOrdId: str
    tradeId: str
    billId: str
    side: str
    fillSz: str
    fillPx: str
    pos_before: str
    pos_after: str
    category: str
    role: str


Row = OrderRow | AskRow | FillRow


class Evidence:
    """The rows so far; `seq` starts at 1 and has no gaps."""

    def __init__(self) -> None:
        self._rows: list[Row] = []

    @property
    def next(self) -> int:
        """The seq the next row has to carry."""
        return len(self._rows) + 1

    def add(self, row: Row) -> None:
        """Append a row that carries the seq `next`."""
        self._rows.append(row)

    def since(self, seq: int, limit: int) -> dict[str, Any]:
        """Return up to `limit` rows after `seq` by kind, and the `next_seq` to go on from."""
        rows = self._rows[seq : seq + limit]
        return {
            "orders": [row for row in rows if isinstance(row, OrderRow)],
            "asks": [row for row in rows if isinstance(row, AskRow)],
            "fills": [row for row in rows if isinstance(row, FillRow)],
            "next_seq": seq + len(rows),
        }
