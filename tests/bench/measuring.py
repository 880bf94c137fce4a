"""Measure: ours and the contenders in turns, so that whatever the machine does meanwhile meets them all."""

import asyncio
import os
import platform
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from deploy.demo.processes import Process
from tests.bench.contending import AT_ONCE, OURS_AT_ONCE, SETTLING, Contender, beside, contend, interpreter
from tests.bench.figures import Figure, Name, ratio
from tests.bench.telling import Measured
from tests.bench.theatre import Copied, Theatre, theatre

DELAY_MS = 30.0
_WARM_EVENTS = 4
_POINTS = 1_000
_OURS, _OURS_SETTLED, _WRK, _FEW = "ours", "ours, settled", "wrk", f"{Contender.CEILING}, {AT_ONCE} connections"


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured."""

    rounds: int
    hundred: int
    thousand: int
    ten_thousand: int
    idle: int
    schemes: tuple[str, ...]


FULL = Size(3, 100, 1_000, 10_000, 100_000, ("tls", "plain"))
QUICK = Size(2, 100, 500, 2_000, 4_000, ("tls",))
"""The same figures on fewer followers: whether everything runs, not how fast."""


def say(what: str) -> None:
    """Tell whoever waits what is being done."""
    sys.stderr.write(f"{time.strftime('%H:%M:%S')}  {what}\n")


async def measure(size: Size) -> Measured:
    """Measure everything but the takeover."""
    found = Measured(
        machine={"cpus": os.cpu_count(), "python": platform.python_version(), "kernel": platform.release()}
    )
    for contender in Contender:
        interpreter(contender)
    say(f"{size.ten_thousand} followers are enrolled")
    async with theatre(size.ten_thousand) as many:
        for scheme in size.schemes:
            await _rates(many, scheme, size, found)
        await _two_workers(many, size, found)
        waiting = await _idle(many)
    say(f"{size.thousand} followers are enrolled")
    async with theatre(size.thousand) as few:
        await _latency(few, size, found)
    say(f"{size.hundred} followers are enrolled")
    async with theatre(size.hundred) as fewest, fewest.working("tls") as workers:
        await _growth(fewest, workers, found)
    say(f"{size.ten_thousand + size.idle} followers are enrolled")
    async with theatre(size.ten_thousand + size.idle) as most, most.working("tls") as workers:
        each = (most.resident(workers[0]) - waiting) / size.idle
        found.figures[Name.MEMORY] = Figure(each, each, each)
        await _growth(most, workers, found)
    return found


async def _rates(on: Theatre, scheme: str, size: Size, found: Measured) -> None:
    """Take turns: ours, then every contender."""
    per_cpu_s: dict[str, list[float]] = defaultdict(list)
    asked, sustained, slowest = [], [], []
    async with on.working(scheme) as workers:
        await _warm(on, workers)
        for number in range(size.rounds):
            say(f"{scheme}, round {number + 1} of {size.rounds}: ours")
            copied = [await on.copy(workers) for _ in range(2)]
            orders = sum(each.orders for each in copied)
            per_cpu_s[_OURS].append(orders / sum(each.cpu_s for each in copied))
            per_cpu_s[_OURS_SETTLED].append(orders / sum(each.settled_cpu_s for each in copied))
            asked.append(orders / sum(each.last_ack_s for each in copied))
            for contender in Contender:
                say(f"{scheme}, round {number + 1} of {size.rounds}: {contender}")
                rate = await contend(contender, on.stub.rest[scheme], on.certificate)
                if contender is Contender.CEILING:
                    sustained.append(rate.orders / rate.wall_s)
                    per_cpu_s[_FEW].append(rate.per_cpu_s)
                    rate = await contend(contender, on.stub.rest[scheme], on.certificate, at_once=OURS_AT_ONCE)
                    if (wrk := await asyncio.to_thread(beside, on.stub.rest[scheme])) is not None:
                        per_cpu_s[_WRK].append(wrk.per_cpu_s)
                per_cpu_s[contender].append(rate.per_cpu_s)
                if contender in SETTLING:
                    settled = await contend(contender, on.stub.rest[scheme], on.certificate, settle=True)
                    per_cpu_s[f"{contender}, settled"].append(settled.per_cpu_s)
        if scheme == "tls":
            say(f"{scheme}: {on.followers} followers, the venue takes {DELAY_MS:g} ms")
            slowest = [await on.copy(workers, DELAY_MS) for _ in range(size.rounds)]
            _note_latency(slowest, found)
    found.rates[scheme] = {who: Figure.of(rates) for who, rates in per_cpu_s.items()}
    if scheme == "tls":
        found.figures[Name.VS_CCXT] = ratio(per_cpu_s[_OURS], per_cpu_s[Contender.CCXT])
        found.figures[Name.VS_HTTPX] = ratio(per_cpu_s[_OURS], per_cpu_s[Contender.HTTPX])
        found.figures[Name.VS_CEILING] = ratio(per_cpu_s[_OURS], per_cpu_s[Contender.CEILING])
        found.figures[Name.SETTLED] = ratio(per_cpu_s[_OURS_SETTLED], per_cpu_s[f"{Contender.CCXT}, settled"])
        found.figures[Name.STUB] = ratio(sustained, asked)


async def _two_workers(on: Theatre, size: Size, found: Measured) -> None:
    """Compare what an order costs one worker, and two that share the lanes."""
    costs = []
    for count in (1, 2):
        say(f"{count} worker(s), {on.followers} followers")
        async with on.working("tls", count) as workers:
            await _warm(on, workers)
            copied = [await on.copy(workers) for _ in range(2 * size.rounds)]
            costs.append([each.cpu_s / each.orders for each in copied])
    found.figures[Name.TWO_WORKERS] = ratio(costs[0], costs[1])


async def _latency(on: Theatre, size: Size, found: Measured) -> None:
    """Measure the first event after the start, and warm ones, at a venue that takes its time."""
    cold, warm, copied = list[float](), list[float](), list[Copied]()
    for number in range(size.rounds):
        say(f"{on.followers} followers, the venue takes {DELAY_MS:g} ms: start {number + 1} of {size.rounds}")
        async with on.working("tls") as workers:
            cold.append((await on.copy(workers, DELAY_MS)).last_ack_s)
            await _warm(on, workers)
            copied = [await on.copy(workers, DELAY_MS) for _ in range(2)]
            warm.append(median(each.last_ack_s for each in copied))
    _note_latency(copied, found)
    found.figures[Name.LAST_ACK] = Figure.of([each * 1_000 / DELAY_MS for each in warm])
    found.figures[Name.COLD] = ratio(cold, warm)
    larger = found.last_ack_ms[size.ten_thousand]
    found.figures[Name.GROWTH] = Figure.of([larger / (each * 1_000) for each in warm])


async def _growth(on: Theatre, workers: Sequence[Process], found: Measured) -> None:
    """Measure one more point of how the last answer moves away with the number of followers."""
    say(f"{on.followers} followers, the venue takes {DELAY_MS:g} ms")
    await on.copy(workers)
    _note_latency([await on.copy(workers, DELAY_MS)], found)


def _note_latency(copied: Sequence[Copied], found: Measured) -> None:
    typical = sorted(copied, key=lambda each: each.last_ack_s)[len(copied) // 2]
    step = max(1, typical.orders // _POINTS)
    found.by_rank_ms[typical.orders] = [round(each * 1_000, 2) for each in typical.by_rank_s[::step]]
    found.last_ack_ms[typical.orders] = round(typical.last_ack_s * 1_000, 2)


async def _warm(on: Theatre, workers: Sequence[Process]) -> None:
    for _ in range(_WARM_EVENTS):
        await on.copy(workers)


async def _idle(on: Theatre) -> int:
    """Return what a worker holds whose followers only wait."""
    async with on.working("tls") as [worker]:
        return on.resident(worker)
