"""The simulator as people start it: a process."""

import asyncio
import json
import signal
import sys

import httpx

from tests.integration.okx_simulator.traders import ORDER, struck
from tests.support.simulator import people, start_simulator
from tests.support.waiting import until


async def run(*arguments: str, **env: str) -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.okx_simulator", *arguments,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, env=env,
    )  # fmt: skip
    out, err = await asyncio.wait_for(process.communicate(), 20)
    return process.returncode or 0, out.decode(), err.decode()


async def test_help_names_every_setting() -> None:
    code, out, _ = await run("--help")
    assert code == 0
    assert "SLIPSTREAM_SIM_RATE_LIMITS" in out
    assert "SLIPSTREAM_SIM_PORT" in out


async def test_a_bad_setting_is_named_and_refused() -> None:
    code, out, err = await run(SLIPSTREAM_SIM_PORT="many")
    assert (code, out) == (2, "")
    assert "SLIPSTREAM_SIM_PORT: got 'many'" in err


async def test_sigterm_finishes_the_answer_in_hand() -> None:
    async with start_simulator() as sim:
        await sim.add_accounts(*people(1))
        await sim.plant("latency", ms=500)
        headers = {"Authorization": "Bearer access-1001"}
        async with httpx.AsyncClient(base_url=sim.rest_url, trust_env=False) as client, asyncio.TaskGroup() as group:
            placing = group.create_task(client.post("/api/v5/trade/order", json=ORDER, headers=headers))
            await until(lambda: struck(sim))
            assert sim.process is not None
            sim.process.send_signal(signal.SIGTERM)
            response = await placing
        assert json.loads(response.text)["data"][0]["sCode"] == "0"
        assert response.headers["connection"] == "close"
        assert await asyncio.wait_for(sim.process.wait(), 5) == 0


async def test_resets_are_resets_under_uvloop_too() -> None:
    async with start_simulator() as sim:
        await sim.add_accounts(*people(1))
        await sim.plant("reset_after_accept", times=1)
        host, port = sim.rest_url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        body = json.dumps(ORDER).encode()
        head = f"POST /api/v5/trade/order HTTP/1.1\r\nAuthorization: Bearer access-1001\r\nContent-Length: {len(body)}"
        writer.write(head.encode() + b"\r\n\r\n" + body)
        try:
            ended = await reader.read() == b""
        except ConnectionResetError:
            ended = False
        writer.close()
        assert not ended
        assert len((await sim.evidence())["fills"]) == 1
