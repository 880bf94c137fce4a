# ruff: noqa: N815 - members are named as on the wire
"""What is made to go wrong on purpose, when, and how often it did."""

import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Annotated, Any, Final

import msgspec

HEAD: Final = frozenset({"reset_before_read"})
BEFORE: Final = frozenset({"reset_after_read", "status", "throttle"})
AFTER: Final = frozenset({"answer_lost", "reset_after_accept", "status", "trickle"})
DELAYS: Final = frozenset({"latency", "answer_latency"})
REFUSE: Final = "refuse"
LAG: Final = "get_order_lag"
PUSH: Final = frozenset({"push_repeat", "push_reorder", "push_late", "push_drop", "push_end", "push_no_trade_id"})
AT_ONCE: Final = frozenset({"expire_tokens", "revoke_tokens", "ws_drop", "ws_silence", "ws_notice_64008"})
KINDS: Final = HEAD | BEFORE | AFTER | DELAYS | {REFUSE, LAG} | PUSH | AT_ONCE

_Amount = Annotated[float, msgspec.Meta(ge=0, le=86_400_000)]

_IN_BODY: Final = frozenset({"instId", "side", "reduceOnly", "clOrdId"})


class Where(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a fault is meant for; what is left out matches everything."""

    method: str | None = None
    path: str | None = None
    uid: str | None = None
    uids: list[str] | None = None
    role: str | None = None
    instId: str | None = None
    side: str | None = None
    reduceOnly: bool | None = None
    clOrdId: str | None = None


class FaultSpec(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """A fault as the control door tells it; each kind reads its own parameters."""

    kind: str
    where: Where = Where()
    times: Annotated[int, msgspec.Meta(ge=1)] | None = None
    probability: Annotated[float, msgspec.Meta(gt=0, le=1)] = 1.0
    uids: list[str] | None = None
    """Whom a fault that strikes at once strikes; None is everybody."""
    ms: _Amount | None = None
    jitter_ms: _Amount | None = None
    status: Annotated[int, msgspec.Meta(ge=200, le=599)] | None = None
    body: str | None = None
    content_type: str | None = None
    after_accept: bool | None = None
    sCode: str | None = None
    sMsg: str | None = None
    subCode: str | None = None
    n: _Amount | None = None
    window: _Amount | None = None
    within_ms: _Amount | None = None
    for_ms: _Amount | None = None
    cut_after_s: _Amount | None = None

    def struck(self) -> list[str] | None:
        """Return whom a fault that strikes at once is for; None is everybody."""
        if self.uids is not None:
            return self.uids
        return self.where.uids if self.where.uids is not None else [self.where.uid] if self.where.uid else None


@dataclass(frozen=True, slots=True)
class Scene:
    """What a fault's `where` is held against; members of orders are those of any order in the request."""

    method: str
    path: str
    uid: str
    role: str
    orders: tuple[Mapping[str, Any], ...] = ()


@dataclass(slots=True)
class Fault:
    """One planted fault; `times` is how often it may still strike, None without end."""

    id: str
    kind: str
    where: dict[str, Any]
    times: int | None
    probability: float
    params: dict[str, Any]
    hits: int = 0

    def matches(self, scene: Scene) -> bool:
        """Tell whether the scene is one it is meant for."""
        return all(_holds(name, wanted, scene) for name, wanted in self.where.items())

    def number(self, name: str, default: float) -> float:
        """Return a numeric parameter."""
        return float(self.params.get(name, default))


@dataclass(slots=True, eq=False)
class Plan:
    """What one request is going to meet."""

    before: Fault | None = None
    after: Fault | None = None
    refuse: Fault | None = None
    latency_s: float = 0.0
    answer_latency_s: float = 0.0
    kinds: list[str] = field(default_factory=list)

    @property
    def kind(self) -> str | None:
        """The fault to name in evidence: what decides the outcome before what only delays it."""
        decisive = self.before or self.refuse or self.after
        return decisive.kind if decisive else (self.kinds[0] if self.kinds else None)


class Faults:
    """The planted faults, in the order they were planted; the first that matches a stage strikes."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._ids = count(1)
        self._faults: dict[str, Fault] = {}
        self.struck: dict[str, int] = {}
        """How often each kind struck, removed faults included."""

    def __bool__(self) -> bool:
        """Tell whether any fault is planted: the fast path asks only this."""
        return bool(self._faults)

    def __iter__(self) -> Iterator[Fault]:
        """Yield the planted faults, spent ones included."""
        return iter(self._faults.values())

    def plant(self, spec: FaultSpec) -> Fault:
        """Add a fault.

        Raises:
            ValueError: there is no such kind, or it strikes before a body is read and asks about one.
        """
        fault = _fault(str(next(self._ids)), spec)
        self._faults[fault.id] = fault
        return fault

    def remove(self, fault_id: str | None = None) -> int:
        """Take one fault away, or all; return how many there were."""
        if fault_id is not None:
            return 1 if self._faults.pop(fault_id, None) else 0
        number = len(self._faults)
        self._faults.clear()
        return number

    def strike(
        self, kinds: Iterable[str], scene: Scene, holds: Callable[[Fault], bool] = lambda _fault: True
    ) -> Fault | None:
        """Return the first fault of these kinds that strikes here and `holds`, counted; None if none does."""
        found = (fault for fault in self._candidates(kinds, scene) if holds(fault))
        return next((fault for fault in found if self._strikes(fault)), None)

    def plan(self, scene: Scene) -> Plan:
        """Decide once what a fully read request meets."""
        plan = Plan()
        for fault in self._candidates(BEFORE | AFTER | DELAYS | {REFUSE}, scene):
            place = _place(fault)
            if getattr(plan, place) and fault.kind not in DELAYS:
                continue
            if not self._strikes(fault):
                continue
            plan.kinds.append(fault.kind)
            if fault.kind in DELAYS:
                delay_s = (fault.number("ms", 0) + self._random.random() * fault.number("jitter_ms", 0)) / 1_000
                setattr(plan, place, getattr(plan, place) + delay_s)
            else:
                setattr(plan, place, fault)
        return plan

    def shuffle(self, frames: list[str]) -> None:
        """Put frames out of order, by the seeded chance; two or more never stay as they were."""
        before = list(frames)
        self._random.shuffle(frames)
        if frames == before:
            frames.reverse()

    def _candidates(self, kinds: Iterable[str], scene: Scene) -> Iterator[Fault]:
        return (fault for fault in list(self._faults.values()) if fault.kind in kinds and fault.matches(scene))

    def _strikes(self, fault: Fault) -> bool:
        if fault.times == 0 or (fault.probability < 1 and self._random.random() >= fault.probability):
            return False
        if fault.times is not None:
            fault.times -= 1
        fault.hits += 1
        self.struck[fault.kind] = self.struck.get(fault.kind, 0) + 1
        return True


def _fault(fault_id: str, spec: FaultSpec) -> Fault:
    told = msgspec.to_builtins(spec)
    where = told.get("where", {})
    if "uids" in where:
        where["uids"] = frozenset(where["uids"])
    params = {name: value for name, value in told.items() if name not in ("kind", "where", "times", "probability")}
    if spec.kind not in KINDS - AT_ONCE:
        raise ValueError(f"kind is {spec.kind!r}; expected one of {', '.join(sorted(KINDS))}")
    if spec.kind in HEAD and where.keys() & _IN_BODY:
        raise ValueError(f"{spec.kind} strikes before the body is read; where can hold method, path, uid, uids, role")
    return Fault(fault_id, spec.kind, where, spec.times, spec.probability, params)


def _place(fault: Fault) -> str:
    """Name the member of a plan a fault fills."""
    if fault.kind in DELAYS:
        return f"{fault.kind}_s"
    if fault.kind == REFUSE:
        return "refuse"
    late = fault.kind in AFTER and (fault.kind != "status" or fault.params.get("after_accept"))
    return "after" if late else "before"


def _holds(name: str, wanted: Any, scene: Scene) -> bool:  # noqa: ANN401 - whatever JSON can hold
    if name in ("method", "path", "uid", "role"):
        return bool(getattr(scene, name) == wanted)
    if name == "uids":
        return scene.uid in wanted
    if name == "reduceOnly":
        return any((order.get(name) in (True, "true")) == bool(wanted) for order in scene.orders)
    return any(order.get(name) == wanted for order in scene.orders)
