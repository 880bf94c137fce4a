"""A leader's fills by REST: all of them, in the venue's order."""

from collections.abc import Sequence

import pytest

from shared.okx.authority import Authority
from shared.okx.errors import OkxError, Unanswered
from shared.okx.history import OkxHistory
from shared.okx.protocol import Response
from shared.okx.rest import Patience, Rest
from shared.okx.venue_clock import OkxVenueClock
from shared.ports import CouldNotAsk, GrantUnusable
from tests.support.clock import FakeClock
from tests.unit.shared.okx.scripted import BTC, LEADER, HeldCredentials, ScriptedWay, api_key, payload, recorded, spoken

EMPTY = spoken({"code": "0", "msg": "", "data": []})
START_MS = 1_751_000_000_000


def page(*bills: int, inst_type: str = "SWAP") -> Response:
    """Answer with fills newest first; the time of a fill is its bill."""
    template = payload("rest_fills_page")["data"][0]
    rows = [
        {
            **template,
            "billId": str(bill),
            "tradeId": f"t{bill}",
            "fillTime": str(START_MS + bill),
            "instType": inst_type,
        }
        for bill in bills
    ]
    return spoken({"code": "0", "msg": "", "data": rows})


def history(*answers: Response | OkxError, passed_over: list[str] | None = None) -> tuple[OkxHistory, ScriptedWay]:
    clock, way = FakeClock(auto=True), ScriptedWay(*answers)
    venue = OkxVenueClock(ScriptedWay(), clock)
    rest = Rest(way, clock, venue, Patience(tries=2), lambda: 0.5)
    authority = Authority(HeldCredentials([api_key()], api_key()), venue, clock)
    seen = passed_over if passed_over is not None else []
    return OkxHistory(LEADER, rest, authority, venue, seen.append), way


async def trades(history: OkxHistory, since: int) -> Sequence[str]:
    return [fill.trade_id for fill in await history.fills_since(START_MS + since)]


async def test_pages_are_read_until_one_is_too_old_and_told_oldest_first() -> None:
    told, way = history(page(105, 104), page(103, 102), page(101, 99))
    assert await trades(told, 102) == ["t102", "t103", "t104", "t105"]
    assert [request.path.partition("?")[2] for request in way.sent] == [
        "limit=100",
        "after=104&limit=100",
        "after=102&limit=100",
    ]


async def test_bills_are_ordered_by_number_not_by_letter() -> None:
    told, _ = history(page(10, 9), EMPTY)
    assert await trades(told, 0) == ["t9", "t10"]


async def test_a_short_page_is_not_taken_for_the_last() -> None:
    told, _ = history(page(3), page(2), page(1), EMPTY)
    assert await trades(told, 0) == ["t1", "t2", "t3"]


async def test_nothing_new_is_nothing() -> None:
    told, way = history(page(3, 2))
    assert await trades(told, 50) == []
    assert len(way.sent) == 1


async def test_a_product_without_a_word_of_ours_hides_no_other_fill() -> None:
    seen: list[str] = []
    told, _ = history(page(4, inst_type="EVENTS"), page(3), EMPTY, passed_over=seen)
    assert await trades(told, 0) == ["t3"]
    assert seen == ["instType EVENTS"]


async def test_a_failed_page_fails_the_whole_reading() -> None:
    told, _ = history(page(3), Unanswered("silence"), Unanswered("silence"))
    with pytest.raises(CouldNotAsk):
        await told.fills_since(START_MS)


async def test_a_dead_key_says_so() -> None:
    told, _ = history(recorded("rest_order_unknown_key"))
    with pytest.raises(GrantUnusable):
        await told.fills_since(START_MS)


async def test_positions_are_net_by_instrument() -> None:
    told, _ = history(recorded("rest_positions_long_short"))
    assert await told.positions() == {BTC: 3, "ETH-USDT-SWAP": -7}
