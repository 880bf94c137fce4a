"""Every reason given is true by its own numbers, and comes with a remedy."""

from collections.abc import Callable, Mapping
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.fills import OWN_ORDER, PosSide, TradeEvent
from shared.domain.ids import EventId
from shared.domain.instruments import Instrument, InstType, Market
from shared.domain.reasons import REMEDIES, Reason, Skip, numbers
from shared.domain.risk import Account
from shared.domain.subscriptions import BelowMinimum, Subscription
from tests.support.builders import book, event, instrument, subscription
from tests.support.history import Kind, Move, history
from tests.unit.shared.domain.copyist import Copyist
from tests.unit.shared.domain.drawing import instruments, moves, proven
from tests.unit.shared.domain.test_orders import accounts, markets, subscriptions

Claim = Callable[[Mapping[str, Decimal], TradeEvent, Copyist], bool]


def _small(figures: Mapping[str, Decimal], policy: BelowMinimum, copyist: Copyist) -> bool:
    settings, on = copyist.subscription, copyist.instrument
    agrees = (settings.below_minimum, figures["minimum"], figures["ratio"]) == (
        policy,
        on.minimum,
        settings.sizing.ratio,
    )
    return agrees and Decimal(0) < figures["size"] < figures["minimum"]


def _slipped(figures: Mapping[str, Decimal], copyist: Copyist) -> bool:
    distance = abs(figures["last"] - figures["price"]) / figures["price"]
    return figures["cap"] == copyist.subscription.slippage_cap and distance == figures["distance"] > figures["cap"]


def _no_room(figures: Mapping[str, Decimal], name: str, cap: Decimal | None, copyist: Copyist) -> bool:
    held = figures.get("held", Decimal(0))
    room = max(Decimal(0), figures[name] / (copyist.instrument.contract_value * figures["price"]) - held)
    return cap == figures[name] and figures["room"] == room < figures["minimum"] == copyist.instrument.minimum


CLAIMS: Mapping[Reason, Claim] = {
    Reason.BELOW_MINIMUM: lambda n, _, at: _small(n, BelowMinimum.SKIP, at),
    Reason.CARRIED: lambda n, _, at: _small(n, BelowMinimum.CARRY, at),
    Reason.NOTHING_HELD: lambda _, e, at: at.position == 0 and at.flying is None and not e.opened,
    Reason.STALE: lambda n, e, at: n["age_ms"] == at.now_ms - e.at_ms > n["max_age_ms"] == at.subscription.max_age_ms,
    Reason.SLIPPAGE: lambda n, _, at: _slipped(n, at),
    Reason.ORDER_CAP: lambda n, _, at: _no_room(n, "max_order", at.subscription.max_order, at),
    Reason.POSITION_CAP: lambda n, _, at: _no_room(n, "max_position", at.subscription.max_position, at),
    Reason.PAUSED: lambda _, e, at: at.subscription.state.value == "paused" and bool(e.opened),
    Reason.CLOSE_ONLY: lambda _, e, at: at.subscription.state.value == "close_only" and bool(e.opened),
    Reason.ENDED: lambda _, e, at: at.subscription.state.value == "ended" and bool(e.opened),
    Reason.NOT_CHOSEN: lambda _, e, __: not e.chosen and bool(e.opened),
    Reason.FOLLOWER_MODE: lambda _, __, at: not at.account.net_mode,
    Reason.INSTRUMENT_NOT_LIVE: lambda _, __, at: not at.instrument.live,
}
"""What each reason of planning says, checked with its own numbers against what the copyist was given."""


def _assert_true(skip: Skip, events: dict[EventId, TradeEvent], copyist: Copyist) -> None:
    figures = {name: Decimal(value) for name, value in skip.numbers.items()}
    assert CLAIMS[skip.reason](figures, events[skip.event], copyist), f"{skip} is not true of {copyist.situation}"
    assert REMEDIES[skip.reason]


@proven
@given(instruments(), subscriptions(), moves(*Kind, most=20, longest=15), accounts, markets(), st.booleans(), st.data())
def test_every_skip_is_true_by_its_own_numbers(
    on: Instrument,
    settings: Subscription,
    drawn: list[Move],
    account: Account,
    at: Market,
    in_bursts: bool,
    data: st.DataObject,
) -> None:
    """Bursts pile events up behind orders in flight; what is said of them must hold all the same."""
    copyist = Copyist(settings, on, account, at)
    events = {each.id: each for each in history(drawn, on.lot)}
    for each in events.values():
        copyist.now_ms = each.at_ms + data.draw(st.integers(0, 25))
        skip = copyist.receive(each)
        if skip:
            _assert_true(skip, events, copyist)
        if in_bursts and data.draw(st.booleans()):
            continue
        if copyist.flying:
            copyist.finish()
        intent, skips = copyist.start()
        for skip in skips:
            _assert_true(skip, events, copyist)
        if intent and not in_bursts:
            copyist.finish()


@proven
@given(instruments(), subscriptions(), moves(*Kind, longest=15), st.data())
def test_no_event_is_skipped_twice_when_its_decision_is_taken(
    on: Instrument, settings: Subscription, drawn: list[Move], data: st.DataObject
) -> None:
    """And none that an order answered whole is reported afterwards."""
    copyist = Copyist(settings, on)
    for each in history(drawn, on.lot):
        copyist.now_ms = each.at_ms + data.draw(st.integers(0, 25))
        copyist.receive(each)
        copyist.rest()
    said = [skip.event for skip in copyist.skips]
    assert len(said) == len(set(said))


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_has_a_remedy_in_words(reason: Reason) -> None:
    """A whole clause, fit to be shown to a follower."""
    assert len(REMEDIES[reason].split()) >= 2
    assert REMEDIES[reason][0].islower()
    assert not REMEDIES[reason].endswith(".")


def test_no_remedy_speaks_of_a_reason_that_does_not_exist() -> None:
    assert set(REMEDIES) == set(Reason)


def test_figures_are_spelled_plainly() -> None:
    """A follower reads them: no exponents, no trailing zeros, no minus before a zero."""
    spelled = numbers(size=Decimal("1E-7"), room=Decimal("10.500"), held=Decimal("-0.0"), age_ms=12, policy="skip")
    assert spelled == {"size": "0.0000001", "room": "10.5", "held": "0", "age_ms": "12", "policy": "skip"}


# ---- what is not copied at all


@pytest.mark.parametrize(("before", "after"), [(10, 14), (10, 5), (10, 0)])
def test_a_fill_of_an_order_we_placed_is_not_led(before: int, after: int) -> None:
    """A leader who follows somebody else: its copies are not copied, neither when they open nor when they close."""
    copyist = Copyist(subscription(), instrument(), book=book(10, 10), position=Decimal(10))
    skip = copyist.receive(event(before, after, category=OWN_ORDER))
    assert (skip and skip.reason, copyist.book) == (Reason.NOT_CHOSEN, book(10, 10))


def test_a_leader_in_long_short_mode_is_not_copied() -> None:
    copyist = Copyist(subscription(), instrument())
    skip = copyist.receive(event(0, 10, pos_side=PosSide.LONG))
    assert (skip and skip.reason, skip and dict(skip.numbers)) == (Reason.LEADER_MODE, {"pos_side": "long"})
    assert copyist.book.flat


@pytest.mark.parametrize(
    "on", [instrument(linear=False), instrument(inst_type=InstType.FUTURES), instrument(inst_type=InstType.SPOT)]
)
def test_only_linear_perpetual_swaps_are_copied(on: Instrument) -> None:
    copyist = Copyist(subscription(), on)
    skip = copyist.receive(event(0, 10))
    assert skip is not None
    assert skip.reason is Reason.INSTRUMENT_UNSUPPORTED
    assert copyist.book.flat
