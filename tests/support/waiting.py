"""Waiting for a condition instead of for time."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, overload

T = TypeVar("T")


@overload
async def until(condition: Callable[[], Awaitable[T]], within_s: float = ..., every_s: float = ...) -> T: ...
@overload
async def until(condition: Callable[[], T], within_s: float = ..., every_s: float = ...) -> T: ...
async def until(condition: Callable[[], Any], within_s: float = 10.0, every_s: float = 0.01) -> Any:
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
