"""The command line."""

import pytest

from deploy.demo.options import Options, options_from


def test_defaults() -> None:
    assert options_from([]) == Options(followers=1_000, seconds=60, once=False, json=False, seed=1, keep=False)


def test_everything_told() -> None:
    told = options_from(["--followers", "20", "--seconds", "5.5", "--once", "--json", "--seed", "7", "--keep"])
    assert told == Options(20, 5.5, once=True, json=True, seed=7, keep=True)


@pytest.mark.parametrize("words", [["--followers", "0"], ["--followers", "many"], ["--seconds", "-1"], ["--fast"]])
def test_nonsense_is_refused_with_code_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        options_from(words)
    assert left.value.code == 2
    assert words[0] in capsys.readouterr().err
