"""The import contracts hold, and each of them bites when it is broken on purpose."""

import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from tests.support.repository import ROOT

PLANTED = {
    "services stand on shared, never the reverse": ("shared/clock.py", "import services.portal"),
    "the floors of shared": ("shared/messages/outcome.py", "import shared.clock"),
    "services never import one another": (
        "services/token_keeper/metrics.py",
        "import services.ledger_recorder.metrics",
    ),
    "the simulator shares nothing: one wrong field must not fool both sides": (
        "services/okx_simulator/clock.py",
        "import shared.clock",
    ),
    "the domain is pure": ("shared/domain/sizing.py", "import time"),
    "the OKX protocol does no I/O": ("shared/okx/codes.py", "import asyncio"),
    "use cases speak to ports": ("services/token_keeper/keeping.py", "import sqlalchemy"),
    "clients are built in wiring and nowhere else": (
        "services/ledger_recorder/settings.py",
        "import shared.store.ledger",
    ),
    "only the grants are sealed and opened": ("shared/store/accounts.py", "import shared.vault.seal"),
    "blast radius: no tokens, no exchange in the recorder": (
        "services/ledger_recorder/wiring.py",
        "import shared.vault.secret",
    ),
    "blast radius: the watcher sees leaders only, and cannot trade": (
        "services/leader_watcher/wiring.py",
        "import shared.store.followers",
    ),
    "blast radius: the keeper and the portal cannot trade": (
        "services/token_keeper/wiring.py",
        "import shared.okx.wire",
    ),
    "no cycles among siblings": ("shared/domain/ids.py", "import shared.domain.lanes"),
}


@cache
def lint(folder: Path) -> tuple[int, dict[str, str]]:
    """Run the linter on a tree and return its exit code and the verdict on each contract."""
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    verdicts = dict(re.findall(r"^(.+) (KEPT|BROKEN)\b.*$", done.stdout, re.MULTILINE))
    assert verdicts, done.stdout + done.stderr
    return done.returncode, verdicts


def test_every_contract_is_kept() -> None:
    code, verdicts = lint(ROOT)

    assert [name for name, verdict in verdicts.items() if verdict != "KEPT"] == []
    assert code == 0


def test_every_contract_has_a_planted_violation() -> None:
    assert set(lint(ROOT)[1]) == set(PLANTED)


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    for package in ("shared", "services"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_every_contract_bites(copied: Path) -> None:
    for name, line in PLANTED.values():
        path = copied / name
        path.write_text(f"{path.read_text(encoding='utf-8')}\n{line}\n", encoding="utf-8")

    code, verdicts = lint(copied)

    assert {name for name, verdict in verdicts.items() if verdict == "KEPT"} == set()
    assert code != 0
