"""A service's run, in a process of its own: signals, drain, exit codes, and closing in reverse."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

PRELUDE = """
import asyncio, sys
from contextlib import asynccontextmanager
from shared.lifecycle import run

def say(word): print(word, flush=True)

@asynccontextmanager
async def client(name):
    say("open " + name)
    try:
        yield name
    finally:
        say("close " + name)
"""

WELL_BEHAVED = """
async def assemble(life):
    await life.open(client("redis"))
    await life.open(client("okx"))
    async def duty():
        say("working")
        await life.stopping.wait()
        await asyncio.sleep(0.05)
        say("drained")
    async def renewal():
        try:
            await asyncio.Event().wait()
        finally:
            say("renewal ends")
    life.duty("copying", duty)
    life.background("renewal", renewal)
sys.exit(run(assemble, drain_s=5))
"""

STUBBORN = """
async def assemble(life):
    await life.open(client("redis"))
    async def duty():
        say("working")
        await asyncio.Event().wait()
    life.duty("copying", duty)
sys.exit(run(assemble, drain_s=0.1))
"""

FAILING = """
async def assemble(life):
    await life.open(client("redis"))
    async def duty():
        raise OSError("the disk is gone")
    async def other():
        try:
            await asyncio.Event().wait()
        finally:
            say("other cancelled")
    life.duty("recording", duty)
    life.duty("other", other)
sys.exit(run(assemble, drain_s=5))
"""

ENDING_EARLY = """
async def assemble(life):
    async def duty():
        return
    life.duty("watching", duty)
sys.exit(run(assemble, drain_s=5))
"""

CANCELLED_BY_NOBODY = """
async def assemble(life):
    async def duty():
        raise asyncio.CancelledError
    async def deaf():
        while True:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                if asyncio.current_task().cancelling() < 3:
                    continue
                raise
    life.duty("holding", duty)
    life.background("deaf", deaf)
sys.exit(run(assemble, drain_s=5))
"""


@contextmanager
def service(code: str) -> Iterator["subprocess.Popen[str]"]:
    with subprocess.Popen(
        [sys.executable, "-c", PRELUDE + code], stdout=-1, stderr=subprocess.STDOUT, text=True
    ) as child:
        try:
            yield child
        finally:
            child.kill()


def read_until(child: "subprocess.Popen[str]", word: str) -> None:
    assert child.stdout is not None
    for line in child.stdout:
        if line.strip() == word:
            return
    raise AssertionError(f"the service never said {word!r}")


def finish(child: "subprocess.Popen[str]") -> tuple[int, str]:
    out, _ = child.communicate(timeout=20)
    return child.returncode, out


def test_a_signal_drains_duties_then_ends_background_then_closes_in_reverse() -> None:
    for signum in (signal.SIGTERM, signal.SIGINT):
        with service(WELL_BEHAVED) as child:
            read_until(child, "working")
            child.send_signal(signum)
            code, out = finish(child)

        said = [line for line in out.splitlines() if line.startswith(("drained", "renewal", "close"))]
        assert said == ["drained", "renewal ends", "close okx", "close redis"]
        assert code == 0


def test_a_duty_that_outlives_the_drain_deadline_is_cut_off_and_named() -> None:
    with service(STUBBORN) as child:
        read_until(child, "working")
        child.send_signal(signal.SIGTERM)
        code, out = finish(child)

    assert code == 1
    assert "drain_cut_off" in out
    assert "copying" in out
    assert "close redis" in out


def test_a_duty_that_fails_takes_the_others_down_and_everything_is_closed() -> None:
    with service(FAILING) as child:
        code, out = finish(child)

    assert code == 1
    assert "other cancelled" in out
    assert "close redis" in out
    assert "the disk is gone" in out


def test_a_duty_that_returns_before_anyone_asked_is_a_crash() -> None:
    with service(ENDING_EARLY) as child:
        code, out = finish(child)

    assert code == 1
    assert "watching ended although nobody asked it to stop" in out


def test_a_duty_cancelled_by_nobody_is_a_crash_and_not_a_silence() -> None:
    """A worker whose holder is gone must not go on answering that it lives, whatever else swallows its cancellation."""
    with service(CANCELLED_BY_NOBODY) as child:
        code, out = finish(child)

    assert code == 1
    assert "holding was cancelled by nobody" in out
