"""Kill switches and endings on a whole worker: opens stop, what is held is closed once, and a crash loses neither."""

import asyncio
from decimal import Decimal

from shared.domain.ids import Leg
from shared.domain.subscriptions import Ending, SubscriptionState
from shared.domain.switches import Action, Scope, Switch
from shared.messages.entries import write_subscription
from tests.support.builders import BTC, LEADER, subscription
from tests.support.waiting import until
from tests.support.worker_rig import ETH, RATIO, Scene, working

FOLLOWERS = 12


def held(scene: Scene) -> set[Decimal]:
    return {scene.exchange.held[each, inst_id] for each in scene.followers for inst_id in scene.position}


async def test_nothing_opens_under_a_switch_and_closes_go_on(scene: Scene) -> None:
    await scene.begin(FOLLOWERS)
    async with working(scene) as rig:
        await scene.trade(5)
        await scene.ends_exact()
        switch = await scene.throw(Scope.LEADER, LEADER, Action.STOP_OPENS)
        await scene.trade(8)
        await until(scene.quiet)
        assert held(scene) == {Decimal(5 * RATIO)}
        told = [each for each in await scene.bus.outcomes() if each.reason == "stopped"]
        assert len(told) == FOLLOWERS
        await scene.trade(4)
        await until(scene.quiet)
        assert held(scene) == {Decimal(5 * RATIO) / 2}
        assert await rig.acks.acknowledged(switch.id)
        await scene.throw(Scope.LEADER, LEADER, Action.LIFT)
        await scene.trade(8)
        await until(scene.quiet)
        assert held(scene) == {Decimal(5 * RATIO) / 2 + 4 * RATIO}


async def test_a_notice_stops_what_waits_to_be_sent(scene: Scene) -> None:
    """A thousand orders are in line when the notice comes: those that have not left never do."""
    await scene.begin(1_000)
    scene.exchange.answer_s = 0.05
    async with working(scene) as rig:
        await rig.follows()
        await scene.trade(5)
        await until(lambda: len(scene.exchange.sent) >= 100)
        switch = Switch(Scope.PLATFORM, "", Action.STOP_OPENS, scene.clock.now_ms())
        rig.board.hear(switch)
        left = len(scene.exchange.sent)
        await until(scene.quiet, 30)
        assert len(scene.exchange.sent) == left < len(scene.followers)
        reasons = [each.reason for each in await scene.bus.outcomes() if each.reason]
        assert reasons == ["stopped"] * (len(scene.followers) - left)


async def test_flatten_closes_everything_once_and_stays_closed(scene: Scene) -> None:
    await scene.begin(FOLLOWERS)
    async with working(scene):
        await scene.move((BTC, 5), (ETH, -3))
        await scene.ends_exact()
        await scene.throw(Scope.PLATFORM, "", Action.FLATTEN)
        await until(scene.quiet)
        assert held(scene) == {Decimal(0)}
        await scene.move((BTC, 9), (ETH, -1))
        await until(scene.quiet)
        assert held(scene) == {Decimal(0)}
        assert len(set(scene.exchange.names)) == len(scene.exchange.names)


async def test_an_instrument_is_flattened_alone(scene: Scene) -> None:
    await scene.begin(FOLLOWERS)
    async with working(scene):
        await scene.move((BTC, 5), (ETH, 3))
        await scene.ends_exact()
        await scene.throw(Scope.INSTRUMENT, ETH, Action.FLATTEN)
        await until(scene.quiet)
        assert {scene.exchange.held[each, BTC] for each in scene.followers} == {Decimal(5 * RATIO)}
        assert {scene.exchange.held[each, ETH] for each in scene.followers} == {Decimal(0)}


async def test_killed_in_the_middle_of_flattening_each_is_closed_once(scene: Scene) -> None:
    await scene.begin(60)
    async with working(scene, "first") as first:
        await scene.trade(5)
        await scene.ends_exact()
        before = len(scene.exchange.accepted)
        scene.exchange.answer_s = 0.02
        await scene.throw(Scope.PLATFORM, "", Action.FLATTEN)
        await until(lambda: len(scene.exchange.accepted) > before + 10)
        await first.kill()
        scene.exchange.answer_s = 0.0
        async with working(scene, "second"):
            await until(scene.quiet, 30)
    assert held(scene) == {Decimal(0)}
    assert len(scene.exchange.accepted) == before + 60
    assert len(set(scene.exchange.names)) == len(scene.exchange.names)


async def test_an_opening_in_the_air_when_flatten_comes_is_closed_after_it(scene: Scene) -> None:
    await scene.begin(FOLLOWERS)
    async with working(scene) as rig:
        await rig.follows()
        scene.exchange.answer_s = 0.3
        await scene.trade(5)
        await until(lambda: len(scene.exchange.sent) == FOLLOWERS)
        await scene.throw(Scope.LEADER, LEADER, Action.FLATTEN)
        scene.exchange.answer_s = 0.0
        await until(scene.quiet)
        assert held(scene) == {Decimal(0)}


async def test_a_subscription_ended_with_close_is_closed_and_one_ended_with_keep_is_not(scene: Scene) -> None:
    await scene.begin(2)
    closed, kept = scene.followers
    async with working(scene):
        await scene.trade(5)
        await scene.ends_exact()
        for follower, ending in ((closed, Ending.CLOSE), (kept, Ending.KEEP)):
            ended = subscription(
                follower=follower, ratio=RATIO, version=2, state=SubscriptionState.ENDED, ending=ending
            )
            await scene.bus.subscriptions.publish([write_subscription(ended)])
        await until(lambda: scene.exchange.held[closed, BTC] == 0)
        await scene.trade(6)
        await until(scene.quiet)
        assert scene.exchange.held[closed, BTC] == 0
        assert scene.exchange.held[kept, BTC] == 5 * RATIO
        await scene.trade(0)
        await until(scene.quiet)
        assert held(scene) == {Decimal(0)}


async def test_under_load_no_open_leaves_a_second_after_the_notice(scene: Scene) -> None:
    """The leader trades all the time, so there is always something to open."""
    await scene.begin(300)
    async with working(scene) as rig:
        await rig.follows()
        trading = asyncio.get_running_loop().create_task(_trade_on(scene))
        await until(lambda: len(scene.exchange.accepted) > 300)
        switch = await scene.throw(Scope.PLATFORM, "", Action.STOP_OPENS)
        await asyncio.sleep(2.0)
        trading.cancel()
        await until(scene.quiet, 30)
    outcomes = await scene.bus.outcomes()
    opened = [each.hops.sent_ms for each in outcomes if each.leg == Leg.OPEN and each.hops.sent_ms]
    assert max(opened) - switch.made_ms <= 1_000
    assert any(each.reason == "stopped" for each in outcomes)


async def _trade_on(scene: Scene) -> None:
    for number in range(1, 10_000):
        await scene.trade(number)
        await asyncio.sleep(0.02)
