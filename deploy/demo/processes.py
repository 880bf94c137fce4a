"""Real processes: start them, know where they answer, and leave none behind."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from shared.bus.embedded import die_with

REPOSITORY = Path(__file__).resolve().parents[2]
_START_S = 45.0
_STOP_S = 15.0
_POLL_S = 0.05
_WORDS_SHOWN = 12
_END_SHOWN = 300


class DidNotRun(Exception):
    """A process ended, or did not become ready; the message holds its last log lines."""


class Process:
    """`python -m <module>` with settings of its own, its output in a log file per start."""

    def __init__(self, name: str, module: str, settings: Mapping[str, str], logs: Path, *arguments: str) -> None:
        self.name = name
        self._command = [sys.executable, "-m", module, *arguments]
        self._settings = settings
        self._logs = logs
        self._starts = 0
        self._running: subprocess.Popen[bytes] | None = None
        self.killed = False
        """Ended on purpose, and not started again."""

    @property
    def log(self) -> Path:
        """Return where the output of the latest start goes."""
        return self._logs / f"{self.name}.{self._starts}.log"

    @property
    def alive(self) -> bool:
        """Tell whether it runs."""
        return self._running is not None and self._running.poll() is None

    @property
    def pid(self) -> int:
        """Return its process id.

        Raises:
            DidNotRun: it was never started.
        """
        if self._running is None:
            raise self.failure("was never started")
        return self._running.pid

    def start(self) -> None:
        """Start it; returns at once."""
        self._starts += 1
        self.killed = False
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("SLIPSTREAM_")}
        with self.log.open("wb") as output:
            self._running = subprocess.Popen(
                self._command,
                cwd=REPOSITORY,
                env={**inherited, **self._settings},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # a Ctrl-C at the terminal is for us, who end them in order
                preexec_fn=die_with(os.getpid()),  # noqa: PLW1509 - it only calls prctl, prepared before the fork
            )

    async def line(self, wanted: Callable[[dict[str, object]], bool]) -> dict[str, object]:
        """Wait for a JSON line of the log.

        Raises:
            DidNotRun: the process ended first, or the line never came.
        """
        for _ in range(round(_START_S / _POLL_S)):
            for said in _json_lines(self.log):
                if wanted(said):
                    return said
            if not self.alive:
                raise self.failure("ended before it was ready")
            await asyncio.sleep(_POLL_S)
        raise self.failure(f"was not ready within {_START_S:g} s")

    async def telemetry(self) -> str:
        """Return the URL of /readyz and /metrics, as logged. Raises as `line`."""
        return str((await self.line(lambda said: said.get("event") == "telemetry_listening"))["url"])

    async def end(self, within_s: float = _START_S) -> int:
        """Wait until it ends by itself and return its code; raises DidNotRun if it takes too long."""
        for _ in range(round(within_s / _POLL_S)):
            if self._running is not None and self._running.poll() is not None:
                return self._running.returncode
            await asyncio.sleep(_POLL_S)
        raise self.failure(f"did not end within {within_s:g} s")

    def kill(self) -> None:
        """End it with SIGKILL, as a crash would."""
        self.killed = True
        if self._running is not None:
            self._running.kill()
            self._running.wait()

    def pause(self) -> None:
        """Stop it where it is, with SIGSTOP."""
        if self._running is not None and self.alive:
            self._running.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Let it go on after a pause; does nothing to one that runs."""
        if self._running is not None and self.alive:
            self._running.send_signal(signal.SIGCONT)

    def ask_to_stop(self) -> None:
        """Send SIGTERM; returns at once."""
        if self._running is not None and self.alive:
            self._running.send_signal(signal.SIGTERM)

    def make_sure_it_stopped(self) -> bool:
        """Wait for the end that was asked for, then use force; tell whether force was needed."""
        if self._running is None:
            return False
        try:
            self._running.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self.kill()
            return True
        return False

    def failure(self, what: str) -> DidNotRun:
        """Describe a failure with the last log lines."""
        words = self.log.read_text(encoding="utf-8", errors="replace").splitlines() if self.log.exists() else []
        last = "\n".join(f"    {_shortened(line)}" for line in words[-_WORDS_SHOWN:]) or "    (it said nothing)"
        code = "" if self._running is None or self.alive else f" with code {self._running.returncode}"
        return DidNotRun(f"{self.name} {what}{code}; its last lines:\n{last}")


def _shortened(line: str) -> str:
    """Keep both ends of a long line: what it is about, and the error at the end of a trace."""
    return line if len(line) <= 2 * _END_SHOWN else f"{line[:_END_SHOWN]} ... {line[-_END_SHOWN:]}"


def _json_lines(path: Path) -> list[dict[str, object]]:
    found = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        if line.startswith("{") and line.endswith("}"):
            try:
                found.append(json.loads(line))
            except ValueError:
                continue  # half a line, or a library's own words
    return found
