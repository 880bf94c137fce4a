"""An audit that cannot fail proves nothing: builds that send twice, drop, shrink or forget the tag fail it, by name."""

import json
from contextlib import AbstractAsyncContextManager

import pytest

from deploy.demo.__main__ import ExitCode, run
from deploy.demo.options import Options
from tests.e2e.tampering_proxy import DropsOrder, ForgetsTag, HalvesSize, Honest, SendsTwice, tampering

SHORT = Options(
    others=(), followers=12, seconds=4, once=True, json=True, moves_per_s=3, workers=1, watchers=1, kills=0, quiet_s=2
)
CONSEQUENCES = {"doubled": {"wrong_size"}, "lost": {"wrong_size"}, "wrong_size": set[str](), "untagged": set[str]()}
"""What else is true of a follower with one order too many, or too few."""


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    ("how", "word"),
    [(SendsTwice(), "doubled"), (DropsOrder(), "lost"), (HalvesSize(), "wrong_size"), (ForgetsTag(), "untagged")],
    ids=lambda value: type(value).__name__ if isinstance(value, Honest) else value,
)
async def test_a_bad_build_fails_the_audit_by_name(how: Honest, word: str, capsys: pytest.CaptureFixture[str]) -> None:
    def between(venue_url: str) -> AbstractAsyncContextManager[str]:
        return tampering(venue_url, how)

    code = await run(SHORT, between)
    said = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert how.struck is not None
    assert code == ExitCode.FOUND
    assert said[word] >= 1
    found = {
        name for name in ("lost", "doubled", "misordered", "untagged", "wrong_size", "leaks", "unnamed") if said[name]
    }
    assert found <= {word} | CONSEQUENCES[word]
    assert any(line.startswith(f"{word}: ") for line in said["findings"])
