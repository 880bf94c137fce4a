"""The exchange against the paper OKX, over real sockets: what we say of an order is what became of it."""

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal

import pytest
import pytest_asyncio

from shared.domain.outcomes import Accepted, Category, NotPlaced, OrderState, Postponement, Refused, Unknown
from shared.okx.errors import OkxError
from shared.okx.oauth import OkxOAuth
from shared.vault.credentials import BearerToken, GrantRefused, TokenPair
from shared.vault.secret import Secret
from tests.contract.okx.stage import ANSWER_S, BTC, TAG, Stage, staged
from tests.support.simulator import start_simulator

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage() -> AsyncIterator[Stage]:
    async with start_simulator() as simulator, staged(simulator) as opened:
        yield opened


async def evidence(stage: Stage, name: str) -> list[dict[str, object]]:
    return [row for row in (await stage.simulator.evidence())["orders"] if row["clOrdId"] == name]


async def test_an_order_is_placed_asked_for_and_seen_in_fills_and_position(stage: Stage) -> None:
    follower = await stage.follower()
    order = stage.order(follower, "0.03")
    assert await stage.exchange.ask(follower, BTC, order.cl_ord_id) is None
    deadline = stage.deadline()
    placement = await stage.exchange.place(order, deadline)
    report = await stage.exchange.ask(follower, BTC, order.cl_ord_id)
    assert isinstance(placement, Accepted)
    assert report
    assert (report.order_id, report.state, report.filled) == (placement.order_id, OrderState.FILLED, Decimal("0.03"))
    assert await stage.exchange.has_fill(follower, BTC, [order.cl_ord_id])
    assert not await stage.exchange.has_fill(follower, BTC, [stage.order(follower, "1").cl_ord_id])
    assert await stage.exchange.position(follower, BTC) == Decimal("0.03")
    [row] = await evidence(stage, order.cl_ord_id)
    assert (row["tag"], row["expTime"], row["accepted"]) == (TAG, str(deadline), True)


async def test_an_order_past_its_deadline_does_not_exist(stage: Stage) -> None:
    follower = await stage.follower()
    order = stage.order(follower, "1")
    placement = await stage.exchange.place(order, stage.deadline(-5_000))
    assert isinstance(placement, NotPlaced)
    assert placement.why is Postponement.EXPIRED
    assert await stage.exchange.ask(follower, BTC, order.cl_ord_id) is None


@pytest.mark.parametrize(
    ("size", "reduce_only", "category"),
    [
        ("0.015", False, Category.PARAMETER),
        ("1000", False, Category.FUNDS),
        ("1", True, Category.NOTHING_TO_CLOSE),
    ],
)
async def test_a_refusal_is_definitive_and_says_why(
    stage: Stage, size: str, category: Category, *, reduce_only: bool
) -> None:
    order = stage.order(await stage.follower(usdt="100"), size, reduce_only=reduce_only)
    placement = await stage.exchange.place(order, stage.deadline())
    assert isinstance(placement, Refused)
    assert placement.category is category


@pytest.mark.parametrize(
    ("fault", "exists"),
    [
        ({"kind": "answer_lost"}, True),
        ({"kind": "reset_after_accept"}, True),
        ({"kind": "status", "status": 502, "body": "<html>Bad Gateway</html>", "after_accept": True}, True),
        ({"kind": "status", "status": 502, "body": "<html>Bad Gateway</html>"}, False),
        ({"kind": "status", "status": 503}, False),
        ({"kind": "reset_after_read"}, False),
    ],
)
async def test_an_answer_that_tells_nothing_is_unknown_until_asked(
    stage: Stage, fault: dict[str, object], *, exists: bool
) -> None:
    follower = await stage.follower()
    where = {"uid": follower, "method": "POST"}
    await stage.simulator.post("faults", {**fault, "where": where, "times": 1})
    order = stage.order(follower, "1")
    assert isinstance(await stage.exchange.place(order, stage.deadline()), Unknown)
    assert (await stage.exchange.ask(follower, BTC, order.cl_ord_id) is not None) is exists
    assert len(await evidence(stage, order.cl_ord_id)) == 1


async def test_a_reset_before_reading_is_never_called_placed(stage: Stage) -> None:
    follower = await stage.follower()
    await stage.simulator.plant("reset_before_read", where={"path": "/api/v5/trade/order", "method": "POST"}, times=1)
    order = stage.order(follower, "1")
    assert isinstance(await stage.exchange.place(order, stage.deadline()), Unknown | NotPlaced)
    assert await stage.exchange.ask(follower, BTC, order.cl_ord_id) is None


async def test_a_throttled_order_does_not_exist(stage: Stage) -> None:
    follower = await stage.follower()
    await stage.simulator.plant("throttle", where={"uid": str(follower)}, times=1)
    order = stage.order(follower, "1")
    assert await stage.exchange.place(order, stage.deadline()) == NotPlaced(Postponement.THROTTLED, "50011")
    assert await stage.exchange.ask(follower, BTC, order.cl_ord_id) is None


async def test_the_rate_of_one_follower_and_instrument_is_the_venues(stage: Stage) -> None:
    follower = await stage.follower()
    orders = [stage.order(follower, "0.01") for _ in range(70)]
    placements = await asyncio.gather(*(stage.exchange.place(order, stage.deadline()) for order in orders))
    throttled = [one for one in placements if one == NotPlaced(Postponement.THROTTLED, "50011")]
    accepted = [one for one in placements if isinstance(one, Accepted)]
    assert (len(accepted), len(throttled)) == (60, 10)


async def test_a_slow_answer_is_unknown_after_its_time(stage: Stage) -> None:
    follower = await stage.follower()
    await stage.simulator.plant("answer_latency", ms=ANSWER_S * 1_500, where={"uid": str(follower)}, times=1)
    order = stage.order(follower, "1")
    assert isinstance(await stage.exchange.place(order, stage.deadline()), Unknown)
    assert await stage.exchange.ask(follower, BTC, order.cl_ord_id)


async def test_two_hundred_followers_at_once_each_get_one_order(stage: Stage) -> None:
    followers = [await stage.follower() for _ in range(200)]
    orders = [stage.order(follower, "0.01") for follower in followers]
    placements = await asyncio.gather(*(stage.exchange.place(order, stage.deadline(5_000)) for order in orders))
    assert all(isinstance(placement, Accepted) for placement in placements)
    rows = (await stage.simulator.evidence())["orders"]
    assert sorted(row["clOrdId"] for row in rows if row["uid"] in followers) == sorted(o.cl_ord_id for o in orders)


async def test_a_renewed_token_takes_over_and_the_old_pair_is_spent(stage: Stage) -> None:
    follower = await stage.follower()
    oauth = OkxOAuth({"www": stage.transport}, "paper-client", Secret("paper-secret"))
    pair = TokenPair(Secret(f"access-{follower}"), Secret(f"refresh-{follower}"), 3_600_000)
    assert isinstance(await stage.exchange.place(stage.order(follower, "1"), stage.deadline()), Accepted)
    renewed = await oauth.refresh("www", pair)
    stage.credentials.stored[follower] = BearerToken(follower, 2, "www", renewed.access)
    assert isinstance(await stage.exchange.place(stage.order(follower, "1"), stage.deadline()), Accepted)
    with pytest.raises(GrantRefused):
        await oauth.refresh("www", pair)


async def test_a_refresh_in_flight_is_waited_for(stage: Stage) -> None:
    follower = await stage.follower()
    await stage.credentials.read(follower)
    oauth = OkxOAuth({"www": stage.transport}, "paper-client", Secret("paper-secret"))
    renewed = await oauth.refresh("www", TokenPair(Secret("x"), Secret(f"refresh-{follower}"), 1))
    placing = asyncio.create_task(stage.exchange.place(stage.order(follower, "1"), stage.deadline()))
    await asyncio.sleep(0.05)
    stage.credentials.stored[follower] = BearerToken(follower, 2, "www", renewed.access)
    assert isinstance(await placing, Accepted)


async def test_an_expired_token_that_nobody_renews_places_nothing(stage: Stage) -> None:
    follower = await stage.follower()
    await stage.simulator.plant("expire_tokens", uids=[str(follower)])
    order = stage.order(follower, "1")
    assert await stage.exchange.place(order, stage.deadline()) == NotPlaced(Postponement.UNAUTHORISED, "53002")


async def test_the_venues_clock_is_followed_when_it_moves(stage: Stage) -> None:
    """Our orders expire, the first refusal tells us, and one measurement mends it."""
    follower = await stage.follower()
    await stage.simulator.post("clock", {"offset_ms": 60_000})
    try:
        expired = await stage.exchange.place(stage.order(follower, "1"), stage.deadline())
        await stage.venue.measure()
        placed = await stage.exchange.place(stage.order(follower, "1"), stage.deadline())
    finally:
        await stage.simulator.post("clock", {"offset_ms": 0})
        await stage.venue.measure()
    assert isinstance(expired, NotPlaced)
    assert expired.why is Postponement.EXPIRED
    assert isinstance(placed, Accepted)


async def test_reading_endpoints_are_read_whole(stage: Stage) -> None:
    follower = await stage.follower()
    credential = await stage.credentials.read(follower)
    assert (await stage.rest.account_config(credential)).uid == follower
    assert Decimal((await stage.rest.balance(credential)).totalEq) > 0
    assert {row.instId for row in await stage.rest.instruments("SWAP")} >= {BTC}
    assert Decimal((await stage.rest.ticker(BTC)).last) > 0
    assert (await stage.rest.price_limit(BTC)).enabled
    with pytest.raises(OkxError):
        await stage.rest.ticker(type(BTC)("NO-SUCH-SWAP"))
