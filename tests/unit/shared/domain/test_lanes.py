"""Lanes: where a follower belongs, for ever."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.ids import AccountId
from shared.domain.lanes import LANE_SCHEME, fair_share, lane_of
from tests.unit.shared.domain.drawing import proven


@pytest.mark.parametrize(("follower", "lane"), [("follower", 6), ("f-07", 12), ("a", 3), ("uid:1", 4)])
def test_a_follower_keeps_its_lane(follower: str, lane: int) -> None:
    """CRC-32 modulo 16, known answers: another result after an upgrade would let two workers send for one follower."""
    assert lane_of(AccountId(follower), 16) == lane
    assert LANE_SCHEME == "crc32/client_order_id.blake2b128"


@proven
@given(st.text(min_size=1), st.integers(1, 4096))
def test_every_follower_has_a_lane(follower: str, count: int) -> None:
    assert 0 <= lane_of(AccountId(follower), count) < count


def test_lanes_are_of_a_size() -> None:
    """Ten thousand followers over 16 lanes: none is a tenth above or below its 625."""
    sizes = Counter(lane_of(AccountId(f"follower-{number}"), 16) for number in range(10_000))
    assert len(sizes) == 16
    assert all(560 <= size <= 690 for size in sizes.values())


@proven
@given(st.integers(1, 4096), st.integers(0, 200))
def test_a_fair_share_is_the_least_with_which_every_lane_is_held(lanes: int, workers: int) -> None:
    """A worker that counts nobody, not even itself yet, may hold all."""
    share, alive = fair_share(lanes, workers), max(1, workers)
    assert share * alive >= lanes
    assert (share - 1) * alive < lanes
