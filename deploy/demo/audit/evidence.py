"""What the auditor works from: the venue's evidence, the leaders' fills, and the skips we claim.

Nothing here comes from our planning or our ledger. Sizes are contracts, signed where they are positions or changes of
positions; times are Unix milliseconds on the venue's clock.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class LeaderFill:
    """One fill of a leader, with the leader's position around it."""

    event: str
    """`leader:instId:tradeId`, the name every order that copies it is made from."""
    leader: str
    inst_id: str
    at_ms: int
    before: Decimal
    after: Decimal
    category: str = "normal"


@dataclass(frozen=True, slots=True)
class Order:
    """One order request the venue received for a follower, whatever became of it."""

    seq: int
    at_us: int
    follower: str
    inst_id: str
    change: Decimal
    """What it adds to the position if it fills whole."""
    cl_ord_id: str
    tag: str
    accepted: bool
    code: str
    filled: Decimal
    """What filled at once, unsigned; market and IOC orders fill or end on arrival."""
    before: Decimal
    after: Decimal

    @property
    def at_ms(self) -> int:
        """Return when it arrived."""
        return self.at_us // 1_000


@dataclass(frozen=True, slots=True)
class Ask:
    """One request for an order by name."""

    at_ms: int
    follower: str
    cl_ord_id: str
    found: bool


@dataclass(frozen=True, slots=True)
class Claim:
    """What we say of an event that got no order: skipped for a reason, or refused by the venue under a name."""

    follower: str
    leader: str
    inst_id: str
    event: str
    reason: str
    at_ms: int
    cl_ord_id: str = ""
    code: str = ""


@dataclass(frozen=True, slots=True)
class Subscription:
    """Who follows whom, as enrolled; in force from before the leader's first fill."""

    follower: str
    leader: str
    ratio: Decimal
    below_minimum: str = "skip"
    max_age_ms: int | None = None
    slippage_cap: Decimal | None = None
    state: str = "active"
    drift: str = "report"


@dataclass(frozen=True, slots=True)
class Change:
    """A subscription as it was changed, while its leader held still; in force for every later fill."""

    at_ms: int
    subscription: Subscription


@dataclass(frozen=True, slots=True)
class Instrument:
    """What the venue demands of a size."""

    inst_id: str
    lot: Decimal
    minimum: Decimal
    max_market: Decimal
    max_limit: Decimal

    @property
    def tolerance(self) -> Decimal:
        """Return how far a position may be from its target: one lot, or the minimum where that is larger."""
        return max(self.lot, self.minimum)


@dataclass(frozen=True, slots=True)
class PriceMove:
    """A price the script set."""

    at_ms: int
    inst_id: str
    price: Decimal


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything the venue saw of the followers, in the order it saw it, and where they stand at the end."""

    orders: Sequence[Order]
    asks: Sequence[Ask]
    positions: Mapping[str, Mapping[str, Decimal]]
    """Follower, then instrument, at quiet."""


@dataclass(frozen=True, slots=True)
class AuditSettings:
    """What the auditor must be told of the run."""

    tag: str
    instruments: Mapping[str, Instrument]
    kills_ms: Sequence[int] = ()
    prices: Sequence[PriceMove] = ()
    changes: Sequence[Change] = ()
    dead: Mapping[str, Sequence[tuple[int, int]]] = field(default_factory=dict)
    """When a follower's grant was no good: from and until."""
    leaks: Sequence[str] = field(default=())
    """Places in which a planted secret was found, in words."""
    most_other_skips: Decimal = Decimal("0.05")
    """Share of all decisions that may be skips for reasons other than the size being too small."""
