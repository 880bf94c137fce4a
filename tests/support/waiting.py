"""Waiting for a condition instead of for time."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


async def until(condition: Callable[[], T | Awaitable[T]], within_s: float = 10.0, every_s: float = 0.01) -> T:
    """Return the first true value of `condition`, which may be awaitable; fail with its name after `within_s`."""
    deadline = time.monotonic() + within_s
    while True:
        value = condition()
        if isinstance(value, Awaitable):
            value = await value
        if value:
            return value
        if time.monotonic() > deadline:
            name = getattr(condition, "__qualname__", repr(condition))
            raise AssertionError(f"{name} did not become true within {within_s:g} s; last value {value!r}")
        await asyncio.sleep(every_s)
