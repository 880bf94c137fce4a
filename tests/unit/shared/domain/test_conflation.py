"""A burst copied by one order, or event by event, ends in the same place.

What exactly holds where orders fill whole and no limit speaks:

* carrying, the two targets are equal, for any history. A position may be rounded up to it (after a close) or down to it
  (after an open), so the two differ by a lot at most where the minimum is a lot, and by less than two minimums where it
  is more;
* skipping, the same holds as long as nothing was skipped on either way: openings each below the minimum may be enough
  for an order together, which is why a burst copies what single fills would not;
* with openings of whole minimums and no partial closes, positions are equal, whatever the policy;
* after a full close both hold nothing, always.
"""

from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from shared.domain.fills import TradeEvent
from shared.domain.instruments import Instrument
from shared.domain.reasons import Reason
from shared.domain.subscriptions import BelowMinimum
from tests.support.builders import book, event, instrument, subscription
from tests.support.history import Kind, Move, history
from tests.unit.shared.domain.copyist import Copyist
from tests.unit.shared.domain.drawing import instruments, moves, policies, proven, ratios, small_ratios
from tests.unit.shared.domain.witness import NOISE


def _both_ways(
    events: list[TradeEvent], on: Instrument, ratio: Decimal, policy: BelowMinimum, data: st.DataObject
) -> tuple[Copyist, Copyist]:
    """Copy a history event by event, and with pauses in which events pile up, some behind an order in flight."""
    settings = subscription(ratio=ratio, below_minimum=policy)
    single, bursts = Copyist(settings, on).copy_all(events), Copyist(settings, on)
    for each in events:
        bursts.receive(each)
        if data.draw(st.booleans()) and not bursts.flying:
            bursts.start()
        elif data.draw(st.booleans()):
            bursts.rest()
    bursts.rest()
    return single, bursts


def _skipped(copyist: Copyist) -> bool:
    return any(skip.reason is Reason.BELOW_MINIMUM for skip in copyist.skips)


def _assert_same(single: Copyist, bursts: Copyist) -> None:
    on = single.instrument
    exact = Fraction(single.book.target)
    assert abs(exact - Fraction(bursts.book.target)) <= NOISE * max(Fraction(1), abs(exact))
    apart = abs(single.position - bursts.position)
    assert apart <= on.lot if on.minimum == on.lot else apart < 2 * on.minimum


@proven
@given(instruments(), ratios, moves(*Kind, longest=20), st.data())
def test_carrying_both_ways_want_the_same(
    on: Instrument, ratio: Decimal, drawn: list[Move], data: st.DataObject
) -> None:
    _assert_same(*_both_ways(history(drawn, on.lot), on, ratio, BelowMinimum.CARRY, data))


@proven
@given(instruments(), small_ratios, moves(*Kind, longest=20), st.data())
def test_both_ways_want_the_same_unless_one_of_them_skipped(
    on: Instrument, ratio: Decimal, drawn: list[Move], data: st.DataObject
) -> None:
    single, bursts = _both_ways(history(drawn, on.lot), on, ratio, BelowMinimum.SKIP, data)
    if not (_skipped(single) or _skipped(bursts)):
        _assert_same(single, bursts)


@proven
@given(instruments(), st.integers(1, 9), moves(Kind.ADD, Kind.CLOSE, Kind.FLIP, longest=20), policies, st.data())
def test_whole_minimums_end_in_equal_positions(
    on: Instrument, ratio: int, drawn: list[Move], policy: BelowMinimum, data: st.DataObject
) -> None:
    single, bursts = _both_ways(history(drawn, on.minimum), on, Decimal(ratio), policy, data)
    assert single.position == bursts.position == single.book.target == bursts.book.target


@proven
@given(instruments(), ratios, moves(*Kind, longest=20), policies, st.data())
def test_after_a_full_close_both_ways_hold_nothing(
    on: Instrument, ratio: Decimal, drawn: list[Move], policy: BelowMinimum, data: st.DataObject
) -> None:
    events = history([*drawn, Move(Kind.CLOSE, 1)], on.lot)
    single, bursts = _both_ways(events, on, ratio, policy, data)
    assert single.position == bursts.position == 0
    assert single.book.flat
    assert bursts.book.flat


def test_a_burst_copies_what_single_fills_would_skip() -> None:
    """Five fills of 0.3 contracts each: alone each is below one contract, together they are 1.5."""
    events = [event(n * 3, (n + 1) * 3, number=n + 1) for n in range(5)]
    settings = subscription(ratio="0.1")
    single, burst = Copyist(settings, instrument()).copy_all(events), Copyist(settings, instrument())
    for each in events:
        burst.receive(each)
    burst.rest()

    assert single.position == single.book.target == 0
    assert [skip.reason for skip in single.skips] == [Reason.BELOW_MINIMUM] * 5
    assert burst.book == book("1.5", 1)
    assert burst.skips == []


def test_an_open_undone_while_it_waited_costs_no_order() -> None:
    """The leader opened and closed before our turn came: nothing was placed, so nothing has to be closed."""
    copyist = Copyist(subscription(), instrument())
    copyist.receive(event(0, 10, number=1))
    copyist.receive(event(10, 0, number=2))
    copyist.rest()

    assert copyist.orders == []
    assert copyist.book.flat


def test_an_open_undone_while_in_flight_is_closed_whole() -> None:
    """The order had left when the leader closed: what it filled is closed, what it did not fill is not chased."""
    copyist = Copyist(subscription(), instrument())
    copyist.receive(event(0, 10, number=1))
    copyist.start()
    copyist.receive(event(10, 0, number=2))
    copyist.finish(Decimal(7))
    copyist.rest()

    assert [order.change for order in copyist.orders] == [10, -7]
    assert copyist.book.flat


def test_a_partial_close_in_flight_shrinks_what_is_still_wanted() -> None:
    """10 ordered; the leader halves; 6 fill. Of the 4 unfilled, 2 were still wanted.

    They leave the target of 5, and 3 of the 6 go.
    """
    copyist = Copyist(subscription(), instrument())
    copyist.receive(event(0, 10, number=1))
    copyist.start()
    copyist.receive(event(10, 5, number=2))
    copyist.finish(Decimal(6))

    assert copyist.book == book(3, 6)
    copyist.rest()
    assert [order.change for order in copyist.orders] == [10, -3]
