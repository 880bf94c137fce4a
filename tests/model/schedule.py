"""One schedule: everything drawn from one seed, faults while it runs, then healing until quiet, then the verdicts."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from random import Random

from shared.domain.ids import AccountId, InstId, entry_order
from shared.domain.instruments import Instrument, InstType
from shared.domain.quantities import Contracts, Price
from shared.domain.subscriptions import BelowMinimum, FixedRatio, Subscription, SubscriptionState
from tests.model.leader import Leader, Watcher, draw_history
from tests.model.redis_state import Memory, Redis
from tests.model.rules import ALL_FAULTS, ALL_RULES, RARE, Fault, Rule
from tests.model.values import LEADER, MOST_LAG, AccountKey, World
from tests.model.venue import Venue
from tests.model.verdicts import Settings, is_forgetful, judge
from tests.model.worker import Worker

FOLLOWERS = (AccountId("anna"), AccountId("bert"))
INSTRUMENTS = (InstId("BTC-USDT-SWAP"), InstId("ETH-USDT-SWAP"))
FAULTY_STEPS = 450
HEALING_STEPS = 6_000
TEMPI = ((5, 9, 16), (1, 2, 4), (2, 8, 16), (10, 20, 30), (1, 2, 4), (1, 4, 8), (50, 70, 90))
"""How often time passes, the leader trades, a watcher, the venue, a fault, a late commit, a worker comes next."""

Action = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Result:
    """How a schedule ended."""

    seed: int
    faults: frozenset[Fault]
    violations: list[str]
    timeline: list[str]


class Schedule:
    """The parts of one schedule and the dice between them."""

    def __init__(self, seed: int, rules: frozenset[Rule], faults: frozenset[Fault] | None, *, traced: bool) -> None:
        random = Random(seed)
        often = random.choice((0.3, 0.6))
        drawn = frozenset(each for each in sorted(ALL_FAULTS) if random.random() < (0.1 if each in RARE else often))
        faults = drawn if faults is None else faults
        self._world = World(random, rules, faults, timeline=[] if traced else None)
        self._world.lag = random.choice((1, 3, MOST_LAG)) if Fault.LAG in faults else 0
        self._seed, self._random = seed, random
        inst_ids = INSTRUMENTS[: random.choice((1, 1, 2))]
        self._redis, self._venue = Redis(self._world), Venue(self._world)
        self._leader = Leader(self._world, draw_history(random, inst_ids, random.randint(2, 8)))
        self._watchers = [Watcher(self._world, self._redis, self._leader, f"watcher {number}") for number in range(2)]
        self._subscriptions = [_subscription(random, follower) for follower in FOLLOWERS]
        self._instruments = {inst_id: _instrument(random, inst_id) for inst_id in inst_ids}
        self._workers = [
            Worker(number, self._world, self._redis, self._venue, self._subscriptions, self._instruments)
            for number in range(3)
        ]
        self._forgotten = 0
        self._tempo = [random.choice(weights) for weights in TEMPI]

    def run(self) -> Result:
        """Run to the end and judge."""
        for _ in range(FAULTY_STEPS):
            self._step()
        quiet = self._heal()
        violations = judge(self._venue, self._redis.memory, self._leader.fills, self._settings())
        if not quiet:
            violations.append("lost: never quiet")
        return Result(self._seed, self._world.faults, violations, self._world.timeline or [])

    # ---- steps

    def _step(self) -> None:
        steps: tuple[Action, ...] = (
            self._tick,
            self._leader.trade,
            self._watch,
            self._venue_step,
            self._fault,
            self._late_commit,
            self._worker_step,
        )
        self._random.choices(steps, self._tempo)[0]()

    def _watch(self) -> None:
        self._random.choice(self._watchers).step()

    def _tick(self) -> None:
        self._world.now += self._random.choice((1, 1, 1, 2, 3))
        self._redis.remember()

    def _venue_step(self) -> None:
        venue = self._venue
        what = [each for each in (venue.arriving, venue.leaving, venue.live) if each]
        if not what:
            return
        chosen = self._random.choice(what)
        if chosen is venue.arriving:
            venue.take_any()
        elif chosen is venue.live:
            venue.finish_any()
        else:
            self._deliver()

    def _deliver(self) -> None:
        leaving = self._venue.leaving
        sent, reply = leaving.pop(self._random.randrange(len(leaving)))
        worker = self._workers[sent.sender[0]]
        if worker.paused_until > self._world.now:
            leaving.append((sent, reply))
        elif worker.incarnation == sent.sender[1]:
            worker.hear(sent, reply)

    def _worker_step(self) -> None:
        awake = [worker for worker in self._workers if worker.paused_until <= self._world.now]
        actions = [action for worker in awake for action in worker.actions()]
        if actions:
            self._random.choice(actions)()

    # ---- faults

    def _fault(self) -> None:
        strikes: dict[Fault, Action] = {
            Fault.CRASH: lambda: self._random.choice(self._workers).crash(),
            Fault.PAUSE: lambda: self._pause(self._random.choice(self._workers)),
            Fault.WATCHERS_DOWN: self._watchers_down,
            Fault.ROLLBACK: self._roll_back,
            Fault.EMPTIED: lambda: self._forget(Memory(run_id=0), "comes back empty"),
            Fault.SOCKET: lambda: self._random.choice(self._watchers).lose_socket(),
            Fault.CUT_REDIS: self._cut_redis,
            Fault.CUT_VENUE: self._cut_venue,
            Fault.REDIS_PAUSED: self._pause_redis,
            Fault.GRANT: self._revoke,
        }
        drawn = sorted(self._world.faults & strikes.keys())
        if drawn:
            strikes[self._random.choice(drawn)]()

    def _roll_back(self) -> None:
        if self._redis.snapshots:
            back = self._random.choice((1, 4, 16))
            self._forget(self._random.choice(self._redis.snapshots[-back:]), "comes back older")

    def _cut_redis(self) -> None:
        worker = self._random.choice(self._workers)
        worker.without_redis_until = self._world.now + self._random.randint(2, 20)
        self._world.note(f"worker {worker.number}", f"does not reach redis until {worker.without_redis_until}")

    def _cut_venue(self) -> None:
        worker = self._random.choice(self._workers)
        worker.without_venue_until = self._world.now + self._random.randint(2, 20)
        self._world.note(f"worker {worker.number}", f"does not reach the venue until {worker.without_venue_until}")

    def _pause_redis(self) -> None:
        self._redis.paused_until = self._world.now + self._random.randint(2, 15)
        self._world.note("redis", f"is stopped until {self._redis.paused_until}")

    def _revoke(self) -> None:
        follower = self._random.choice(FOLLOWERS)
        self._venue.dead_until[follower] = self._world.now + self._random.randint(3, 25)
        self._world.note("venue", f"the grant of {follower} is dead until {self._venue.dead_until[follower]}")

    def _pause(self, worker: Worker) -> None:
        worker.paused_until = self._world.now + self._random.randint(3, 25)
        self._world.note(f"worker {worker.number}", f"is paused until {worker.paused_until}")

    def _watchers_down(self) -> None:
        for number, watcher in enumerate(self._watchers):
            watcher.down_until = self._world.now + self._random.randint(6, 30)
            self._world.note(f"watcher {number}", f"is down until {watcher.down_until}")

    def _late_commit(self) -> None:
        if not self._redis.lingering:
            return
        token, commit = self._redis.lingering.pop(self._random.randrange(len(self._redis.lingering)))
        answer = self._redis.commit(token, commit)
        self._world.note("redis", f"delayed commit {commit.seq} arrives: {answer}")

    def _forget(self, memory: Memory, what: str) -> None:
        if self._forgotten == 2 or self._random.random() < 0.5:
            return
        self._forgotten += 1
        self._world.note("redis", what)
        self._redis.restart(memory)
        if Fault.WATCHERS_DOWN in self._world.faults and self._random.random() < 0.5:
            self._watchers_down()

    # ---- healing

    def _heal(self) -> bool:
        self._world.healing = True
        self._world.note("world", "heals")
        if self._random.random() < 0.5 and Fault.CRASH in self._world.faults:
            for worker in self._workers:
                worker.crash()
        for step in range(HEALING_STEPS):
            self._healing_step()
            if step % 16 == 0 and self._quiet():
                return True
        return False

    def _healing_step(self) -> None:
        dice = self._random.random()
        if dice < 0.12:
            self._world.now += 1
        elif dice < 0.18 and not self._leader.finished:
            self._leader.trade()
        elif dice < 0.24:
            self._random.choice(self._watchers).step()
        elif dice < 0.26:
            self._late_commit()
        elif dice < 0.45:
            self._venue_step()
        else:
            self._worker_step()

    def _quiet(self) -> bool:
        memory, venue = self._redis.memory, self._venue
        busy = venue.arriving or venue.leaving or venue.live or self._redis.lingering
        published = self._leader.finished and len(memory.published) == len(self._leader.fills)
        if busy or not published or entry_order(memory.offset)[0] < memory.last_number:
            return False
        owing = any(record.phase or record.doubtful for record in memory.records.values())
        dirty = any(worker.dirty for worker in self._workers)
        return not owing and not dirty

    def _settings(self) -> dict[AccountKey, Settings]:
        forgetful = is_forgetful(self._world.faults)
        return {
            (each.follower, inst_id): Settings(Fraction(each.sizing.ratio), instrument.max_market, forgetful)
            for each in self._subscriptions
            for inst_id, instrument in self._instruments.items()
        }


def _subscription(random: Random, follower: AccountId) -> Subscription:
    ratio = Decimal(random.choice(("1", "1", "2", "0.5", "0.7")))
    return Subscription(
        follower, LEADER, 1, SubscriptionState.ACTIVE, FixedRatio(ratio), BelowMinimum.CARRY, max_age_ms=None
    )


def _instrument(random: Random, inst_id: InstId) -> Instrument:
    one, most = Decimal(1), Contracts(Decimal(random.choice((4, 100, 100))))
    return Instrument(inst_id, InstType.SWAP, True, one, Contracts(one), Contracts(one), Price(one), most, most, True)


def run(
    seed: int, rules: frozenset[Rule] = ALL_RULES, faults: frozenset[Fault] | None = None, *, traced: bool = False
) -> Result:
    """Run the schedule of a seed; without `faults` it draws its own."""
    return Schedule(seed, rules, faults, traced=traced).run()
