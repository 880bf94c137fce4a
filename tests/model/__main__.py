"""Run the model: `python -m tests.model --schedules 100000 --seed 1 [--without RULE]`.

A violation ends it with its timeline and exit code 1.
"""

import argparse
import sys

from rich.console import Console
from rich.progress import Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from tests.model.focus import FOCUS
from tests.model.rules import ALL_RULES, Fault, Rule
from tests.model.schedule import Result, run
from tests.model.sweep import sweep


def main(arguments: list[str] | None = None) -> int:
    """Sweep, show progress, and stop at the first violation."""
    options = _parse(arguments)
    console = Console()
    rules = ALL_RULES - set(options.without)
    faults = frozenset(options.faults) if options.faults else None
    if options.focus and options.without:
        faults = frozenset[Fault]().union(*(FOCUS[rule].faults for rule in options.without))
    wrong = _search(options.seed, options.schedules, rules, faults, console)
    if wrong is None:
        console.print(f"{options.schedules} schedules from seed {options.seed}: no violation")
        return 0
    _show(run(wrong.seed, rules, faults, traced=True), console)
    return 1


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.model", description="Run the randomized model of the lane protocol."
    )
    parser.add_argument("--schedules", type=int, default=10_000, help="how many to run (default 10000)")
    parser.add_argument("--seed", type=int, default=1, help="seed of the first; the others count up (default 1)")
    parser.add_argument("--without", type=Rule, nargs="+", default=[], choices=list(Rule), help="rules to remove")
    parser.add_argument(
        "--faults",
        type=Fault,
        nargs="+",
        default=[],
        choices=list(Fault),
        help="faults in force (default: each schedule draws its own)",
    )
    parser.add_argument(
        "--focus",
        action="store_true",
        help="only the faults against which the removed rules protect, as the tests use them",
    )
    return parser.parse_args(arguments)


def _search(
    seed: int, schedules: int, rules: frozenset[Rule], faults: frozenset[Fault] | None, console: Console
) -> Result | None:
    columns = (
        *Progress.get_default_columns()[:3],
        TextColumn("{task.completed}/{task.total} schedules"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("schedules", total=schedules)
        for done, wrong in sweep(seed, schedules, rules, faults):
            progress.advance(task, done)
            if wrong:
                return wrong[0]
    return None


def _show(result: Result, console: Console) -> None:
    table = Table(
        "tick", "who", "what", title=f"seed {result.seed}: faults {', '.join(sorted(result.faults)) or 'none'}"
    )
    for line in result.timeline:
        table.add_row(line[:4].strip(), line[6:15].strip(), line[16:])
    console.print(table)
    for violation in result.violations:
        console.print(f"[bold red]{violation}")


if __name__ == "__main__":
    sys.exit(main())
