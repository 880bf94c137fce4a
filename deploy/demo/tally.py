"""Figures while a rehearsal runs: how many copies, how fast, who holds what. The audit at the end computes its own."""

import re
from collections import Counter, defaultdict, deque
from collections.abc import Mapping, Sequence

from deploy.demo.audit.evidence import Claim, LeaderFill, Order, Subscription
from deploy.demo.audit.measures import percentile
from deploy.demo.audit.naming import LEGS, cl_ord_id

_EVENTS_KEPT = 300
_DELAYS_KEPT = 20_000
"""A session may have no end: live figures are of the latest events only."""
_SAMPLE = re.compile(r"^slipstream_(\w+?)(?:_total)?(?:\{[^}]*\})? (\S+)$", re.MULTILINE)


class Tally:
    """Live counts."""

    def __init__(self, subscriptions: Sequence[Subscription]) -> None:
        self.events = 0
        self.copies = 0
        self.last_fill_ms = 0
        self.last_order_ms = 0
        self.skips: Counter[str] = Counter()
        self.gauges: dict[str, dict[str, float]] = {}
        self.followers_of: dict[str, list[str]] = defaultdict(list)
        for each in subscriptions:
            self.followers_of[each.leader].append(each.follower)
        self._followers = len({each.follower for each in subscriptions})
        self._answers: dict[str, tuple[str, int]] = {}
        self._names: deque[list[str]] = deque()
        self._arrived: Counter[str] = Counter()
        self._delays: deque[float] = deque(maxlen=_DELAYS_KEPT)
        self._proven: set[str] = set()

    def take(self, fills: Sequence[LeaderFill], orders: Sequence[Order]) -> None:
        """Count new evidence."""
        for fill in fills:
            self.events += 1
            self.last_fill_ms = fill.at_ms
            self._expect(fill)
        for order in orders:
            self._take_order(order)

    def claim(self, claims: Sequence[Claim]) -> None:
        """Count new claims of skips."""
        self.skips.update(claim.reason for claim in claims)

    def take_metrics(self, process: str, page: str) -> None:
        """Keep the newest figures of a service, summed over labels; none while it does not answer."""
        self.gauges[process] = figures(page)

    def arrived(self, event: str) -> int:
        """Return how many first tries of an event have reached the venue."""
        return self._arrived[event]

    @property
    def newest_event(self) -> str:
        """Return the event that orders were last seen for."""
        return next(reversed(self._arrived), "")

    @property
    def fences_missing(self) -> int:
        """Return how many followers have not yet been seen to have an expired order refused."""
        return self._followers - len(self._proven)

    def percentile(self, percent: int) -> float:
        """Return a percentile of the time from fill to order, in milliseconds."""
        return percentile(sorted(self._delays), percent)

    def total(self, gauge: str, processes: Mapping[str, object]) -> float:
        """Sum a figure over processes."""
        return sum(self.gauges.get(name, {}).get(gauge, 0) for name in processes)

    def _expect(self, fill: LeaderFill) -> None:
        followers = self.followers_of[fill.leader]
        names = [cl_ord_id(fill.event, follower, leg, 0) for follower in followers for leg in LEGS]
        self._answers.update(dict.fromkeys(names, (fill.event, fill.at_ms)))
        self._names.append(names)
        if len(self._names) > _EVENTS_KEPT:
            for name in self._names.popleft():
                del self._answers[name]

    def _take_order(self, order: Order) -> None:
        event, filled_ms = self._answers.get(order.cl_ord_id, ("", 0))
        if event:
            self._arrived[event] += 1
        elif not order.accepted:
            self._proven.add(order.follower)
        if order.accepted:
            self.copies += 1
            self.last_order_ms = order.at_ms
            if event:
                self._delays.append(order.at_us / 1_000 - filled_ms)


def figures(page: str) -> dict[str, float]:
    """Read a metrics page: each figure by its name without prefix and unit of counting, summed over labels."""
    summed: dict[str, float] = defaultdict(float)
    for name, value in _SAMPLE.findall(page):
        summed[name] += float(value)
    return dict(summed)
