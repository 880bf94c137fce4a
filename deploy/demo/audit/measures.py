"""Figures of a run: how long copies took, and how many orders a kill put in doubt."""

from collections.abc import Iterator, Mapping, Sequence
from math import ceil

from deploy.demo.audit.evidence import Evidence, LeaderFill, Order
from deploy.demo.audit.naming import Name, Names

_SETTLING_MS = 1_000
"""Within this time after a kill an order may still be asked for merely to learn what it filled."""


def delays_ms(named: Sequence[tuple[Order, Name]], fills: Mapping[str, LeaderFill]) -> list[float]:
    """Return, sorted, how long after the leader's fill each accepted order reached the venue."""
    return sorted(order.at_us / 1_000 - fills[name.event].at_ms for order, name in named if order.accepted)


def percentile(ordered: Sequence[float], percent: int) -> float:
    """Return the nearest-rank percentile of sorted values; 0 of none."""
    return round(ordered[ceil(len(ordered) * percent / 100) - 1], 3) if ordered else 0.0


def in_doubt(evidence: Evidence, names: Mapping[str, Names], kills_ms: Sequence[int]) -> int:
    """Count the orders asked for by name after a kill, of events that had orders before it and after it.

    Not counted are asks within a second of the kill, and asks for orders sent after it: those only learn what filled.
    """
    named = list(_named(evidence, names))
    return len({each for kill in kills_ms for each in _doubted(evidence, named, names, kill)})


def _named(evidence: Evidence, names: Mapping[str, Names]) -> Iterator[tuple[Order, str]]:
    for order in evidence.orders:
        name = names[order.follower].glance(order.cl_ord_id) if order.follower in names else None
        if name:
            yield order, name.event


def _doubted(
    evidence: Evidence, named: Sequence[tuple[Order, str]], names: Mapping[str, Names], kill: int
) -> Iterator[tuple[str, str]]:
    before = {event for order, event in named if order.at_ms <= kill}
    halved = before & {event for order, event in named if order.at_ms > kill}
    sent_after: dict[tuple[str, str], int] = {}
    for order, _ in named:
        if order.at_ms > kill:
            sent_after.setdefault((order.follower, order.cl_ord_id), order.at_ms)
    for ask in evidence.asks:
        if ask.at_ms <= kill + _SETTLING_MS or not ask.cl_ord_id or ask.follower not in names:
            continue
        name = names[ask.follower].glance(ask.cl_ord_id)
        if name and name.event in halved and ask.at_ms <= sent_after.get((ask.follower, ask.cl_ord_id), ask.at_ms):
            yield ask.follower, ask.cl_ord_id
