"""The server and the database, away for a while, or back with less than they had."""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from random import Random

from deploy.chaos.act import Act

_BUSY_S, _PATIENCE_S = 0.01, 10.0


async def kill_redis(act: Act, dice: Random) -> None:
    """Kill the server; it comes back with its data."""
    away_s = dice.uniform(0.1, 2)
    await _struck(act, f"is killed; back with its data in {away_s:.1f} s", lambda: act.theatre.mortal.come_back(away_s))


async def older_redis(act: Act, dice: Random) -> None:
    """Kill the server; it comes back with what it held a moment before."""
    mortal, away_s, since_s = act.theatre.mortal, dice.uniform(0.1, 1.5), dice.uniform(0.2, 3)
    mortal.remember()
    act.timeline.note("server", "is copied")
    await asyncio.sleep(since_s)
    said = f"is killed; back with a copy {since_s:.1f} s old in {away_s:.1f} s"
    await _struck(act, said, lambda: mortal.come_back_older(away_s))


async def empty_redis(act: Act, dice: Random) -> None:
    """Kill the server; it comes back with nothing."""
    away_s = dice.uniform(0.1, 1.5)
    await _struck(act, f"is killed; back empty in {away_s:.1f} s", lambda: act.theatre.mortal.come_back_empty(away_s))


async def replace_redis(act: Act, dice: Random) -> None:
    """Let a replica take the server's place that missed the last moments."""
    missed_s = dice.uniform(0.2, 1.5)
    said = f"is replaced by a replica that misses {missed_s:.1f} s"
    await _struck(act, said, lambda: act.theatre.mortal.fail_over(missed_s))


async def pause_redis(act: Act, dice: Random) -> None:
    """Stop the server for a while."""
    mortal, seconds = act.theatre.mortal, dice.uniform(0.5, 4)

    async def paused() -> None:
        mortal.pause()
        try:
            await asyncio.sleep(seconds)
        finally:
            mortal.go_on()

    await _struck(act, f"is stopped for {seconds:.1f} s", paused)


async def lock_sql(act: Act, dice: Random) -> None:
    """Hold the database's only write lock."""
    seconds = dice.uniform(2, 7)
    database = sqlite3.connect(act.theatre.folder / "slipstream.db", timeout=0, isolation_level=None)
    try:
        for _ in range(round(_PATIENCE_S / _BUSY_S)):
            if _locked(database):
                break
            await asyncio.sleep(_BUSY_S)
        act.timeline.note("database", f"takes no writes for {seconds:.1f} s")
        await asyncio.sleep(seconds)
    finally:
        database.close()
        act.timeline.note("database", "takes writes again")


def _locked(database: sqlite3.Connection) -> bool:
    """Take the lock if nobody writes just now."""
    try:
        database.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError:
        return False
    return True


async def _struck(act: Act, said: str, strike: Callable[[], Awaitable[None]]) -> None:
    async with act.disturbing():
        act.timeline.note("server", said)
        act.doubt()
        await strike()
        act.timeline.note("server", "answers")
        await asyncio.sleep(1)
