"""Count the processor's instructions per order, the same on every run and machine of one build: the regression figure.

Valgrind runs the steps of an order (`tests.bench.steps`) for a few hundred followers and one event, and again
for three events; the difference is what two events cost. Needs valgrind.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

_FOLLOWERS, _FEW, _MANY = 300, 1, 3
_COLLECTED = re.compile(r"Collected : (\d+)")
_ROOT = Path(__file__).resolve().parents[2]


class NotCounted(Exception):
    """Valgrind is not there, or did not run to its end; says what it said."""


def count(events: int) -> int:
    """Return the instructions of one round of so many events, start-up included.

    Raises:
        NotCounted: see there.
    """
    with tempfile.TemporaryDirectory() as folder:
        command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={folder}/out", sys.executable]
        size = ["--followers", str(_FOLLOWERS), "--events", str(events), "--rounds", "1"]
        steps = ["-m", "tests.bench.steps", *size, "--json"]
        fixed = {**os.environ, "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"}
        try:
            ended = subprocess.run(
                [*command, *steps], cwd=_ROOT, env=fixed, capture_output=True, text=True, check=False
            )
        except FileNotFoundError as error:
            raise NotCounted("valgrind is not installed; expected the package of that name") from error
    found = _COLLECTED.search(ended.stderr)
    if ended.returncode or not found:
        raise NotCounted(f"valgrind ended with code {ended.returncode}: {ended.stderr[-600:]}")
    return int(found[1])


def per_order() -> int:
    """Return the instructions an order costs from event to settled and written. Raises as `count`."""
    return (count(_MANY) - count(_FEW)) // (_FOLLOWERS * (_MANY - _FEW))


def main() -> int:
    """Count, print, and compare with a bound if one is given; code 1 above it, 2 if nothing could be counted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--most", type=int, help="instructions per order above which this fails")
    parser.add_argument("--json", action="store_true")
    told = parser.parse_args()
    try:
        counted = per_order()
    except NotCounted as error:
        sys.stderr.write(f"{error}\n")
        return 2
    print(json.dumps({"instructions_per_order": counted}) if told.json else f"{counted:,} instructions per order")
    return 1 if told.most is not None and counted > told.most else 0


if __name__ == "__main__":
    sys.exit(main())
