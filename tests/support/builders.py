"""Domain values with everything a test does not care about filled in; numbers may be given as text."""

from decimal import Decimal

from shared.domain.books import FLAT, Book
from shared.domain.fills import EventKind, Fill, Hops, PosSide, Source, TradeEvent
from shared.domain.ids import AccountId, EntryId, EventId, InstId, fill_event_id
from shared.domain.instruments import UNKNOWN_MARKET, Instrument, InstType, Market, Side
from shared.domain.orders import Opening
from shared.domain.quantities import Contracts, Price, Quote
from shared.domain.risk import Account, Situation
from shared.domain.subscriptions import BelowMinimum, DriftPolicy, Ending, FixedRatio, Subscription, SubscriptionState

LEADER = AccountId("leader")
FOLLOWER = AccountId("follower")
BTC = InstId("BTC-USDT-SWAP")
NOON_MS = 1_700_000_000_000

Number = Decimal | int | str


def instrument(
    *,
    lot: Number = 1,
    minimum: Number | None = None,
    tick: Number = "0.1",
    contract_value: Number = "0.01",
    max_market: Number = 1_000_000_000,
    max_limit: Number | None = None,
    live: bool = True,
    linear: bool = True,
    inst_type: InstType = InstType.SWAP,
    inst_id: str = BTC,
) -> Instrument:
    """Build a linear swap in whole contracts, unless told otherwise."""
    return Instrument(
        inst_id=InstId(inst_id),
        inst_type=inst_type,
        linear=linear,
        contract_value=Decimal(contract_value),
        lot=Contracts(Decimal(lot)),
        minimum=Contracts(Decimal(lot if minimum is None else minimum)),
        tick=Price(Decimal(tick)),
        max_market=Contracts(Decimal(max_market)),
        max_limit=Contracts(Decimal(max_market if max_limit is None else max_limit)),
        live=live,
    )


def subscription(
    *,
    ratio: Number = 1,
    state: SubscriptionState = SubscriptionState.ACTIVE,
    below_minimum: BelowMinimum = BelowMinimum.SKIP,
    max_age_ms: int | None = None,
    slippage_cap: Number | None = None,
    max_order: Number | None = None,
    max_position: Number | None = None,
    follower: str = FOLLOWER,
    leader: str = LEADER,
    version: int = 1,
    made_ms: int = 0,
    drift: DriftPolicy = DriftPolicy.REPORT,
    ending: Ending = Ending.KEEP,
) -> Subscription:
    """Build an active subscription without limits, unless told otherwise."""
    return Subscription(
        follower=AccountId(follower),
        leader=AccountId(leader),
        version=version,
        state=state,
        sizing=FixedRatio(Decimal(ratio)),
        below_minimum=below_minimum,
        max_age_ms=max_age_ms,
        slippage_cap=None if slippage_cap is None else Decimal(slippage_cap),
        max_order=None if max_order is None else Quote(Decimal(max_order)),
        max_position=None if max_position is None else Quote(Decimal(max_position)),
        drift=drift,
        ending=ending,
        made_ms=made_ms,
    )


def event(
    before: Number,
    after: Number,
    *,
    number: int = 1,
    price: Number = 100,
    at_ms: int | None = None,
    category: str = "normal",
    kind: EventKind = EventKind.FILL,
    pos_side: PosSide = PosSide.NET,
    inst_type: InstType = InstType.SWAP,
    inst_id: str = BTC,
    leader: str = LEADER,
    late: bool = False,
    vouched: bool = True,
) -> TradeEvent:
    """Build the leader's move from one position to another; one millisecond per number unless told otherwise."""
    filled_ms = NOON_MS + number if at_ms is None else at_ms
    return TradeEvent(
        entry=EntryId(f"{filled_ms}-{number}"),
        id=fill_event_id(AccountId(leader), InstId(inst_id), str(number)),
        kind=kind,
        leader=AccountId(leader),
        inst_id=InstId(inst_id),
        inst_type=inst_type,
        pos_side=pos_side,
        before=Contracts(Decimal(before)),
        after=Contracts(Decimal(after)),
        price=Price(Decimal(price)),
        category=category,
        late=late,
        vouched=vouched,
        hops=Hops(filled_ms, filled_ms + 5, filled_ms + 6),
    )


def fill(
    side: Side = Side.BUY,
    size: Number = 1,
    *,
    price: Number = 100,
    trade_id: str = "1",
    pos_side: PosSide = PosSide.NET,
    category: str = "normal",
    at_ms: int = NOON_MS,
    source: Source = Source.SOCKET,
    bill_id: str = "",
) -> Fill:
    """Build a fill of the leader, as the socket tells it unless told otherwise."""
    return Fill(
        leader=LEADER,
        inst_id=BTC,
        inst_type=InstType.SWAP,
        trade_id=trade_id,
        order_id="900",
        side=side,
        pos_side=pos_side,
        size=Contracts(Decimal(size)),
        price=Price(Decimal(price)),
        category=category,
        at_ms=at_ms,
        bill_id=bill_id,
        source=source,
        seen_ms=at_ms + 5,
    )


def book(target: Number = 0, held: Number = 0, *openings: Opening, kept: Number = 1) -> Book:
    """Build a book."""
    return Book(Contracts(Decimal(target)), Contracts(Decimal(held)), openings, Decimal(kept))


def opening(size: Number, *, number: int = 1, price: Number = 100, at_ms: int | None = None) -> Opening:
    """Build what an event asked for, named as `event` names it."""
    filled_ms = NOON_MS + number if at_ms is None else at_ms
    return Opening(EventId(f"{LEADER}:{BTC}:{number}"), filled_ms, Price(Decimal(price)), Decimal(size))


def market(
    last: Number | None = None,
    *,
    buy_limit: Number | None = None,
    sell_limit: Number | None = None,
    at_ms: int = NOON_MS,
) -> Market:
    """Build what is known of a price."""
    return Market(_price(last), _price(buy_limit), _price(sell_limit), at_ms)


def situation(
    book: Book = FLAT,
    subscription: Subscription | None = None,
    *,
    instrument: Instrument | None = None,
    account: Account | None = None,
    market: Market = UNKNOWN_MARKET,
    now_ms: int = NOON_MS,
) -> Situation:
    """Build what `decide` looks at."""
    return Situation(
        book=book,
        subscription=subscription or _subscription(),
        account=account or Account(),
        instrument=instrument or _instrument(),
        market=market,
        now_ms=now_ms,
    )


def _price(value: Number | None) -> Price | None:
    return None if value is None else Price(Decimal(value))


_subscription, _instrument = subscription, instrument
