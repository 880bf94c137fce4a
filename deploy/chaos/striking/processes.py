"""Services that die, stop, or are asked to leave; and those that are cut off from one neighbour."""

import asyncio
import time
from random import Random

from deploy.chaos.act import Act
from deploy.chaos.takeover import handed_over, taken_over
from deploy.demo.processes import Process
from deploy.demo.tally import Tally

_SLOW_MS, _SLOWER_MS = 40, 80
"""How slow the venue is made around a kill, so that a fan-out can be cut in two."""
_CATCH_S, _GLANCE_S = 3.0, 0.01
_STARTED_S = 0.5


async def kill_worker(act: Act, dice: Random) -> None:
    """Kill a worker in the middle of a fan-out if one comes in time; start it again after its leases passed on."""
    worker = _one(act, dice, "worker")
    if worker is None:
        return
    async with act.theatre.stage.venue.slowed(_SLOW_MS, _SLOWER_MS):
        await _fan_out_under_way(act)
        undisturbed = not act.disturbed
        kill(act, worker)
        if undisturbed:
            await _measure(act, worker)
    await asyncio.sleep(dice.uniform(0, 2))
    await start(act, worker)


async def kill_watcher(act: Act, dice: Random) -> None:
    """Kill a watcher and start it again."""
    await _kill_for(act, _one(act, dice, "watcher"), dice.uniform(0.5, 4))


async def kill_keeper(act: Act, dice: Random) -> None:
    """Kill the token keeper and start it again."""
    await _kill_for(act, _one(act, dice, "token_keeper"), dice.uniform(0.5, 4))


async def kill_recorder(act: Act, dice: Random) -> None:
    """Kill the ledger recorder and start it again."""
    await _kill_for(act, _one(act, dice, "ledger_recorder"), dice.uniform(0.5, 4))


async def pause_worker(act: Act, dice: Random) -> None:
    """Stop a worker for longer than its leases last."""
    worker = _one(act, dice, "worker")
    if worker is not None:
        await _fan_out_under_way(act)
        await _pause(act, [worker], dice.uniform(3.3, 6))


async def pause_watcher(act: Act, dice: Random) -> None:
    """Stop a watcher for a while."""
    watcher = _one(act, dice, "watcher")
    if watcher is not None:
        await _pause(act, [watcher], dice.uniform(2, 6))


async def pause_others(act: Act, dice: Random) -> None:
    """Stop keeper and recorder for a while."""
    await _pause(act, [each for each in act.theatre.stage.others if each.alive], dice.uniform(2, 6))


async def drain_worker(act: Act, dice: Random) -> None:
    """Ask a worker to stop, measure how long its lanes are nobody's, and start it again."""
    worker = _one(act, dice, "worker")
    if worker is None:
        return
    undisturbed, lanes = not act.disturbed, await act.theatre.stage.figure(worker, "lanes_held")
    worker.killed = True
    act.timeline.note(worker.name, "is asked to stop")
    worker.ask_to_stop()
    if undisturbed and lanes:
        seconds = await handed_over(act.theatre.redis, round(lanes))
        if seconds is not None and not act.disturbed:
            act.measures.handovers.append(seconds)
            act.timeline.note("audience", f"its lanes were handed over within {seconds:.2f} s")
    forced = await asyncio.to_thread(worker.make_sure_it_stopped)
    act.timeline.note(worker.name, "had to be ended by force" if forced else "has drained")
    await start(act, worker)


async def deliver_late(act: Act, dice: Random) -> None:
    """Hold back what a worker sends, kill it, and deliver everything after others have taken over."""
    worker = _one(act, dice, "worker")
    if worker is None:
        return
    way = act.theatre.to_venue[worker.name]
    async with act.disturbing():
        way.cut()
        act.timeline.note(worker.name, "sends orders that do not arrive")
        await _leader_moves(act)
        await asyncio.sleep(dice.uniform(0.3, 1))
        kill(act, worker)
        await asyncio.sleep(dice.uniform(8, 10))
        way.mend()
        act.timeline.note("venue", f"what {worker.name} had sent arrives")
    await start(act, worker)


async def without_redis(act: Act, dice: Random) -> None:
    """Cut one worker off from the server."""
    await _cut(act, dice, "to_redis")


async def without_okx(act: Act, dice: Random) -> None:
    """Cut one worker off from the venue."""
    await _cut(act, dice, "to_venue")


def kill(act: Act, process: Process) -> None:
    """Kill a process on purpose."""
    process.kill()
    act.doubt()
    act.timeline.note(process.name, "is killed")


async def start(act: Act, process: Process) -> None:
    """Start a process again and wait until it can be asked for its figures."""
    process.start()
    act.timeline.note(process.name, "is started")
    await asyncio.sleep(_STARTED_S)


def _one(act: Act, dice: Random, kind: str) -> Process | None:
    """Choose a process of a kind that runs; one worker is always left alone by the others' strikes."""
    running = [each for each in act.theatre.stage.services if each.name.startswith(kind) and each.alive]
    return dice.choice(running) if running else None


async def _kill_for(act: Act, process: Process | None, seconds: float) -> None:
    if process is None:
        return
    kill(act, process)
    await asyncio.sleep(seconds)
    await start(act, process)


async def _pause(act: Act, processes: list[Process], seconds: float) -> None:
    async with act.disturbing():
        for process in processes:
            process.pause()
            act.timeline.note(process.name, f"is stopped for {seconds:.1f} s")
        act.doubt()
        try:
            await asyncio.sleep(seconds)
        finally:
            for process in processes:
                process.go_on()
                act.timeline.note(process.name, "goes on")


async def _cut(act: Act, dice: Random, way: str) -> None:
    worker = _one(act, dice, "worker")
    if worker is None:
        return
    proxy, seconds, hard = getattr(act.theatre, way)[worker.name], dice.uniform(1, 6), dice.choice((True, False))
    async with act.disturbing():
        proxy.cut()
        act.doubt()
        act.timeline.note(worker.name, f"is cut off, way {way}, for {seconds:.1f} s")
        try:
            await asyncio.sleep(seconds)
        finally:
            proxy.mend(hard=hard)
            act.timeline.note(worker.name, f"is reached again, {'on new' if hard else 'on its old'} connections")


async def _measure(act: Act, worker: Process) -> None:
    seconds = await taken_over(act.theatre.redis)
    if seconds is None or act.disturbed:
        return
    act.measures.takeovers.append(seconds)
    act.timeline.note("audience", f"everything {worker.name} left was decided within {seconds:.2f} s")


async def _fan_out_under_way(act: Act) -> bool:
    """Wait a while for an event of which the first orders arrive now, and not all have."""
    tally = act.tally
    before = tally.newest_event
    until = time.monotonic() + _CATCH_S
    while time.monotonic() < until:
        await act.look()
        if tally.newest_event != before and _half_done(tally):
            return True
        await asyncio.sleep(_GLANCE_S)
    return False


async def _leader_moves(act: Act) -> None:
    """Wait a while for a leader's next fill."""
    before, until = act.tally.newest_event, time.monotonic() + _CATCH_S
    while time.monotonic() < until:
        await act.look()
        if act.tally.newest_event != before:
            return
        await asyncio.sleep(_GLANCE_S)


def _half_done(tally: Tally) -> bool:
    event = tally.newest_event
    return tally.arrived(event) <= len(tally.followers_of.get(event.split(":", 1)[0], ())) / 2
