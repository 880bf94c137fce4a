"""Each protection the published contract names, as a patch that removes it, and the proof that must then fail."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Patch:
    """One place to change: the text there now, which occurs once, and what takes its place."""

    file: str
    now: str
    then: str


@dataclass(frozen=True, slots=True)
class Chaos:
    """Proof by the real services: runs of these faults from a seed, of which one must find something."""

    faults: Sequence[str]
    seed: int = 0
    runs: int = 4

    def command(self) -> Sequence[str]:
        """Return what to run; it ends with 0 if nothing was found."""
        size = ("--runs", str(self.runs), "--seed", str(self.seed), "--until-found")
        return ("-m", "deploy.chaos", *size, "--json", "--faults", *self.faults)


@dataclass(frozen=True, slots=True)
class Suite:
    """Proof by the tests that hold the rule in the code, where the model shows the harm; one of them must fail."""

    tests: str
    words: str

    def command(self) -> Sequence[str]:
        """Return what to run; it ends with 0 if every test passes."""
        return ("-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", self.tests, "-k", self.words)


@dataclass(frozen=True, slots=True)
class Mutant:
    """The product without one protection."""

    patches: Sequence[Patch]
    proof: Chaos | Suite


MUTANTS: Mapping[str, Mutant] = {
    "no expTime": Mutant(
        [Patch("shared/okx/protocol.py", 'b"expTime: %d\\r\\n" % expires_ms', 'b""')],
        Chaos(["late_delivery"]),
    ),
    "expTime beyond exp_max": Mutant(
        [
            Patch(
                "services/follower_worker/submitting.py",
                "expires_ms = min(now_ms + self._deadline_ms, lane.lease.exp_max)",
                "expires_ms = now_ms + 60_000",
            )
        ],
        Chaos(["late_delivery"], runs=10),
    ),
    "blind resend": Mutant(
        [
            Patch(
                "shared/okx/exchange.py",
                "return Unknown(str(came))",
                "return NotPlaced(Postponement.NOT_SENT)",
            )
        ],
        Chaos(["answers_lost", "reset_after_accept"]),
    ),
    "no lease check before a send": Mutant(
        [
            Patch(
                "services/follower_worker/submitting.py",
                "if now >= lane.lease.deadline or expires_ms <= now_ms:",
                "if expires_ms <= now_ms:",
            )
        ],
        Suite("tests/unit/services/follower_worker/test_submitting.py", "lease or deadline"),
    ),
    "no token check in begun": Mutant(
        [Patch("shared/bus/scripts/begun.lua", "if redis.call('GET', lease) == ARGV[i + 2] then", "if lease then")],
        Suite("tests/contract/bus", "begun or lease or holder or stranger"),
    ),
    "no token check in commit": Mutant(
        [
            Patch(
                "shared/bus/scripts/commit.lua",
                "if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 'lost' end",
                "",
            )
        ],
        Suite("tests/contract/bus", "commit or lease or lost or stranger"),
    ),
    "commit not idempotent": Mutant(
        [Patch("shared/bus/scripts/commit.lua", "if seq <= found then return 'repeat' end", "")],
        Suite("tests/contract/bus", "commit or repeat or twice"),
    ),
    "next order before commit": Mutant(
        [
            Patch(
                "services/follower_worker/strands.py",
                "return self.phase is READY and self.committed == self.results",
                "return self.phase is READY",
            )
        ],
        Suite("tests/unit/services/follower_worker", "commit or durable or written"),
    ),
    "offset past a duty without owed": Mutant(
        [
            Patch(
                "services/follower_worker/records.py",
                "        phase=_owed_phase(strand),\n        attempt=_write_flight(strand.flight)",
                "        phase=None,\n        attempt=None and _write_flight(strand.flight)",
            )
        ],
        Chaos(["answers_lost", "worker_killed"]),
    ),
    "no backfill": Mutant(
        [
            Patch(
                "services/leader_watcher/watching.py",
                "fills = await self._history.fills_since(state.last_ms - self._rhythm.overlap_ms)",
                "fills: Sequence[Fill] = []",
            )
        ],
        Chaos(["pushes_lost", "sockets_dropped"]),
    ),
    "pushes before backfill": Mutant(
        [
            Patch(
                "services/leader_watcher/watching.py",
                "await self._insist_on_comparing()\n                self._set_joined",
                "self._set_joined",
            )
        ],
        Chaos(["pushes_lost", "sockets_silent"], runs=8),
    ),
    "since ignored": Mutant(
        [
            Patch(
                "shared/bus/scripts/acquire.lua",
                "return {'ok', exp_max, raised, known[2], begun, clean and 1 or 0}",
                "return {'ok', exp_max, raised, '0', begun, clean and 1 or 0}",
            )
        ],
        Chaos(["redis_older", "redis_failover"], runs=8),
    ),
}
