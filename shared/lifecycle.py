"""One run of a service, from its first signal handler to its last closed client.

    assemble ──▶ duties and background side by side ──▶ SIGTERM or SIGINT ──▶ duties drain ──▶ background ends ──▶ close

A *duty* is work that must be finished properly: it watches `stopping` and returns by itself within the drain deadline.
*Background* is what duties lean on while they drain (health answers, lease renewal): it is cancelled once they have
returned. Whatever was opened is closed in reverse. A duty that fails, or returns before anyone asked, ends the process:
a supervisor starts it anew, and a half-dead service is worse than a dead one.
"""

import asyncio
import gc
import resource
import signal
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from enum import IntEnum
from typing import Any, TypeVar

import structlog
import uvloop

T = TypeVar("T")

_CANCEL_AGAIN_S = 0.05
_COLLECT_EVERY = 50_000
"""Objects made before the collector looks for cycles. Ours are few: counting references frees nearly everything, and
at Python's own 700 a fan-out spends an eighth of its time on looking in vain."""

_MOST_FILES = 65_536

Work = Callable[[], Coroutine[Any, Any, None]]


class ExitCode(IntEnum):
    """What a service's exit code means."""

    DRAINED = 0
    CRASHED = 1
    BAD_SETTINGS = 2


class EndedEarly(Exception):
    """A duty or a background task returned although nobody asked it to stop."""


class Lifetime:
    """What a service keeps running and what it closes at the end."""

    def __init__(self, closing: AsyncExitStack) -> None:
        self.stopping = asyncio.Event()
        """Set at the first SIGTERM or SIGINT; duties finish what they have in hand and return."""
        self.closing = closing
        """What is entered here is left at the end of the run, last entered first."""
        self._ending = False
        self._duties: dict[str, Work] = {}
        self._background: dict[str, Work] = {}

    async def open(self, resource: AbstractAsyncContextManager[T]) -> T:
        """Enter a context manager now and leave it at the end of the run, last opened first."""
        return await self.closing.enter_async_context(resource)

    def close_later(self, close: Callable[[], Awaitable[None]]) -> None:
        """Await `close()` at the end of the run, in reverse order of these calls."""
        self.closing.push_async_callback(close)

    def duty(self, name: str, work: Work) -> None:
        """Run `work` beside the others; it must return soon after `stopping` is set."""
        self._duties[name] = work

    def background(self, name: str, work: Work) -> None:
        """Run `work` until every duty has returned, then cancel it."""
        self._background[name] = work

    async def carry(self, drain_s: float) -> bool:
        """Run everything until a signal and a drain; return False if the drain deadline cut duties off.

        Raises:
            ExceptionGroup: a duty or background task failed or ended early; the others were cancelled.
        """
        async with asyncio.TaskGroup() as group:
            duties = [group.create_task(self._attend(name, work), name=name) for name, work in self._duties.items()]
            background = [group.create_task(self._attend(name, work)) for name, work in self._background.items()]
            try:
                await self.stopping.wait()
            except asyncio.CancelledError:
                self._ending = True
                await _end({*duties, *background})
                raise
            self._ending = True
            late = (await asyncio.wait(duties, timeout=drain_s))[1] if duties else set()
            await _end({*late, *background})
        if late:
            structlog.get_logger().error("drain_cut_off", duties=sorted(t.get_name() for t in late), deadline_s=drain_s)
        return not late

    async def _attend(self, name: str, work: Work) -> None:
        try:
            await work()
        except asyncio.CancelledError:
            if self._ending:
                raise
            self._ending = True
            raise EndedEarly(f"{name} was cancelled by nobody; expected it to run until the service drains") from None
        except Exception as error:
            self._ending = True
            structlog.get_logger().error("work_failed", work=name, error=f"{type(error).__name__}: {error}")
            raise
        if not self.stopping.is_set():
            self._ending = True
            raise EndedEarly(
                f"{name} ended although nobody asked it to stop; expected it to run until the service drains"
            )


async def _end(tasks: set[asyncio.Task[None]]) -> None:
    """Cancel until everything has ended: on Python 3.11 `asyncio.wait_for`, which redis-py uses, may swallow one."""
    while tasks:
        for task in tasks:
            task.cancel()
        _, tasks = await asyncio.wait(tasks, timeout=_CANCEL_AGAIN_S)


def run(assemble: Callable[[Lifetime], Awaitable[None]], drain_s: float) -> int:
    """Live one whole run on a fresh uvloop and return the exit code; blocks until the service has ended.

    `assemble` opens the clients and names the duties. Code 0 after a whole drain, 1 after a crash or a drain cut off.
    """
    gc.set_threshold(_COLLECT_EVERY)
    _allow_connections()
    try:
        drained = uvloop.run(_live(assemble, drain_s))
    except Exception:  # noqa: BLE001 - the last stop: whatever it was becomes a log line and an exit code
        structlog.get_logger().exception("crashed")
        return ExitCode.CRASHED
    return ExitCode.DRAINED if drained else ExitCode.CRASHED


def _allow_connections() -> None:
    """Take as many open files as the machine lets a process have: what it lets by default is from another age."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, _MOST_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def keep_for_good() -> None:
    """Say that what is in memory now stays: the collector never looks at it again. Takes no time."""
    gc.freeze()


async def _live(assemble: Callable[[Lifetime], Awaitable[None]], drain_s: float) -> bool:
    loop = asyncio.get_running_loop()
    async with AsyncExitStack() as closing:
        lifetime = Lifetime(closing)
        for signum in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(signum, lifetime.stopping.set)
        await assemble(lifetime)
        structlog.get_logger().info("started")
        drained = await lifetime.carry(drain_s)
    structlog.get_logger().info("stopped", drained=drained)
    return drained
