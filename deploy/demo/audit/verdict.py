"""The audit: each follower's story replayed, and the whole run measured."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

from deploy.demo.audit.claims import NATURAL
from deploy.demo.audit.evidence import AuditSettings, Change, Claim, Evidence, LeaderFill, Order, Subscription
from deploy.demo.audit.measures import delays_ms, in_doubt, percentile
from deploy.demo.audit.naming import Name, Names
from deploy.demo.audit.replay import Replay, Story
from deploy.demo.audit.report import Finding, Report, Word


def audit(
    evidence: Evidence,
    leader_fills: Sequence[LeaderFill],
    subscriptions: Sequence[Subscription],
    claims: Sequence[Claim],
    settings: AuditSettings,
) -> Report:
    """Judge a finished run: pure, total, and ignorant of how the orders were planned.

    `leader_fills`, `claims` and the evidence come in the order the venue or the stream saw them; one follower follows
    one leader per instrument. What is looked for, and how, is in `replay`.
    """
    fills = {fill.event: fill for fill in leader_fills}
    names = _names(leader_fills, subscriptions)
    named, unnamed = _read_names(evidence.orders, names, fills)
    about_fills = [each for each in _once(claims) if _is_its_own(each, fills)]
    findings = [
        *unnamed,
        *_claims_of_nothing(claims, fills),
        *_untagged(evidence.orders, settings.tag),
        *_replayed(evidence, leader_fills, subscriptions, named, about_fills, settings),
        *(Finding(Word.LEAKS, place) for place in settings.leaks),
    ]
    copies = sum(order.accepted for order in evidence.orders)
    skips = Counter(claim.reason for claim in about_fills)
    findings += _too_many_others(skips, copies, settings.most_other_skips)
    delays = delays_ms(named, fills)
    return Report(
        followers=len({each.follower for each in subscriptions}),
        events=len(leader_fills),
        copies=copies,
        kills=len(settings.kills_ms),
        in_doubt=in_doubt(evidence, names, settings.kills_ms),
        p50_ms=percentile(delays, 50),
        p99_ms=percentile(delays, 99),
        skips=dict(sorted(skips.items())),
        findings=findings,
    )


def _names(fills: Sequence[LeaderFill], subscriptions: Sequence[Subscription]) -> dict[str, Names]:
    events: dict[str, list[str]] = defaultdict(list)
    for fill in fills:
        events[fill.leader].append(fill.event)
    leaders: dict[str, list[str]] = defaultdict(list)
    for each in subscriptions:
        leaders[each.follower].append(each.leader)
    return {
        follower: Names(follower, (event for leader in followed for event in events[leader]))
        for follower, followed in leaders.items()
    }


def _read_names(
    orders: Sequence[Order], names: Mapping[str, Names], fills: Mapping[str, LeaderFill]
) -> tuple[list[tuple[Order, Name]], list[Finding]]:
    """Pair each order with what its name stands for.

    An accepted one is a finding if its name stands for nothing, or for a fill of another instrument.
    """
    named, unnamed = [], []
    for order in orders:
        known = names.get(order.follower) or Names(order.follower)
        name = known.read(order.cl_ord_id) if order.accepted else known.glance(order.cl_ord_id)
        if name and fills[name.event].inst_id == order.inst_id:
            named.append((order, name))
        elif order.accepted:
            said = f"order {order.cl_ord_id} of {order.change:+} is named after no fill of a leader there"
            unnamed.append(Finding(Word.UNNAMED, said, order.follower, order.inst_id))
    return named, unnamed


def _once(claims: Sequence[Claim]) -> list[Claim]:
    """Drop repetitions: what was written twice was still claimed once."""
    first: dict[tuple[str, str, str, str], Claim] = {}
    for claim in claims:
        first.setdefault((claim.follower, claim.event, claim.reason, claim.cl_ord_id), claim)
    return list(first.values())


def _is_its_own(claim: Claim, fills: Mapping[str, LeaderFill]) -> bool:
    fill = fills.get(claim.event)
    return fill is not None and (fill.leader, fill.inst_id) == (claim.leader, claim.inst_id)


def _claims_of_nothing(claims: Sequence[Claim], fills: Mapping[str, LeaderFill]) -> Iterator[Finding]:
    for claim in claims:
        if not _is_its_own(claim, fills):
            said = f"skipped as {claim.reason}, but no leader did that there"
            yield Finding(Word.UNNAMED, said, claim.follower, claim.inst_id, claim.event)


def _untagged(orders: Sequence[Order], tag: str) -> Iterator[Finding]:
    for order in orders:
        if order.accepted and order.tag != tag:
            said = f"order {order.cl_ord_id} carries the tag {order.tag!r}; expected {tag!r}"
            yield Finding(Word.UNTAGGED, said, order.follower, order.inst_id)


def _replayed(
    evidence: Evidence,
    fills: Sequence[LeaderFill],
    subscriptions: Sequence[Subscription],
    named: Sequence[tuple[Order, Name]],
    claims: Sequence[Claim],
    settings: AuditSettings,
) -> Iterator[Finding]:
    by_leader: dict[str, dict[str, list[LeaderFill]]] = defaultdict(lambda: defaultdict(list))
    for fill in fills:
        by_leader[fill.leader][fill.inst_id].append(fill)
    leader_of = {fill.event: fill.leader for fill in fills}
    orders: dict[tuple[str, str, str], list[tuple[Order, Name]]] = defaultdict(list)
    for order, name in named:
        orders[order.follower, leader_of[name.event], order.inst_id].append((order, name))
    claimed: dict[tuple[str, str, str], list[Claim]] = defaultdict(list)
    for claim in claims:
        claimed[claim.follower, claim.leader, claim.inst_id].append(claim)
    changes: dict[tuple[str, str], list[Change]] = defaultdict(list)
    for change in settings.changes:
        changes[change.subscription.follower, change.subscription.leader].append(change)
    for each in subscriptions:
        for inst_id, led in by_leader[each.leader].items():
            key = (each.follower, each.leader, inst_id)
            position = evidence.positions.get(each.follower, {}).get(inst_id, Decimal(0))
            story = Story(
                each, settings.instruments[inst_id], led, orders[key], claimed[key], position, changes[key[:2]]
            )
            yield from Replay(story, settings).run()


def _too_many_others(skips: Mapping[str, int], copies: int, most: Decimal) -> Iterator[Finding]:
    others = {reason: count for reason, count in skips.items() if reason not in NATURAL}
    total = copies + sum(skips.values())
    if sum(others.values()) > most * total:
        said = f"{sum(others.values())} of {total} decisions: {others}; at most {most:%} may be"
        yield Finding(Word.OTHER_SKIPS, said)
