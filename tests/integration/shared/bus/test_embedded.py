"""The server we start ourselves: durable, private, and gone when we are."""

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from redis import Redis

from shared.bus.embedded import DataInUse, EmbeddedServer, ServerDidNotStart
from tests.support.redis_server import chosen_binary, own_redis_server

__all__ = ["own_redis_server"]

_STARTER = """
import sys
from pathlib import Path
from shared.bus.embedded import EmbeddedServer
server = EmbeddedServer(Path(sys.argv[1]), binary=Path(sys.argv[2]) if sys.argv[2] else None)
server.start()
print(server.pid, flush=True)
sys.stdin.read()
"""


def entries(server: EmbeddedServer) -> int:
    client = Redis.from_url(server.url)
    try:
        return int(client.xlen("stream"))
    finally:
        client.close()


def fill(server: EmbeddedServer, count: int) -> None:
    client = Redis.from_url(server.url)
    for number in range(count):
        client.xadd("stream", {"number": number})
    client.close()


def test_what_was_written_survives_a_kill(own_redis_server: EmbeddedServer) -> None:
    fill(own_redis_server, 50)
    url = own_redis_server.url
    own_redis_server.kill()
    own_redis_server.start()
    assert (entries(own_redis_server), own_redis_server.url) == (50, url)


def test_nobody_else_can_open_the_socket(own_redis_server: EmbeddedServer) -> None:
    socket = Path(own_redis_server.url.removeprefix("unix://"))
    assert socket.stat().st_mode & 0o777 == 0o700


def test_two_servers_never_share_data(own_redis_server: EmbeddedServer) -> None:
    data = own_redis_server.log.parent
    with pytest.raises(DataInUse, match=str(data)):
        EmbeddedServer(data, binary=chosen_binary()).start()
    own_redis_server.stop()
    with EmbeddedServer(data, binary=chosen_binary()) as successor:
        assert entries(successor) == 0


def test_the_server_dies_with_the_process_that_started_it(tmp_path_factory: pytest.TempPathFactory) -> None:
    data = tmp_path_factory.mktemp("d")
    starter = subprocess.Popen(
        [sys.executable, "-c", _STARTER, str(data), str(chosen_binary() or "")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert starter.stdout is not None
    pid = int(starter.stdout.readline())
    server = os.pidfd_open(pid)
    starter.send_signal(signal.SIGKILL)
    starter.communicate()
    assert wait_for_exit(server, seconds=10)


def wait_for_exit(pidfd: int, seconds: float) -> bool:
    ready, _, _ = select.select([pidfd], [], [], seconds)
    os.close(pidfd)
    return bool(ready)


def test_a_binary_that_does_not_serve_is_reported(tmp_path: Path) -> None:
    with pytest.raises(ServerDidNotStart, match="ended with code 1"):
        EmbeddedServer(tmp_path / "d", port=1, binary=Path("/bin/false")).start()


def test_a_socket_path_that_is_too_long_is_refused_before_anything_starts(tmp_path: Path) -> None:
    deep = tmp_path / ("x" * 120)
    with pytest.raises(ServerDidNotStart, match="choose a shorter folder"):
        EmbeddedServer(deep).start()
    assert not deep.exists()
