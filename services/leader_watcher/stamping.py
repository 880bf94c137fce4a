"""Give fills the leader's position before and after them: values in, values out."""

from collections.abc import Iterable
from dataclasses import dataclass

from shared.domain.fills import OWN_ORDER, EventKind, Fill, PosSide
from shared.domain.ids import AccountId, EventId, InstId
from shared.domain.instruments import InstType
from shared.domain.quantities import ZERO, Contracts, plain
from shared.messages.entries import TradeEventV1
from shared.messages.leader import LeaderState


@dataclass(frozen=True, slots=True)
class Stamped:
    """Events in the order they are to be published, and what the leader's state is after them."""

    events: tuple[TradeEventV1, ...]
    positions: dict[InstId, Contracts]
    """Only those that changed."""
    last_ms: int


def position_key(fill: Fill) -> InstId:
    """Name the position a fill moves; an account in long/short mode has two per instrument."""
    return fill.inst_id if fill.pos_side is PosSide.NET else InstId(f"{fill.inst_id}/{fill.pos_side.value}")


def stamp(fills: Iterable[Fill], state: LeaderState, now_ms: int, tag: str = "") -> Stamped:
    """Stamp new fills, in the order given, from the state they will be published on; `tag` marks orders we placed."""
    positions, last_ms = dict(state.positions), state.last_ms
    changed: dict[InstId, Contracts] = {}
    events = []
    for fill in fills:
        key = position_key(fill)
        before = positions.get(key, ZERO)
        after = positions[key] = changed[key] = Contracts(before + fill.signed)
        events.append(_event(fill, before, after, state, last_ms, now_ms, tag))
        last_ms = max(last_ms, fill.at_ms)
    return Stamped(tuple(events), changed, last_ms)


def _event(
    fill: Fill, before: Contracts, after: Contracts, state: LeaderState, last_ms: int, now_ms: int, tag: str
) -> TradeEventV1:
    return TradeEventV1(
        id=fill.event_id,
        kind=EventKind.FILL,
        leader=fill.leader,
        inst_id=fill.inst_id,
        inst_type=fill.inst_type,
        pos_side=fill.pos_side,
        before=plain(before),
        after=plain(after),
        price=plain(fill.price),
        category=OWN_ORDER if tag and fill.tag == tag else fill.category,
        late=fill.at_ms < last_ms,
        vouched=fill.at_ms > state.floor_ms,
        filled_ms=fill.at_ms,
        seen_ms=fill.seen_ms,
        published_ms=now_ms,
    )


def differences(state: LeaderState, venue: dict[InstId, Contracts]) -> dict[InstId, tuple[Contracts, Contracts]]:
    """Return every position in which we and the venue differ: instrument to (ours, the venue's)."""
    names = state.positions.keys() | venue.keys()
    pairs = {name: (state.positions.get(name, ZERO), venue.get(name, ZERO)) for name in names}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def adjust(leader: AccountId, state: LeaderState, venue: dict[InstId, Contracts], at_ms: int) -> Stamped:
    """Turn differences no fill explains into adjustment events: shrinking is mirrored like a close, growth never."""
    found = differences(state, venue)
    events = tuple(
        TradeEventV1(
            id=EventId(f"{leader}:{inst_id}:adjustment{at_ms}"),
            kind=EventKind.ADJUSTMENT,
            leader=leader,
            inst_id=inst_id,
            inst_type=InstType.SWAP,
            pos_side=PosSide.NET,
            before=plain(ours),
            after=plain(theirs),
            price="0",
            category="adjustment",
            late=False,
            vouched=True,
            filled_ms=at_ms,
            seen_ms=at_ms,
            published_ms=at_ms,
        )
        for inst_id, (ours, theirs) in sorted(found.items())
    )
    return Stamped(events, {name: theirs for name, (_, theirs) in found.items()}, state.last_ms)
