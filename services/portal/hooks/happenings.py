"""What happened, as it is told outside: values, from outcomes of the stream and from the life of grants. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from shared.domain.grants import GrantLife
from shared.domain.ids import AccountId, EntryId
from shared.domain.subscriptions import Subscription
from shared.messages.entries import write_subscription
from shared.messages.outcome import OutcomeKind, OutcomeV1


class Kind(StrEnum):
    """What a partner's platform may be told of."""

    COPY_MADE = "copy.made"
    """An order of a follower has filled, as far as it ever will."""
    COPY_SKIPPED = "copy.skipped"
    COPY_FAILED = "copy.failed"
    """OKX refused the order."""
    COPY_UPDATED = "copy.updated"
    """Anything else that became of a copy: accepted, not known, drifted."""
    GRANT_DYING = "grant.dying"
    """The consent ends within a day unless it is renewed."""
    GRANT_DEAD = "grant.dead"
    SUBSCRIPTION_CHANGED = "subscription.changed"
    """Made, edited, paused, resumed or ended."""


_KINDS = {
    OutcomeKind.SETTLED: Kind.COPY_MADE,
    OutcomeKind.SKIPPED: Kind.COPY_SKIPPED,
    OutcomeKind.REFUSED: Kind.COPY_FAILED,
}


@dataclass(frozen=True, slots=True)
class Happening:
    """One thing that happened; `id` is the same whoever tells it, `data` plain JSON."""

    id: str
    kind: Kind
    account: AccountId
    at_ms: int
    data: Mapping[str, Any]

    def as_json(self) -> dict[str, Any]:
        """Spell it as platforms are told."""
        return {
            "id": self.id,
            "type": self.kind.value,
            "account": self.account,
            "timestamp_ms": self.at_ms,
            "data": dict(self.data),
        }


_TOLD = (
    "cl_ord_id", "leader", "inst_id", "leg", "version", "side", "size", "price", "order_id", "code", "reason",
    "remedy", "message", "filled", "average", "fee", "fee_currency", "target", "held",
)  # fmt: skip


def of_outcome(entry: EntryId, outcome: OutcomeV1) -> Happening:
    """Tell what became of a copy; facts that are not known are left out."""
    facts = {name: value for name in _TOLD if (value := getattr(outcome, name))}
    hops = outcome.hops
    times = {name: at for name in hops.__struct_fields__ if (at := getattr(hops, name))}
    data = {"outcome": outcome.kind.value, **facts, "numbers": outcome.numbers, "hops": times}
    kind = _KINDS.get(outcome.kind, Kind.COPY_UPDATED)
    return Happening(f"outcome:{entry}", kind, AccountId(outcome.follower), outcome.at_ms, data)


def of_grant(life: GrantLife, kind: Kind, at_ms: int, ends_ms: int | None = None) -> Happening:
    """Tell that a grant is dying or dead: once per version of it."""
    data: dict[str, Any] = {"kind": life.kind.value, "status": life.status.value}
    if ends_ms is not None:
        data["consent_ends_ms"] = ends_ms
    return Happening(f"{kind.value}:{life.account}:{life.version}", kind, life.account, at_ms, data)


def of_leaving(account: AccountId, at_ms: int) -> Happening:
    """Tell that an account has left: what let us act for it is deleted."""
    return Happening(f"left:{account}:{at_ms}", Kind.GRANT_DEAD, account, at_ms, {"status": "disconnected"})


def of_subscription(subscription: Subscription) -> Happening:
    """Tell a version of a subscription."""
    message = write_subscription(subscription)
    data = {name: getattr(message, name) for name in message.__struct_fields__ if name not in ("before", "follower")}
    return Happening(
        message.id, Kind.SUBSCRIPTION_CHANGED, subscription.follower, subscription.made_ms,
        {name: value for name, value in data.items() if value is not None},
    )  # fmt: skip
