"""What a session of runs may be told."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy.chaos.kinds import MEANINGS, Kind


@dataclass(frozen=True, slots=True)
class Options:
    """How many runs, from which seed, how large, how many side by side, and what to show."""

    runs: int = 16
    seed: int = 0
    jobs: int = 1
    followers: int = 30
    workers: int = 2
    seconds: float = 12.0
    faults: Sequence[Kind] = tuple(Kind)
    json: bool = False
    keep: bool = False
    until_found: bool = False
    only: bool = False
    """Be one run of a session: do it in this process and print its result."""
    folder: Path = Path("build/chaos")


def options_from(arguments: Sequence[str] | None = None) -> Options:
    """Read the command line; leaves the process with code 2 and a usage line if it makes no sense."""
    default = Options()
    parser = argparse.ArgumentParser(
        prog="python -m deploy.chaos",
        description="Run the real services under seeded faults and audit what reached the venue."
        " Exit codes: 0 clean, 1 something was found, 2 it could not run.",
        epilog="faults:\n" + "\n".join(f"  {kind.value:<22}{said}" for kind, said in MEANINGS.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--runs", type=_positive, default=default.runs, help=f"how many runs (default {default.runs})")
    add("--seed", type=int, default=default.seed, help="seed of the first; the others count up (default 0)")
    add("--jobs", type=_positive, default=default.jobs, help="runs side by side (default 1)")
    add("--followers", type=_positive, default=default.followers, help=f"followers (default {default.followers})")
    add("--workers", type=_positive, default=default.workers, help=f"follower workers (default {default.workers})")
    add("--seconds", type=float, default=default.seconds, help=f"how long leaders trade (default {default.seconds:g})")
    add("--faults", type=Kind, nargs="+", default=list(Kind), metavar="KIND", help="draw from these kinds only")
    add("--json", action="store_true", help="make the last line of standard output one JSON object")
    add("--keep", action="store_true", help="keep logs and data of clean runs too")
    add("--until-found", action="store_true", help="end with the first run in which something was found")
    add("--only", action="store_true", help=argparse.SUPPRESS)
    add("--folder", type=Path, default=default.folder, help=f"where logs of runs go (default {default.folder})")
    told = parser.parse_args(arguments)
    return Options(**{name: getattr(told, name) for name in Options.__dataclass_fields__})


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"got {text}; it takes 1 or more")
    return number
