"""Many runs: each a process of its own, some side by side, a line for each as it ends."""

import asyncio
import json
import sys
import time
from collections import deque
from collections.abc import Iterator, Sequence

from deploy.chaos.options import Options
from deploy.chaos.result import Result
from deploy.chaos.telling import story
from deploy.demo.processes import REPOSITORY

_LONGEST_S = 300.0
"""A run that hangs must not hang the session."""


async def run_all(options: Options) -> tuple[list[Result], list[int]]:
    """Run every seed; return the results in the order of their seeds, and the seeds that did not run to their end."""
    seeds_left = deque(range(options.seed, options.seed + options.runs))
    results: list[Result] = []
    failed: list[int] = []
    began = time.monotonic()

    async def run_some() -> None:
        while seeds_left:
            seed = seeds_left.popleft()
            result = await _run(seed, options)
            if isinstance(result, Result):
                results.append(result)
            else:
                failed.append(seed)
            said = _line(result) if isinstance(result, Result) else f"seed {seed} did not run: {result}"
            done = len(results) + len(failed)
            if options.until_found and isinstance(result, Result) and not result.clean:
                seeds_left.clear()
            sys.stderr.write(f"{done:>4}/{options.runs}  {time.monotonic() - began:6.0f} s  {said}\n")
            if isinstance(result, Result) and (result.crashes or not result.clean):
                sys.stderr.write(story(result, options))

    await asyncio.gather(*(run_some() for _ in range(options.jobs)))
    return sorted(results, key=lambda each: each.seed), failed


async def _run(seed: int, options: Options) -> Result | str:
    process = await asyncio.create_subprocess_exec(
        *_command(seed, options),
        cwd=REPOSITORY,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        limit=1 << 26,
    )
    try:
        async with asyncio.timeout(_LONGEST_S):
            said, complained = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        return f"it did not end within {_LONGEST_S:g} s"
    lines = said.decode().splitlines()
    if not lines:
        return complained.decode(errors="replace")[-2_000:]
    return Result(**json.loads(lines[-1]))


def _command(seed: int, options: Options) -> Sequence[str]:
    return list(_words(seed, options))


def _words(seed: int, options: Options) -> Iterator[str]:
    yield from (sys.executable, "-m", "deploy.chaos", "--only", "--seed", str(seed))
    yield from ("--followers", str(options.followers), "--workers", str(options.workers))
    yield from ("--seconds", str(options.seconds), "--folder", str(options.folder))
    if options.keep:
        yield "--keep"
    yield from ("--faults", *(kind.value for kind in options.faults))


def _line(result: Result) -> str:
    found = ", ".join(f"{word} {count}" for word, count in result.counts.items() if count)
    verdict = f"FOUND {found}" if found else "clean"
    crashed = f", {result.crashes} CRASHES" if result.crashes else ""
    figures = f"{result.events} events, {result.copies} copies, {result.in_doubt} in doubt{crashed}"
    return f"seed {result.seed:<5} {verdict}; {figures}; {', '.join(result.kinds)}"
