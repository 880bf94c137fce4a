"""What following would have meant: every event accounted for, and figures that mean what they say."""

from collections.abc import Mapping
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from shared.domain.books import FLAT, fold
from shared.domain.fills import TradeEvent
from shared.domain.ids import InstId
from shared.domain.instruments import Instrument
from shared.domain.planning import decide
from shared.domain.preview import SHARE, preview, smallest_ratio
from shared.domain.reasons import Reason
from shared.domain.risk import Account
from shared.domain.subscriptions import BelowMinimum
from tests.support.builders import BTC, event, instrument, situation, subscription

ETH = InstId("ETH-USDT-SWAP")
LISTED: Mapping[InstId, Instrument] = {
    BTC: instrument(lot="0.1", minimum="0.3"),
    ETH: instrument(inst_id=ETH, contract_value="0.1"),
}
PLAIN: Mapping[InstId, Instrument] = {BTC: instrument()}


@st.composite
def courses(draw: st.DrawFn) -> list[TradeEvent]:
    """Draw a leader's way through positions in two instruments, in order."""
    at = {BTC: Decimal(0), ETH: Decimal(0)}
    moves = draw(st.lists(st.tuples(st.sampled_from([BTC, ETH]), st.integers(-40, 40)), max_size=30))
    events = []
    for number, (inst_id, tenths) in enumerate(moves, 1):
        after = Decimal(tenths) / 10
        if after != at[inst_id]:
            events.append(event(at[inst_id], after, number=number, inst_id=inst_id))
            at[inst_id] = after
    return events


def ratios() -> st.SearchStrategy[Decimal]:
    return st.integers(1, 500).map(lambda number: Decimal(number) / 100)


@given(events=courses(), ratio=ratios(), policy=st.sampled_from(BelowMinimum))
def test_every_event_becomes_orders_or_is_skipped_with_a_reason(
    events: list[TradeEvent], ratio: Decimal, policy: BelowMinimum
) -> None:
    seen = preview(subscription(ratio=ratio, below_minimum=policy), Account(), LISTED, events)
    assert seen.events == len(events)
    assert seen.copies + sum(seen.skips.values()) >= len(events)


@given(events=courses())
def test_at_the_smallest_ratio_ninety_nine_of_a_hundred_openings_reach_the_minimum(events: list[TradeEvent]) -> None:
    smallest = smallest_ratio(LISTED, events)
    openings = [each for each in events if each.opened]
    assert (smallest is None) is (not openings)
    if smallest is not None:
        reached = [each for each in openings if ordered(each, smallest)]
        assert len(reached) >= SHARE * len(openings)


def ordered(each: TradeEvent, ratio: Decimal) -> bool:
    """Tell whether an opening by itself becomes an order."""
    alone = event(0, each.opened, inst_id=each.inst_id)
    book, _ = fold(FLAT, alone, subscription(ratio=ratio), LISTED[each.inst_id])
    return decide(situation(book, subscription(ratio=ratio), instrument=LISTED[each.inst_id])).intent is not None


@given(events=courses(), ratio=ratios())
def test_a_balance_is_never_more_than_the_largest_exposure_and_halves_with_twice_the_leverage(
    events: list[TradeEvent], ratio: Decimal
) -> None:
    one = preview(subscription(ratio=ratio), Account(), LISTED, events)
    two = preview(subscription(ratio=ratio), Account(), LISTED, events, Decimal(2))
    assert 0 <= one.smallest_balance <= one.largest_exposure
    assert two.smallest_balance * 2 == one.smallest_balance


def test_figures_of_a_short_course() -> None:
    events = [event(0, 10, number=1), event(10, 4, number=2), event(4, 0, number=3), event(0, 2, number=4)]
    seen = preview(subscription(ratio="0.1"), Account(), PLAIN, events)
    assert (seen.copies, dict(seen.skips)) == (2, {Reason.NETTED: 1, Reason.BELOW_MINIMUM: 1})
    assert seen.smallest_ratio == Decimal("0.5")
    assert seen.largest_exposure == 1 * Decimal("0.01") * 100


def test_an_account_that_is_not_in_net_mode_would_open_nothing() -> None:
    seen = preview(subscription(), Account(net_mode=False), PLAIN, [event(0, 10)])
    assert (seen.copies, dict(seen.skips)) == (0, {Reason.FOLLOWER_MODE: 1})


def test_of_nothing_nothing_is_made() -> None:
    seen = preview(subscription(), Account(), LISTED, [])
    assert (seen.events, seen.copies, seen.smallest_ratio) == (0, 0, None)
    assert seen.smallest_balance == 0


def test_what_the_venue_does_not_list_is_skipped() -> None:
    seen = preview(subscription(), Account(), {}, [event(0, 10)])
    assert dict(seen.skips) == {Reason.INSTRUMENT_UNKNOWN: 1}
