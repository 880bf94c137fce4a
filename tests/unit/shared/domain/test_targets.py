"""What a follower holds, against a second opinion made of fractions."""

from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from shared.domain.instruments import Instrument
from shared.domain.reasons import Reason
from shared.domain.subscriptions import BelowMinimum
from tests.support.builders import event, instrument, subscription
from tests.support.history import Kind, Move, history
from tests.unit.shared.domain.copyist import Copyist
from tests.unit.shared.domain.drawing import instruments, moves, policies, proven, ratios, small_ratios
from tests.unit.shared.domain.witness import NOISE, Beat, Witness, beats

exact_policies = st.sampled_from([BelowMinimum.SKIP, BelowMinimum.CARRY])
"""Rounding up holds more than the target on purpose; it has a property of its own."""


@proven
@given(instruments(), ratios, moves(*Kind, longest=20), exact_policies)
def test_what_is_held_is_near_the_exact_target_at_every_quiet_point(
    on: Instrument, ratio: Decimal, drawn: list[Move], policy: BelowMinimum
) -> None:
    """A lot away at most where the minimum is a lot, less than the minimum otherwise.

    Equal where the target is zero.
    """
    witness = Witness.of(on, ratio, policy)
    for each in history(drawn, on.lot):
        witness.receive(each)
        witness.rest()
        witness.assert_near()


@proven
@given(instruments(), ratios, moves(*Kind, most=20, longest=20), exact_policies, st.data())
def test_what_happens_while_an_order_is_in_flight_moves_the_target_exactly(
    on: Instrument, ratio: Decimal, drawn: list[Move], policy: BelowMinimum, data: st.DataObject
) -> None:
    """Opens fill in part or not at all, closes are folded meanwhile.

    What was not filled leaves in the measure it was still wanted.
    """
    witness = Witness.of(on, ratio, policy)
    for each in history(drawn, on.lot):
        witness.receive(each)
        beat, portion = data.draw(beats)
        witness.beat(beat, portion)
        if beat is Beat.REST:
            witness.assert_near()
    witness.rest()
    witness.assert_near()


@proven
@given(instruments(pieces=True), small_ratios, moves(*Kind, longest=15), policies, st.data())
def test_a_full_close_leaves_nothing_held(
    on: Instrument, ratio: Decimal, drawn: list[Move], policy: BelowMinimum, data: st.DataObject
) -> None:
    """Whatever went before, whatever is in flight, whatever of it fills."""
    witness = Witness.of(on, ratio, policy)
    for each in history([*drawn, Move(Kind.CLOSE, 1)], on.lot):
        witness.receive(each)
        witness.beat(*data.draw(beats))
    witness.copyist.rest()
    assert witness.copyist.position == 0
    assert witness.copyist.book.flat


@proven
@given(instruments(), ratios, moves(*Kind, longest=20))
def test_rounding_up_adds_less_than_a_minimum_per_skip_it_saves(
    on: Instrument, ratio: Decimal, drawn: list[Move]
) -> None:
    """The target follows the order that was rounded up, so the next one starts from what is really wanted."""
    copyist = Copyist(subscription(ratio=ratio, below_minimum=BelowMinimum.ROUND_UP), on)
    for each in history(drawn, on.lot):
        copyist.receive(each)
        wanted = copyist.book.target
        copyist.rest()
        assert abs(copyist.book.target - wanted) < on.minimum
        assert abs(copyist.position - copyist.book.target) < on.minimum
        assert all(skip.reason is not Reason.BELOW_MINIMUM for skip in copyist.skips)


@proven
@given(st.integers(1, 40), st.lists(st.integers(1, 99), min_size=1, max_size=15), st.integers(1, 9))
def test_a_target_with_an_end_in_decimals_is_exact_whatever_way_led_to_it(
    start: int, parts: list[int], ratio: int
) -> None:
    """A leader who goes through thirds and sevenths back to a whole number leaves no rest behind."""
    copyist = Copyist(subscription(ratio=ratio), instrument())
    at, number = Decimal(start * 5040), 1
    copyist.receive(event(0, at))
    for part in parts:
        number += 1
        left = max(Decimal(1), at * (100 - part) // 100)
        if left < at:
            copyist.receive(event(at, left, number=number))
            at = left
    assert copyist.book.target == at * ratio


def test_thirds_leave_less_than_noise() -> None:
    """Where the exact target has no end in decimals, the error is in the 28th digit, not in a lot."""
    copyist = Copyist(subscription(ratio="0.1"), instrument(lot="0.01"))
    for number, (before, after) in enumerate([(0, 7), (7, 6), (6, 5), (5, 3), (3, 1)], 1):
        copyist.receive(event(before, after, number=number))
    assert abs(Fraction(copyist.book.target) - Fraction(1, 10)) < NOISE
