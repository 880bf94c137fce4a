"""`python -m deploy.chaos.figures`: how long it takes to notice, to take over and to hand over, with default settings.

Nothing else goes wrong meanwhile. Each figure is measured several times; the largest counts.
"""

import argparse
import asyncio
import json
import shutil
import sys
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from random import Random

from rich.console import Console
from rich.table import Table

from deploy.chaos.act import Act, Theatre, now_ms
from deploy.chaos.plan import Plan
from deploy.chaos.striking.feeds import drop_sockets, silence_sockets
from deploy.chaos.striking.processes import drain_worker, kill, start
from deploy.chaos.takeover import taken_over
from deploy.chaos.theatre import theatre
from deploy.demo.gathering import Gathering
from deploy.demo.scenario import Order
from deploy.demo.tally import Tally

_SLOW_MS = 400
"""How slow the venue is while the worker dies: none of its orders is answered by then."""
_BEGUN_S = 0.25
"""After the leaders' fills: the worker has read them, and may have sent."""
_READY_S = 60.0
_POLL_S = 0.2

BARS = {"takeover_s": 8.0, "handover_s": 1.0, "silent_s": 3.0, "lost_s": 3.0}
"""What each figure must not exceed."""
_MEANINGS = {
    "takeover_s": "kill -9 of one of two workers, until everything it left is decided, placed and settled",
    "handover_s": "SIGTERM of one of two workers, until the other holds all its lanes",
    "silent_s": "the leaders' sockets say nothing any more, until every watcher noticed",
    "lost_s": "the leaders' sockets are cut, until every watcher noticed",
    "in_doubt": "followers whose orders were asked for after the kill, the fewest of all kills",
}


@dataclass(frozen=True, slots=True)
class Options:
    """How large and how often."""

    followers: int
    times: int
    json: bool


def main() -> int:
    """Measure, print, and exit with 1 if a bar was missed."""
    parser = argparse.ArgumentParser(prog="python -m deploy.chaos.figures", description=__doc__)
    parser.add_argument("--followers", type=int, default=2_100, help="half of them are the dying worker's")
    parser.add_argument("--times", type=int, default=3, help="how often each figure is measured")
    parser.add_argument("--json", action="store_true", help="print one JSON object, nothing else")
    told = parser.parse_args()
    figures = asyncio.run(_measure(Options(told.followers, told.times, told.json)))
    if told.json:
        print(json.dumps(figures), flush=True)
    else:
        _show(figures)
    return 0 if all(max(figures[name], default=0) <= bar for name, bar in BARS.items() if figures[name]) else 1


async def _measure(options: Options) -> dict[str, list[float]]:
    plan, folder = Plan(1, (), flat=False), Path(tempfile.mkdtemp(prefix="slipstream-figures-"))
    try:
        async with theatre(plan, options.followers, 2, 60, folder / "run", hurried=False) as made:
            return await Measuring(made, options).all()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class Measuring:
    """Measures one figure after another on a theatre that is up."""

    def __init__(self, made: Theatre, options: Options) -> None:
        self._made, self._options = made, options
        self._act = Act(made, Gathering(made.stage.venue, made.cast), Tally(made.cast.subscriptions))
        self._in_doubt: list[int] = []
        self._turns = 0

    async def all(self) -> dict[str, list[float]]:
        """Return every figure, as often as it was measured."""
        await self._until_ready()
        takeovers = await self._repeat(self._take_over, "takeover")
        handovers = await self._repeat(self._hand_over, "handover")
        silent = await self._repeat(lambda: self._strike(silence_sockets), "silent sockets")
        lost = await self._repeat(lambda: self._strike(drop_sockets), "cut sockets")
        return {
            "takeover_s": takeovers,
            "handover_s": handovers,
            "silent_s": silent,
            "lost_s": lost,
            "in_doubt": [float(each) for each in self._in_doubt],
        }

    async def _repeat(self, measure: Callable[[], Awaitable[Sequence[float]]], what: str) -> list[float]:
        found: list[float] = []
        for number in range(self._options.times):
            measured = [round(each, 3) for each in await measure()]
            sys.stderr.write(f"{what} {number + 1}/{self._options.times}: {measured}\n")
            found += measured
            await self._until_ready()
        return found

    async def _take_over(self) -> list[float]:
        worker, venue = self._made.stage.workers[0], self._made.stage.venue
        async with venue.slowed(_SLOW_MS, _SLOW_MS):
            await self._trade()
            await asyncio.sleep(_BEGUN_S)
            killed_ms = now_ms()
            kill(self._act, worker)
            await asyncio.sleep(_BEGUN_S)
        seconds = await taken_over(self._made.redis, whole=True)
        await self._act.look()
        asked = {ask.follower for ask in self._act.gathering.asks if ask.at_ms > killed_ms + 1_000}
        self._in_doubt.append(len(asked))
        await start(self._act, worker)
        return [] if seconds is None else [seconds + _BEGUN_S]

    async def _hand_over(self) -> list[float]:
        before = len(self._act.measures.handovers)
        await drain_worker(self._act, Random(1))
        return self._act.measures.handovers[before:]

    async def _strike(self, strike: Callable[[Act, Random], Awaitable[None]]) -> list[float]:
        before = len(self._act.measures.detections)
        await strike(self._act, Random(1))
        return self._act.measures.detections[before:]

    async def _trade(self) -> None:
        """Let every leader make one fill, by turns an opening and a close of half."""
        self._turns += 1
        change = Decimal(20) if self._turns % 2 else Decimal(-10)
        for leader in self._made.cast.leaders:
            await self._made.stage.venue.trade(leader.uid, leader.inst_id, Order(change))

    async def _until_ready(self) -> None:
        """Wait until every worker holds its share, everything is settled and nothing is in doubt."""
        stage = self._made.stage
        lanes: list[float | None] = []
        doubts: list[float | None] = []
        for process in stage.services:
            await stage.ready(process)
        for _ in range(round(_READY_S / _POLL_S)):
            await self._act.look()
            lanes = [await stage.figure(worker, "lanes_held") for worker in stage.workers]
            doubts = [await stage.figure(worker, "strands_in_doubt") for worker in stage.workers]
            if len(set(lanes)) == 1 and not any(doubts) and not self._act.tally.fences_missing:
                await asyncio.sleep(1)
                return
            await asyncio.sleep(_POLL_S)
        raise stage.workers[0].failure(f"shares its lanes not evenly after {_READY_S:g} s: {lanes}, in doubt: {doubts}")


def _show(figures: dict[str, list[float]]) -> None:
    table = Table(title="With default settings, and nothing else going wrong", title_justify="left", box=None)
    for name in ("figure", "largest", "bar", "all of them"):
        table.add_column(name)
    table.add_column("from, until", style="dim")
    for name, values in figures.items():
        worst = min(values, default=0) if name == "in_doubt" else max(values, default=0)
        bar = f"{BARS[name]:g}" if name in BARS else ""
        table.add_row(name, f"{worst:g}", bar, ", ".join(f"{each:g}" for each in values), _MEANINGS[name])
    Console().print(table)


if __name__ == "__main__":
    sys.exit(main())
