"""Followers who change their subscriptions while their leaders trade.

The leaders hold still for the moment, and everything they did is in the stream before: so which fills a change holds
for is known from the times of the fills alone.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from random import Random
from typing import Any, cast

from redis.exceptions import RedisError

from deploy.chaos.act import Act, now_ms
from deploy.demo.audit.evidence import Change, Subscription
from deploy.demo.processes import Process
from deploy.demo.stage import INSTALLATION
from shared.bus.keys import Keys
from shared.domain.ids import AccountId

_PUBLISHED_S, _TRIES = 8.0, 12
_POLL_S = 0.1
_KEYS = Keys(INSTALLATION)


async def edit_subscriptions(act: Act, dice: Random) -> None:
    """Change one ratio and pause one follower; a moment later the paused one resumes."""
    first, second = dice.sample(act.theatre.cast.subscriptions, 2)
    ratio = (first.ratio * Decimal(dice.randrange(5, 30)) / 10).quantize(Decimal("0.0001")) or first.ratio
    state = dice.choice(("paused", "close_only"))
    if not await _change(act, [replace(first, ratio=ratio), replace(second, state=state)]):
        return
    await asyncio.sleep(dice.uniform(1, 3))
    await _change(act, [second])


async def _change(act: Act, wanted: Sequence[Subscription]) -> bool:
    """Change subscriptions while the leaders hold still; False if what they did before cannot be seen in the stream."""
    async with act.leading:
        if not await _everything_published(act):
            act.timeline.note("portal", "changes nothing: not every fill is in the stream")
            return False
        for each in wanted:
            await _tell(act, each)
            act.changes.append(Change(now_ms(), each))
            what = f"{each.follower} follows {each.leader} by {each.ratio}, {each.state}, from now on"
            act.timeline.note("portal", what)
        await asyncio.sleep(_POLL_S)
    return True


async def _everything_published(act: Act) -> bool:
    for _ in range(round(_PUBLISHED_S / _POLL_S)):
        await act.look()
        try:
            if await _published(act):
                return True
        except (RedisError, OSError):
            pass
        await asyncio.sleep(_POLL_S)
    return False


async def _published(act: Act) -> bool:
    for leader in {fill.leader for fill in act.gathering.leader_fills}:
        events = [fill.event for fill in act.gathering.leader_fills if fill.leader == leader]
        scores = cast("list[Any]", await act.theatre.redis.zmscore(_KEYS.published(AccountId(leader)), events))
        if None in scores:
            return False
    return True


async def _tell(act: Act, wanted: Subscription) -> None:
    """Change it by the command an operator would use, again and again until it is published."""
    names = ("--follower", wanted.follower, "--leader", wanted.leader)
    settings = ("--ratio", f"{wanted.ratio:f}", "--state", wanted.state)
    arguments = ("subscription", "set", *names, *settings)
    command = Process("portal", "services.portal", act.theatre.settings, act.theatre.logs, *arguments)
    for _ in range(_TRIES):
        command.start()
        if await command.end() == 0:
            return
        await asyncio.sleep(_POLL_S)
    raise command.failure("could not change a subscription")
