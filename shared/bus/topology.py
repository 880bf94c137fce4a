"""Where an installation's server is: at one address, or wherever Sentinel or a cluster says at each new connection.

All keys of an installation share one hash tag, so one server at a time holds them all, whatever the topology. A client
therefore never routes: it connects to that server, and asks again who it is whenever the connection ends or the server
says it is no longer the one. Nothing above this module knows which of the three it runs on.
"""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, cast
from urllib.parse import unquote

from redis.asyncio import Redis
from redis.asyncio.connection import SSLConnection
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import MasterNotFoundError, Sentinel, SentinelConnectionPool, SentinelManagedConnection
from redis.backoff import NoBackoff
from redis.crc import key_slot
from redis.exceptions import ClusterDownError, MovedError, ResponseError
from redis.exceptions import ConnectionError as ConnectionLost

_URL = re.compile(
    r"(?P<tls>rediss?)\+(?P<kind>sentinel|cluster)://(?:(?P<user>[^:@/]*):(?P<password>[^@/]*)@)?"
    r"(?P<nodes>[^@/]+)(?:/(?P<rest>.*))?"
)
_ASK_S = 1.0
"""How long one of several that know may take before the next is asked."""

Address = tuple[str, int]
Options = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Topology:
    """Who knows where the server is (`nodes`), and by what name they know it."""

    kind: str
    nodes: tuple[Address, ...]
    name: str
    database: int = 0
    tls: bool = False
    username: str | None = None
    password: str | None = field(default=None, repr=False)


class Directory(Protocol):
    """Whoever knows the server in force; redis-py's `Sentinel` is one."""

    async def discover_master(self, service_name: str) -> Address:
        """Return its address. MasterNotFoundError: nobody who was asked knows one."""

    async def aclose(self) -> None:
        """Close the connections to those who know."""


def read_topology(url: str, installation: str) -> Topology | None:
    """Read a URL of several nodes; None if it names one server.

    Raises:
        ValueError: it looks like one of ours and is not; the text leaves credentials out.
    """
    match = _URL.fullmatch(url)
    if match is None:
        if "+" in url.partition("://")[0]:
            raise ValueError(
                "a Redis URL of several nodes reads redis+sentinel://[USER:PASSWORD@]HOST:PORT,…/MASTER[/DATABASE]"
                " or redis+cluster://[USER:PASSWORD@]HOST:PORT,…; got another form"
            )
        return None
    name, _, database = (match["rest"] or "").partition("/")
    nodes = tuple(_address(node) for node in match["nodes"].split(","))
    secret = unquote(match["user"] or "") or None, unquote(match["password"] or "") or None
    if match["kind"] == "cluster":
        if name or database:
            raise ValueError(f"a cluster has one database and no master's name; got /{match['rest']} after its nodes")
        if not installation:
            raise ValueError("a cluster is asked for an installation; got none")
        return Topology("cluster", nodes, installation, 0, match["tls"] == "rediss", *secret)
    if not name or not re.fullmatch(r"\d*", database):
        raise ValueError(
            f"sentinels are asked for a master's name, then a database's number; got {match['rest'] or 'nothing'}"
        )
    return Topology("sentinel", nodes, name, int(database or 0), match["tls"] == "rediss", *secret)


def _address(node: str) -> Address:
    host, _, port = node.rpartition(":")
    if not host or not port.isdecimal():
        raise ValueError(f"a node is HOST:PORT; got {node!r}")
    return host.strip("[]"), int(port)


class ClusterDirectory:
    """Asks a cluster's nodes which of them owns the slot of an installation."""

    def __init__(self, nodes: Sequence[Address], options: Options) -> None:
        self._nodes = [Redis(host=host, port=port, **options) for host, port in nodes]

    async def discover_master(self, service_name: str) -> Address:
        """Return the owner of an installation's slot; another node is asked first the next time, for one may be behind.

        Raises:
            MasterNotFoundError: no node that answers knows an owner.
        """
        slot, found = key_slot(f"{{{service_name}}}".encode()), []
        for _ in self._nodes:
            node = self._nodes[0]
            self._nodes.append(self._nodes.pop(0))
            try:
                rows = await node.execute_command("CLUSTER SLOTS")  # type: ignore[no-untyped-call] # untyped there
                return _owner(rows, slot, node)
            except (ConnectionLost, ResponseError, OSError) as error:
                found.append(f"{_place(node)}: {error}")
        raise MasterNotFoundError(f"no node of the cluster knows who owns slot {slot}: {'; '.join(found)}")

    async def aclose(self) -> None:
        """Close the connections to the nodes."""
        for node in self._nodes:
            await node.aclose()


def _owner(rows: Sequence[Sequence[Any]], slot: int, asked: Redis) -> Address:
    """Find the owner; a node that does not know its own name is where it was asked."""
    for first, last, (host, port, *_), *_ in rows:
        if first <= slot <= last:
            return (host.decode() if host else _place(asked)[0]), port
    raise MasterNotFoundError("the slot has no owner")


def _place(node: Redis) -> Address:
    known = node.connection_pool.connection_kwargs
    return known["host"], known["port"]


class FollowingConnection(SentinelManagedConnection):
    """A connection that ends when its server says it is no longer the one, so that the next looks for it anew."""

    async def send_packed_command(self, *args: Any, **options: Any) -> None:  # noqa: ANN401 - as declared there
        """Write a command, after looking for the server if the connection had ended.

        The client's own way within its retries is to go back to the address it had, which is where nobody answers.
        """
        if not self.is_connected:
            await self._connect_retry()  # type: ignore[no-untyped-call] # untyped there
        await super().send_packed_command(*args, **options)

    async def read_response(self, *args: Any, **options: Any) -> Any:  # noqa: ANN401 - as declared there
        """Read an answer; a server that has lost its rank counts as a lost connection.

        Raises:
            redis.exceptions.ConnectionError: what was asked was not done here, and is to be asked elsewhere.
        """
        try:
            return await super().read_response(*args, **options)
        except ResponseError as error:
            if not isinstance(error, MovedError | ClusterDownError) and not str(error).startswith("UNBLOCKED"):
                raise
            await self.disconnect()
            raise ConnectionLost("the server is no longer the one that holds the installation") from error


class FollowingSslConnection(FollowingConnection, SSLConnection):
    """The same over TLS."""


class FollowingPool(SentinelConnectionPool):
    """Connections to the server in force; asks once for all that look for it, and closes its directory with itself."""

    _asking: asyncio.Task[Address] | None = None

    async def get_master_address(self) -> Address:
        """Return where the server is now; whoever is cancelled meanwhile leaves the question to the others.

        Raises:
            MasterNotFoundError: nobody who was asked knows one.
        """
        if self._asking is None or self._asking.done():
            asked = super().get_master_address()  # type: ignore[no-untyped-call] # untyped there
            self._asking = asyncio.get_running_loop().create_task(asked)
            self._asking.add_done_callback(_heard)
        return await asyncio.shield(self._asking)

    async def aclose(self) -> None:
        """Close every connection, those to the directory too."""
        try:
            if self._asking is not None:
                await asyncio.wait([self._asking])
            await super().aclose()
        finally:
            await cast("Directory", self.sentinel_manager).aclose()


def _heard(asked: asyncio.Task[Address]) -> None:
    """Take the failure of a question whose askers are all gone."""
    if not asked.cancelled():
        asked.exception()


def following_pool(topology: Topology, options: Options) -> FollowingPool:
    """Make a pool that finds the server at each new connection; connects on first use."""
    secret: Options = {"username": topology.username, "password": topology.password}
    asking: Options = {
        "ssl": topology.tls,
        "socket_timeout": _ASK_S,
        "socket_connect_timeout": _ASK_S,
        "retry": Retry(NoBackoff(), 0),
    }
    directory: Directory
    if topology.kind == "sentinel":
        directory = Sentinel(topology.nodes, sentinel_kwargs=asking)  # type: ignore[no-untyped-call] # untyped there
    else:
        directory = ClusterDirectory(topology.nodes, secret | asking)
    connection = FollowingSslConnection if topology.tls else FollowingConnection
    return FollowingPool(  # type: ignore[no-untyped-call] # untyped there
        topology.name, directory, connection_class=connection, db=topology.database, **secret, **options
    )
