"""Histories of a leader: moves of one position, and the trade events they become.

A move is a kind and an amount in lots (for `REDUCE` in hundredths of the position), so that any list of moves makes
sense from any position: it can be drawn by a property test or by a seeded generator alike.
"""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal
from enum import StrEnum

from shared.domain.fills import EventKind, TradeEvent
from shared.domain.quantities import sign
from tests.support.builders import event


class Kind(StrEnum):
    """What a leader may do to a position."""

    ADD = "add"
    REDUCE = "reduce"
    CLOSE = "close"
    FLIP = "flip"
    DUST = "dust"
    """Close all but one hundredth of a lot."""
    LIQUIDATE = "liquidate"
    """The venue takes part of the position away."""
    ADJUST = "adjust"
    """The position changes without a fill."""


TRADES = (Kind.ADD, Kind.REDUCE, Kind.CLOSE, Kind.FLIP)


@dataclass(frozen=True, slots=True)
class Move:
    """One thing the leader does; a negative amount adds to the short side where the leader holds nothing."""

    kind: Kind
    amount: int


def positions(moves: Iterable[Move], lot: Decimal) -> list[tuple[Move, Decimal, Decimal]]:
    """Return each move with the position before and after it, leaving out those that change nothing."""
    at, path = Decimal(0), []
    for move in moves:
        after = _after(move, at, lot)
        if after != at:
            path.append((move, at, after))
            at = after
    return path


def history(moves: Iterable[Move], lot: Decimal = Decimal(1), price: Decimal = Decimal(100)) -> list[TradeEvent]:
    """Turn moves into trade events, numbered from 1, one millisecond apart."""
    return [
        event(
            before,
            after,
            number=number,
            price=price,
            category="full_liquidation" if move.kind is Kind.LIQUIDATE else "normal",
            kind=EventKind.ADJUSTMENT if move.kind is Kind.ADJUST else EventKind.FILL,
        )
        for number, (move, before, after) in enumerate(positions(moves, lot), 1)
    ]


def random_moves(seed: int, count: int, kinds: Sequence[Kind] = TRADES, most: int = 100) -> list[Move]:
    """Draw moves from a seed; opens are as frequent as everything else together, so that positions grow."""
    source = random.Random(seed)
    choices = [*[Kind.ADD] * len(kinds), *kinds]
    return [Move(source.choice(choices), source.randint(1, most) * source.choice((1, 1, -1))) for _ in range(count)]


def _after(move: Move, at: Decimal, lot: Decimal) -> Decimal:
    way = sign(at) or sign(Decimal(move.amount))
    size = abs(move.amount) * lot
    match move.kind:
        case Kind.ADD:
            return at + way * size
        case Kind.CLOSE:
            return Decimal(0)
        case Kind.FLIP:
            return -way * size if at else at
        case Kind.DUST:
            return sign(at) * lot / 100 if abs(at) > lot else at
        case Kind.REDUCE | Kind.LIQUIDATE:
            return at - _part(at, abs(move.amount), lot)
        case Kind.ADJUST:
            return at + move.amount * lot


def _part(at: Decimal, hundredths: int, lot: Decimal) -> Decimal:
    """Return a part of a position: at least a lot of it, or all where it is less."""
    lots = (abs(at) * min(hundredths, 99) / 100 / lot).to_integral_value(ROUND_DOWN)
    return min(max(lots, Decimal(1)) * lot, abs(at)) * sign(at)
