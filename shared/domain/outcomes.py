"""What became of an attempt, and on what evidence. Unknown is not refused.

Placement = Accepted      the venue took it; what filled is learned by asking
          | Refused       definitive: the venue will not have this order
          | NotPlaced     definitive: it does not exist, and the same order may go again
          | Unknown       it may exist: ask before anything else is sent
"""

from decimal import Decimal
from enum import StrEnum

from msgspec import Struct

from shared.domain.ids import ClOrdId
from shared.domain.instruments import Side
from shared.domain.quantities import Contracts, Price


class Category(StrEnum):
    """What a refusal asks of us (okx-api facts, codes by reaction)."""

    __hash__ = str.__hash__  # an enumeration's own is a frame of Python, and these are looked up for every order

    PARAMETER = "parameter"
    ACCOUNT_MODE = "account_mode"
    FUNDS = "funds"
    POSITION_LIMIT = "position_limit"
    NOTHING_TO_CLOSE = "nothing_to_close"
    REDUCE_CONFLICT = "reduce_conflict"
    INSTRUMENT_STATE = "instrument_state"
    DUPLICATE = "duplicate"
    BLOCKED = "blocked"
    LEAD_TRADER = "lead_trader"
    LATER = "later"
    GRANT_DEAD = "grant_dead"
    FLEET = "fleet"
    OTHER = "other"


class Postponement(StrEnum):
    """Why an order is certain not to exist although nobody refused it."""

    __hash__ = str.__hash__  # an enumeration's own is a frame of Python, and these are looked up for every order

    NOT_SENT = "not_sent"
    EXPIRED = "expired"
    THROTTLED = "throttled"
    UNAUTHORISED = "unauthorised"


class Accepted(Struct, frozen=True, gc=False):
    """The venue's own id of the order it took."""

    order_id: str
    at_ms: int


class Refused(Struct, frozen=True, gc=False):
    """A definitive no, with the venue's words."""

    code: str
    sub_code: str
    category: Category
    message: str
    tag: str = ""
    """The order's tag, as the venue repeats it; empty where it does not."""


class NotPlaced(Struct, frozen=True, gc=False):
    """Certain not to exist; may be placed again under the same name."""

    why: Postponement
    code: str = ""


class Unknown(Struct, frozen=True, gc=False):
    """May exist; `evidence` says what we saw instead of an answer."""

    evidence: str
    code: str = ""


Placement = Accepted | Refused | NotPlaced | Unknown


class OrderState(StrEnum):
    """OKX's order states."""

    __hash__ = str.__hash__  # an enumeration's own is a frame of Python, and these are looked up for every order

    LIVE = "live"
    PARTIALLY_FILLED = "partially_filled"
    FILLED = "filled"
    CANCELED = "canceled"
    MMP_CANCELED = "mmp_canceled"


_DONE = frozenset({OrderState.FILLED, OrderState.CANCELED, OrderState.MMP_CANCELED})


class OrderReport(Struct, frozen=True, gc=False):
    """An order as the venue shows it; sizes in contracts, `filled` cumulative."""

    cl_ord_id: ClOrdId
    order_id: str
    side: Side
    state: OrderState
    size: Contracts
    filled: Contracts
    average: Price | None
    fee: Decimal
    fee_currency: str
    updated_ms: int

    @property
    def done(self) -> bool:
        """Tell whether nothing more can fill."""
        return self.state in _DONE
