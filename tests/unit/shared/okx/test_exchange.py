"""One order, one sending; a second only after proof that the first was not executed."""

from dataclasses import replace
from decimal import Decimal

import pytest

from shared.domain.ids import ClOrdId, EventId, Leg
from shared.domain.orders import Attempt, Intent, MarginMode, OrderType
from shared.domain.outcomes import Accepted, Category, NotPlaced, Postponement, Refused, Unknown
from shared.domain.quantities import Contracts
from shared.okx.authority import Authority
from shared.okx.errors import NotSent, OkxError, Unanswered
from shared.okx.exchange import ExchangeLimits, OkxExchange
from shared.okx.protocol import Response
from shared.okx.rest import Patience, Rest, SiteWays
from shared.okx.venue_clock import OkxVenueClock
from shared.ports import CouldNotAsk, GrantUnusable
from shared.vault.credentials import BearerToken
from shared.vault.secret import Secret
from tests.support.clock import FakeClock
from tests.unit.shared.okx.scripted import (
    BTC,
    FOLLOWER,
    NAME,
    ORDER_ID,
    HeldCredentials,
    ScriptedWay,
    api_key,
    bearer,
    payload,
    recorded,
    spoken,
    store_down,
)

NOW_MS = 1_751_000_000_000
EXPIRES_MS = NOW_MS + 1_000
ACCEPTED = Accepted(ORDER_ID, 1_751_000_000_499)
ATTEMPT = Attempt(
    FOLLOWER,
    EventId("event"),
    0,
    Intent(BTC, Leg.OPEN, Contracts(Decimal("0.03")), OrderType.MARKET, None, False, MarginMode.CROSS),
    NAME,
)


class CountedClock(OkxVenueClock):
    """A venue clock that counts how often it was told that it is off."""

    resyncs = 0

    def resync(self) -> None:
        self.resyncs += 1


class Desk:
    """An exchange with everything around it in a test's hands."""

    def __init__(
        self,
        *wire: Response | OkxError,
        rest: tuple[Response | OkxError, ...] = (),
        time: tuple[Response | OkxError, ...] = (),
        credentials: HeldCredentials | None = None,
    ) -> None:
        self.clock = FakeClock(NOW_MS, auto=True)
        self.wire, self.rest, self.time = ScriptedWay(*wire), ScriptedWay(*rest), ScriptedWay(*time)
        self.credentials = credentials or HeldCredentials([bearer()], bearer())
        self.venue = CountedClock(self.time, self.clock)
        ways = SiteWays(self.wire, Rest(self.rest, self.clock, self.venue, Patience(tries=2), lambda: 0.5))
        authority = Authority(self.credentials, self.venue, self.clock)
        self.exchange = OkxExchange({"www": ways}, authority, self.venue, "TAG1", ExchangeLimits(fill_pages=3))

    @property
    def tokens(self) -> list[str]:
        """The tokens orders went out with."""
        lines = [line for request in self.wire.sent for line in request.headers.decode().split("\r\n")]
        return [line.removeprefix("Authorization: Bearer ") for line in lines if line.startswith("Authorization")]


def refused(code: str) -> Response:
    return spoken({"code": code, "msg": "no", "data": []}, 401)


async def test_an_accepted_order_left_once_with_its_deadline_and_tag() -> None:
    desk = Desk(recorded("rest_order_accepted"))
    assert await desk.exchange.place(ATTEMPT, EXPIRES_MS) == ACCEPTED
    [request] = desk.wire.sent
    assert b"expTime: 1751000001000\r\n" in request.headers
    assert b'"tag":"TAG1"' in request.body
    assert desk.credentials.reads == 0


async def test_a_lost_answer_is_unknown_and_never_sent_twice() -> None:
    desk = Desk(Unanswered("reset after the first byte left"))
    assert await desk.exchange.place(ATTEMPT, EXPIRES_MS) == Unknown("reset after the first byte left")
    assert len(desk.wire.sent) == 1


async def test_an_order_that_never_left_is_not_placed() -> None:
    desk = Desk(NotSent("refused"))
    assert await desk.exchange.place(ATTEMPT, EXPIRES_MS) == NotPlaced(Postponement.NOT_SENT)


async def test_an_expired_order_is_not_placed_and_makes_us_doubt_our_clock() -> None:
    desk = Desk(recorded("rest_order_expired"), recorded("rest_order_throttled"))
    assert await desk.exchange.place(ATTEMPT, EXPIRES_MS) == NotPlaced(Postponement.EXPIRED, "50037")
    assert await desk.exchange.place(ATTEMPT, EXPIRES_MS) == NotPlaced(Postponement.THROTTLED, "50011")
    assert desk.venue.resyncs == 1


@pytest.mark.parametrize("code", ["53000", "53002", "53003", "50114"])
async def test_an_unaccepted_token_is_read_anew_once_and_the_order_goes_again(code: str) -> None:
    desk = Desk(refused(code), recorded("rest_order_accepted"), credentials=HeldCredentials([bearer(2)], bearer(1)))
    assert await desk.exchange.place(ATTEMPT, EXPIRES_MS) == ACCEPTED
    assert desk.tokens == ["token-1", "token-2"]


async def test_a_refresh_in_flight_is_joined() -> None:
    credentials = HeldCredentials([bearer(1), bearer(1), bearer(2)], bearer(1))
    desk = Desk(refused("53002"), recorded("rest_order_accepted"), credentials=credentials)
    assert await desk.exchange.place(ATTEMPT, EXPIRES_MS) == ACCEPTED
    assert (credentials.reads, desk.tokens) == (3, ["token-1", "token-2"])


async def test_an_order_waits_for_a_refresh_no_longer_than_it_lives() -> None:
    desk = Desk(refused("53002"))
    assert await desk.exchange.place(ATTEMPT, EXPIRES_MS) == NotPlaced(Postponement.UNAUTHORISED, "53002")
    assert desk.clock.now_ms() <= EXPIRES_MS
    assert len(desk.wire.sent) == 1


async def test_a_token_called_revoked_may_only_have_been_replaced_until_it_stays_so() -> None:
    desk = Desk(*(refused("53003"),) * 3, recorded("rest_order_accepted"))
    unplaced = NotPlaced(Postponement.UNAUTHORISED, "53003")
    assert await desk.exchange.place(ATTEMPT, EXPIRES_MS) == unplaced
    await desk.clock.advance(8)
    assert await desk.exchange.place(ATTEMPT, EXPIRES_MS + 8_000) == unplaced
    await desk.clock.advance(8)
    dead = Refused("53003", "", Category.GRANT_DEAD, "token revoked")
    assert await desk.exchange.place(ATTEMPT, EXPIRES_MS + 16_000) == dead
    desk.credentials.stored = [bearer(2)]
    desk.exchange.forget(FOLLOWER)
    assert await desk.exchange.place(ATTEMPT, EXPIRES_MS + 16_000) == ACCEPTED


@pytest.mark.parametrize(
    ("code", "placement"),
    [
        ("53000", Refused("53000", "", Category.GRANT_DEAD, "invalid token")),
        ("53003", Refused("53003", "", Category.GRANT_DEAD, "token revoked")),
        ("50114", Refused("50114", "", Category.GRANT_DEAD, "invalid authorization")),
        ("53002", NotPlaced(Postponement.UNAUTHORISED, "53002")),
    ],
)
async def test_a_second_no_with_a_newer_token_is_not_asked_a_third_time(
    code: str, placement: Refused | NotPlaced
) -> None:
    desk = Desk(refused(code), refused(code), credentials=HeldCredentials([bearer(2), bearer(3)], bearer(1)))
    assert await desk.exchange.place(ATTEMPT, EXPIRES_MS) == placement
    assert desk.tokens == ["token-1", "token-2"]


async def test_what_the_second_sending_met_is_the_answer() -> None:
    credentials = HeldCredentials([bearer(2)], bearer(1))
    desk = Desk(refused("53002"), Unanswered("silence"), credentials=credentials)
    assert await desk.exchange.place(ATTEMPT, EXPIRES_MS) == Unknown("silence")


async def test_no_grant_is_a_refusal_and_nothing_leaves() -> None:
    desk = Desk(credentials=HeldCredentials([]))
    placement = await desk.exchange.place(ATTEMPT, EXPIRES_MS)
    assert placement == Refused("", "", Category.GRANT_DEAD, "follower has no grant")
    assert desk.wire.sent == []


async def test_a_store_that_is_down_places_nothing_and_refuses_nothing() -> None:
    desk = Desk(credentials=HeldCredentials([store_down()]))
    assert await desk.exchange.place(ATTEMPT, EXPIRES_MS) == NotPlaced(Postponement.NOT_SENT)
    after_a_no = Desk(refused("53002"), credentials=HeldCredentials([store_down()], bearer()))
    assert await after_a_no.exchange.place(ATTEMPT, EXPIRES_MS) == NotPlaced(Postponement.UNAUTHORISED, "53002")


async def test_a_site_that_is_not_allowed_is_never_called() -> None:
    elsewhere = BearerToken(FOLLOWER, 1, "my", Secret("token"))
    desk = Desk(credentials=HeldCredentials([elsewhere], elsewhere))
    placement = await desk.exchange.place(ATTEMPT, EXPIRES_MS)
    assert isinstance(placement, Refused)
    assert (placement.category, desk.wire.sent) == (Category.GRANT_DEAD, [])


async def test_a_signature_out_of_time_learns_the_time_and_goes_again() -> None:
    key = api_key(FOLLOWER)
    time = spoken({"code": "0", "data": [{"ts": str(NOW_MS + 60_000)}]})
    desk = Desk(
        refused("50102"), recorded("rest_order_accepted"), time=(time,), credentials=HeldCredentials([key], key)
    )
    assert await desk.exchange.place(ATTEMPT, EXPIRES_MS) == ACCEPTED
    assert b"OK-ACCESS-TIMESTAMP: 2025-06-27T04:53:20.000Z" in desk.wire.sent[0].headers
    assert b"OK-ACCESS-TIMESTAMP: 2025-06-27T04:54:20.000Z" in desk.wire.sent[1].headers


async def test_time_that_cannot_be_learned_leaves_the_order_unplaced() -> None:
    key = api_key(FOLLOWER)
    desk = Desk(refused("50102"), time=(NotSent("out of reach"),), credentials=HeldCredentials([key], key))
    assert await desk.exchange.place(ATTEMPT, EXPIRES_MS) == NotPlaced(Postponement.UNAUTHORISED, "50102")


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


@pytest.mark.parametrize("tag", ["", "A" * 17, "with-dash", "with space", "ünïcode", "TAG1\n"])
def test_an_exchange_without_a_well_formed_tag_does_not_start(tag: str) -> None:
    clock = FakeClock()
    venue = OkxVenueClock(ScriptedWay(), clock)
    with pytest.raises(ValueError, match="tag"):
        OkxExchange({}, Authority(HeldCredentials([]), venue, clock), venue, tag)


async def test_a_forgotten_account_is_read_anew() -> None:
    desk = Desk(recorded("rest_order_accepted"), credentials=HeldCredentials([bearer(2)], bearer(1)))
    desk.exchange.forget(FOLLOWER)
    await desk.exchange.place(ATTEMPT, EXPIRES_MS)
    assert (desk.credentials.forgotten, desk.tokens) == ([FOLLOWER], ["token-2"])
