"""Fills are stamped on the state they are published on: values in, values out."""

# mypy: disable-error-code="comparison-overlap"
# Contracts are decimals, and decimals equal whole numbers; mypy holds the two types apart.

from dataclasses import replace
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from services.leader_watcher.stamping import adjust, differences, stamp
from shared.domain.fills import EventKind, Fill, PosSide
from shared.domain.ids import EntryId, InstId
from shared.domain.instruments import Side
from shared.domain.quantities import Contracts
from shared.messages.entries import read_trade_event
from shared.messages.leader import LeaderState
from tests.support.builders import BTC, LEADER, NOON_MS, fill

ETH = InstId("ETH-USDT-SWAP")


def state(held: int = 0, *, last_ms: int = 0, floor_ms: int = 0) -> LeaderState:
    return LeaderState(3, last_ms, floor_ms, {BTC: Contracts(Decimal(held))} if held else {}, 0, "server")


def made(signed: int, number: int) -> Fill:
    side = Side.BUY if signed > 0 else Side.SELL
    return fill(side, abs(signed), trade_id=str(number), at_ms=NOON_MS + number)


@given(st.integers(-50, 50), st.lists(st.integers(-50, 50).filter(bool), min_size=1, max_size=20))
def test_each_begins_where_the_last_ended(held: int, moves: list[int]) -> None:
    stamped = stamp([made(move, number) for number, move in enumerate(moves)], state(held), NOON_MS)
    events = [read_trade_event(each, EntryId("1-1")) for each in stamped.events]
    assert events[0].before == held
    assert [each.before for each in events[1:]] == [each.after for each in events[:-1]]
    assert [each.after - each.before for each in events] == moves
    assert stamped.positions == {BTC: held + sum(moves)}


def test_only_what_changed_is_written_and_the_last_fill_never_goes_back() -> None:
    before = replace(state(5, last_ms=NOON_MS + 9), positions={BTC: Contracts(Decimal(5)), ETH: Contracts(Decimal(1))})
    stamped = stamp([made(1, 4)], before, NOON_MS)
    assert (stamped.positions, stamped.last_ms) == ({BTC: 6}, NOON_MS + 9)


def test_one_older_than_its_predecessor_is_late_also_within_a_batch() -> None:
    stamped = stamp([made(1, 1), made(1, 5), made(1, 3)], state(last_ms=NOON_MS + 2), NOON_MS)
    assert [each.late for each in stamped.events] == [True, False, True]


def test_what_lies_below_the_floor_is_not_vouched_for() -> None:
    stamped = stamp([made(1, 2), made(1, 3)], state(floor_ms=NOON_MS + 2), NOON_MS)
    assert [each.vouched for each in stamped.events] == [False, True]


def test_a_leader_in_long_short_mode_has_two_positions() -> None:
    fills = [replace(made(2, 1), pos_side=PosSide.LONG), replace(made(-3, 2), pos_side=PosSide.SHORT)]
    assert stamp(fills, state(), NOON_MS).positions == {f"{BTC}/long": 2, f"{BTC}/short": -3}


def test_differences_are_told_both_ways() -> None:
    assert differences(state(5), {BTC: Contracts(Decimal(5))}) == {}
    assert differences(state(5), {ETH: Contracts(Decimal(2))}) == {BTC: (5, 0), ETH: (0, 2)}


def test_an_adjustment_moves_our_position_to_the_venues() -> None:
    stamped = adjust(LEADER, state(5, last_ms=7), {BTC: Contracts(Decimal(2))}, NOON_MS)
    (event,) = stamped.events
    assert (event.kind, event.before, event.after) == (EventKind.ADJUSTMENT, "5", "2")
    assert (stamped.positions, stamped.last_ms) == ({BTC: 2}, 7)
