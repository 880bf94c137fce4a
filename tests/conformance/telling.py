"""How a client's script tells the runner what it saw: one JSON line per check on standard output."""

import json
import os
from dataclasses import dataclass


@dataclass(frozen=True)
class Venue:
    """Where to go and as whom."""

    rest: str
    ws: str
    api_key: str
    secret_key: str
    passphrase: str


def venue() -> Venue:
    """Return what the runner put into the environment."""
    return Venue(**json.loads(os.environ["CONFORMANCE_VENUE"]))


def tell(check: str, expected: object, seen: object) -> None:
    """Report one check: it holds when what was seen equals what was expected."""
    print(json.dumps({"check": check, "ok": seen == expected, "expected": expected, "seen": seen}, default=str))
