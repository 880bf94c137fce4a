"""Limits on opens: an ordered tuple of rules, each of which may take something from an opening and says why.

Closes pass no rule: they always go. What a rule takes leaves the target and is not chased.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from shared.domain.books import DENIED_BY_STATE, Book, weighted_price
from shared.domain.instruments import Instrument, Market
from shared.domain.orders import MarginMode, Opening
from shared.domain.quantities import Price, sign
from shared.domain.reasons import Numbers, Reason, Skip, Trim, numbers
from shared.domain.subscriptions import Subscription

MARKET_FRESH_MS = 2_000
"""A last price older than this judges nothing: the order's own price limit still does."""


@dataclass(frozen=True, slots=True)
class Account:
    """What planning must know of a follower's account."""

    net_mode: bool = True
    reduce_only: bool = True
    """Whether the account's level takes `reduceOnly` (D#order-book-trading-trade-post-place-order: Futures and multi-currency)."""
    margin_mode: MarginMode = MarginMode.CROSS
    fenced: bool = True
    """Whether `expTime` was proven to bind this grant's orders."""


@dataclass(frozen=True, slots=True)
class Situation:
    """Everything a rule may look at."""

    book: Book
    subscription: Subscription
    account: Account
    instrument: Instrument
    market: Market
    now_ms: int


@dataclass(frozen=True, slots=True)
class Allowed:
    """An opening on its way through the rules: signed size, the openings it answers, what was said so far."""

    size: Decimal
    openings: tuple[Opening, ...]
    skips: tuple[Skip, ...] = ()
    trims: tuple[Trim, ...] = ()

    @property
    def price(self) -> Price:
        """Return the size-weighted price of the leader's trades this opening copies."""
        return weighted_price(self.openings)

    def deny(self, reason: Reason, **values: Decimal | int | str) -> "Allowed":
        """Refuse all of it, each event with the same reason."""
        skips = tuple(Skip(each.event, reason, numbers(**values)) for each in self.openings)
        return Allowed(Decimal(0), (), (*self.skips, *skips), self.trims)

    def trim(self, most: Decimal, reason: Reason, figures: Numbers) -> "Allowed":
        """Cut the size to `most` contracts if it is larger."""
        if abs(self.size) <= most:
            return self
        return Allowed(most * sign(self.size), self.openings, self.skips, (*self.trims, Trim(reason, figures)))


Rule = Callable[[Allowed, Situation], Allowed]


def by_state(allowed: Allowed, at: Situation) -> Allowed:
    """Let only an active subscription open."""
    reason = DENIED_BY_STATE.get(at.subscription.state)
    return allowed.deny(reason) if reason else allowed


def by_account_mode(allowed: Allowed, at: Situation) -> Allowed:
    """Let only a follower in net mode open."""
    return allowed if at.account.net_mode else allowed.deny(Reason.FOLLOWER_MODE)


def by_instrument_state(allowed: Allowed, at: Situation) -> Allowed:
    """Open only what the venue trades normally."""
    return allowed if at.instrument.live else allowed.deny(Reason.INSTRUMENT_NOT_LIVE)


def by_age(allowed: Allowed, at: Situation) -> Allowed:
    """Drop the openings older than the subscription's maximum age, one by one."""
    most = at.subscription.max_age_ms
    stale = tuple(each for each in allowed.openings if most is not None and at.now_ms - each.at_ms > most)
    if not stale:
        return allowed
    skips = tuple(
        Skip(each.event, Reason.STALE, numbers(age_ms=at.now_ms - each.at_ms, max_age_ms=most or 0)) for each in stale
    )
    lost = min(abs(allowed.size), abs(sum((each.size for each in stale), Decimal(0))))
    fresh = tuple(each for each in allowed.openings if each not in stale)
    size = (abs(allowed.size) - lost) * sign(allowed.size) if fresh else Decimal(0)
    return Allowed(size, fresh, (*allowed.skips, *skips), allowed.trims)


def by_slippage(allowed: Allowed, at: Situation) -> Allowed:
    """Deny an opening whose price has run from the leader's by more than the cap; an old or unknown price judges nothing."""
    cap, last = at.subscription.slippage_cap, at.market.last
    if cap is None or last is None or not allowed.size or at.now_ms - at.market.at_ms > MARKET_FRESH_MS:
        return allowed
    distance = (last - allowed.price) / allowed.price * sign(allowed.size)
    return (
        allowed
        if distance <= cap
        else allowed.deny(Reason.SLIPPAGE, distance=distance, cap=cap, price=allowed.price, last=last)
    )


def by_order_cap(allowed: Allowed, at: Situation) -> Allowed:
    """Trim to the limit per order."""
    cap = at.subscription.max_order
    if cap is None or not allowed.size:
        return allowed
    return allowed.trim(
        at.instrument.size_worth(cap, allowed.price), Reason.ORDER_CAP, numbers(wanted=abs(allowed.size), max_order=cap)
    )


def by_position_cap(allowed: Allowed, at: Situation) -> Allowed:
    """Trim so that the position stays within its limit."""
    cap = at.subscription.max_position
    if cap is None or not allowed.size:
        return allowed
    room = max(Decimal(0), at.instrument.size_worth(cap, allowed.price) - abs(at.book.held))
    return allowed.trim(room, Reason.POSITION_CAP, numbers(wanted=abs(allowed.size), room=room, max_position=cap))


RULES: tuple[Rule, ...] = (
    by_state,
    by_account_mode,
    by_instrument_state,
    by_age,
    by_slippage,
    by_order_cap,
    by_position_cap,
)
