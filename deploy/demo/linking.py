"""Followers join as they would: each consents on the venue's page, comes back, and subscribes over the API."""

import asyncio
import re
from collections.abc import Callable, Iterator, Mapping
from html import unescape
from pathlib import Path

import httpx

from deploy.demo.audit.evidence import Subscription
from deploy.demo.cast import Cast, Follower
from deploy.demo.processes import DidNotRun, Process

PUBLIC = "http://portal.demo.invalid"
"""How the portal is known to the paper OKX; the followers here know where it really is."""
REDIRECT = f"{PUBLIC}/callback"
_AT_ONCE = 16
_CSRF = re.compile(r'name="csrf" value="([^"]+)"')


async def link(cast: Cast, settings: Mapping[str, str], logs: Path, say: Callable[[str], None]) -> None:
    """Run a portal until every follower is linked and subscribed.

    Raises:
        DidNotRun: the portal did not start, or somebody was not let in; says what it answered.
    """
    told = {
        **settings,
        "SLIPSTREAM_PORTAL_PORT": "0",
        "SLIPSTREAM_PUBLIC_URL": PUBLIC,
        "SLIPSTREAM_REQUESTS_A_MINUTE": "1000000",
    }
    portal = Process("portal", "services.portal", told, logs, "serve")
    portal.start()
    try:
        url = str((await portal.line(lambda said: said.get("event") == "portal_listening"))["url"])
        waiting, linked = iter(cast.followers), 0

        async def link_some() -> None:
            nonlocal linked
            for follower in waiting:
                await _link(follower, url)
                linked += 1
                if linked % 100 == 0:
                    say(f"{linked} of {len(cast.followers)} followers have consented")

        say(f"{len(cast.followers)} followers consent on the paper OKX's page")
        async with asyncio.TaskGroup() as group:
            for _ in range(_AT_ONCE):
                group.create_task(link_some())
    except ExceptionGroup as errors:
        raise portal.failure(f"did not let a follower in: {errors.exceptions[0]}") from errors
    finally:
        portal.ask_to_stop()
        portal.make_sure_it_stopped()


async def _link(follower: Follower, url: str) -> None:
    """Take one follower from the first page to its subscriptions."""
    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=30) as browser:
        page = await browser.get("/")
        csrf = unescape(_first(_CSRF, page))
        away = await browser.post("/connect", data={"csrf": csrf, "role": "follower", "way": "code", "site": "www"})
        answer = await browser.post(_goes_to(away), data={"uid": follower.uid, "decision": "allow"})
        came = await browser.get(_goes_to(answer).replace(PUBLIC, url, 1))
        _goes_to(came)
        me = (await browser.get("/v1/me")).raise_for_status().json()
        for each in follower.subscriptions:
            wanted = dict(_settings(each))
            headers = {"X-CSRF-Token": me["csrf"]}
            (await browser.put(f"/v1/subscriptions/{each.leader}", json=wanted, headers=headers)).raise_for_status()


def _settings(each: Subscription) -> Iterator[tuple[str, object]]:
    yield "ratio", f"{each.ratio:f}"
    yield "below_minimum", each.below_minimum
    if each.max_age_ms is not None:
        yield "max_age_ms", each.max_age_ms
    yield "drift", each.drift
    if each.slippage_cap is not None:
        yield "slippage_cap", f"{each.slippage_cap:f}"


def _goes_to(answer: httpx.Response) -> str:
    where = answer.headers.get("location")
    if not where:
        raise DidNotRun(f"{answer.request.url.path} answered {answer.status_code}: {answer.text[-300:]}")
    return str(where)


def _first(shape: re.Pattern[str], page: httpx.Response) -> str:
    found = shape.search(page.text)
    if not found:
        raise DidNotRun(f"{page.request.url.path} answered {page.status_code} without a form: {page.text[-300:]}")
    return found[1]
