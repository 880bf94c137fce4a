"""How much of a leader's opening one follower takes; one function per sizing mode, exact and unrounded."""

from decimal import Decimal

from shared.domain.quantities import Contracts
from shared.domain.subscriptions import FixedRatio, Sizing


def opening_size(opened: Contracts, sizing: Sizing) -> Decimal:
    """Return the signed contracts a follower should add for what the leader opened."""
    match sizing:
        case FixedRatio(ratio):
            return opened * ratio
