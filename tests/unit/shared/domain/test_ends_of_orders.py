"""How an order ends: proven absent, filled bit by bit, filled in pieces; and what each leaves in the book."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from shared.domain.books import FLAT, filling, fold, settled, withdrawn
from shared.domain.ids import Leg
from shared.domain.instruments import Instrument
from shared.domain.reasons import Reason
from shared.domain.subscriptions import BelowMinimum
from tests.support.builders import NOON_MS, book, event, instrument, opening, subscription
from tests.support.history import Kind, Move, history
from tests.unit.shared.domain.copyist import Copyist
from tests.unit.shared.domain.drawing import filled, instruments, moves, policies, portions, proven, small_ratios


@proven
@given(instruments(pieces=True), small_ratios, moves(*Kind, longest=12), policies, st.data())
def test_an_order_that_never_existed_is_sent_again_as_it_was(
    on: Instrument, ratio: Decimal, drawn: list[Move], policy: BelowMinimum, data: st.DataObject
) -> None:
    """Nothing happened in between: the very same order, and the same place in the end."""
    vanishing, other = (Copyist(subscription(ratio=ratio, below_minimum=policy), on) for _ in range(2))
    for each in history(drawn, on.lot):
        for copyist in (vanishing, other):
            copyist.receive(each)
        intent, _ = vanishing.start()
        if intent and data.draw(st.booleans()):
            vanishing.vanish()
            again, skips = vanishing.start()
            assert (again, skips) == (intent, ())
        vanishing.rest()
        other.rest()
        assert (vanishing.position, vanishing.book) == (other.position, other.book)


@proven
@given(instruments(), small_ratios, moves(*Kind, longest=15), st.data())
def test_with_events_behind_it_only_what_is_missing_is_sent(
    on: Instrument, ratio: Decimal, drawn: list[Move], data: st.DataObject
) -> None:
    """Closes shrink what a vanished order wanted: its next one is the gap, and never more."""
    copyist = Copyist(subscription(ratio=ratio, below_minimum=BelowMinimum.CARRY), on)
    for each in history(drawn, on.lot):
        copyist.receive(each)
        if copyist.flying and data.draw(st.booleans()):
            copyist.vanish()
        if not copyist.flying:
            gap, held = copyist.book.gap, copyist.book.held
            intent, _ = copyist.start()
            assert intent is None or intent.size <= max(abs(gap), abs(held) if intent.leg is Leg.CLOSE else Decimal(0))
        if data.draw(st.booleans()):
            copyist.rest()
    copyist.rest()
    assert abs(copyist.position - copyist.book.target) < on.minimum


def test_a_vanished_order_gives_back_what_closes_left_of_it() -> None:
    """10 ordered, halved while in flight, proven absent: 5 are asked for again, by the same event."""
    copyist = Copyist(subscription(), instrument())
    copyist.receive(event(0, 10, number=1))
    copyist.start()
    copyist.receive(event(10, 5, number=2))
    copyist.vanish()

    assert copyist.book == book(5, 0, opening(5, number=1))


def test_a_vanished_order_whose_trade_is_over_gives_back_nothing() -> None:
    """A later opening is judged by its own age and price, not by those of a trade the leader has closed."""
    copyist = Copyist(subscription(max_age_ms=1_000), instrument())
    copyist.receive(event(0, 10, number=1))
    copyist.start()
    copyist.receive(event(10, 0, number=2))
    copyist.receive(event(0, 3, number=3, at_ms=NOON_MS + 60_000))
    copyist.now_ms = NOON_MS + 60_100
    copyist.vanish()
    copyist.rest()

    assert copyist.position == 3
    assert copyist.skips == []


# ---- what has filled so far


@proven
@given(instruments(), small_ratios, moves(*Kind, longest=10), portions, portions)
def test_filling_bit_by_bit_is_filling_at_once(
    on: Instrument, ratio: Decimal, drawn: list[Move], some: Decimal, all_in_all: Decimal
) -> None:
    """`accFillSz` is cumulative: reading it twice or thrice changes nothing of the end."""
    copyist = Copyist(subscription(ratio=ratio), on)
    for each in history(drawn, on.lot):
        copyist.receive(each)
        intent, _ = copyist.start()
        if intent is None:
            continue
        in_all = filled(intent.size, max(some, all_in_all), on)
        first = filled(intent.size, min(some, all_in_all), on)
        partly = filling(copyist.book, intent, first, Decimal(0))
        assert filling(partly, intent, first, first) == partly
        assert settled(partly, intent, in_all, first) == settled(copyist.book, intent, in_all)
        copyist.finish(in_all)


def test_what_pieces_have_answered_is_judged_no_more() -> None:
    """25 in pieces of 10: after the first, 15 are asked for; the trade turns stale, and the 10 that are held stay."""
    copyist = Copyist(subscription(max_age_ms=1_000), instrument(max_market=10))
    copyist.receive(event(0, 25))
    copyist.start()
    copyist.finish()
    copyist.now_ms = NOON_MS + 60_000
    copyist.rest()
    assert copyist.position == copyist.book.target == 10
    assert [skip.reason for skip in copyist.skips] == [Reason.STALE]


def test_a_piece_that_did_not_fill_ends_the_opening() -> None:
    """The market had no more to give at our price: the further pieces are not chased."""
    copyist = Copyist(subscription(), instrument(max_market=10))
    copyist.receive(event(0, 25))
    copyist.start()
    copyist.finish(Decimal(7))
    copyist.rest()

    assert [order.change for order in copyist.orders] == [10]
    assert copyist.book == book(7, 7)


def test_openings_closed_while_a_piece_was_in_flight_do_not_come_back() -> None:
    """They would be judged stale, and take a fresh opening with them."""
    copyist = Copyist(subscription(max_age_ms=1_000), instrument(max_market=10))
    copyist.receive(event(0, 25, number=1))
    copyist.start()
    copyist.receive(event(25, 0, number=2))
    copyist.receive(event(0, 13, number=3, at_ms=NOON_MS + 60_000))
    copyist.finish()
    copyist.now_ms = NOON_MS + 60_100
    copyist.rest()

    assert copyist.position == 13
    assert copyist.skips == []


@proven
@given(st.integers(1, 5_000), st.lists(st.integers(1, 99), max_size=8), small_ratios)
def test_an_open_of_which_nothing_filled_leaves_nothing_wanted(size: int, parts: list[int], ratio: Decimal) -> None:
    """Whatever the leader closed meanwhile: a rest in the 28th digit would keep the instrument from other leaders."""
    copyist = Copyist(subscription(ratio=ratio), instrument(lot="0.0001"))
    at = Decimal(size)
    copyist.receive(event(0, at))
    if copyist.start()[0] is None:
        return
    for number, part in enumerate(parts, 2):
        left = max(Decimal(1), at * part // 100)
        copyist.receive(event(at, left, number=number))
        at = left
    copyist.finish(Decimal(0))
    assert copyist.book.flat


def test_a_whole_close_leaves_an_empty_book() -> None:
    """Also what was noted for orders in flight is forgotten with it."""
    copyist = Copyist(subscription(), instrument()).copy_all([event(0, 5, number=1)])
    copyist.receive(event(5, 0, number=2))
    copyist.start()
    copyist.finish()
    assert copyist.book == FLAT


def test_an_order_withdrawn_is_the_book_it_was_decided_on() -> None:
    before = fold(FLAT, event(0, 10), subscription(), instrument())[0]
    copyist = Copyist(subscription(), instrument(), book=before)
    intent, _ = copyist.start()
    assert intent is not None
    assert copyist.book.openings == ()
    assert withdrawn(copyist.book, intent) == before
