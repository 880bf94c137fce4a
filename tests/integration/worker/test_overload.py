"""More to send than can be sent, or a venue that answers late or one follower never: who waits, and for whom."""

import asyncio

from shared.domain.reasons import Reason
from shared.messages.outcome import OutcomeKind
from tests.support.builders import BTC
from tests.support.paper_exchange import Way
from tests.support.waiting import until
from tests.support.worker_rig import ETH, RATIO, SENDERS, Scene, working

OLD_MS = 400
SLOW_S = 0.2


async def test_closes_overtake_the_opens_that_came_before_them(scene: Scene) -> None:
    await scene.begin(3 * SENDERS)
    async with working(scene) as rig:
        await rig.follows()
        await scene.trade(5)
        await scene.ends_exact()
        scene.exchange.answer_s, already = SLOW_S, len(scene.exchange.sent)
        await scene.move((ETH, 4), (BTC, 0))
        await scene.ends_exact(within_s=20)
    # By name: where the machine starves the test, an order may expire on its way and go again.
    closes = list({sent.name: sent.reduce_only for sent in scene.exchange.sent[already:]}.values())
    last_close = len(closes) - 1 - closes[::-1].index(True)
    assert closes.count(True) == closes.count(False) == len(scene.followers)
    assert closes[:last_close].count(False) <= SENDERS, "an open was sent while a close could have been"


async def test_a_close_of_what_was_opened_just_now_is_not_put_off_for_the_opens_that_wait(scene: Scene) -> None:
    await scene.begin(4 * SENDERS)
    scene.exchange.answer_s = SLOW_S
    async with working(scene) as rig:
        await rig.follows()
        await scene.move((BTC, 5), (ETH, 4))
        await until(lambda: len(scene.exchange.accepted) >= SENDERS)
        await scene.move((BTC, 0))
        already = len(scene.exchange.sent)
        await scene.ends_exact(within_s=20)
    closes = [sent.reduce_only for sent in scene.exchange.sent[already:]]
    assert closes.count(False) >= 2 * SENDERS
    assert True in closes[:SENDERS], "the closes waited for what was to be opened"


async def test_opens_expire_and_closes_never_do(scene: Scene) -> None:
    await scene.begin(20, max_age_ms=OLD_MS)
    async with working(scene) as first:
        await first.follows()
        await scene.trade(5)
        await scene.ends_exact()
        await first.kill()
    await scene.move((ETH, 4), (BTC, 3))
    await asyncio.sleep(2 * OLD_MS / 1_000)
    async with working(scene, "second"):
        await until(scene.quiet, 15)
    for follower in scene.followers:
        assert scene.exchange.held[follower, BTC] == 3 * RATIO
        assert scene.exchange.held[follower, ETH] == 0
    skipped = [each for each in await scene.bus.outcomes() if each.kind is OutcomeKind.SKIPPED]
    assert {each.reason for each in skipped} == {Reason.STALE.value}
    assert {each.inst_id for each in skipped} == {ETH}
    assert len(skipped) == len(scene.followers)


async def test_opens_expire_while_they_wait_their_turn(scene: Scene) -> None:
    await scene.begin(4 * SENDERS, max_age_ms=OLD_MS)
    scene.exchange.answer_s = SLOW_S
    async with working(scene) as rig:
        await rig.follows()
        await scene.trade(5)
        await until(scene.quiet, 20)
    bought = {sent.follower for sent in scene.exchange.accepted}
    stale = {each.follower for each in await scene.bus.outcomes() if each.reason == Reason.STALE.value}
    assert bought
    assert stale
    assert bought | stale == set(scene.followers)
    assert not bought & stale


async def test_one_follower_whose_calls_never_end_delays_nobody(scene: Scene) -> None:
    await scene.begin(60)
    stuck = scene.followers[0]
    scene.exchange.choose = lambda attempt: Way.HANG if attempt.follower == stuck else None

    def others_follow() -> bool:
        held, others = scene.exchange.held, scene.followers[1:]
        return all(held[each, inst_id] == size * RATIO for each in others for inst_id, size in scene.position.items())

    async with working(scene) as rig:
        await rig.follows()
        for after in (5, 2, 9, 0, 4):
            await scene.move((BTC, after), (ETH, after))
            await until(others_follow)
        rig.check()
    assert scene.exchange.held[stuck, BTC] == 0
    assert len({sent.name for sent in scene.exchange.sent if sent.follower == stuck}) == 2, (
        "a new order left unanswered"
    )


async def test_what_happens_while_an_order_is_under_way_is_sent_as_one(scene: Scene) -> None:
    await scene.begin(10)
    scene.exchange.answer_s = SLOW_S
    async with working(scene) as rig:
        await rig.follows()
        await scene.trade(5)
        await until(lambda: scene.exchange.in_the_air == len(scene.followers))
        await scene.trade(8, 6, 9)
        await scene.ends_exact()
        before = len(scene.exchange.sent)
        await scene.trade(6)
        await until(lambda: scene.exchange.in_the_air == len(scene.followers))
        await scene.trade(4, 1)
        await scene.ends_exact()
    changes = [sent.change for sent in scene.exchange.sent if sent.follower == scene.followers[3]]
    assert changes == [5 * RATIO, 4 * RATIO, -3 * RATIO, -5 * RATIO]
    assert before == 2 * len(scene.followers)


async def test_every_lane_moves_on_while_the_venue_sleeps(scene: Scene) -> None:
    await scene.begin(20)
    scene.exchange.choose = lambda _attempt: Way.THROTTLE
    async with working(scene) as rig:
        await rig.follows()
        await scene.trade(5)
        await until(scene.passed)
        assert list((await scene.owed()).values()) == ["rest"] * len(scene.followers)
        scene.exchange.choose = lambda _attempt: None
        await scene.ends_exact()
