"""OKX's own Python SDK, unmodified: a client per thread, as it is synchronous."""

import time
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from itertools import count
from threading import local
from typing import Any

from tests.bench.contenders.task import INSTRUMENT, accepted, body, cpu_s, name, say, task

trade: Any = import_module("okx.Trade")
_THREADS = 8
"""More gain nothing: the interpreter runs one at a time."""


def main() -> None:
    """Measure."""
    told, here = task(), local()

    def one(number: int) -> None:
        if not hasattr(here, "client"):
            here.client = trade.TradeAPI("key", "secret", "pass", False, "0", domain=told.url, debug=False)
        accepted(here.client.place_order(**body(number)))
        if told.settle:
            assert here.client.get_order(INSTRUMENT, clOrdId=name(number))["data"][0]["state"] == "filled"

    numbers = count()
    with ThreadPoolExecutor(_THREADS) as pool:
        list(pool.map(one, (next(numbers) for _ in range(max(100, told.orders // 10)))))
        before, began = cpu_s(), time.perf_counter()
        list(pool.map(one, (next(numbers) for _ in range(told.orders))))
        say(told.orders, cpu_s() - before, time.perf_counter() - began)


main()
