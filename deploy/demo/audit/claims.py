"""Check what we say of fills that got no order.

Some reasons are given when an event arrives, whatever else is under way, and speak of that event alone
(`WHEN_IT_ARRIVED`). The others are given when the follower's next order was due, and speak of everything up to then.
A reason that the evidence cannot confirm is not believed.
"""

from collections.abc import Sequence
from decimal import Decimal

from deploy.demo.audit.evidence import AuditSettings, Change, Claim, LeaderFill, PriceMove
from deploy.demo.audit.targets import DUST, Target, in_force, opened, sign

NATURAL = frozenset({"below_minimum", "carried", "netted", "nothing_held"})
"""Reasons that come from sizes alone and say nothing about our health."""
REFUSED = "refused"
"""The venue's own no: checked against the request it refused."""
WHEN_IT_ARRIVED = frozenset(
    {
        "nothing_held",
        "not_chosen",
        "paused",
        "close_only",
        "ended",
        "leader_mode",
        "instrument_unknown",
        "instrument_unsupported",
        "instrument_taken",
        "poison",
    }
)
BY_STATE = frozenset({"paused", "close_only", "ended"})
"""Reasons that may also be given when an order was due: the subscription was changed after the event arrived."""
GRANT_DEAD = "grant_dead"
MADE_UP = "missed_copy"
"""Not a skip: an opening refused before is placed after all, as the subscription chose."""
_PRICE_WINDOW_MS = 3_000
"""A price this old may still have been the last one the claim was judged by."""


def true_on_arrival(claim: Claim, fill: LeaderFill, target: Target, held: Decimal) -> bool:
    """Check a reason given when its event arrived; `target` and `held` are those before the event."""
    match claim.reason:
        case "nothing_held":
            return abs(target.exact) <= target.slack + DUST and not held and not target.wants_opening(fill)
        case "not_chosen":
            return bool(opened(fill)) and fill.category not in {"", "normal"}
        case "paused" | "close_only" | "ended":
            return bool(opened(fill)) and claim.reason == target.subscription.state
    return False


def true_when_due(  # noqa: PLR0911 - one return per reason
    claim: Claim, fill: LeaderFill, target: Target, held: Decimal, settings: AuditSettings
) -> bool:
    """Check a reason given when an order was due; `target` is that of the moment."""
    policy = target.subscription.below_minimum
    match claim.reason:
        case "netted":
            return target.asks_nothing(held) and not target.wanted(held)
        case "below_minimum":
            return policy == "skip" and fill.event in target.openings and target.asks_nothing(held)
        case "carried":
            return policy == "carry" and fill.event in target.openings and target.asks_nothing(held)
        case "stale":
            most = target.subscription.max_age_ms
            return most is not None and bool(opened(fill)) and claim.at_ms - fill.at_ms > most
        case "slippage":
            return fill.event in target.openings and _beyond_cap(claim, fill, target, settings.prices)
        case "paused" | "close_only" | "ended":
            changed = in_force(target.subscription, _changes_of(claim, settings), claim.at_ms)
            return fill.event in target.openings and changed.state == claim.reason
        case "grant_dead":
            dead = any(since <= claim.at_ms <= until for since, until in settings.dead.get(claim.follower, ()))
            return dead and (target.exact - held) * target.exact > 0
        case "missed_copy":
            return target.may_make_up() and target.asks_nothing(held)
    return False


def apply(claim: Claim, target: Target, held: Decimal) -> None:
    """Take what a true claim denied out of the target: of an opening, the part that would have needed an order.

    The other part only replaces what the leader closed before, and is held already.
    """
    if claim.reason == MADE_UP:
        target.make_up()
        return
    if claim.reason == GRANT_DEAD:
        target.refuse(target.wanted(held))
    if claim.reason in {"netted", GRANT_DEAD}:
        target.openings.clear()
        return
    size, gap = target.openings.pop(claim.event, Decimal(0)), target.exact - held
    if claim.reason != "carried" and size * gap > 0:
        target.deny(min(abs(size), abs(gap)) * sign(size))


def _changes_of(claim: Claim, settings: AuditSettings) -> Sequence[Change]:
    pair = claim.follower, claim.leader
    return [each for each in settings.changes if (each.subscription.follower, each.subscription.leader) == pair]


def _beyond_cap(claim: Claim, fill: LeaderFill, target: Target, prices: Sequence[PriceMove]) -> bool:
    """Tell whether some price in force shortly before the claim was further from the leader's than the cap."""
    cap = target.subscription.slippage_cap
    moves = [move for move in prices if move.inst_id == fill.inst_id and move.at_ms <= claim.at_ms]
    at_fill = [move.price for move in moves if move.at_ms <= fill.at_ms][-1:]
    recent = [move.price for move in moves if move.at_ms >= claim.at_ms - _PRICE_WINDOW_MS] + [
        each.price for each in moves[-1:]
    ]
    if cap is None or not at_fill:
        return False
    return any((price - at_fill[0]) / at_fill[0] * sign(opened(fill)) > cap for price in recent)
