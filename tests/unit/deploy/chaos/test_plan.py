"""What a run does is drawn from its seed alone, and a handful of seeds holds every kind."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.chaos.kinds import FROM_THE_START, MEANINGS, SERVER_KINDS, Kind
from deploy.chaos.plan import draw, rounds
from deploy.chaos.strikes import STRIKES

SECONDS = 12.0
ROUND = rounds(tuple(Kind))


def test_a_seed_is_a_run() -> None:
    assert draw(7, SECONDS) == draw(7, SECONDS)
    assert draw(7, SECONDS) != draw(8, SECONDS)


def test_every_kind_has_a_meaning_and_a_strike() -> None:
    assert set(MEANINGS) == set(STRIKES) == set(Kind)


@pytest.mark.parametrize("turn", range(20))
def test_a_round_of_seeds_holds_every_kind(turn: int) -> None:
    seeds = range(turn * ROUND, (turn + 1) * ROUND)
    assert frozenset[Kind]().union(*(draw(seed, SECONDS).kinds for seed in seeds)) == set(Kind)


def test_the_runs_of_the_short_form_hold_every_kind() -> None:
    assert ROUND <= 10
    assert frozenset[Kind]().union(*(draw(seed, SECONDS).kinds for seed in range(10))) == set(Kind)


def test_no_run_ends_the_server_twice() -> None:
    for seed in range(400):
        ends = Counter(strike.kind in SERVER_KINDS for strike in draw(seed, SECONDS).strikes)
        assert ends[True] <= 1, seed


def test_faults_begin_while_the_leaders_trade() -> None:
    for seed in range(100):
        for strike in draw(seed, SECONDS).strikes:
            assert strike.at_s < SECONDS * 0.8
            assert (strike.at_s == 0) == (strike.kind in FROM_THE_START)


def test_the_clock_is_off_only_where_it_was_drawn() -> None:
    for seed in range(100):
        plan = draw(seed, SECONDS)
        off = plan.kinds & {Kind.CLOCK_AHEAD, Kind.CLOCK_BEHIND}
        assert bool(plan.offset_ms) == bool(off), seed
        if off == {Kind.CLOCK_AHEAD}:
            assert plan.offset_ms < 0


def test_a_narrowed_choice_is_kept_to() -> None:
    chosen = (Kind.WORKER_KILLED, Kind.SQL_LOCKED)
    assert {kind for seed in range(20) for kind in draw(seed, SECONDS, chosen).kinds} == set(chosen)


@given(st.sets(st.sampled_from(Kind), min_size=1), st.integers(0, 50))
def test_any_choice_of_kinds_is_dealt_whole_and_ends_no_server_twice(chosen: set[Kind], turn: int) -> None:
    kinds = tuple(sorted(chosen))
    plans = [draw(seed, SECONDS, kinds) for seed in range(turn * rounds(kinds), (turn + 1) * rounds(kinds))]
    assert {kind for plan in plans for kind in plan.kinds} == chosen
    assert all(sum(strike.kind in SERVER_KINDS for strike in plan.strikes) <= 1 for plan in plans)
