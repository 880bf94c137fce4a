"""What every contender is told and says; runs in each one's own environment, on nothing but the standard library.

All do the same: a market order for every turn, under a name of its own, with the partner's tag, as many at once as
there are connections; each answer is read and its order id looked at. With `settle`, the order is also asked for until
it is done. Warm-up is not measured. The figure is the processor's time of the whole process, all threads.
"""

import asyncio
import json
import os
import resource
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

INSTRUMENT, TAG = "BTC-USDT-SWAP", "slipbench"
_WARM_SHARE = 10


@dataclass(frozen=True)
class Task:
    """One measurement."""

    url: str
    orders: int
    connections: int
    settle: bool


def task() -> Task:
    """Return what the environment says."""
    return Task(**json.loads(os.environ["BENCH_TASK"]))


def name(number: int) -> str:
    """Return an order's name: 32 letters and digits, as OKX takes them."""
    return f"{os.getpid():08x}{number:024x}"


def body(number: int) -> dict[str, str]:
    """Return an order as OKX documents it."""
    size = f"{(number % 97 + 3) / 100:.2f}"
    return {
        "instId": INSTRUMENT, "tdMode": "cross", "side": "buy", "ordType": "market", "sz": size,
        "clOrdId": name(number), "tag": TAG,
    }  # fmt: skip


def accepted(answer: dict[str, Any]) -> str:
    """Return the order id of an acceptance; anything else ends the contender."""
    item = answer["data"][0]
    if item["sCode"] != "0" or not item["ordId"]:
        raise RuntimeError(f"not accepted: {answer}")
    return str(item["ordId"])


async def measure(told: Task, one: Callable[[int], Awaitable[object]]) -> None:
    """Warm up, then place `orders` through `connections` runners, and say what it took."""
    warm = max(told.orders // _WARM_SHARE, told.connections)
    await _run(range(warm), told.connections, one)
    before, began = cpu_s(), time.perf_counter()
    await _run(range(warm, warm + told.orders), told.connections, one)
    say(told.orders, cpu_s() - before, time.perf_counter() - began)


async def _run(numbers: range, at_once: int, one: Callable[[int], Awaitable[object]]) -> None:
    turns = iter(numbers)

    async def runner() -> None:
        for number in turns:
            await one(number)

    await asyncio.gather(*(runner() for _ in range(at_once)))


def say(orders: int, cpu_s: float, wall_s: float) -> None:
    """Print the measurement as the last line."""
    print(json.dumps({"orders": orders, "cpu_s": cpu_s, "wall_s": wall_s}), flush=True)


def cpu_s() -> float:
    """Return the processor's time of this process so far, all threads."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
