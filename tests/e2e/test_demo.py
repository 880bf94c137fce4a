"""The rehearsal itself: a worker dies in the middle of a fan-out, and the audit finds nothing."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from deploy.demo import stage
from deploy.demo.__main__ import ExitCode, run
from deploy.demo.cast import Cast
from deploy.demo.options import Options
from deploy.demo.processes import REPOSITORY


@pytest.mark.timeout(150)
async def test_a_worker_killed_under_way_costs_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    code = await run(Options(followers=40, seconds=10, once=True, json=True, moves_per_s=3, quiet_s=3))
    said = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert said["findings"] == []
    assert code == ExitCode.CLEAN
    assert said["copies"] > 0
    assert said["kills"] >= 1
    assert said["in_doubt"] >= 1
    assert 0 < said["p50_ms"] <= said["p99_ms"]


@pytest.mark.timeout(60)
async def test_a_service_that_does_not_start_is_named_with_its_reason_and_nothing_stays(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    place, told = tmp_path_factory.mktemp("d"), stage.service_settings

    def without_a_tag(folder: Path, redis_url: str, venue_url: str, cast: Cast) -> dict[str, str]:
        return {**told(folder, redis_url, venue_url, cast), "SLIPSTREAM_OKX_TAG": "not a tag"}

    monkeypatch.setattr(stage, "service_settings", without_a_tag)
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    assert await run(Options(followers=3, once=True, json=True)) == ExitCode.DID_NOT_RUN
    said = capsys.readouterr()
    assert "SLIPSTREAM_OKX_TAG: got 'not a tag'" in said.err
    assert said.out == ""
    assert (list(place.iterdir()), _of(place)) == ([], [])


@pytest.mark.timeout(90)
def test_an_interrupted_rehearsal_leaves_nothing_behind(tmp_path_factory: pytest.TempPathFactory) -> None:
    place = tmp_path_factory.mktemp("d")
    rehearsal = subprocess.Popen(
        [sys.executable, "-m", "deploy.demo", "--followers", "3", "--json"],
        cwd=REPOSITORY,
        env={**os.environ, "TMPDIR": str(place)},
        stderr=subprocess.PIPE,
        text=True,
    )
    assert rehearsal.stderr is not None
    assert any("the leaders trade" in line for line in rehearsal.stderr)
    assert len(_of(place)) >= 8
    rehearsal.send_signal(signal.SIGTERM)
    rehearsal.communicate()
    assert rehearsal.returncode == ExitCode.INTERRUPTED
    assert (list(place.iterdir()), _of(place)) == ([], [])


def _of(place: Path) -> list[str]:
    """Return the command lines of the processes that know of a folder."""
    found = []
    for process in Path("/proc").iterdir():
        try:
            if str(place).encode() in (process / "environ").read_bytes() + (process / "cmdline").read_bytes():
                found.append((process / "cmdline").read_text())
        except OSError:
            continue  # it has just ended, or is not a process
    return found
