"""`python -m deploy.demo`: rehearse, print the audit, say by the exit code how it went."""

import asyncio
import json
import signal
import sys
from collections.abc import Iterator
from enum import IntEnum

from rich.console import Console

from deploy.demo.audit.report import Report
from deploy.demo.options import Options, options_from
from deploy.demo.processes import DidNotRun
from deploy.demo.screen import Lines, LiveTable, Screen, print_report
from deploy.demo.session import rehearse
from deploy.demo.stage import Between
from deploy.demo.venue import VenueRefused
from shared.bus.embedded import ServerDidNotStart


class ExitCode(IntEnum):
    """How a rehearsal went."""

    CLEAN = 0
    FOUND = 1
    DID_NOT_RUN = 2
    INTERRUPTED = 130


def main() -> int:
    """Rehearse as the command line says."""
    options = options_from()
    try:
        return asyncio.run(run(options))
    except asyncio.CancelledError:
        return ExitCode.INTERRUPTED


async def run(options: Options, between: Between | None = None) -> int:
    """Rehearse and print; the first Ctrl-C ends the trading, the second one everything."""
    stopping = asyncio.Event()
    _listen_for_signals(stopping)
    screen: Screen = LiveTable() if sys.stdout.isatty() and not options.json else Lines()
    report, failed = None, list[str]()
    try:
        report = await rehearse(options, screen, stopping, between)
    except* (DidNotRun, ServerDidNotStart, VenueRefused) as failures:
        failed = [str(failure) for failure in _leaves(failures)]
    finally:
        screen.close()
    if report is None:
        sys.stderr.write("".join(f"{failure}\n" for failure in failed))
        return ExitCode.DID_NOT_RUN
    tell(report, options)
    return ExitCode.CLEAN if report.clean else ExitCode.FOUND


def tell(report: Report, options: Options) -> None:
    """Print the report: for people, or as one JSON object on the last line of standard output."""
    if options.json:
        print(json.dumps({**report.as_json(), "seconds": options.seconds}), flush=True)
    else:
        print_report(report, Console())


def _leaves(group: BaseExceptionGroup[Exception]) -> Iterator[Exception]:
    for each in group.exceptions:
        yield from _leaves(each) if isinstance(each, BaseExceptionGroup) else (each,)


def _listen_for_signals(stopping: asyncio.Event) -> None:
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    if task is None:
        raise RuntimeError("signals are listened for from a task; expected to run under asyncio.run")

    def interrupted() -> None:
        if stopping.is_set():
            task.cancel()
        stopping.set()

    loop.add_signal_handler(signal.SIGINT, interrupted)
    loop.add_signal_handler(signal.SIGTERM, task.cancel)


if __name__ == "__main__":
    sys.exit(main())
