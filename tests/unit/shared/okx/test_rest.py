"""Reading may be repeated; how often, and after what."""

import pytest

from shared.okx.errors import NotSent, OkxError, Refused, Throttled, Unanswered, Unauthorised, Unreadable
from shared.okx.protocol import Response
from shared.okx.rest import Patience, Rest
from shared.okx.sites import Site, UnknownSite
from shared.okx.venue_clock import OkxVenueClock
from tests.support.clock import FakeClock
from tests.unit.shared.okx.scripted import BTC, ScriptedWay, bearer, payload, recorded, spoken

THROTTLED = spoken({"code": "50011", "msg": ""}, 429)


def rest(*answers: Response | OkxError) -> tuple[Rest, ScriptedWay, FakeClock]:
    clock, way = FakeClock(auto=True), ScriptedWay(*answers)
    venue = OkxVenueClock(ScriptedWay(), clock)
    return Rest(way, clock, venue, Patience(tries=3, first_ms=100, most_ms=150), lambda: 0.0), way, clock


@pytest.mark.parametrize("trouble", [NotSent("refused"), Unanswered("silence"), Response(502, b"<html>"), THROTTLED])
async def test_what_may_pass_is_tried_again_after_a_growing_pause(trouble: Response | OkxError) -> None:
    told, way, clock = rest(trouble, trouble, recorded("rest_ticker"))
    assert (await told.ticker(BTC)).last == "61234.5"
    assert len(way.sent) == 3
    assert clock.monotonic() == pytest.approx(0.25)


async def test_patience_has_an_end() -> None:
    told, way, _ = rest(*[THROTTLED] * 3)
    with pytest.raises(Throttled):
        await told.ticker(BTC)
    assert len(way.sent) == 3


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (spoken({"code": "51001", "msg": "", "data": []}), Refused),
        (spoken({"code": "53000", "msg": "", "data": []}, 401), Unauthorised),
    ],
)
async def test_what_will_not_pass_is_not_repeated(answer: Response, error: type[OkxError]) -> None:
    told, way, _ = rest(answer)
    with pytest.raises(error):
        await told.positions(bearer())
    assert len(way.sent) == 1


async def test_one_answer_where_one_is_due() -> None:
    told, _, _ = rest(spoken({"code": "0", "data": []}))
    with pytest.raises(Unreadable, match="0 items"):
        await told.balance(bearer())


async def test_private_questions_are_authorised_and_public_ones_are_not() -> None:
    told, way, _ = rest(
        recorded("rest_account_config"), recorded("rest_price_limit"), recorded("rest_instruments_swap")
    )
    assert (await told.account_config(bearer())).posMode == "net_mode"
    assert (await told.price_limit(BTC)).sellLmt == "60009.9"
    assert len(await told.instruments("SWAP")) == 3
    assert [b"Authorization: Bearer token-1" in request.headers for request in way.sent] == [True, False, False]


async def test_a_field_nobody_documented_is_counted_and_harms_nothing() -> None:
    body = payload("rest_fills_page")
    body["data"][0]["brandNew"] = "1"
    news: list[str] = []
    clock = FakeClock(auto=True)
    told = Rest(ScriptedWay(spoken(body)), clock, OkxVenueClock(ScriptedWay(), clock), on_news=news.append)
    assert len(await told.fills(bearer())) == 2
    assert news == ["Fill.brandNew"]


def test_a_site_without_a_known_socket_says_so() -> None:
    assert Site("www", "https://www.okx.com", "wss://ws.okx.com").socket("private") == "wss://ws.okx.com/ws/v5/private"
    with pytest.raises(UnknownSite, match="socket"):
        Site("tr", "https://tr.okx.com", "").socket("private")
