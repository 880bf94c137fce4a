"""Follow one follower on one instrument through the evidence, and say where it departs from what should have been.

An order is named after the last fill it covers, so the target it must lead to is the one after exactly that fill: it
may not depend on anything later. Each order is therefore judged on its own: from the position the venue had before it,
it must be the order that reaches that target.

* Too large, and beyond the target by more than one lot: `doubled`.
* Too small (or a close too large): `wrong_size`; but if it would be right had some earlier fills been copied that were
  not, those are `lost`.
* What an accepted opening left unfilled leaves the target at that fill, and later closes shrink what remains, as they
  shrink everything.

An order covers its fill and every earlier one that nothing else decided. A skip covers its fill, and, if it was given
when an order was due, every earlier one too. An opening too small to be ordered alone that went into a later order
unmentioned widens the tolerance by its size (the skip may have been decided and lost with a killed worker); nothing
else does.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from operator import itemgetter

from deploy.demo.audit.claims import BY_STATE, MADE_UP, REFUSED, WHEN_IT_ARRIVED, apply, true_on_arrival, true_when_due
from deploy.demo.audit.evidence import AuditSettings, Change, Claim, Instrument, LeaderFill, Order, Subscription
from deploy.demo.audit.naming import Name
from deploy.demo.audit.report import Finding, Word
from deploy.demo.audit.targets import ZERO, Target, in_force, opened, sign


@dataclass(frozen=True, slots=True)
class Story:
    """All there is on one follower x leader x instrument: fills in the leader's order, the rest as it was seen."""

    subscription: Subscription
    instrument: Instrument
    fills: Sequence[LeaderFill]
    orders: Sequence[tuple[Order, Name]]
    claims: Sequence[Claim]
    position: Decimal
    changes: Sequence[Change] = ()


class Replay:
    """Replays one story; `run` yields its findings."""

    def __init__(self, story: Story, settings: AuditSettings) -> None:
        self._story, self._settings = story, settings
        self._target = Target(story.subscription, story.instrument)
        self._before_last = self._target.copy()
        self._held = ZERO
        self._folded = 0
        self._undecided: set[int] = set()
        self._index = {fill.event: number for number, fill in enumerate(story.fills)}
        self._judges = True
        self._named: set[str] = set()
        self._on_arrival = {each.event: each for each in story.claims if each.reason in WHEN_IT_ARRIVED}
        self._when_due: dict[str, list[Claim]] = defaultdict(list)
        for claim in story.claims:
            if claim.reason not in {*WHEN_IT_ARRIVED, REFUSED}:
                self._when_due[claim.event].append(claim)
        self._pending: list[Claim] = []

    def run(self) -> Iterator[Finding]:
        """Yield every finding of this story."""
        misordered = list(self._misordered())
        yield from misordered
        self._judges = not misordered  # sizes that came in the wrong order were each right for another position
        for index, order, name in self._answers():
            yield from self._fold_through(index)
            if order.accepted:
                yield from self._take_order(order, name, index)
            else:
                yield from self._take_refusal(order, name, index)
            yield from self._believe_what_holds()
        yield from self._fold_through(len(self._story.fills) - 1)
        yield from self._at_quiet()

    def _misordered(self) -> Iterator[Finding]:
        latest = -1
        for order, name in self._story.orders:
            if not order.accepted:
                continue
            index = self._index[name.event]
            if index < latest:
                yield self._finding(
                    Word.MISORDERED,
                    f"order {order.cl_ord_id} came after one for {self._story.fills[latest].event}",
                    index,
                )
            latest = max(latest, index)

    def _answers(self) -> list[tuple[int, Order, Name]]:
        """List what the venue accepted, or refused for good, by the fill it is named after, and then as it arrived."""
        refused = {(each.cl_ord_id, each.code) for each in self._story.claims if each.reason == REFUSED}
        answers = [
            (self._index[name.event], order, name)
            for order, name in self._story.orders
            if order.accepted or (order.cl_ord_id, order.code) in refused
        ]
        return sorted(answers, key=itemgetter(0))

    def _fold_through(self, index: int) -> Iterator[Finding]:
        while self._folded <= index:
            yield from self._give_up([each for each in self._pending if each.event not in self._target.openings])
            fill, number = self._story.fills[self._folded], self._folded
            self._folded += 1
            self._target.subscription = in_force(self._story.subscription, self._story.changes, fill.at_ms)
            claim = self._on_arrival.get(fill.event)
            if claim is None:
                self._undecided.add(number)
            elif not true_on_arrival(claim, fill, self._target, self._held) and claim.reason in BY_STATE:
                self._undecided.add(number)
                self._when_due[fill.event].append(claim)
            elif not true_on_arrival(claim, fill, self._target, self._held):
                yield self._false_claim(claim)
            self._before_last = self._target.copy()
            self._target.fold(fill)
            self._pending += self._when_due[fill.event]
            yield from self._believe_what_holds()

    def _believe_what_holds(self) -> Iterator[Finding]:
        """Take the claims that are true by now; one about an opening may wait until an order has answered it."""
        for claim in list(self._pending):
            fill = self._fill(claim)
            if claim.reason == "stale" and not opened(fill):
                late = f"a close was skipped for age, {claim.at_ms - fill.at_ms} ms after the fill"
                yield self._finding(Word.STALE_CLOSES, late, self._index[claim.event])
            elif true_when_due(claim, fill, self._target, self._held, self._settings):
                apply(claim, self._target, self._held)
                self._decide(self._folded - 1 if claim.reason != MADE_UP else -1)
            else:
                continue
            self._pending.remove(claim)
            if claim.reason != MADE_UP:
                self._undecided.discard(self._index[claim.event])

    def _give_up(self, claims: Sequence[Claim]) -> Iterator[Finding]:
        for claim in claims:
            self._pending.remove(claim)
            self._undecided.discard(self._index[claim.event])
            yield self._false_claim(claim)

    def _take_refusal(self, order: Order, name: Name, index: int) -> Iterator[Finding]:
        """Believe a refusal the venue gave: an opening leaves the target; a close is excused where nothing was held.

        What was refused still tells what the follower counted on: fills it took for copied that were not are lost.
        """
        wanted = self._target.wanted(order.before)
        if name.leg == "open" and abs(order.change - wanted) <= self._tolerance:
            self._target.refuse(order.change)
            self._target.openings.clear()
            self._decide(index)
        elif name.leg == "close" and not order.before:
            yield from self._why_wrong(order, wanted, index)
            self._undecided.discard(index)

    def _take_order(self, order: Order, name: Name, index: int) -> Iterator[Finding]:
        self._held = order.after
        if order.cl_ord_id in self._named:
            yield self._finding(
                Word.DOUBLED, f"order {order.cl_ord_id} was accepted again: {order.change:+} more", index
            )
            return
        self._named.add(order.cl_ord_id)
        wanted = self._target.wanted(order.before)
        more = self._is_piece(order, wanted)
        if self._judges and not more and order.change != wanted:
            yield from self._why_wrong(order, wanted, index)
        if name.leg == "open" and not more:
            self._leave_out(order, wanted, name)
        self._decide(index)

    def _is_piece(self, order: Order, wanted: Decimal) -> bool:
        """Tell whether the venue's maximum cut the order: another piece follows."""
        largest = {self._story.instrument.max_market, self._story.instrument.max_limit}
        return abs(order.change) in largest and order.change * wanted > 0 and abs(wanted) > abs(order.change)

    def _leave_out(self, order: Order, wanted: Decimal, name: Name) -> None:
        """Take what an opening did not ask for, or did not fill, out of the target; one rounded up raises it."""
        target = self._target
        target.answered(name.event)
        rounded_up = abs(wanted) > abs(target.exact - order.before)
        too_small = self._judges and abs(wanted) - abs(order.change) > self._tolerance
        if rounded_up or too_small:
            target.exact = order.before + order.change
        target.deny((abs(order.change) - order.filled) * sign(order.change))

    def _why_wrong(self, order: Order, wanted: Decimal, index: int) -> Iterator[Finding]:
        """Say what is wrong with an order that is not the one wanted; within a lot only missing fills are."""
        reached, aim = order.before + order.change, order.before + wanted
        numbers = (
            f"order {order.cl_ord_id} of {order.change:+} at position {order.before};"
            f" the target {aim} asked for {wanted:+}"
        )
        far = abs(order.change - wanted) > self._tolerance
        beyond = order.accepted and reached * order.change > 0
        if far and beyond and abs(reached) > abs(aim) + self._tolerance:
            yield self._finding(Word.DOUBLED, numbers, index)
            return
        missing = self._not_counted_on(order, index, self._tolerance if far else ZERO)
        self._undecided -= set(missing)
        for number in missing:
            yield self._finding(Word.LOST, f"not copied, and not in the next order either: {numbers}", number)
        if far and not missing and order.accepted:
            yield self._finding(Word.WRONG_SIZE, numbers, index)

    def _not_counted_on(self, order: Order, index: int, tolerance: Decimal) -> list[int]:
        """Return the earlier undecided fills, if the order is what it would be had they all been copied."""
        earlier = sorted(number for number in self._undecided if number < index)
        if not any(map(self._due, earlier)):
            return []
        believed = self._before_last.wanted(order.before) + order.before
        return earlier if abs(order.change - self._target.wanted(believed)) <= tolerance else []

    def _due(self, number: int) -> bool:
        """Tell whether a fill asked for an order by itself, as far as its size goes."""
        size = self._target.openings.get(self._story.fills[number].event)
        return size is None or abs(size) >= self._story.instrument.minimum

    def _at_quiet(self) -> Iterator[Finding]:
        yield from self._give_up(list(self._pending))
        for number in sorted(self._undecided):
            yield self._finding(Word.LOST, "no accepted order covers it and no skip is claimed", number)
        if abs(self._story.position - self._target.exact) > self._tolerance:
            yield self._finding(
                Word.WRONG_SIZE, f"holds {self._story.position} at quiet; the target is {self._target.exact:f}"
            )

    @property
    def _tolerance(self) -> Decimal:
        return self._story.instrument.tolerance + self._target.slack

    def _decide(self, through: int) -> None:
        self._undecided = {number for number in self._undecided if number > through}

    def _fill(self, claim: Claim) -> LeaderFill:
        return self._story.fills[self._index[claim.event]]

    def _false_claim(self, claim: Claim) -> Finding:
        numbers = f"target {self._target.exact:f}, held {self._held}"
        said = f"skipped as {claim.reason}, which the evidence does not confirm: {numbers}"
        return self._finding(Word.LOST, said, self._index[claim.event])

    def _finding(self, word: Word, said: str, index: int | None = None) -> Finding:
        event = "" if index is None else self._story.fills[index].event
        return Finding(word, said, self._story.subscription.follower, self._story.instrument.inst_id, event)
