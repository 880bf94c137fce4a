"""Decide what a follower does next: from a book to one order, or to the reasons there is none.

`decide` is called again after every settled order until it returns no order: a flip is a close and then an open, a size
above the venue's maximum goes in pieces, an unfilled close goes again. It is total: for every well-formed input it
returns, and never raises.
"""

from collections.abc import Iterable
from decimal import Decimal

from msgspec import Struct
from msgspec.structs import replace

from shared.domain.books import Book, asked, denied, fold, newest
from shared.domain.fills import TradeEvent
from shared.domain.ids import CLOSE, OPEN
from shared.domain.instruments import Instrument, Market, side_of
from shared.domain.orders import IOC, MARKET, Intent
from shared.domain.quantities import ZERO, Contracts, Price, sign
from shared.domain.reasons import Reason, Skip, numbers
from shared.domain.risk import RULES, Account, Allowed, Situation
from shared.domain.subscriptions import BelowMinimum, Subscription

_ONE = Decimal(1)


class Decision(Struct, frozen=True, gc=False):
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
    book, gap = at.book, at.book.gap
    if book.held and gap * book.held < 0 and (intent := _close(at)):
        return Decision(book, intent)
    if gap * book.target > 0:
        return _open(at, gap)
    return Decision(_at_rest(book))


def _at_rest(book: Book) -> Book:
    """Forget what asked for the target, now that it is answered."""
    return Book(book.target, book.held)


def _close(at: Situation) -> Intent | None:
    """Close down to the target, rounded toward zero; all that is held when the target is zero or on the other side."""
    book = at.book
    whole = book.target * book.held <= 0
    wanted = Contracts(-book.held) if whole else at.instrument.round_size(book.gap)
    if not wanted or (not whole and abs(wanted) < at.instrument.minimum):
        return None
    piece = _within_maximum(wanted, at.instrument.max_market, at.instrument)
    return Intent(
        inst_id=at.instrument.inst_id,
        leg=CLOSE,
        change=piece,
        type=MARKET,
        price=None,
        reduce_only=at.account.reduce_only,
        margin_mode=at.account.margin_mode,
        more=piece != wanted,
    )


def _open(at: Situation, gap: Contracts) -> Decision:
    """Pass the gap through the limits and round it."""
    book = at.book
    if not book.openings:
        return Decision(_at_rest(_unasked(at)))
    allowed = _allowed(at, gap)
    if not allowed.openings:
        return _open_nothing(at, allowed)
    wanted = allowed.within_limit
    size = at.instrument.round_size(wanted)
    if abs(size) < at.instrument.minimum:
        return _below_minimum(at, allowed)
    if wanted != gap:
        book = denied(book, gap - wanted)
    return Decision(_at_rest(book), _opening(at, allowed, size), allowed.skips)


def _allowed(at: Situation, gap: Contracts) -> Allowed:
    """Ask every rule about the openings that need an order, as long as any is left."""
    allowed = Allowed(gap, newest(at.book.openings, abs(gap)))
    for rule in RULES:
        if not allowed.openings:
            break
        allowed = rule(allowed, at)
    return allowed


def _open_nothing(at: Situation, allowed: Allowed) -> Decision:
    """Take what was denied out of the target."""
    return Decision(_at_rest(denied(at.book, at.book.gap - allowed.size)), None, allowed.skips)


def _unasked(at: Situation) -> Book:
    """Drop whole orders that no event asks for any more: the further pieces of one that did not fill."""
    book = at.book
    return book if abs(book.gap) < at.instrument.minimum else denied(book, at.instrument.round_size(book.gap))


def _below_minimum(at: Situation, allowed: Allowed) -> Decision:
    """Skip, carry or round up an opening too small to place, as the subscription chooses.

    A limit is never rounded past.
    """
    minimum, policy, limit = at.instrument.minimum, at.subscription.below_minimum, allowed.limit
    if limit and (allowed.trimmed or (policy is BelowMinimum.ROUND_UP and limit.most < minimum)):
        return _open_nothing(at, allowed.deny(limit.trim.reason, limit.trim.numbers))
    if policy is BelowMinimum.ROUND_UP:
        return _rounded_up(at, allowed)
    figures = numbers(size=abs(allowed.size), minimum=minimum, ratio=at.subscription.sizing.ratio)
    if policy is BelowMinimum.CARRY:
        said = tuple(Skip(each.event, Reason.CARRIED, figures) for each in allowed.openings)
        return Decision(_at_rest(denied(at.book, at.book.gap - allowed.size)), None, (*allowed.skips, *said))
    if _asked_whole(at, allowed) >= minimum:
        return _open_nothing(at, allowed)  # an order of its own, but for what the follower still holds above its target
    return _open_nothing(at, allowed.deny(Reason.BELOW_MINIMUM, figures))


def _asked_whole(at: Situation, allowed: Allowed) -> Decimal:
    """Return what the openings still allowed asked for, whether it needs an order or not."""
    events = {each.event for each in allowed.openings}
    return asked(tuple(each for each in at.book.openings if each.event in events))


def _rounded_up(at: Situation, allowed: Allowed) -> Decision:
    step = Contracts(at.instrument.minimum * sign(allowed.size))
    book = replace(at.book, target=Contracts(at.book.held + step))
    return Decision(_at_rest(book), _opening(at, allowed, step, step - allowed.size), allowed.skips)


def _opening(at: Situation, allowed: Allowed, size: Contracts, raised: Decimal = ZERO) -> Intent:
    """Spell an opening as an order: an IOC limit at the cap where there is one, else a market order."""
    price = _limit_price(at, allowed)
    most = at.instrument.max_market if price is None else at.instrument.max_limit
    piece = _within_maximum(size, most, at.instrument)
    return Intent(
        inst_id=at.instrument.inst_id,
        leg=OPEN,
        change=piece,
        type=MARKET if price is None else IOC,
        price=price,
        reduce_only=False,
        margin_mode=at.account.margin_mode,
        openings=allowed.openings,
        more=piece != size,
        trims=(allowed.limit.trim,) if allowed.limit and allowed.trimmed else (),
        raised=raised,
    )


def _limit_price(at: Situation, allowed: Allowed) -> Price | None:
    """Return the leader's price moved by the cap, kept inside the venue's band and rounded to the tick."""
    cap = at.subscription.slippage_cap
    if cap is None:
        return None
    side = side_of(allowed.size)
    price = Price(allowed.price * (1 + cap * side.sign))
    if side.sign > 0:
        return at.instrument.round_price(min(price, at.market.buy_limit or price), side)
    return at.instrument.round_price(max(price, at.market.sell_limit or price), side)


def _within_maximum(size: Contracts, most: Contracts, instrument: Instrument) -> Contracts:
    """Cut a signed size to the venue's maximum, and by so much that what is left can be ordered too."""
    if abs(size) <= most:
        return size
    return Contracts(min(instrument.round_size(most), abs(size) - instrument.minimum) * sign(size))
