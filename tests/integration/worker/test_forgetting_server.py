"""The server comes back with everything, with an older copy, or with nothing: nothing is doubled or lost."""

import asyncio

import pytest

from shared.messages.entries import write_subscription
from tests.support.builders import subscription
from tests.support.bus import Mortal
from tests.support.paper_exchange import Way
from tests.support.waiting import until
from tests.support.worker_rig import RATIO, Scene, working

FOLLOWERS = 10
Mortals = tuple[Scene, Mortal]


async def known_again(scene: Scene) -> None:
    """Do what portal and watcher do on a server that has forgotten."""
    await scene.publish_again()
    for follower in scene.followers:
        each = subscription(follower=follower, ratio=RATIO, max_age_ms=60_000)
        await scene.bus.subscriptions.publish([write_subscription(each)])


async def test_restarted_with_everything_it_goes_on(mortal_scene: Mortals) -> None:
    scene, server = mortal_scene
    await scene.begin(FOLLOWERS)
    async with working(scene) as rig:
        await scene.trade(5)
        await scene.ends_exact()
        server.come_back()
        await scene.publish_again()
        await scene.trade(8)
        await scene.ends_exact()
        rig.check()


@pytest.mark.parametrize("after", [8, 2, 0, -3])
async def test_with_an_older_copy_what_was_lost_is_asked_for_and_adopted(mortal_scene: Mortals, after: int) -> None:
    scene, server = mortal_scene
    await scene.begin(FOLLOWERS)
    async with working(scene) as rig:
        await scene.trade(5)
        await scene.ends_exact()
        server.remember()
        await scene.trade(after)
        await scene.ends_exact()
        accepted = list(scene.exchange.accepted)
        server.come_back_older()
        await known_again(scene)
        await scene.ends_exact()
        assert scene.exchange.accepted == accepted
        await scene.trade(6)
        await scene.ends_exact()
        rig.check()


async def test_with_an_older_copy_in_the_middle_of_a_fan_out(mortal_scene: Mortals) -> None:
    scene, server = mortal_scene
    await scene.begin(FOLLOWERS)
    async with working(scene) as rig:
        await scene.trade(5)
        await scene.ends_exact()
        server.remember()
        scene.exchange.ways += [Way.FILL, Way.FILL_UNHEARD, Way.VANISH, Way.HALF, Way.FILL] * 2
        await scene.trade(0)
        await until(lambda: len(scene.exchange.accepted) > FOLLOWERS + 2)
        server.come_back_older()
        await known_again(scene)
        await scene.ends_exact()
        rig.check()


async def test_with_nothing_the_books_are_rebuilt_from_what_the_venue_shows(mortal_scene: Mortals) -> None:
    scene, server = mortal_scene
    await scene.begin(FOLLOWERS)
    async with working(scene) as rig:
        for after in (5, 8, 2):
            await scene.trade(after)
            await scene.ends_exact()
        accepted = list(scene.exchange.accepted)
        server.come_back_empty()
        for follower in scene.followers:
            each = subscription(follower=follower, ratio=RATIO, max_age_ms=60_000)
            await scene.bus.subscriptions.publish([write_subscription(each)])
        await scene.publish_again()
        await scene.ends_exact()
        assert scene.exchange.accepted == accepted
        await scene.trade(0)
        await scene.ends_exact()
        rig.check()


async def test_while_the_server_is_away_nothing_is_lost(mortal_scene: Mortals) -> None:
    scene, server = mortal_scene
    await scene.begin(FOLLOWERS)
    async with working(scene) as rig:
        scene.exchange.answer_s = 0.05
        await scene.trade(5)
        await until(lambda: len(scene.exchange.sent) >= FOLLOWERS // 2)
        await asyncio.to_thread(server.come_back)
        await scene.publish_again()
        await scene.trade(3)
        await scene.ends_exact()
        rig.check()
