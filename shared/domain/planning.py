"""Decide what a follower does next: from a book to one order, or to the reasons there is none.

`decide` is called again after every settled order until it returns no order: a flip is a close and then an open, a size above the venue's
maximum goes in pieces, an unfilled close goes again. It is total: for every well-formed input it returns, and never raises.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal

from shared.domain.books import Book, denied, fold
from shared.domain.fills import TradeEvent
from shared.domain.ids import Leg
from shared.domain.instruments import Instrument, Market, side_of
from shared.domain.orders import Intent, OrderType
from shared.domain.quantities import Contracts, Price, sign
from shared.domain.reasons import Reason, Skip, numbers
from shared.domain.risk import RULES, Account, Allowed, Situation
from shared.domain.subscriptions import BelowMinimum, Subscription


@dataclass(frozen=True, slots=True)
class Decision:
    """The book with what was denied taken out, the order to place now if any, and why anything was not copied."""

    book: Book
    intent: Intent | None = None
    skips: tuple[Skip, ...] = ()


def plan(
    subscription: Subscription,
    book: Book,
    account: Account,
    instrument: Instrument,
    market: Market,
    events: Iterable[TradeEvent],
    now_ms: int,
) -> Decision:
    """Fold events into the book and decide the next order."""
    skips: list[Skip] = []
    for event in events:
        book, skip = fold(book, event, subscription, instrument)
        if skip:
            skips.append(skip)
    decision = decide(Situation(book, subscription, account, instrument, market, now_ms))
    return replace(decision, skips=(*skips, *decision.skips))


def decide(at: Situation) -> Decision:
    """Return the next order: closes first, whole if nothing should remain; then what may open."""
    book = at.book
    if book.closes:
        intent = _close(at)
        if intent:
            return Decision(book, intent)
    if book.gap * book.target > 0 and not book.held * book.target < 0:
        return _open(at)
    return Decision(replace(book, openings=()))


def _close(at: Situation) -> Intent | None:
    """Close down to the target, rounded toward zero; all that is held when the target is zero or on the other side."""
    book = at.book
    whole = book.target * book.held <= 0
    wanted = Contracts(-book.held) if whole else at.instrument.round_size(book.gap)
    piece = _within_maximum(wanted, at.instrument.max_market)
    if not piece or (not whole and abs(piece) < at.instrument.minimum):
        return None
    return Intent(
        inst_id=at.instrument.inst_id,
        leg=Leg.CLOSE,
        change=piece,
        type=OrderType.MARKET,
        price=None,
        reduce_only=at.account.reduce_only,
        margin_mode=at.account.margin_mode,
        more=piece != wanted,
    )


def _open(at: Situation) -> Decision:
    """Pass the gap through the limits, round it, and take what was denied out of the target."""
    gap = at.book.gap
    allowed = Allowed(gap, at.book.openings) if at.book.openings else Allowed(Decimal(0), ())
    for rule in RULES:
        allowed = rule(allowed, at)
    book = denied(at.book, gap - allowed.size) if at.book.openings else _unasked(at)
    if not allowed.openings:
        return Decision(replace(book, openings=()), None, allowed.skips)
    size = at.instrument.round_size(allowed.size)
    if abs(size) < at.instrument.minimum:
        return _below_minimum(replace(at, book=book), allowed)
    return Decision(replace(book, openings=(), kept=Decimal(1)), _opening(at, allowed, size), allowed.skips)


def _unasked(at: Situation) -> Book:
    """Drop whole lots that no event asks for any more; less than an order can be carried, less than a lot always is."""
    book = at.book
    if at.subscription.below_minimum is BelowMinimum.CARRY and abs(book.gap) < at.instrument.minimum:
        return book
    return denied(book, at.instrument.round_size(book.gap))


def _below_minimum(at: Situation, allowed: Allowed) -> Decision:
    """Skip, carry or round up an opening too small to place, as the subscription chooses; a trimmed one is always skipped."""
    minimum, size = at.instrument.minimum, allowed.size
    if allowed.trims:
        trim = allowed.trims[-1]
        skips = (Skip(each.event, trim.reason, trim.numbers) for each in allowed.openings)
        return Decision(replace(denied(at.book, size), openings=()), None, (*allowed.skips, *skips))
    figures = {"size": abs(size), "minimum": minimum, "ratio": at.subscription.sizing.ratio}
    policy = at.subscription.below_minimum
    if policy is BelowMinimum.ROUND_UP:
        step = Contracts(minimum * sign(size))
        book = replace(at.book, target=Contracts(at.book.held + step), openings=(), kept=Decimal(1))
        return Decision(book, _opening(at, allowed, step), allowed.skips)
    reason = Reason.CARRIED if policy is BelowMinimum.CARRY else Reason.BELOW_MINIMUM
    book = (
        at.book
        if policy is BelowMinimum.CARRY
        else denied(at.book, sum((each.size for each in allowed.openings), Decimal(0)))
    )
    skips = (Skip(each.event, reason, numbers(**figures)) for each in allowed.openings)
    return Decision(replace(book, openings=()), None, (*allowed.skips, *skips))


def _opening(at: Situation, allowed: Allowed, size: Contracts) -> Intent:
    """Spell an opening as an order: an IOC limit at the cap where there is one, else a market order."""
    price = _limit_price(at, allowed)
    piece = _within_maximum(size, at.instrument.max_market if price is None else at.instrument.max_limit)
    return Intent(
        inst_id=at.instrument.inst_id,
        leg=Leg.OPEN,
        change=piece,
        type=OrderType.MARKET if price is None else OrderType.IOC,
        price=price,
        reduce_only=False,
        margin_mode=at.account.margin_mode,
        openings=allowed.openings,
        more=piece != size,
        trims=allowed.trims,
    )


def _limit_price(at: Situation, allowed: Allowed) -> Price | None:
    """Return the leader's price moved by the cap, rounded to the tick and kept inside the venue's band."""
    cap = at.subscription.slippage_cap
    if cap is None:
        return None
    side = side_of(allowed.size)
    price = at.instrument.round_price(Price(allowed.price * (1 + cap * side.sign)), side)
    if side.sign > 0:
        return min(price, at.market.buy_limit) if at.market.buy_limit else price
    return max(price, at.market.sell_limit) if at.market.sell_limit else price


def _within_maximum(size: Contracts, most: Contracts) -> Contracts:
    """Cut a signed size to the venue's maximum."""
    return Contracts(min(abs(size), most) * sign(size))
