"""Run a contender in an environment of its own, and read what it measured."""

import asyncio
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from deploy.demo.processes import REPOSITORY, DidNotRun
from services.follower_worker.settings import Settings
from tests.support.environments import environment

HERE = Path(__file__).resolve().parent
BUILD = REPOSITORY / "build" / "bench"
AT_ONCE = 64
"""What rivals do best with. More slows each of them down."""
OURS_AT_ONCE: int = Settings.model_fields["senders"].default
_LONGEST_S = 180.0


class Contender(StrEnum):
    """Who places orders beside ours; the ceiling is a loop that does nothing else."""

    CEILING = "ceiling"
    AIOHTTP = "aiohttp_plain"
    CCXT = "ccxt_async"
    PYTHON_OKX = "python_okx"
    HTTPX = "httpx_plain"


_LOCKS = {
    Contender.AIOHTTP: HERE / "requirements" / "aiohttp_plain.txt",
    Contender.HTTPX: HERE / "requirements" / "httpx_plain.txt",
    Contender.CCXT: REPOSITORY / "tests" / "conformance" / "requirements" / "ccxt.txt",
    Contender.PYTHON_OKX: REPOSITORY / "tests" / "conformance" / "requirements" / "python_okx.txt",
}
ORDERS = {
    Contender.CEILING: 40_000,
    Contender.AIOHTTP: 6_000,
    Contender.CCXT: 2_500,
    Contender.PYTHON_OKX: 800,
    Contender.HTTPX: 800,
}
"""How many orders each places in a round: about two seconds' worth."""
SETTLING = frozenset({Contender.AIOHTTP, Contender.CCXT, Contender.HTTPX})


@dataclass(frozen=True, slots=True)
class Rate:
    """What one contender did in one round."""

    orders: int
    cpu_s: float
    wall_s: float

    @property
    def per_cpu_s(self) -> float:
        """Return orders per second of processor time."""
        return self.orders / self.cpu_s


def interpreter(contender: Contender) -> Path:
    """Return the interpreter a contender runs on; its environment is made if it is not there."""
    lock = _LOCKS.get(contender)
    return environment(lock, BUILD) if lock else Path(sys.executable)


async def contend(contender: Contender, url: str, trust: Path, *, settle: bool = False, at_once: int = AT_ONCE) -> Rate:
    """Run a contender once against a venue.

    Raises:
        DidNotRun: it failed; the message holds its last words.
    """
    task = {"url": url, "orders": ORDERS[contender], "connections": at_once, "settle": settle}
    told = {"BENCH_TASK": json.dumps(task), "SSL_CERT_FILE": str(trust), "PYTHONPATH": str(REPOSITORY)}
    process = await asyncio.create_subprocess_exec(
        str(interpreter(contender)),
        str(HERE / "contenders" / f"{contender}.py"),
        cwd=REPOSITORY,
        env={**os.environ, **told, "NO_PROXY": "127.0.0.1"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        said, complained = await asyncio.wait_for(process.communicate(), _LONGEST_S)
    except TimeoutError:
        process.kill()
        await process.wait()
        raise DidNotRun(f"{contender} did not end within {_LONGEST_S:g} s") from None
    if process.returncode or not said.strip():
        raise DidNotRun(f"{contender} ended with code {process.returncode}: {complained.decode()[-1500:]}")
    return Rate(**json.loads(said.decode().splitlines()[-1]))


def beside(url: str) -> Rate | None:
    """Run wrk for two seconds, if the machine has it; blocking.

    Its figure is shown and judged by nobody.

    Raises:
        DidNotRun: it failed, or said nothing of requests.
    """
    wrk = shutil.which("wrk")
    if wrk is None:
        return None
    script = str(HERE / "contenders" / "wrk.lua")
    before, began = _cpu_of_children_s(), time.perf_counter()
    ended = subprocess.run(
        [wrk, "-t1", f"-c{AT_ONCE}", "-d2s", "-s", script, url], capture_output=True, text=True, check=False
    )
    spent, wall_s = _cpu_of_children_s() - before, time.perf_counter() - began
    found = re.search(r"(\d+) requests in", ended.stdout)
    if ended.returncode or not found:
        raise DidNotRun(f"wrk ended with code {ended.returncode}: {(ended.stdout + ended.stderr)[-500:]}")
    return Rate(int(found[1]), spent, wall_s)


def _cpu_of_children_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
