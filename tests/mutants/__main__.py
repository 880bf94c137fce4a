"""`python -m tests.mutants`: take one protection after another out of a scratch copy, and see its proof fail.

Exit codes: 0 every removal was caught, 1 one was not, 2 a patch no longer fits or a proof fails by itself.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.model.focus import FOCUS, PROTECTIONS
from tests.model.rules import ALL_RULES
from tests.model.schedule import run
from tests.mutants.mutants import MUTANTS, Chaos, Mutant, Patch

_ROOT = Path(__file__).parents[2]
_COPIED = ("shared", "services", "deploy", "tests", "docs", "pyproject.toml", "Makefile", "README.md")
_LONGEST_S = 480


class DoesNotFit(Exception):
    """A patch's text is not in its file exactly once, or its proof does not run: the mutant has to follow the code."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What came of removing one protection."""

    name: str
    caught: bool
    by: str
    said: str
    model_seed: int
    model_said: str
    seconds: float


def main() -> int:
    """Remove, prove, tell."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=list(MUTANTS), default=list(MUTANTS), metavar="NAME")
    parser.add_argument("--json", action="store_true", help="print one JSON object, nothing else")
    told = parser.parse_args()
    shown = []
    for name in told.only:
        try:
            shown.append(_show(name, MUTANTS[name]))
        except DoesNotFit as error:
            sys.stderr.write(f"{name}: {error}\n")
            return 2
        sys.stderr.write(f"{name}: {'caught' if shown[-1].caught else 'NOT CAUGHT'}, {shown[-1].seconds:.0f} s\n")
    _tell(shown, as_json=told.json)
    return 0 if all(each.caught for each in shown) else 1


def apply(patch: Patch, root: Path) -> None:
    """Change one place.

    Raises:
        DoesNotFit: see there.
    """
    path = root / patch.file
    text = path.read_text(encoding="utf-8")
    if text.count(patch.now) != 1:
        raise DoesNotFit(f"{patch.file} holds {text.count(patch.now)} times: {patch.now!r}; expected it once")
    path.write_text(text.replace(patch.now, patch.then), encoding="utf-8")


def _show(name: str, mutant: Mutant) -> Shown:
    began, rule = time.monotonic(), PROTECTIONS[name]
    focus = FOCUS[rule]
    in_model = run(focus.seed, ALL_RULES - {rule}, focus.faults).violations
    with tempfile.TemporaryDirectory(prefix="slipstream-mutant-") as folder:
        root = Path(folder)
        _copy(root)
        for patch in mutant.patches:
            apply(patch, root)
        ended = subprocess.run(
            [sys.executable, *mutant.proof.command()],
            cwd=root,
            capture_output=True,
            text=True,
            check=False,
            timeout=_LONGEST_S,
        )
    if ended.returncode not in (0, 1):
        raise DoesNotFit(f"its proof did not run: {ended.stderr[-2_000:]}")
    by = "chaos" if isinstance(mutant.proof, Chaos) else "tests"
    said = _said(ended, by)
    caught = ended.returncode == 1 and bool(said) and bool(in_model)
    return Shown(name, caught, by, said, focus.seed, (in_model or ["nothing"])[0], time.monotonic() - began)


def _copy(root: Path) -> None:
    for name in _COPIED:
        source = _ROOT / name
        if source.is_dir():
            shutil.copytree(source, root / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, root / name)


def _said(ended: subprocess.CompletedProcess[str], by: str) -> str:
    """Return the first finding, or the first failing test; empty if there is none."""
    lines = ended.stdout.splitlines()
    if by == "tests":
        return next((line for line in lines if line.startswith("FAILED")), "")
    whole = json.loads(lines[-1]) if lines else {}
    words = ("lost", "doubled", "misordered", "wrong_size", "stale_closes", "unnamed")
    found = ", ".join(f"{word} {whole[word]}" for word in words if whole.get(word))
    return f"seed {whole['failing_seeds'][0]}: {found}" if found else ""


def _tell(shown: Sequence[Shown], *, as_json: bool) -> None:
    if as_json:
        rows = {each.name: {"caught": each.caught, "by": each.by, "said": each.said} for each in shown}
        print(json.dumps({"removed": len(shown), "caught": sum(each.caught for each in shown), "mutants": rows}))
        return
    table = Table(title="Each protection removed", title_justify="left", box=None)
    for name in ("protection", "caught", "by", "what failed", "in the model"):
        table.add_column(name)
    for each in shown:
        in_model = f"seed {each.model_seed}: {each.model_said}"
        table.add_row(each.name, "yes" if each.caught else "NO", each.by, each.said[:80], in_model[:80])
    Console(width=200).print(table)


if __name__ == "__main__":
    sys.exit(main())
