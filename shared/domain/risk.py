"""Limits on opens: an ordered tuple of rules, each of which may deny openings, or bound the order, and says why.

Closes pass no rule: they always go. What a rule takes leaves the target and is not chased. Rules judge only what has to
be ordered: an opening that merely replaces what the leader closed meanwhile needs no order.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from msgspec import Struct
from msgspec.structs import replace

from shared.domain.books import DENIED_BY_STATE, Book, weighted_price
from shared.domain.instruments import Instrument, Market
from shared.domain.orders import MarginMode, Opening
from shared.domain.quantities import Price, sign
from shared.domain.reasons import Numbers, Reason, Skip, Trim, numbers
from shared.domain.subscriptions import Subscription
from shared.domain.switches import Switch

MARKET_FRESH_MS = 2_000
"""A last price older than this judges nothing: the order's own price limit still does."""


@dataclass(frozen=True, slots=True)
class Account:
    """What planning must know of a follower's account."""

    net_mode: bool = True
    reduce_only: bool = True
    """Whether the account's level takes `reduceOnly`, as Futures and multi-currency mode do.

    Source: D#order-book-trading-trade-post-place-order.
    """
    margin_mode: MarginMode = MarginMode.CROSS
    fenced: bool = True
    """Whether `expTime` was proven to bind this grant's orders."""


class Situation(Struct, frozen=True, gc=False):
    """Everything a rule may look at."""

    book: Book
    subscription: Subscription
    account: Account
    instrument: Instrument
    market: Market
    now_ms: int
    stopped: Switch | None = None
    """The kill switch that lets nothing open now."""


class Limit(Struct, frozen=True, gc=False):
    """The most contracts an order may have, and what says so."""

    most: Decimal
    trim: Trim


class Allowed(Struct, frozen=True, gc=False):
    """An opening on its way through the rules: signed size, the openings it answers, what was said so far."""

    size: Decimal
    openings: tuple[Opening, ...]
    skips: tuple[Skip, ...] = ()
    limit: Limit | None = None
    """The tightest so far."""

    @property
    def price(self) -> Price:
        """Return the size-weighted price of the leader's trades this opening copies."""
        return weighted_price(self.openings)

    @property
    def trimmed(self) -> bool:
        """Tell whether the limit makes the order smaller."""
        return self.limit is not None and self.limit.most < abs(self.size)

    @property
    def within_limit(self) -> Decimal:
        """Return the signed size that the limit leaves."""
        return self.limit.most * sign(self.size) if self.limit and self.trimmed else self.size

    def drop(self, skips: tuple[Skip, ...]) -> "Allowed":
        """Deny the openings of the skipped events: what they asked for leaves the size."""
        gone = {skip.event for skip in skips}
        lost = sum((each.size for each in self.openings if each.event in gone), Decimal(0))
        rest = tuple(each for each in self.openings if each.event not in gone)
        return replace(self, size=self.size - lost, openings=rest, skips=(*self.skips, *skips))

    def deny(self, reason: Reason, figures: Numbers) -> "Allowed":
        """Deny every opening, each event with the same reason."""
        return self.drop(tuple(Skip(each.event, reason, figures) for each in self.openings))

    def bound(self, most: Decimal, reason: Reason, figures: Numbers) -> "Allowed":
        """Allow no order above `most` contracts."""
        if self.limit and self.limit.most <= most:
            return self
        return replace(self, limit=Limit(most, Trim(reason, figures)))


Rule = Callable[[Allowed, Situation], Allowed]


def by_state(allowed: Allowed, at: Situation) -> Allowed:
    """Let only an active subscription open, and only while no kill switch concerns it."""
    if at.stopped:
        return allowed.deny(Reason.STOPPED, numbers(scope=at.stopped.scope.value, since_ms=at.stopped.made_ms))
    reason = DENIED_BY_STATE.get(at.subscription.state)
    return allowed.deny(reason, numbers()) if reason else allowed


def by_account_mode(allowed: Allowed, at: Situation) -> Allowed:
    """Let only a follower in net mode open."""
    return allowed if at.account.net_mode else allowed.deny(Reason.FOLLOWER_MODE, numbers())


def by_instrument_state(allowed: Allowed, at: Situation) -> Allowed:
    """Open only what the venue trades normally."""
    return allowed if at.instrument.live else allowed.deny(Reason.INSTRUMENT_NOT_LIVE, numbers())


def by_age(allowed: Allowed, at: Situation) -> Allowed:
    """Drop the openings older than the subscription's maximum age, one by one."""
    most = at.subscription.max_age_ms
    if most is None or all(at.now_ms - each.at_ms <= most for each in allowed.openings):
        return allowed
    ages = ((each.event, at.now_ms - each.at_ms) for each in allowed.openings)
    return allowed.drop(
        tuple(Skip(event, Reason.STALE, numbers(age_ms=age, max_age_ms=most)) for event, age in ages if age > most)
    )


def by_slippage(allowed: Allowed, at: Situation) -> Allowed:
    """Deny an opening whose price has run from the leader's by more than the cap.

    An old or unknown price judges nothing.
    """
    cap, last = at.subscription.slippage_cap, at.market.last
    if cap is None or last is None or at.now_ms - at.market.at_ms > MARKET_FRESH_MS:
        return allowed
    distance = (last - allowed.price) / allowed.price * sign(allowed.size)
    if distance <= cap:
        return allowed
    return allowed.deny(Reason.SLIPPAGE, numbers(distance=distance, cap=cap, price=allowed.price, last=last))


def by_order_cap(allowed: Allowed, at: Situation) -> Allowed:
    """Bound the order by the limit per order, at the leader's price."""
    cap, minimum = at.subscription.max_order, at.instrument.minimum
    if cap is None:
        return allowed
    room = at.instrument.size_worth(cap, allowed.price)
    figures = numbers(wanted=abs(allowed.size), room=room, minimum=minimum, max_order=cap, price=allowed.price)
    return allowed.bound(room, Reason.ORDER_CAP, figures)


def by_position_cap(allowed: Allowed, at: Situation) -> Allowed:
    """Bound the order so that the position stays within its limit, at the leader's price."""
    cap, minimum, held = at.subscription.max_position, at.instrument.minimum, abs(at.book.held)
    if cap is None:
        return allowed
    room = max(Decimal(0), at.instrument.size_worth(cap, allowed.price) - held)
    figures = numbers(
        wanted=abs(allowed.size), room=room, minimum=minimum, held=held, max_position=cap, price=allowed.price
    )
    return allowed.bound(room, Reason.POSITION_CAP, figures)


RULES: tuple[Rule, ...] = (
    by_state,
    by_account_mode,
    by_instrument_state,
    by_age,
    by_slippage,
    by_order_cap,
    by_position_cap,
)
