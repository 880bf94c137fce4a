"""Evidence and claims, from the wire to the auditor's words."""

import json
from decimal import Decimal
from typing import Any

from deploy.demo.audit.evidence import Ask, Claim, LeaderFill, Order
from deploy.demo.cast import make_cast
from deploy.demo.gathering import Claims, Gathering

CAST = make_cast(1, 60, 1)
LEADER, FOLLOWER = CAST.leaders[0], CAST.followers[0]
SWAP = LEADER.inst_id
ORDER = {
    "seq": 1, "at_ms": 5, "at_us": 5_250, "uid": FOLLOWER.uid, "instId": SWAP, "side": "sell", "posSide": "net",
    "tdMode": "cross", "ordType": "market", "sz": "1.5", "px": "", "reduceOnly": False, "clOrdId": "a" * 32,
    "tag": "t", "expTime": "9", "accepted": True, "sCode": "0", "ordId": "7", "acc_fill_sz": "1.5", "avg_px": "1",
    "state": "filled", "fault": None, "answered": True, "pos_before": "0", "pos_after": "-1.5",
}  # fmt: skip
FILL = {
    "seq": 2, "at_ms": 4, "uid": LEADER.uid, "instId": SWAP, "ordId": "6", "clOrdId": "", "tradeId": "11",
    "billId": "1", "side": "sell", "fillSz": "3", "fillPx": "1", "pos_before": "1", "pos_after": "-2",
    "category": "normal", "role": "leader",
}  # fmt: skip
ASK = {"seq": 3, "at_ms": 6, "uid": FOLLOWER.uid, "instId": SWAP, "clOrdId": "a" * 32, "ordId": "", "found": True}


class PagedVenue:
    """Answers evidence in pages, as the paper OKX does."""

    def __init__(self, rows: list[tuple[str, dict[str, Any]]]) -> None:
        self._rows = rows

    async def evidence(self, since: int, limit: int) -> bytes:
        page = self._rows[since : since + limit]
        kinds = {kind: [row for each, row in page if each == kind] for kind in ("orders", "asks", "fills")}
        return json.dumps({**kinds, "next_seq": since + len(page)}).encode()


class Stream:
    """A stream that hands out entries after the last one read."""

    def __init__(self, *outcomes: dict[str, Any]) -> None:
        self._entries = [
            (f"{n}-0".encode(), {b"__data__": json.dumps(each).encode()}) for n, each in enumerate(outcomes, 1)
        ]

    async def xrange(self, _stream: str, min: str, count: int) -> list[tuple[bytes, dict[bytes, bytes]]]:  # noqa: A002
        after = int(min.strip("(").split("-")[0])
        return self._entries[after : after + count]


async def test_rows_become_the_auditors_values() -> None:
    gathering = Gathering(PagedVenue([("orders", ORDER), ("fills", FILL), ("asks", ASK)]), CAST)  # type: ignore[arg-type]  # only evidence() is used
    fills, orders = await gathering.gather()
    event = f"{LEADER.account}:{SWAP}:11"
    assert list(fills) == [LeaderFill(event, LEADER.account, SWAP, 4, Decimal(1), Decimal(-2))]
    sold = Decimal("-1.5")
    assert list(orders) == [
        Order(1, 5_250, FOLLOWER.account, SWAP, sold, "a" * 32, "t", True, "0", -sold, Decimal(0), sold)
    ]
    assert gathering.asks == [Ask(6, FOLLOWER.account, "a" * 32, True)]
    assert await gathering.gather() == ([], [])


async def test_pages_are_read_to_the_end() -> None:
    rows = [("orders", {**ORDER, "seq": number}) for number in range(12_001)]
    gathering = Gathering(PagedVenue(rows), CAST)  # type: ignore[arg-type]  # only evidence() is used
    await gathering.gather()
    assert len(gathering.orders) == 12_001


async def test_a_size_nobody_can_read_asks_for_nothing() -> None:
    gathering = Gathering(PagedVenue([("orders", {**ORDER, "sz": "many", "accepted": False})]), CAST)  # type: ignore[arg-type]  # only evidence() is used
    await gathering.gather()
    assert gathering.orders[0].change == 0


async def test_only_skips_and_refusals_are_claims() -> None:
    said = {
        "schema": "outcome/1",
        "cl_ord_id": "x",
        "at_ms": 9,
        "follower": "f",
        "leader": "l",
        "inst_id": SWAP,
        "event": "e",
    }
    stream = Stream(
        {**said, "kind": "accepted"},
        {**said, "kind": "skipped", "reason": "netted"},
        {**said, "kind": "refused", "cl_ord_id": "y", "code": "1", "sub_code": "51008"},
    )
    claims = Claims(stream, "outcomes")  # type: ignore[arg-type]  # only xrange() is used
    assert list(await claims.gather()) == [
        Claim("f", "l", SWAP, "e", "netted", 9, "x", ""),
        Claim("f", "l", SWAP, "e", "refused", 9, "y", "51008"),
    ]
    assert list(await claims.gather()) == []
