"""`python -m deploy.chaos`: run under fire, print what was found, say by the exit code how it went."""

import asyncio
import json
import shutil
import sys
from dataclasses import asdict
from enum import IntEnum

from deploy.chaos.options import Options, options_from
from deploy.chaos.plan import draw
from deploy.chaos.result import Result
from deploy.chaos.run import Run
from deploy.chaos.session import run_all
from deploy.chaos.telling import tell
from deploy.chaos.theatre import theatre
from deploy.demo.processes import DidNotRun
from deploy.demo.venue import VenueRefused
from shared.bus.embedded import ServerDidNotStart


class ExitCode(IntEnum):
    """How a session went."""

    CLEAN = 0
    FOUND = 1
    DID_NOT_RUN = 2


def main() -> int:
    """Do as the command line says."""
    options = options_from()
    if options.only:
        return _run_alone(options)
    results, failed = asyncio.run(run_all(options))
    tell(results, failed, options)
    if failed or not results:
        return ExitCode.DID_NOT_RUN
    return ExitCode.CLEAN if all(each.clean for each in results) else ExitCode.FOUND


def _run_alone(options: Options) -> int:
    try:
        result = asyncio.run(_run(options))
    except (DidNotRun, ServerDidNotStart, VenueRefused, ExceptionGroup) as failure:
        reasons = failure.exceptions if isinstance(failure, ExceptionGroup) else (failure,)
        sys.stderr.write(f"seed {options.seed} did not run: {'; '.join(map(str, reasons))}\n")
        return ExitCode.DID_NOT_RUN
    print(json.dumps(asdict(result)), flush=True)
    return ExitCode.CLEAN if result.clean else ExitCode.FOUND


async def _run(options: Options) -> Result:
    plan = draw(options.seed, options.seconds, options.faults)
    folder = (options.folder / f"seed-{options.seed}").resolve()
    shutil.rmtree(folder, ignore_errors=True)
    async with theatre(plan, options.followers, options.workers, options.seconds, folder) as made:
        result = await Run(plan, options.seconds, made).go()
    if result.clean and not options.keep:
        shutil.rmtree(folder, ignore_errors=True)
    return result


if __name__ == "__main__":
    sys.exit(main())
