"""What went wrong, computed with arithmetic of its own from the leader's fills and the venue's evidence.

Of ours it reads only the refusals claimed in `outcomes`, and where the final records stand. A target is an interval:
a refusal whose claim Redis lost may or may not have been taken out of it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from shared.domain.ids import Leg
from tests.model.leader import LeaderFill
from tests.model.redis_state import Memory
from tests.model.rules import Fault
from tests.model.values import LEADER, AccountKey
from tests.model.venue import Evidence, Order, Venue

_NOISE = Fraction(1, 10**12)
"""Targets of the product are decimals of 28 digits."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What the verdict must know of a strand."""

    ratio: Fraction
    most: Decimal
    forgetful: bool


@dataclass(slots=True)
class Target:
    """The target of one strand, replayed: between `low` and `high`, both signed the leader's way."""

    settings: Settings
    fills: list[LeaderFill]
    low: Fraction = Fraction(0)
    high: Fraction = Fraction(0)
    leader: int = 0
    next: int = 0

    def advance(self, index: int) -> None:
        """Replay the leader's fills up to one of them."""
        while self.next < len(self.fills) and self.fills[self.next].index <= index:
            self._replay(int(self.fills[self.next].change))
            self.next += 1

    def _replay(self, change: int) -> None:
        before, after = self.leader, self.leader + change
        self.leader = after
        if before * change >= 0:
            self._open(change)
        elif before * after > 0:
            self.low, self.high = self.low * after / before, self.high * after / before
        else:
            self.low = self.high = Fraction(0)
            self._open(after)

    def _open(self, size: int) -> None:
        self.low += abs(size) * self.settings.ratio
        self.high += abs(size) * self.settings.ratio

    def deny(self, amount: Fraction, certain: bool) -> None:
        """Take what an order was denied out of the target."""
        self.low = max(Fraction(0), self.low - amount)
        if certain:
            self.high = max(Fraction(0), self.high - amount)


def judge(venue: Venue, memory: Memory, fills: list[LeaderFill], settings: dict[AccountKey, Settings]) -> list[str]:
    """Return every verdict, worded; an empty list means that nothing was lost, doubled or misplaced."""
    found = _same_names(venue.orders.values())
    for key, each in settings.items():
        target = Target(each, [fill for fill in fills if fill.inst_id == key[1]])
        found += _replay_evidence([one for one in venue.evidence if one.sent.key == key], target, memory.refused)
        target.advance(len(fills))
        found += _at_quiet(key, venue, memory, target)
    return found


def _same_names(orders: Iterable[list[Order]]) -> list[str]:
    doubled: list[str] = []
    for named in orders:
        first = named[0]
        if len(named) > 1:
            doubled.append(f"doubled: {len(named)} accepted orders have the name of {first.sent}")
    return doubled


def _replay_evidence(evidence: list[Evidence], target: Target, claimed: frozenset[str]) -> list[str]:
    """Replay what the venue took and refused; a name refused again and again denies its size once."""
    found: list[str] = []
    latest = -1
    last_refusals = {each.sent.attempt.cl_ord_id: each for each in evidence if not each.accepted}
    for each in evidence:
        if not each.accepted and last_refusals[each.sent.attempt.cl_ord_id] is not each:
            continue
        if each.accepted and each.sent.index < latest:
            found.append(f"misordered: e{each.sent.index} after e{latest}")
        target.advance(each.sent.index)
        latest = max(latest, each.sent.index)
        found += _judge_order(each, target, claimed)
    return found


def _judge_order(each: Evidence, target: Target, claimed: frozenset[str]) -> list[str]:
    intent, position = each.sent.attempt.intent, abs(Fraction(each.position))
    size, filled = Fraction(intent.size), Fraction(each.filled)
    if not each.accepted:
        known = each.sent.attempt.cl_ord_id in claimed
        if intent.leg is Leg.OPEN and (known or target.settings.forgetful):
            target.deny(size, known)
            if intent.size == target.settings.most:
                target.low = min(target.low, position)
        return []
    if intent.leg is Leg.CLOSE:
        wrong = position < target.low - _NOISE and each.position * target.leader > 0
        return (
            [f"doubled: e{each.sent.index} closed to {each.position}, target at least {float(target.low)}"]
            if wrong
            else []
        )
    target.deny(size - filled, certain=True)
    if filled < size and intent.size == target.settings.most:
        target.low = min(target.low, position)
    if each.position * target.leader < 0 or position > target.high + _NOISE:
        return [f"doubled: e{each.sent.index} opened to {each.position}, target at most {float(target.high)}"]
    return []


def _at_quiet(key: AccountKey, venue: Venue, memory: Memory, target: Target) -> list[str]:
    position, record = venue.position(key), memory.records.get("|".join((*key, LEADER)))
    found: list[str] = []
    held = record.held if record else Decimal(0)
    if held != position:
        found.append(f"book: {key} holds {position}, the book says {held}")
    size = abs(Fraction(position))
    wrong_side = position * target.leader < 0 or (target.leader == 0 and position != 0)
    if wrong_side or size > target.high + 1 + _NOISE or size < target.low - 1 - _NOISE:
        found.append(
            f"lost: {key} holds {position}, target {float(target.low)} to {float(target.high)}, leader {target.leader}"
        )
    return found


def is_forgetful(faults: frozenset[Fault]) -> bool:
    """Tell whether claims may have been lost with Redis."""
    return bool(faults & {Fault.ROLLBACK, Fault.EMPTIED})
