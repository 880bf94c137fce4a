"""What the leaders do, drawn from a seed: opens, fills in pieces, bursts, closes whole and in part, flips; prices."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from random import Random

_LOT = Decimal("0.01")
_LARGEST = 2_000
"""Lots in one decision."""
_MOST_HELD = Decimal(60)
"""Contracts beyond which a leader only reduces, so that nobody runs out of funds or band."""
_WANDER = Decimal("0.0005")
_ALL_MOVES = {"add": 30, "pieces": 15, "burst": 15, "reduce": 22, "flip": 9, "flat": 9}
_FIRST_MOVES = {"add": 60, "pieces": 20, "burst": 20}
_LESS_MOVES = {"reduce": 60, "flip": 20, "flat": 20}


@dataclass(frozen=True, slots=True)
class Order:
    """One order of a leader: signed contracts, and the pieces it fills in (none: at once)."""

    change: Decimal
    pieces: Sequence[Decimal] = ()


class Script:
    """One leader's part; knows what the leader holds, since every order fills."""

    def __init__(self, seed: str, price: Decimal) -> None:
        self._random = Random(seed)
        self.held = Decimal(0)
        self.price = price

    def next(self) -> tuple[str, list[Order]]:
        """Decide what the leader does now: a word for it, and the orders, to be placed without a pause between them."""
        word = self._drawn()
        match word:
            case "add":
                orders = [Order(self._size() * self._side())]
            case "pieces":
                orders = [self._in_pieces(self._size() * self._side())]
            case "burst":
                side = self._side()
                orders = [
                    Order(self._size() / 4 // _LOT * _LOT * side or _LOT * side)
                    for _ in range(self._random.randint(2, 4))
                ]
            case "reduce":
                part = Decimal(self._random.randrange(10, 90)) / 100
                orders = [Order(-(self.held * part // _LOT * _LOT) or -self.held)]
            case "flip":
                orders = [Order(-self.held - self._size() * self._side())]
            case _:
                orders = self.flatten()
        self.held += sum((order.change for order in orders), Decimal(0))
        return word, orders

    def flatten(self) -> list[Order]:
        """Close everything."""
        return [Order(-self.held)] if self.held else []

    def drift(self) -> Decimal:
        """Move the price a little and return it."""
        step = Decimal(self._random.randrange(-100, 101)) / 100 * _WANDER
        self.price = (self.price * (1 + step)).quantize(Decimal("0.1"))
        return self.price

    def pause_s(self, per_s: float) -> float:
        """Return how long to think before the next decision, on average 1 / `per_s` seconds."""
        return self._random.expovariate(per_s)

    def _drawn(self) -> str:
        moves = _ALL_MOVES if self.held else _FIRST_MOVES
        if abs(self.held) > _MOST_HELD:
            moves = _LESS_MOVES
        return self._random.choices(list(moves), list(moves.values()))[0]

    def _side(self) -> int:
        if self.held:
            return 1 if self.held > 0 else -1
        return self._random.choice((1, -1))

    def _size(self) -> Decimal:
        return self._random.randrange(1, _LARGEST) * _LOT

    def _in_pieces(self, change: Decimal) -> Order:
        lots, sign = int(abs(change) / _LOT), 1 if change > 0 else -1
        cuts = sorted({self._random.randrange(1, lots) for _ in range(3)}) if lots > 1 else []
        bounds = [0, *cuts, lots]
        sizes = [(after - before) * _LOT for before, after in pairwise(bounds)]
        return Order(lots * _LOT * sign, sizes)
