"""The portal as the process it is, with a paper OKX that knows where to send browsers back to; and a browser's part."""

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

import httpx

from deploy.chaos.server import free_port
from tests.support.running_service import RunningService, running_service
from tests.support.simulator import RunningSimulator, start_simulator

OPERATOR = "an operators' credential of the tests, long enough"
_CSRF = re.compile(r'name="csrf" value="([^"]+)"')


@dataclass(frozen=True)
class RunningPortal:
    """A portal and the venue it connects to."""

    url: str
    simulator: RunningSimulator
    service: RunningService
    settings: dict[str, str]
    database: Path

    def visitor(self) -> "Visitor":
        return Visitor(self.url)


class Visitor:
    """A browser without a screen: keeps cookies, follows nothing by itself, fills in forms."""

    def __init__(self, url: str) -> None:
        self.http = httpx.AsyncClient(base_url=url, trust_env=False, timeout=30)
        self.csrf = ""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.http.aclose()

    async def look(self, path: str = "/") -> str:
        """Open a page and remember what its forms carry."""
        page = await self.http.get(path)
        if found := _CSRF.search(page.text):
            self.csrf = unescape(found[1])
        return page.text

    async def send(self, path: str, **fields: str) -> httpx.Response:
        """Send a form of the page last opened."""
        return await self.http.post(path, data={"csrf": self.csrf, **fields})

    async def consent(self, authorize_url: str, uid: str, decision: str = "allow") -> str:
        """Answer the venue's page, and return where the venue sends the browser back to."""
        async with httpx.AsyncClient(trust_env=False) as venue:
            page = await venue.get(authorize_url)
            assert page.status_code == 200, page.text
            answer = await venue.post(authorize_url, data={"uid": uid, "decision": decision})
        assert answer.status_code == 302, answer.text
        return answer.headers["location"]

    async def connect(self, uid: str, way: str = "code", role: str = "follower") -> httpx.Response:
        """Connect an account all the way, and return the answer to the callback."""
        await self.look()
        away = await self.send("/connect", role=role, way=way, site="www")
        assert away.status_code == 303, away.text
        return await self.http.get(await self.consent(away.headers["location"], uid))

    async def me(self) -> httpx.Response:
        """Ask the API who is signed in, and remember what changes must carry."""
        answer = await self.http.get("/v1/me")
        if answer.status_code == 200:
            self.http.headers["X-CSRF-Token"] = answer.json()["csrf"]
        return answer


def asked(authorize_url: str) -> dict[str, str]:
    """Return what a browser was sent to the venue's page with."""
    return {name: values[0] for name, values in parse_qs(urlsplit(authorize_url).query).items()}


async def let_lead(portal: RunningPortal, account: str) -> None:
    """Approve a leader, as operators do."""
    async with portal.visitor() as staff:
        staff.http.headers["Authorization"] = f"Bearer {OPERATOR}"
        answer = await staff.http.put(f"/v1/operators/accounts/{account}/leads", json={"leads": True})
        assert answer.status_code == 200, answer.text


async def partner_key(portal: RunningPortal, *scopes: str) -> str:
    """Make a key for a platform, as operators do."""
    async with portal.visitor() as staff:
        staff.http.headers["Authorization"] = f"Bearer {OPERATOR}"
        answer = await staff.http.post("/v1/operators/keys", json={"label": "a platform", "scopes": list(scopes)})
        assert answer.status_code == 200, answer.text
        return str(answer.json()["key"])


@asynccontextmanager
async def running_portal(
    folder: Path, redis_url: str, told: Mapping[str, str] | None = None, **simulated: object
) -> AsyncIterator[RunningPortal]:
    """Run a portal (`told` more settings) and a paper OKX (`simulated`); both end with the block."""
    port, venue_port = free_port(), free_port()
    url, venue = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{venue_port}"
    database = folder / "slipstream.db"
    settings = {
        "DATABASE_URL": f"sqlite+aiosqlite:///{database}",
        "REDIS_URL": redis_url,
        "DEMO": "true",
        "OKX_SITES": f'{{"www": {{"rest": "{venue}"}}}}',
        "OKX_ALLOWED_SITES": "www",
        "OKX_CLIENT_ID": "paper-client",
        "OKX_CLIENT_SECRET": "paper-secret",
        "PORTAL_PORT": str(port),
        "PUBLIC_URL": url,
        "OPERATOR_TOKEN": OPERATOR,
        "REQUESTS_A_MINUTE": "100000",
        **(told or {}),
    }
    paper: dict[str, Any] = {"port": venue_port, "redirect_uris": f"{url}/callback", **simulated}
    async with (
        start_simulator(**paper) as simulator,
        running_service("portal", settings, "serve") as service,
    ):
        yield RunningPortal(url, simulator, service, settings, database)
