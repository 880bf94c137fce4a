"""The rehearsal itself: a worker dies in the middle of a fan-out, and the audit finds nothing."""

import json

import pytest

from deploy.demo.__main__ import ExitCode, run
from deploy.demo.options import Options


@pytest.mark.timeout(150)
async def test_a_worker_killed_under_way_costs_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    code = await run(Options(followers=40, seconds=10, once=True, json=True, moves_per_s=3, quiet_s=3))
    said = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (code, said["findings"]) == (ExitCode.CLEAN, [])
    assert said["copies"] > 0
    assert said["kills"] >= 1
    assert said["in_doubt"] >= 1
    assert 0 < said["p50_ms"] <= said["p99_ms"]
