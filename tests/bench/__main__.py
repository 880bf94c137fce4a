"""`python -m tests.bench`: run the benchmark, print tables, write build/bench.json and build/bench.png.

Exit codes: 0 every bar was reached, 1 some was missed, 2 it could not run, or the stub was in the way.
"""

import argparse
import asyncio
import json
import subprocess
import sys

from rich.console import Console

from deploy.demo.processes import REPOSITORY, DidNotRun
from tests.bench.contending import BUILD, HERE
from tests.bench.figures import DEFINITIONS, Figure, Name
from tests.bench.measuring import FULL, QUICK, measure, say
from tests.bench.telling import Measured, tell
from tests.support.environments import environment

_TARGET = REPOSITORY / "build" / "bench.json"


def main() -> int:
    """Do as the command line says."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few followers: whether it runs, not how fast we are")
    parser.add_argument("--no-bars", action="store_true", help="end with 0 also where a bar is missed")
    parser.add_argument("--json", action="store_true", help="print one JSON object, nothing else")
    told = parser.parse_args()
    try:
        measured = asyncio.run(measure(QUICK if told.quick else FULL))
        if not told.quick:
            measured.figures[Name.TAKEOVER] = _takeover()
    except DidNotRun as failure:
        sys.stderr.write(f"{failure}\n")
        return 2
    _TARGET.parent.mkdir(parents=True, exist_ok=True)
    _TARGET.write_text(json.dumps(measured.as_json(), indent=1), encoding="utf-8")
    _draw()
    if told.json:
        print(json.dumps(measured.as_json()))
    else:
        tell(measured, Console(width=180))
    return _code(measured, strict=not told.no_bars)


def _code(measured: Measured, *, strict: bool) -> int:
    missed = [name for name, figure in measured.figures.items() if not DEFINITIONS[name].reached(figure.value)]
    if Name.STUB in missed:
        sys.stderr.write("void: the stub venue was in the way\n")
        return 2
    return 1 if missed and strict else 0


def _takeover() -> Figure:
    """Measure the takeover where its own figures are made; a bar missed there is told here by our own."""
    say("takeover after kill -9, 1,000 followers in doubt")
    command = [sys.executable, "-m", "deploy.chaos.figures", "--json"]
    ended = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    said = ended.stdout.splitlines()
    if not said:
        raise DidNotRun(f"the takeover was not measured: {ended.stderr[-800:]}")
    return Figure.of([float(each) for each in json.loads(said[-1])["takeover_s"]])


def _draw() -> None:
    """Draw the picture, in an environment of its own."""
    python = environment(HERE / "requirements" / "picture.txt", BUILD)
    subprocess.run([str(python), str(HERE / "picture.py"), str(_TARGET)], check=True, cwd=REPOSITORY)
    say(f"written: {_TARGET.relative_to(REPOSITORY)} and {_TARGET.with_suffix('.png').relative_to(REPOSITORY)}")


if __name__ == "__main__":
    sys.exit(main())
