"""The paper OKX as a process of its own, and a thin client of its control door."""

import asyncio
import base64
import hashlib
import hmac
import json
import os
import ssl
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import httpx

from services.okx_simulator.listening import Listening
from services.okx_simulator.settings import Settings
from services.okx_simulator.wiring import assemble

_START_S = 20.0
_STOP_S = 10.0


class RunningSimulator:
    """A simulator that listens; its methods speak to the control door and raise on anything but success."""

    def __init__(
        self, rest_url: str, control: httpx.AsyncClient, process: asyncio.subprocess.Process | None = None
    ) -> None:
        self.rest_url = rest_url
        self.ws_url = rest_url.replace("http", "ws", 1) + "/ws/v5"
        """Without the last segment, which is public, private or business."""
        self.process = process
        self._control = control

    async def add_accounts(self, *accounts: Mapping[str, Any]) -> None:
        await self.post("accounts", list(accounts))

    async def account(self, uid: str) -> dict[str, Any]:
        return dict(await self.get(f"accounts/{uid}"))

    async def positions(self) -> dict[str, dict[str, str]]:
        return dict(await self.get("positions"))

    async def market(self, inst_id: str, **changes: object) -> None:
        await self.post("market", {"instId": inst_id, **changes})

    async def trade(self, uid: str, inst_id: str, side: str, sz: str, **more: object) -> dict[str, Any]:
        return dict(await self.post("trade", {"uid": uid, "instId": inst_id, "side": side, "sz": sz, **more}))

    async def set_position(self, uid: str, inst_id: str, pos: str) -> None:
        await self.post("position", {"uid": uid, "instId": inst_id, "pos": pos})

    async def consent(self, uid: str, **pair: object) -> None:
        """Put a new pair of tokens in force."""
        await self.post("grants", {"uid": uid, **pair})

    async def plant(self, kind: str, **more: object) -> dict[str, Any]:
        """Plant a fault; return its id, or for one that strikes at once how much it struck."""
        return dict(await self.post("faults", {"kind": kind, **more}))

    async def faults(self) -> list[dict[str, Any]]:
        return list(await self.get("faults"))

    async def clear_faults(self) -> None:
        response = await self._control.delete("/control/faults")
        response.raise_for_status()

    async def evidence(self, since_seq: int = 0) -> dict[str, list[dict[str, Any]]]:
        """Return every row after `since_seq`, page after page."""
        rows: dict[str, list[dict[str, Any]]] = {"orders": [], "asks": [], "fills": []}
        while True:
            page = await self.get("evidence", since_seq=since_seq)
            for kind, found in rows.items():
                found.extend(page[kind])
            if page["next_seq"] == since_seq:
                return rows
            since_seq = page["next_seq"]

    async def stats(self) -> dict[str, Any]:
        return dict(await self.get("stats"))

    async def get(self, path: str, **query: object) -> Any:
        response = await self._control.get(f"/control/{path}", params={k: str(v) for k, v in query.items()})
        return _checked(response)

    async def post(self, path: str, body: object) -> Any:
        return _checked(await self._control.post(f"/control/{path}", json=body))


@asynccontextmanager
async def start_simulator(*, tls_trust: str | None = None, **settings: Any) -> AsyncIterator[RunningSimulator]:
    """Run a simulator on a free port with settings by their names (`rate_limits=False`); stop it at the end.

    With a certificate of your own making among the settings, give its file as `tls_trust`.
    """
    told = {f"SLIPSTREAM_SIM_{name.upper()}": str(value) for name, value in settings.items()}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.okx_simulator", stdout=asyncio.subprocess.PIPE, env={**os.environ, **told}
    )
    try:
        url = await _listening(process)
        verify = True if tls_trust is None else ssl.create_default_context(cafile=tls_trust)
        async with httpx.AsyncClient(base_url=url, verify=verify, trust_env=False, timeout=30) as control:
            yield RunningSimulator(url, control, process)
    finally:
        await _stop(process)


@asynccontextmanager
async def serve_simulator(**settings: Any) -> AsyncIterator[RunningSimulator]:
    """Run a simulator on real sockets in this very loop: no process to start, so a test may have its own."""
    stopping, address = asyncio.Event(), asyncio.get_running_loop().create_future()
    listening = Listening(assemble(Settings(**settings)))
    serving = asyncio.create_task(listening.serve(stopping, address.set_result))
    try:
        await asyncio.wait({serving, address}, return_when=asyncio.FIRST_COMPLETED)
        if serving.done():
            serving.result()
        url = str(address.result())
        async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=30) as control:
            yield RunningSimulator(url, control)
    finally:
        stopping.set()
        await serving


def signed_headers(
    account: Mapping[str, str], method: str, target: str, body: str = "", *, at: datetime | None = None
) -> dict[str, str]:
    """Return the headers of an API key for one request; `account` is what it was made from."""
    moment = (at or datetime.now(UTC)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {
        "OK-ACCESS-KEY": account["api_key"],
        "OK-ACCESS-PASSPHRASE": account["passphrase"],
        "OK-ACCESS-TIMESTAMP": moment,
        "OK-ACCESS-SIGN": _signature(account["secret_key"], f"{moment}{method}{target}{body}"),
        "Content-Type": "application/json",
    }


def login_frame(account: Mapping[str, str], *, at_s: float | None = None) -> str:
    """Return the message that logs a WebSocket in."""
    timestamp = str(int(datetime.now(UTC).timestamp() if at_s is None else at_s))
    sign = _signature(account["secret_key"], f"{timestamp}GET/users/self/verify")
    login = {"apiKey": account["api_key"], "passphrase": account["passphrase"], "timestamp": timestamp, "sign": sign}
    return json.dumps({"op": "login", "args": [login]})


def people(
    number: int, *, role: str = "follower", first: int = 1, pos_mode: str = "net_mode"
) -> Sequence[dict[str, Any]]:
    """Return accounts to be made, uid "1001" on for the first, with key and tokens that name their uid."""
    return [
        {
            "uid": str(1000 + each),
            "role": role,
            "api_key": f"key{1000 + each}",
            "secret_key": f"secret{1000 + each}",
            "passphrase": f"Pass{1000 + each}!",
            "access_token": f"access-{1000 + each}",
            "refresh_token": f"refresh-{1000 + each}",
            "pos_mode": pos_mode,
        }
        for each in range(first, first + number)
    ]


async def _listening(process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None
    line = await asyncio.wait_for(process.stdout.readline(), _START_S)
    if not line:
        raise RuntimeError(f"the simulator ended with code {await process.wait()} before it listened; see its log")
    return str(json.loads(line)["listening"])


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.terminate()
    try:
        await asyncio.wait_for(process.wait(), _STOP_S)
    except TimeoutError:
        process.kill()
        await process.wait()


def _signature(secret_key: str, text: str) -> str:
    return base64.b64encode(hmac.digest(secret_key.encode(), text.encode(), hashlib.sha256)).decode()


def _checked(response: httpx.Response) -> Any:
    if response.is_error:
        raise AssertionError(f"{response.request.method} {response.request.url.path}: {response.text}")
    return response.json()
