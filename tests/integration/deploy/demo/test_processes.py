"""Processes of a rehearsal: their words are found when they fail, and none is left behind."""

from pathlib import Path

import pytest

from deploy.demo.processes import DidNotRun, Process


def process(tmp_path: Path, code: str, **settings: str) -> Process:
    """Run Python code through `-m`, as the services are run."""
    return Process("it", "timeit", settings, tmp_path, "-n1", "-r1", code)


async def test_a_line_of_the_log_is_waited_for(tmp_path: Path) -> None:
    it = process(tmp_path, "print('noise {'); print('{\"listening\": \"here\"}', flush=True); input()")
    it.start()
    assert await it.line(lambda said: "listening" in said) == {"listening": "here"}
    it.kill()
    assert not it.alive


async def test_what_ends_too_early_is_reported_with_its_last_words(tmp_path: Path) -> None:
    it = process(tmp_path, "raise SystemExit('the setting X is missing')")
    it.start()
    with pytest.raises(DidNotRun, match=r"it ended before it was ready with code 1(.|\n)*the setting X is missing"):
        await it.line(lambda said: "listening" in said)


async def test_settings_come_from_nowhere_but_the_rehearsal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLIPSTREAM_REDIS_URL", "redis://somewhere.else")
    show = "import os, json; print(json.dumps({n: v for n, v in os.environ.items() if n.startswith('SLIPSTREAM_')}))"
    it = process(tmp_path, show, SLIPSTREAM_OKX_TAG="t")
    it.start()
    assert await it.end() == 0
    assert await it.line(lambda _: True) == {"SLIPSTREAM_OKX_TAG": "t"}


async def test_stopping_asks_first_and_then_insists(tmp_path: Path) -> None:
    obedient = process(tmp_path, "print('{}', flush=True); import time; time.sleep(60)")
    obedient.start()
    await obedient.line(lambda _: True)
    obedient.ask_to_stop()
    assert not obedient.make_sure_it_stopped()
    assert not obedient.alive
