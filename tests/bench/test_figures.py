"""A figure is judged by its bar, in the direction that is better; ratios pair what met the same machine."""

from tests.bench.figures import DEFINITIONS, Figure, Name, ratio
from tests.bench.telling import Measured


def test_more_or_less_is_better_as_the_figure_says() -> None:
    more, less = DEFINITIONS[Name.VS_CCXT], DEFINITIONS[Name.LAST_ACK]
    assert [more.reached(each) for each in (7.9, 8, 20)] == [False, True, True]
    assert [less.reached(each) for each in (4.1, 4, 1)] == [False, True, True]


def test_what_is_only_reported_is_always_reached() -> None:
    assert DEFINITIONS[Name.SETTLED].reached(0.1)


def test_a_ratio_goes_round_by_round() -> None:
    assert ratio([10, 30, 20], [1, 2, 4]) == Figure(10, 5, 15)


def test_every_figure_has_a_definition_and_its_name_in_the_document() -> None:
    assert set(DEFINITIONS) == set(Name)
    measured = Measured({Name.VS_CCXT: Figure(9, 8.5, 9.5), Name.COLD: Figure(3, 2, 4)})
    told = measured.as_json()
    assert told["figures"] == {"ours_vs_ccxt": 9, "cold_over_warm": 3}
    assert told["spread"]["ours_vs_ccxt"] == [8.5, 9.5]
    assert told["reached"] == {"ours_vs_ccxt": True, "cold_over_warm": False}
