"""What property tests draw from, and how many they draw: the same examples on every run."""

from decimal import Decimal

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from shared.domain.instruments import Instrument
from shared.domain.subscriptions import BelowMinimum, SubscriptionState
from tests.support.builders import instrument
from tests.support.history import TRADES, Kind, Move

proven = settings(
    max_examples=300, deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow]
)
"""For a property whose example takes a millisecond or so."""

lots = st.sampled_from([Decimal(text) for text in ("0.0001", "0.01", "0.1", "1", "5", "10", "1000")])
small_ratios = st.integers(1, 30_000).map(lambda number: Decimal(number) / 10_000)
ratios = st.one_of(
    st.sampled_from([Decimal(text) for text in ("1", "0.5", "0.1", "2", "0.333", "100")]),
    small_ratios,
)
policies = st.sampled_from(BelowMinimum)
states = st.sampled_from(SubscriptionState)


@st.composite
def instruments(draw: st.DrawFn, *, pieces: bool = False, above_lot: bool = True) -> Instrument:
    """Draw an instrument; with `pieces` its maximum is small, with `above_lot` its minimum may be more than a lot."""
    lot = draw(lots)
    minimum = lot * draw(st.sampled_from([1, 1, 2, 5])) if above_lot else lot
    most = minimum * draw(st.integers(20, 200)) if pieces else lot * 10**9
    return instrument(lot=lot, minimum=minimum, max_market=most, max_limit=most * draw(st.sampled_from([1, 2])))


def moves(*kinds: Kind, most: int = 200, longest: int = 12) -> st.SearchStrategy[list[Move]]:
    """Draw a list of moves."""
    amounts = st.integers(-most, most).filter(bool)
    return st.lists(st.builds(Move, st.sampled_from(kinds or TRADES), amounts), min_size=1, max_size=longest)


portions = st.sampled_from([Decimal(text) for text in ("0", "0.2", "0.5", "0.9", "1", "1")])
"""How much of an order fills."""


def filled(size: Decimal, portion: Decimal, on: Instrument) -> Decimal:
    """Return a portion of an order's size, on the lot."""
    return on.round_size(size * portion)
