"""What a rehearsal may be told."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Options:
    """How large, how long, how often, and what to show."""

    followers: int = 1_000
    seconds: float = 60.0
    once: bool = False
    json: bool = False
    seed: int = 1
    keep: bool = False
    moves_per_s: float = 1.5
    """Decisions of all leaders together; one may be several fills."""
    workers: int = 2
    watchers: int = 2
    others: tuple[str, ...] = ("token_keeper", "ledger_recorder")
    kills: int = 1
    """How many kills are wanted in a session that ends by itself; one that puts nothing in doubt is repeated."""
    quiet_s: float = 5.0


def options_from(arguments: Sequence[str] | None = None) -> Options:
    """Read the command line; leaves the process with code 2 and a usage line if it makes no sense."""
    default = Options()
    parser = argparse.ArgumentParser(
        prog="python -m deploy.demo",
        description="Run the whole path of a trade on this machine against a paper OKX, kill a worker on the way,"
        " and audit what reached the venue. Exit codes: 0 clean, 1 something was found, 2 it could not run.",
    )
    parser.add_argument("--followers", type=_count, default=default.followers, help="how many copy the three leaders")
    parser.add_argument(
        "--seconds",
        type=_seconds,
        default=default.seconds,
        help="how long the leaders trade; without --once, how often a worker is killed",
    )
    parser.add_argument("--once", action="store_true", help="end by itself after --seconds; otherwise Ctrl-C ends it")
    parser.add_argument("--json", action="store_true", help="make the last line of standard output one JSON object")
    parser.add_argument("--seed", type=int, default=default.seed, help="what the leaders do is drawn from this")
    parser.add_argument("--keep", action="store_true", help="keep the folder with logs and data")
    told = parser.parse_args(arguments)
    return Options(told.followers, told.seconds, told.once, told.json, told.seed, told.keep)


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"got {text}; it takes 1 or more")
    return number


def _seconds(text: str) -> float:
    seconds = float(text)
    if not seconds > 0:
        raise argparse.ArgumentTypeError(f"got {text}; it takes more than 0")
    return seconds
