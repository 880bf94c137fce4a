"""Drift: where an account, the book and the leader's scaled position disagree, and what may be done about it. Pure.

Three numbers are compared, all signed contracts: what the account holds, what the book says is held because of the
leader, and the most the leader's position scales to. A bound is all the last one is: who joined in the middle of a
trade, or was denied an opening, rightly holds less. So nothing ever grows towards it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from msgspec.structs import replace

from shared.domain.books import Book, observed
from shared.domain.instruments import Instrument
from shared.domain.orders import Opening
from shared.domain.quantities import ZERO, Contracts, sign
from shared.domain.reasons import Numbers, numbers
from shared.domain.subscriptions import BelowMinimum, DriftPolicy, Subscription


class DriftKind(StrEnum):
    """Every way in which the three may disagree."""

    REDUCED_BY_HAND = "reduced_by_hand"
    FOREIGN = "foreign"
    OVER_TARGET = "over_target"
    MISSED_COPY = "missed_copy"
    RECONCILED = "reconciled"
    """Not found but asked for: an operator had the book brought down to what is there."""


DRIFT_REMEDIES: Mapping[DriftKind, str] = {
    DriftKind.REDUCED_BY_HAND: "nothing to do: the book follows the account, and what was closed by hand is not bought"
    " back",
    DriftKind.FOREIGN: "nothing to do if it was traded by hand: such positions are seen and left alone",
    DriftKind.OVER_TARGET: "close the excess by hand, or let drift be repaired for this subscription",
    DriftKind.MISSED_COPY: "see why the venue refused it; repaired while it is young enough, where that is chosen",
    DriftKind.RECONCILED: "nothing to do: the book is what account and leader allow, and opens again",
}


@dataclass(frozen=True, slots=True)
class Drift:
    """One disagreement, and the book that would end it if acting is allowed; `numbers` are those behind it."""

    kind: DriftKind
    numbers: Numbers
    book: Book | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of one strand at rest."""

    book: Book
    position: Contracts
    """What the account holds of the instrument."""
    leader: Contracts
    """What the leader holds."""
    missed: tuple[Opening, ...] = ()
    """Openings the venue refused since the strand was taken."""


def compare(at: Standing, subscription: Subscription, instrument: Instrument, now_ms: int) -> Drift | None:
    """Return what is wrong, the gravest first; None if the three agree, or only in ways that are right."""
    wrong = _reduced(at) or _over(at, subscription, instrument)
    return wrong or _missed(at, subscription, instrument, now_ms) or _foreign(at)


def reconciled(at: Standing, subscription: Subscription) -> Drift:
    """Return the book brought down to what the account holds and the leader's position scales to; never grown."""
    book, bound = observed(at.book, at.position), bound_of(at.leader, subscription)
    allowed = abs(bound) if bound * book.held > 0 else Decimal(0)
    target = min(abs(book.held), abs(book.target) if book.target * book.held > 0 else Decimal(0), allowed)
    shrunk = replace(book, target=Contracts(target * sign(book.held)), openings=())
    return Drift(DriftKind.RECONCILED, {**_told(at), **numbers(bound=bound)}, shrunk)


def may_act(drift: Drift, policy: DriftPolicy) -> bool:
    """Tell whether the book may be changed: to follow the account always, to trade only where that is chosen."""
    if drift.book is None:
        return False
    return drift.kind is DriftKind.REDUCED_BY_HAND or policy is DriftPolicy.REPAIR


def _reduced(at: Standing) -> Drift | None:
    """Notice that the account holds less than the book, or nothing, or the other way round."""
    held, same_way = at.book.held, at.position if at.position * at.book.held > 0 else ZERO
    if abs(same_way) >= abs(held):
        return None
    return Drift(DriftKind.REDUCED_BY_HAND, _told(at), observed(at.book, at.position))


def _over(at: Standing, subscription: Subscription, instrument: Instrument) -> Drift | None:
    """Notice that more is held than the leader's position allows, by more than an order's granularity."""
    bound = bound_of(at.leader, subscription)
    allowed = abs(bound) if bound * at.book.held > 0 else Decimal(0)
    if allowed and subscription.below_minimum is BelowMinimum.ROUND_UP:
        return None  # each opening may have been raised to the minimum: only a leader who is out proves anything
    if abs(at.book.held) - allowed <= (max(instrument.lot, instrument.minimum) if allowed else 0):
        return None
    figures = {**_told(at), **numbers(bound=bound)}
    edited = allowed > 0 and subscription.version > 1
    target = Contracts(min(abs(at.book.target), allowed) * sign(at.book.held)) if not edited else None
    book = None if target is None else replace(at.book, target=target, openings=())
    return Drift(DriftKind.OVER_TARGET, figures, book)


def _missed(at: Standing, subscription: Subscription, instrument: Instrument, now_ms: int) -> Drift | None:
    """Notice openings the venue refused that are still young enough to be made up for, within the bound."""
    most, bound = subscription.max_age_ms, bound_of(at.leader, subscription)
    young = tuple(each for each in at.missed if most is not None and now_ms - each.at_ms <= most)
    wanted = sum((each.size for each in young), Decimal(0))
    room = abs(bound) - abs(at.book.target)
    if not young or wanted * bound <= 0 or at.book.target * bound < 0 or min(abs(wanted), room) < instrument.minimum:
        return None
    size = min(abs(wanted), room) * sign(bound)
    share = size / wanted
    openings = tuple(replace(each, size=each.size * share) for each in young)
    book = replace(at.book, target=Contracts(at.book.target + size), openings=openings)
    return Drift(DriftKind.MISSED_COPY, {**_told(at), **numbers(missed=size, bound=bound)}, book)


def _foreign(at: Standing) -> Drift | None:
    if at.position == at.book.held:
        return None
    return Drift(DriftKind.FOREIGN, _told(at))


def bound_of(leader: Contracts, subscription: Subscription) -> Decimal:
    """Return the most a follower may hold because of a leader who holds so much, signed."""
    return leader * subscription.sizing.ratio


def _told(at: Standing) -> Numbers:
    return numbers(position=at.position, held=at.book.held, target=at.book.target, leader=at.leader)
