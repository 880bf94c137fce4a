"""A worker put together from its use cases: who tells whom what.

No client is built here, so tests use this very assembly.
"""

from dataclasses import dataclass, field

from services.follower_worker.copying import Copier, Followers
from services.follower_worker.drifting import Drifting, LeaderPositions, Rhythm
from services.follower_worker.holding import Holder
from services.follower_worker.lane import Lane
from services.follower_worker.metrics import Metrics
from services.follower_worker.pacing import Pace
from services.follower_worker.queues import ReadyQueue
from services.follower_worker.resolving import Resolver
from services.follower_worker.strands import Strand
from services.follower_worker.submitting import Submitter, Venue
from services.follower_worker.switchboard import Switchboard
from shared.ports import Clock, LaneStore, Leases, Trades


@dataclass(frozen=True, slots=True)
class Limits:
    """How much and how long; seconds and milliseconds as named."""

    worker: str
    lane_count: int = 16
    renew_s: float = 1.0
    commit_s: float = 0.0
    order_deadline_ms: int = 1_000
    orders_a_window: int = 60
    throttle_pause_s: float = 0.5
    absent_gap_s: float = 2.0
    drift: Rhythm = field(default_factory=Rhythm)


@dataclass(frozen=True, slots=True)
class Bus:
    """What a worker needs of Redis; `unreachable` is what its calls raise when the server is away."""

    leases: Leases
    store: LaneStore
    trades: Trades
    leaders: LeaderPositions
    unreachable: tuple[type[Exception], ...]


class Worker:
    """The use cases of one worker, connected."""

    def __init__(
        self, bus: Bus, venue: Venue, followers: Followers, clock: Clock, metrics: Metrics, limits: Limits
    ) -> None:
        self.ready = ReadyQueue()
        pace = Pace(limits.orders_a_window, limits.throttle_pause_s)
        self.submitter = Submitter(venue, clock, self.ready, pace, metrics, limits.order_deadline_ms)
        self.resolver = Resolver(venue, bus.trades, clock, metrics, limits.absent_gap_s)
        self.copier = Copier(
            bus.store, bus.trades, venue.instruments, followers, venue.clock, clock, metrics, limits.lane_count
        )
        self.holder = Holder(
            limits.worker,
            bus.leases,
            bus.store,
            self.copier,
            followers,
            clock,
            metrics,
            limits.lane_count,
            limits.renew_s,
            bus.unreachable,
        )
        self.drifting = Drifting(
            venue, bus.leaders, bus.trades, lambda: self.holder.lanes, clock, metrics, limits.drift, bus.unreachable
        )
        self.holder.linger_s = limits.commit_s
        self._metrics = metrics
        self._connect()

    def _connect(self) -> None:
        self.submitter.on_touched = self.resolver.on_touched = self.drifting.on_touched = self._touch
        self.submitter.on_missed = self.drifting.note_missed
        self.submitter.on_doubt = self.copier.on_doubt = self.holder.on_doubt = self.resolver.add
        self.resolver.on_settled = self.submitter.rest
        self.resolver.queue.orders_first = lambda: self.submitter.busy
        self.copier.orders_wait = lambda: len(self.ready) > 0
        self.submitter.on_idle = self.resolver.wake
        self.resolver.on_done = self.copier.on_ready = self.holder.on_written = self.ready.put
        self.copier.on_applied = self.holder.wake
        self.copier.on_behind = self.holder.fell_behind

    def obey(self, board: Switchboard) -> None:
        """Let nothing open that a kill switch stops, and tell the board of those the stream brings."""
        self.submitter.stopped, self.copier.on_switch = board.stopped, board.hear

    def _touch(self, lane: Lane, strand: Strand) -> None:
        lane.touch(strand)
        self.holder.wake(lane)

    def trouble(self) -> str | None:
        """Return why this worker is not copying yet, or None: a check for /readyz."""
        lanes = self.holder.lanes
        if not lanes:
            return "holds no lane"
        behind = [lane.lease.lane for lane in lanes if not lane.caught_up]
        return f"lanes {behind} are catching up" if behind else None

    def show_gauges(self) -> None:
        """Bring the gauges up to date."""
        self._metrics.doubts.set(self.resolver.waiting)
        self._metrics.ready.set(len(self.ready))
