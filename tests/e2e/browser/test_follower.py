"""A follower's whole way in a real browser: consent, subscribe, be copied for, pause, resume, leave.

Run by `make browser`: it wants Chromium on the machine, and everything else of ours as processes.
"""

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from playwright.async_api import Page, async_playwright, expect

from shared.bus.embedded import EmbeddedServer
from tests.support.portal import RunningPortal, let_lead, running_portal
from tests.support.redis_server import own_redis_server
from tests.support.running_service import running_service
from tests.support.simulator import people
from tests.support.waiting import until

__all__ = ["own_redis_server"]

INSTRUMENT = "BTC-USDT-SWAP"
SHOTS = Path(__file__).parents[3] / "build" / "browser"
QUIET = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip


def chromium() -> str:
    """Find the machine's Chromium."""
    found = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if not found:
        pytest.fail("there is no Chromium: install the package chromium, or name one in CHROMIUM")
    return found


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    async with async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=chromium(), args=list(QUIET))
        try:
            yield await browser.new_page(viewport={"width": 1100, "height": 900})
        finally:
            await browser.close()


@pytest.fixture
async def portal(tmp_path: Path, own_redis_server: EmbeddedServer) -> AsyncIterator[RunningPortal]:
    """Run a portal with everything around it that copies, and a leader who is let in already."""
    async with running_portal(tmp_path, own_redis_server.url) as running, AsyncExitStack() as services:
        await running.simulator.add_accounts(*people(1), *people(1, role="leader", first=2))
        async with running.visitor() as leader:
            assert (await leader.connect("1002", way="fast_api", role="leader")).status_code == 303
        await let_lead(running, "www-1002")
        venue = running.simulator
        sites = f'{{"www": {{"rest": "{venue.rest_url}", "ws": "{venue.ws_url.removesuffix("/ws/v5")}"}}}}'
        settings = {**running.settings, "OKX_SITES": sites, "OKX_TAG": "browsertest", "LANES": "2", "SENDERS": "8"}
        for name in ("follower_worker", "leader_watcher", "ledger_recorder"):
            await services.enter_async_context(running_service(name, settings))
        yield running


async def consent(page: Page, button: str, uid: str = "1001") -> None:
    """Go to the venue's page and allow."""
    await page.get_by_role("button", name=button, exact=True).click()
    await page.get_by_label("Account").select_option(uid)
    await page.get_by_role("button", name="Allow").click()


async def shot(page: Page, name: str) -> None:
    SHOTS.mkdir(parents=True, exist_ok=True)
    await page.screenshot(path=SHOTS / f"{name}.png", full_page=True)


@pytest.mark.timeout(180)
@pytest.mark.parametrize("way", ["Connect with OKX", "Connect with OKX, and stay connected (Fast API)"])
async def test_from_consent_to_leaving(portal: RunningPortal, page: Page, way: str) -> None:
    kind = "fast" if "Fast" in way else "code"
    await page.goto(portal.url)
    await shot(page, f"{kind}-1-welcome")
    await consent(page, way)
    await expect(page.get_by_role("heading", name="OKX account 1001")).to_be_visible()
    await portal.simulator.trade("1002", INSTRUMENT, "buy", "6")
    await portal.simulator.trade("1002", INSTRUMENT, "sell", "6")
    await until(lambda: tried(page, "Orders you would have placed"), within_s=30)
    await shot(page, f"{kind}-1-tried")
    await page.get_by_label("with a ratio of").fill("0.5")
    await page.get_by_role("button", name="Copy", exact=True).click()
    await expect(page.get_by_role("cell", name="active")).to_be_visible()
    await shot(page, f"{kind}-2-subscribed")

    await portal.simulator.trade("1002", INSTRUMENT, "buy", "4")
    await until(lambda: held(portal, "2"), within_s=30)
    await until(lambda: shows(page, portal, "settled"), within_s=20)
    await shot(page, f"{kind}-3-copied")

    await page.get_by_role("button", name="Pause").click()
    await expect(page.get_by_role("cell", name="paused")).to_be_visible()
    await page.get_by_role("button", name="Resume").click()
    await expect(page.get_by_role("cell", name="active")).to_be_visible()

    await page.get_by_role("button", name="Close everything and stop").click()
    await expect(page.get_by_text("You stopped this account")).to_be_visible()
    await until(lambda: held(portal, None), within_s=20)
    await shot(page, f"{kind}-4-stopped")
    await page.get_by_role("button", name="Go on").click()
    await expect(page.get_by_text("You stopped this account")).to_have_count(0)

    await page.get_by_role("button", name="Disconnect").click()
    if kind == "fast":  # the key is deleted at the venue, with the owner's fresh consent
        await page.get_by_label("Account").select_option("1001")
        await page.get_by_role("button", name="Allow").click()
    await expect(page.get_by_role("heading", name="You are disconnected")).to_be_visible()
    await shot(page, f"{kind}-5-left")


@pytest.mark.timeout(120)
async def test_refusing_and_coming_back_twice_are_said_clearly(portal: RunningPortal, page: Page) -> None:
    await page.goto(portal.url)
    await page.get_by_role("button", name="Connect with OKX", exact=True).click()
    await page.get_by_role("button", name="Refuse").click()
    await expect(page.get_by_role("heading", name="You did not give your consent")).to_be_visible()
    await shot(page, "denied")
    await page.reload()
    await expect(page.get_by_role("heading", name="This link has been used, or is too old")).to_be_visible()
    await shot(page, "used")
    await page.get_by_role("link", name="Begin again").click()
    await expect(page.get_by_role("button", name="Connect with OKX", exact=True)).to_be_visible()


async def tried(page: Page, told: str) -> bool:
    """Try the leader with the ratio of the form, and tell whether the page says so."""
    await page.get_by_label("with a ratio of").fill("0.5")
    await page.get_by_role("button", name="Try it first").click()
    return await page.get_by_text(told).count() > 0


async def held(portal: RunningPortal, size: str | None) -> bool:
    return (await portal.simulator.positions()).get("1001", {}).get(INSTRUMENT) == size


async def shows(page: Page, portal: RunningPortal, word: str) -> bool:
    await page.goto(portal.url)
    return await page.get_by_role("cell", name=word).count() > 0
