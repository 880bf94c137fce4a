"""What was asked is answered, or it is said that nobody knows."""

from dataclasses import replace
from decimal import Decimal

import pytest

from shared.domain.ids import ClOrdId
from shared.okx.errors import NotSent, OkxError, Unanswered
from shared.okx.protocol import Response
from shared.ports import CouldNotAsk, GrantUnusable
from tests.unit.shared.okx.desk import Desk, refused
from tests.unit.shared.okx.scripted import (
    BTC,
    FOLLOWER,
    NAME,
    HeldCredentials,
    bearer,
    payload,
    recorded,
    spoken,
)


async def test_an_order_is_asked_for_by_name() -> None:
    desk = Desk(recorded("rest_order_details_filled"), recorded("rest_order_details_absent"))
    report = await desk.exchange.ask(FOLLOWER, BTC, NAME)
    assert report
    assert report.filled == Decimal("0.03")
    assert await desk.exchange.ask(FOLLOWER, BTC, NAME) is None
    assert desk.wire.sent[0].path.endswith(f"?instId={BTC}&clOrdId={NAME}")


async def test_asking_with_an_old_token_asks_again_with_a_newer_one() -> None:
    credentials = HeldCredentials([bearer(2)], bearer(1))
    desk = Desk(refused("53000"), recorded("rest_order_details_absent"), credentials=credentials)
    assert await desk.exchange.ask(FOLLOWER, BTC, NAME) is None
    assert desk.tokens == ["token-1", "token-2"]


@pytest.mark.parametrize(
    ("answers", "error"),
    [
        ((NotSent("refused"),), CouldNotAsk),
        ((Unanswered("silence"),), CouldNotAsk),
        ((Response(502, b"<html>"),), CouldNotAsk),
        ((spoken({"code": "50011", "msg": ""}, 429),), CouldNotAsk),
        ((spoken({"code": "51001", "msg": "", "data": []}),), CouldNotAsk),
        ((refused("50120"),), GrantUnusable),
        ((refused("53002"),), CouldNotAsk),
        ((refused("53003"),), CouldNotAsk),
    ],
)
async def test_a_question_without_an_answer_says_which_kind(
    answers: tuple[Response | OkxError, ...], error: type[Exception]
) -> None:
    with pytest.raises(error):
        await Desk(*answers).exchange.ask(FOLLOWER, BTC, NAME)


async def test_who_asks_hears_also_where_reading_the_answer_fails_in_a_way_nobody_foresaw(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_about: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("shared.okx.answers.read_order", fail)
    with pytest.raises(CouldNotAsk, match="ZeroDivisionError"):
        await Desk(recorded("rest_order_details_filled")).exchange.ask(FOLLOWER, BTC, NAME)


async def test_an_account_of_a_site_that_is_not_allowed_is_not_asked_for() -> None:
    elsewhere = HeldCredentials([], replace(bearer(1), site="elsewhere"))
    with pytest.raises(GrantUnusable, match="not allowed"):
        await Desk(credentials=elsewhere).exchange.ask(FOLLOWER, BTC, NAME)


async def test_looks_for_a_newer_token_grow_rarer() -> None:
    desk = Desk(refused("53002"))
    with pytest.raises(CouldNotAsk):
        await desk.exchange.ask(FOLLOWER, BTC, NAME)
    assert desk.credentials.reads == 5  # at 0, 0.1, 0.3, 0.7 and 1.5 of 2 seconds


async def test_a_question_that_a_newer_token_does_not_help_finds_the_grant_dead() -> None:
    desk = Desk(refused("53000"), refused("53000"), credentials=HeldCredentials([bearer(2)], bearer(1)))
    with pytest.raises(GrantUnusable):
        await desk.exchange.ask(FOLLOWER, BTC, NAME)


EMPTY = spoken({"code": "0", "msg": "", "data": []})


async def test_a_fill_is_looked_for_page_by_page_to_the_end() -> None:
    page = payload("rest_fills_page")
    others = {**page, "data": [{**row, "clOrdId": "another"} for row in page["data"]]}
    desk = Desk(rest=(spoken(others), recorded("rest_fills_page"), spoken(others), EMPTY))
    assert await desk.exchange.has_fill(FOLLOWER, BTC, [NAME])
    assert "after=9896576259728695901" in desk.rest.sent[1].path
    assert not await desk.exchange.has_fill(FOLLOWER, BTC, [NAME])


async def test_absence_is_not_claimed_when_pages_never_end() -> None:
    desk = Desk(rest=(recorded("rest_fills_page"),) * 3)
    with pytest.raises(CouldNotAsk, match="3 pages"):
        await desk.exchange.has_fill(FOLLOWER, BTC, [ClOrdId("never")])


async def test_the_position_is_net_and_zero_where_there_is_none() -> None:
    desk = Desk(rest=(recorded("rest_positions_net"), EMPTY))
    assert await desk.exchange.position(FOLLOWER, BTC) == Decimal("-0.03")
    assert await desk.exchange.position(FOLLOWER, BTC) == Decimal(0)


async def test_a_reading_question_is_repeated_with_patience() -> None:
    desk = Desk(rest=(Unanswered("silence"), recorded("rest_positions_net")))
    assert await desk.exchange.position(FOLLOWER, BTC) == Decimal("-0.03")
    again = Desk(rest=(Unanswered("silence"), NotSent("refused")))
    with pytest.raises(CouldNotAsk):
        await again.exchange.position(FOLLOWER, BTC)
