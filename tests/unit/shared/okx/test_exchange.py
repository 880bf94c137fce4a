"""One order, one sending; a second only after proof that the first was not executed."""

from decimal import Decimal

import pytest

from shared.domain.ids import EventId, Leg
from shared.domain.orders import Attempt, Intent, MarginMode, OrderType
from shared.domain.outcomes import Accepted, Category, NotPlaced, Postponement, Refused, Unknown
from shared.domain.quantities import Contracts
from shared.okx.authority import Authority
from shared.okx.errors import NotSent, Unanswered
from shared.okx.exchange import OkxExchange
from shared.okx.venue_clock import OkxVenueClock
from shared.vault.credentials import BearerToken
from shared.vault.secret import Secret
from tests.support.clock import FakeClock
from tests.unit.shared.okx.desk import NOW_MS, Desk, refused
from tests.unit.shared.okx.scripted import (
    BTC,
    FOLLOWER,
    NAME,
    ORDER_ID,
    HeldCredentials,
    ScriptedWay,
    api_key,
    bearer,
    recorded,
    spoken,
    store_down,
)

EXPIRES_MS = NOW_MS + 1_000
ACCEPTED = Accepted(ORDER_ID, 1_751_000_000_499)
ATTEMPT = Attempt(
    FOLLOWER,
    EventId("event"),
    0,
    Intent(BTC, Leg.OPEN, Contracts(Decimal("0.03")), OrderType.MARKET, None, False, MarginMode.CROSS),
    NAME,
)


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
