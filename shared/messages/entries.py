"""Entries of the stream `trades`: everything that makes an order, or changes who gets one.

Each entry is one JSON object, told apart by its `schema`. Numbers are strings, times are Unix milliseconds. A message,
once made, never changes; a new meaning is a new schema.
"""

import re
from decimal import Decimal

import msgspec

from shared.domain.fills import EventKind, Hops, PosSide, TradeEvent
from shared.domain.ids import AccountId, EntryId, EventId, InstId
from shared.domain.instruments import InstType
from shared.domain.quantities import Contracts, Price, Quote, plain
from shared.domain.subscriptions import BelowMinimum, DriftPolicy, Ending, FixedRatio, Subscription, SubscriptionState
from shared.domain.switches import Action, Scope, Switch

_PLAIN = re.compile(r"-?[0-9]{1,40}(\.[0-9]{1,40})?")
"""How `plain` spells a number.

No exponent, which could stand for one of a million digits, and nothing else `Decimal` would take.
"""


class Undecodable(ValueError):
    """An entry is not one of the schemas this build knows; it goes to the dead letters with an alarm."""


class DeadLetter(msgspec.Struct, frozen=True):
    """An entry that was set aside because nobody could read it, and why."""

    entry: str
    reason: str


class TradeEventV1(msgspec.Struct, frozen=True, tag_field="schema", tag="trade_event/1", forbid_unknown_fields=False):
    """A change of a leader's position (domain.fills.TradeEvent)."""

    id: str
    kind: EventKind
    leader: str
    inst_id: str
    inst_type: InstType
    pos_side: PosSide
    before: str
    after: str
    price: str
    category: str
    late: bool
    vouched: bool
    filled_ms: int
    seen_ms: int
    published_ms: int


class SubscriptionV1(msgspec.Struct, frozen=True, tag_field="schema", tag="subscription/1", omit_defaults=True):
    """A version of a subscription, in force from its own entry on (domain.subscriptions.Subscription)."""

    follower: str
    leader: str
    version: int
    state: SubscriptionState
    ratio: str
    below_minimum: BelowMinimum = BelowMinimum.SKIP
    max_age_ms: int | None = None
    slippage_cap: str | None = None
    max_order: str | None = None
    max_position: str | None = None
    drift: DriftPolicy = DriftPolicy.REPORT
    ending: Ending = Ending.KEEP
    made_ms: int = 0
    before: "SubscriptionV1 | None" = None
    """The version this one replaced, for events that a forgetful server is given back after it."""

    @property
    def id(self) -> str:
        """Return the identity a repeated publication is known by."""
        return f"subscription:{self.follower}:{self.leader}:{self.version}"


class ReconcileV1(msgspec.Struct, frozen=True, tag_field="schema", tag="reconcile/1"):
    """An operator's command: bring one follower's book of one leader and instrument down to what is really there.

    It never makes an event run again and never makes anything grow.
    """

    follower: str
    leader: str
    inst_id: str
    asked_ms: int

    @property
    def made_ms(self) -> int:
        """Return when it was asked for."""
        return self.asked_ms

    @property
    def id(self) -> str:
        """Return the identity a repeated publication is known by."""
        return f"reconcile:{self.follower}:{self.leader}:{self.inst_id}:{self.asked_ms}"


class SwitchV1(msgspec.Struct, frozen=True, tag_field="schema", tag="switch/1"):
    """A throw of a kill switch (domain.switches.Switch)."""

    scope: Scope
    name: str
    action: Action
    made_ms: int

    @property
    def id(self) -> str:
        """Return the identity a repeated publication is known by."""
        return read_switch(self).id


Entry = TradeEventV1 | SubscriptionV1 | ReconcileV1 | SwitchV1

_decoder: msgspec.json.Decoder[Entry] = msgspec.json.Decoder(Entry)
_encoder = msgspec.json.Encoder()


def encode(entry: Entry) -> bytes:
    """Spell an entry as JSON."""
    return _encoder.encode(entry)


def decode(payload: bytes | str) -> Entry:
    """Read an entry.

    Raises:
        Undecodable: not JSON, an unknown schema, or a field that is missing or of the wrong kind.
    """
    try:
        return _decoder.decode(payload)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise Undecodable(
            f"entry is not understood: {error}; expected schema trade_event/1, subscription/1, reconcile/1 or switch/1"
        ) from error


def write_trade_event(event: TradeEvent) -> TradeEventV1:
    """Turn a domain event into its message; the stream id is Redis's to give."""
    return TradeEventV1(
        id=event.id,
        kind=event.kind,
        leader=event.leader,
        inst_id=event.inst_id,
        inst_type=event.inst_type,
        pos_side=event.pos_side,
        before=plain(event.before),
        after=plain(event.after),
        price=plain(event.price),
        category=event.category,
        late=event.late,
        vouched=event.vouched,
        filled_ms=event.hops.filled_ms,
        seen_ms=event.hops.seen_ms,
        published_ms=event.hops.published_ms,
    )


def read_trade_event(message: TradeEventV1, entry: EntryId) -> TradeEvent:
    """Turn a message into its domain event.

    Raises:
        Undecodable: a size or price is not a number.
    """
    return TradeEvent(
        entry=entry,
        id=EventId(message.id),
        kind=message.kind,
        leader=AccountId(message.leader),
        inst_id=InstId(message.inst_id),
        inst_type=message.inst_type,
        pos_side=message.pos_side,
        before=Contracts(_number("before", message.before)),
        after=Contracts(_number("after", message.after)),
        price=Price(_number("price", message.price)),
        category=message.category,
        late=message.late,
        vouched=message.vouched,
        hops=Hops(message.filled_ms, message.seen_ms, message.published_ms),
    )


def write_subscription(subscription: Subscription) -> SubscriptionV1:
    """Turn a subscription into its message."""
    return SubscriptionV1(
        follower=subscription.follower,
        leader=subscription.leader,
        version=subscription.version,
        state=subscription.state,
        ratio=plain(subscription.sizing.ratio),
        below_minimum=subscription.below_minimum,
        max_age_ms=subscription.max_age_ms,
        slippage_cap=_spelled(subscription.slippage_cap),
        max_order=_spelled(subscription.max_order),
        max_position=_spelled(subscription.max_position),
        drift=subscription.drift,
        ending=subscription.ending,
        made_ms=subscription.made_ms,
    )


def read_subscription(message: SubscriptionV1) -> Subscription:
    """Turn a message into its subscription.

    Raises:
        Undecodable: a setting is not a number.
    """
    max_order, max_position = _optional("max_order", message.max_order), _optional("max_position", message.max_position)
    return Subscription(
        follower=AccountId(message.follower),
        leader=AccountId(message.leader),
        version=message.version,
        state=message.state,
        sizing=FixedRatio(_number("ratio", message.ratio)),
        below_minimum=message.below_minimum,
        max_age_ms=message.max_age_ms,
        slippage_cap=_optional("slippage_cap", message.slippage_cap),
        max_order=None if max_order is None else Quote(max_order),
        max_position=None if max_position is None else Quote(max_position),
        drift=message.drift,
        ending=message.ending,
        made_ms=message.made_ms,
    )


def write_switch(switch: Switch) -> SwitchV1:
    """Turn a throw of a switch into its message."""
    return SwitchV1(switch.scope, switch.name, switch.action, switch.made_ms)


def read_switch(message: SwitchV1) -> Switch:
    """Turn a message into its throw of a switch."""
    return Switch(message.scope, message.name, message.action, message.made_ms)


def _number(field: str, text: str) -> Decimal:
    if not _PLAIN.fullmatch(text):
        raise Undecodable(f"{field} is {text[:80]!r}; expected a plain decimal number")
    return Decimal(text)


def _optional(field: str, text: str | None) -> Decimal | None:
    return None if text is None else _number(field, text)


def _spelled(value: Decimal | None) -> str | None:
    return None if value is None else plain(value)
