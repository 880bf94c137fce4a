"""No follower sends faster than the venue allows; a throttled one waits alone, until too many are."""

import pytest

from services.follower_worker.flights import StrandKey
from services.follower_worker.pacing import WINDOW_S, Pace
from shared.domain.ids import AccountId, InstId
from tests.support.builders import BTC, LEADER


def key(follower: str = "a", inst_id: str = BTC) -> StrandKey:
    return StrandKey(AccountId(follower), InstId(inst_id), LEADER)


def test_a_full_window_waits_until_its_first_order_leaves_it() -> None:
    pace = Pace(3, 0.5)
    for at in (10.0, 10.5, 11.0):
        assert pace.delay(key(), at) == 0
        pace.sent(key(), at)
    assert pace.delay(key(), 11.5) == pytest.approx(0.5)
    assert pace.delay(key(), 10.0 + WINDOW_S) == 0
    pace.sent(key(), 12.0)
    assert pace.delay(key(), 12.1) == pytest.approx(0.4)


def test_windows_are_counted_per_follower_and_instrument() -> None:
    pace = Pace(1, 0.5)
    pace.sent(key(), 10.0)
    assert pace.delay(key(), 10.1) > 0
    assert pace.delay(key("b"), 10.1) == pace.delay(key("a", "ETH"), 10.1) == 0


def test_a_throttled_follower_waits_alone_on_all_its_instruments() -> None:
    pace = Pace(60, 0.5)
    pace.throttled(key(), 10.0)
    assert pace.delay(key("a", "ETH"), 10.1) == pytest.approx(0.4)
    assert pace.delay(key("b"), 10.1) == 0
    assert pace.delay(key(), 10.5) == 0


def test_when_many_are_throttled_at_once_everybody_waits() -> None:
    pace = Pace(60, 0.5)
    for number in range(19):
        pace.throttled(key(f"f{number}"), 10.0)
    assert pace.delay(key("z"), 10.0) == 0
    pace.throttled(key("f19"), 10.0)
    assert pace.delay(key("z"), 10.0) == pytest.approx(0.5)


def test_throttlings_far_apart_are_nobody_elses_matter() -> None:
    pace = Pace(60, 0.5)
    for number in range(40):
        pace.throttled(key(f"f{number}"), 10.0 + number * 0.2)
    assert pace.delay(key("z"), 18.0) == 0
