"""Collect what the auditor needs while a rehearsal runs: the venue's evidence, and the skips we claim in `outcomes`."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import cast

import msgspec
from redis.asyncio import Redis

from deploy.demo.audit.evidence import Ask, Claim, LeaderFill, Order
from deploy.demo.cast import Cast
from deploy.demo.venue import Venue
from shared.bus.replies import text

_PAGE = 5_000
_OF_US = frozenset({"skipped", "refused", "drifted"})
_MADE_UP, _ACTED = "missed_copy", "the book was changed"
_GRANT_DEAD = "grant_dead"


class _OrderRow(msgspec.Struct, rename="camel"):
    seq: int
    uid: str
    inst_id: str
    side: str
    sz: str
    cl_ord_id: str
    tag: str
    s_code: str
    accepted: bool
    at_us: int = msgspec.field(name="at_us")
    filled: str = msgspec.field(name="acc_fill_sz")
    before: str = msgspec.field(name="pos_before")
    after: str = msgspec.field(name="pos_after")


class _AskRow(msgspec.Struct, rename="camel"):
    uid: str
    cl_ord_id: str
    found: bool
    at_ms: int = msgspec.field(name="at_ms")


class _FillRow(msgspec.Struct, rename="camel"):
    uid: str
    inst_id: str
    trade_id: str
    category: str
    role: str
    at_ms: int = msgspec.field(name="at_ms")
    before: str = msgspec.field(name="pos_before")
    after: str = msgspec.field(name="pos_after")


class _Page(msgspec.Struct):
    orders: list[_OrderRow]
    asks: list[_AskRow]
    fills: list[_FillRow]
    next_seq: int


class _Outcome(msgspec.Struct):
    kind: str
    follower: str
    leader: str
    inst_id: str
    event: str
    at_ms: int
    cl_ord_id: str
    reason: str = ""
    sub_code: str = ""
    code: str = ""
    category: str = ""
    leg: str = ""
    message: str = ""


_Entries = Sequence[tuple[bytes, dict[bytes, bytes]]]
_page_decoder = msgspec.json.Decoder(_Page)
_outcome_decoder = msgspec.json.Decoder(_Outcome)


class Gathering:
    """Evidence so far, in the auditor's words; `gather` adds what is new."""

    def __init__(self, venue: Venue, cast: Cast) -> None:
        self.orders: list[Order] = []
        self.asks: list[Ask] = []
        self.leader_fills: list[LeaderFill] = []
        self._venue = venue
        self._account_of = cast.account_of
        self._seen = 0

    async def gather(self) -> tuple[Sequence[LeaderFill], Sequence[Order]]:
        """Read everything new; return the new leader fills and orders."""
        fills, orders = len(self.leader_fills), len(self.orders)
        while True:
            page = _page_decoder.decode(await self._venue.evidence(self._seen, _PAGE))
            self._take(page)
            behind = page.next_seq - self._seen >= _PAGE
            self._seen = page.next_seq
            if not behind:
                return self.leader_fills[fills:], self.orders[orders:]

    def _take(self, page: _Page) -> None:
        names = self._account_of
        self.orders += [_order(row, names[row.uid]) for row in page.orders if row.uid in names]
        self.asks += [Ask(row.at_ms, names[row.uid], row.cl_ord_id, row.found) for row in page.asks if row.uid in names]
        self.leader_fills += [_leader_fill(row, names[row.uid]) for row in page.fills if row.role == "leader"]


class Claims:
    """What our workers say they skipped, read from the stream as it grows: it is trimmed once it is in the ledger."""

    def __init__(self, redis: Redis, stream: str, ahead_ms: Callable[[], int] = lambda: 0) -> None:
        """Read `stream`; claims are timed by the venue's clock, which is `ahead_ms()` ahead of the host's."""
        self.claims: list[Claim] = []
        self._redis, self._stream, self._ahead_ms = redis, stream, ahead_ms
        self._last = "0-0"

    async def gather(self) -> Sequence[Claim]:
        """Read everything new and return it."""
        known = len(self.claims)
        while entries := await self._redis.xrange(self._stream, min=f"({self._last}", count=_PAGE):
            for name, fields in cast("_Entries", entries):
                self._last = text(name)
                outcome = _outcome_decoder.decode(next(iter(fields.values())))
                if outcome.kind in _OF_US and not (_is_owed(outcome) or _is_only_told(outcome)):
                    self.claims.append(_claim(outcome, self._ahead_ms()))
        return self.claims[known:]


def _order(row: _OrderRow, follower: str) -> Order:
    size = _number(row.sz)
    return Order(
        seq=row.seq,
        at_us=row.at_us,
        follower=follower,
        inst_id=row.inst_id,
        change=size if row.side == "buy" else -size,
        cl_ord_id=row.cl_ord_id,
        tag=row.tag,
        accepted=row.accepted,
        code=row.s_code,
        filled=_number(row.filled),
        before=_number(row.before),
        after=_number(row.after),
    )


def _leader_fill(row: _FillRow, leader: str) -> LeaderFill:
    event = f"{leader}:{row.inst_id}:{row.trade_id}"
    return LeaderFill(event, leader, row.inst_id, row.at_ms, _number(row.before), _number(row.after), row.category)


def _is_owed(outcome: _Outcome) -> bool:
    """Tell whether a refusal decides nothing: a close over a dead grant waits for the next consent."""
    return outcome.category == _GRANT_DEAD and outcome.leg == "close"


def _is_only_told(outcome: _Outcome) -> bool:
    """Tell whether a drift changes nothing that is wanted: all but a missed copy that is made up for."""
    return outcome.kind == "drifted" and (outcome.reason, outcome.message) != (_MADE_UP, _ACTED)


def _claim(outcome: _Outcome, ahead_ms: int) -> Claim:
    reason = outcome.reason
    if outcome.kind == "refused":
        reason = _GRANT_DEAD if outcome.category == _GRANT_DEAD else "refused"
    return Claim(
        outcome.follower,
        outcome.leader,
        outcome.inst_id,
        outcome.event,
        reason,
        outcome.at_ms - ahead_ms,
        outcome.cl_ord_id,
        outcome.sub_code or outcome.code,
    )


def _number(spelled: str) -> Decimal:
    """Read a size as the venue spells it; a request may have held anything, which then asks for nothing."""
    try:
        return Decimal(spelled or "0")
    except ArithmeticError:
        return Decimal(0)
