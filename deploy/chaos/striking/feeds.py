"""The leaders' sockets: cut, or open and silent. How long the watchers take to notice is measured."""

import asyncio
import time
from collections.abc import Mapping
from random import Random

from deploy.chaos.act import Act
from deploy.demo.processes import Process

_MOST_S = 10.0
_POLL_S = 0.05


async def drop_sockets(act: Act, dice: Random) -> None:
    """Cut every socket of the leaders, now and again."""
    for _ in range(dice.randint(1, 3)):
        await _struck(act, {"kind": "ws_drop"})
        await asyncio.sleep(dice.uniform(0.1, 1))


async def silence_sockets(act: Act, dice: Random) -> None:
    """Let every socket of the leaders stay open and say nothing for a while."""
    await _struck(act, {"kind": "ws_silence", "for_ms": dice.randrange(6_000, 12_000)})


async def lose_pushes(act: Act, dice: Random) -> None:
    """Push nothing for a while on sockets that answer, then cut them: what was lost shows in no later push."""
    venue, seconds = act.theatre.stage.venue, dice.uniform(1, 5)
    planted = await venue.plant({"kind": "push_end", "where": {"role": "leader"}})
    act.timeline.note("venue", f"pushes nothing for {seconds:.1f} s")
    try:
        await asyncio.sleep(seconds)
    finally:
        await venue.remove(planted)
    await _struck(act, {"kind": "ws_drop"})


async def _struck(act: Act, spec: Mapping[str, object]) -> None:
    before = await _losses(act)
    uids = [leader.uid for leader in act.theatre.cast.leaders]
    began = time.monotonic()
    await act.theatre.stage.venue.plant({**spec, "uids": uids})
    act.timeline.note("venue", f"{spec['kind']} on the sockets of every leader")
    undisturbed = not act.disturbed
    while time.monotonic() - began < _MOST_S:
        now = await _losses(act)
        if all(now.get(name, -1) >= lost + len(uids) for name, lost in before.items()):
            if undisturbed and not act.disturbed:
                act.measures.detections.append(time.monotonic() - began)
            act.timeline.note("watchers", f"noticed within {time.monotonic() - began:.2f} s")
            return
        if not all(_process(act, name).alive for name in before):
            return
        await asyncio.sleep(_POLL_S)
    act.timeline.note("watchers", f"did not all notice within {_MOST_S:g} s")


async def _losses(act: Act) -> dict[str, float]:
    """Return how many losses each watcher whose sockets are all joined has counted."""
    found = {}
    for watcher in act.theatre.stage.watchers:
        lost = await act.theatre.stage.figure(watcher, "feed_losses")
        if lost is not None:
            found[watcher.name] = lost
    return found


def _process(act: Act, name: str) -> Process:
    return act.theatre.process(name)
