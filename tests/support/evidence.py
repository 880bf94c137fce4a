"""Evidence made by hand, for showing the auditor what a run of ours would leave behind."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from deploy.demo.audit.evidence import (
    Ask,
    AuditSettings,
    Claim,
    Evidence,
    Instrument,
    LeaderFill,
    Order,
    Subscription,
)
from deploy.demo.audit.naming import cl_ord_id
from deploy.demo.audit.report import Report
from deploy.demo.audit.verdict import audit

SWAP = "BTC-USDT-SWAP"
LOT = Decimal("0.01")
START_MS = 1_700_000_000_000
TAG = "partner1"
TOLERANT = AuditSettings(TAG, {}, most_other_skips=Decimal(1))
"""For runs of a few orders, of which one skip is a large share."""


@dataclass
class Run:
    """Evidence under construction: one leader, one instrument; every order fills whole unless told otherwise."""

    ratio: str = "1"
    below_minimum: str = "skip"
    drift: str = "report"
    max_age_ms: int | None = None
    slippage_cap: Decimal | None = None
    minimum: Decimal = LOT
    largest: Decimal = Decimal(1000)
    fills: list[LeaderFill] = field(default_factory=list)
    orders: list[Order] = field(default_factory=list)
    asks: list[Ask] = field(default_factory=list)
    claims: list[Claim] = field(default_factory=list)
    position: Decimal = Decimal(0)
    now_ms: int = START_MS
    settings: AuditSettings = field(default_factory=lambda: AuditSettings(TAG, {}))

    def leader(self, after: str, category: str = "normal") -> str:
        """Let the leader's position become `after`; return the event."""
        self.now_ms += 1_000
        before = self.fills[-1].after if self.fills else Decimal(0)
        event = f"lead:{SWAP}:{len(self.fills)}"
        self.fills.append(LeaderFill(event, "lead", SWAP, self.now_ms, before, Decimal(after), category))
        return event

    def order(
        self,
        event: str,
        change: str,
        leg: str = "open",
        tries: int = 0,
        *,
        filled: str | None = None,
        code: str = "0",
        name: str = "",
        tag: str = TAG,
    ) -> str:
        """Let an order arrive 10 ms later; any code but 0 is a refusal."""
        self.now_ms += 10
        size, accepted = Decimal(change), code == "0"
        moved = (Decimal(filled) if filled is not None else abs(size)) if accepted else Decimal(0)
        before = self.position
        self.position += moved.copy_sign(size)
        self.orders.append(
            Order(
                seq=len(self.orders),
                at_us=self.now_ms * 1_000,
                follower="follower",
                inst_id=SWAP,
                change=size,
                cl_ord_id=name or cl_ord_id(event, "follower", leg, tries),
                tag=tag,
                accepted=accepted,
                code=code,
                filled=moved,
                before=before,
                after=self.position,
            )
        )
        return self.orders[-1].cl_ord_id

    def skip(self, event: str, reason: str, name: str = "", code: str = "") -> None:
        """Claim a skip, now."""
        self.claims.append(Claim("follower", "lead", SWAP, event, reason, self.now_ms, name, code))

    def ask(self, name: str, *, found: bool) -> None:
        """Let somebody ask for an order by name, now."""
        self.asks.append(Ask(self.now_ms, "follower", name, found))

    def audit(self) -> Report:
        """Audit what happened so far."""
        instrument = Instrument(SWAP, LOT, self.minimum, self.largest, self.largest)
        subscription = Subscription(
            "follower", "lead", Decimal(self.ratio), self.below_minimum, self.max_age_ms, self.slippage_cap
        )
        subscription = replace(subscription, drift=self.drift)
        evidence = Evidence(self.orders, self.asks, {"follower": {SWAP: self.position}})
        settings = replace(self.settings, instruments={SWAP: instrument})
        return audit(evidence, self.fills, [subscription], self.claims, settings)


def found(report: Report) -> dict[str, int]:
    """Return the findings that are not zero."""
    return {word.value: count for word, count in report.counts.items() if count}


def copied(histories: Sequence[tuple[str, Sequence[tuple[str, str]]]], **of: str) -> Run:
    """Make a run from (leader's position, the follower's (leg, change) orders) pairs."""
    run = Run(**of)  # type: ignore[arg-type]  # text fields only
    for after, orders in histories:
        event = run.leader(after)
        for leg, change in orders:
            run.order(event, change, leg)
    return run
