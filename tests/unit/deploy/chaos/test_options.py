"""The command line."""

import pytest

from deploy.chaos.kinds import Kind
from deploy.chaos.options import Options, options_from


def test_defaults() -> None:
    assert options_from([]) == Options(faults=list(Kind))


def test_what_is_told_is_taken() -> None:
    told = options_from(["--runs", "3", "--seed", "9", "--jobs", "2", "--json", "--faults", "sql_locked"])
    assert told == Options(runs=3, seed=9, jobs=2, json=True, faults=[Kind.SQL_LOCKED])


def test_the_manual_names_every_fault(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        options_from(["--help"])
    said = capsys.readouterr().out
    assert [kind for kind in Kind if kind.value not in said] == []


@pytest.mark.parametrize("words", [["--runs", "0"], ["--faults", "earthquake"], ["--seed", "x"]])
def test_nonsense_is_refused_with_code_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        options_from(words)
    assert left.value.code == 2
    assert words[0] in capsys.readouterr().err
