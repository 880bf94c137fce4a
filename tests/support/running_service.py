"""A service as the process it is: started with settings, ready when it says so, its log kept for whoever asks why."""

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx

from tests.support.waiting import until

_START_S = 30.0


class RunningService:
    """One process of a service."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.log: list[dict[str, Any]] = []
        self.text = ""
        """Everything it wrote on standard error."""

    @property
    def telemetry(self) -> str | None:
        """Where it answers, once it has said so."""
        return next((line["url"] for line in self.log if line.get("event") == "telemetry_listening"), None)

    async def read_log(self) -> None:
        assert self.process.stderr is not None
        async for line in self.process.stderr:
            self.text += line.decode()
            if line.startswith(b"{"):
                self.log.append(json.loads(line))

    async def ready(self) -> bool:
        """Tell whether /readyz says yes."""
        if self.process.returncode is not None:
            raise AssertionError(f"the service left with {self.process.returncode}:\n{self.text}")
        try:
            return self.telemetry is not None and (await self.get("/readyz")).status_code == 200
        except httpx.ConnectError:
            return False  # it is leaving, and its exit code comes with its reason

    async def get(self, path: str) -> httpx.Response:
        async with httpx.AsyncClient(base_url=self.telemetry or "", trust_env=False) as client:
            return await client.get(path)

    async def drain(self) -> int:
        """Send SIGTERM and return the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return await asyncio.wait_for(self.process.wait(), _START_S)

    async def kill(self) -> None:
        """Send SIGKILL."""
        self.process.kill()
        await self.process.wait()


@asynccontextmanager
async def running_service(
    name: str, settings: Mapping[str, str], *arguments: str, ready: bool = True
) -> AsyncIterator[RunningService]:
    """Run `python -m services.<name>` with arguments and settings until the block ends, however it ends."""
    bare = {key: value for key, value in os.environ.items() if not key.startswith("SLIPSTREAM_")}
    env = bare | {f"SLIPSTREAM_{key}": value for key, value in settings.items()}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", f"services.{name}", *arguments, env=env, stderr=PIPE
    )
    service = RunningService(process)
    async with asyncio.TaskGroup() as group:
        group.create_task(service.read_log())
        try:
            if ready:
                await until(service.ready, within_s=_START_S)
            yield service
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()
