"""Whatever is sent to the API, what comes back is in its document, and it is never our fault."""

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from shared.bus.embedded import EmbeddedServer
from tests.support.portal import OPERATOR, RunningPortal, let_lead, partner_key, running_portal
from tests.support.redis_server import redis_server
from tests.support.simulator import people

__all__ = ["redis_server"]

CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
SCHEMATHESIS = str(Path(sys.executable).with_name("schemathesis"))


@pytest.fixture
async def portal(tmp_path: Path, redis_server: EmbeddedServer) -> AsyncIterator[RunningPortal]:
    async with running_portal(tmp_path, redis_server.url) as running:
        await running.simulator.add_accounts(*people(1), *people(1, role="leader", first=2))
        yield running


SCOPES = ("accounts:read", "copies:read", "subscriptions:write", "webhooks:write")


async def headers(who: str, portal: RunningPortal) -> list[str]:
    if who == "operator":
        return ["-H", f"Authorization: Bearer {OPERATOR}"]
    if who == "platform":
        return ["-H", f"Authorization: Bearer {await partner_key(portal, *SCOPES)}"]
    if who == "nobody":
        return []
    async with portal.visitor() as leader, portal.visitor() as anna:
        await leader.connect("1002", way="fast_api", role="leader")
        await let_lead(portal, "www-1002")
        await anna.connect("1001")
        await anna.me()
        session, csrf = anna.http.cookies["slipstream_session"], anna.http.headers["X-CSRF-Token"]
    return ["-H", f"Cookie: slipstream_session={session}", "-H", f"X-CSRF-Token: {csrf}"]


@pytest.mark.timeout(240)
@pytest.mark.parametrize("who", ["nobody", "account", "operator", "platform"])
async def test_the_document_is_kept(who: str, portal: RunningPortal, tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *(SCHEMATHESIS, "run", f"{portal.url}/v1/openapi.json", "--checks", CHECKS, "--max-examples", "25"),
        *("--seed", "1", "--phases", "examples,coverage,fuzzing", "--exclude-path", "/v1/disconnect"),
        *("--exclude-path-regex", "/events$"),  # they never end
        *(await headers(who, portal)),
        cwd=tmp_path,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()[-6000:]
