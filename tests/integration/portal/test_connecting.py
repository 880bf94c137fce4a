"""An account is connected over real sockets: every way in, and every way it can fail, each said clearly."""

import sqlite3
from collections.abc import AsyncIterator
from html import unescape
from pathlib import Path

import pytest

from services.portal.journeys import Trouble
from services.portal.web.troubles import EXPLAINED
from shared.bus.embedded import EmbeddedServer
from tests.support.portal import RunningPortal, Visitor, asked, let_lead, running_portal
from tests.support.redis_server import redis_server
from tests.support.simulator import people
from tests.support.waiting import until

__all__ = ["redis_server"]

FOLLOWER, LEADER = people(1)[0], people(1, role="leader", first=2)[0]


@pytest.fixture
async def portal(tmp_path: Path, redis_server: EmbeddedServer) -> AsyncIterator[RunningPortal]:
    async with running_portal(tmp_path, redis_server.url) as running:
        await running.simulator.add_accounts(FOLLOWER, LEADER)
        yield running


@pytest.fixture
async def visitor(portal: RunningPortal) -> AsyncIterator[Visitor]:
    async with portal.visitor() as browser:
        yield browser


def explained(trouble: Trouble, page: str) -> bool:
    return EXPLAINED[trouble].title in unescape(page)


async def test_a_follower_connects_by_code_and_is_signed_in(portal: RunningPortal, visitor: Visitor) -> None:
    came_back = await visitor.connect("1001")
    assert (came_back.status_code, came_back.headers["location"]) == (303, "/")
    me = (await visitor.me()).json()
    assert (me["account"], me["uid"], me["position_mode"]) == ("www-1001", "1001", "net_mode")
    assert (me["grant"]["kind"], me["grant"]["status"]) == ("oauth", "live")
    assert "OKX account 1001" in await visitor.look()
    assert (await portal.simulator.account("1001"))["uid"] == "1001"


async def test_the_consent_page_is_asked_for_what_is_needed(visitor: Visitor, portal: RunningPortal) -> None:
    await visitor.look()
    away = (await visitor.send("/connect", role="follower", way="code", site="www")).headers["location"]
    sent = asked(away)
    assert sent.pop("state")
    assert sent == {
        "response_type": "code",
        "access_type": "offline",
        "client_id": "paper-client",
        "redirect_uri": f"{portal.url}/callback",
        "scope": "read_only,trade",
    }
    assert "redirect_uri=http%3A%2F%2F127.0.0.1" in away


async def test_a_follower_connects_by_fast_api_and_its_key_works(portal: RunningPortal, visitor: Visitor) -> None:
    assert (await visitor.connect("1001", way="fast_api")).status_code == 303
    first = (await visitor.me()).json()
    assert first["grant"]["kind"] == "fast_api"
    async with portal.visitor() as again:  # the one key of ours is replaced, not refused
        assert (await again.connect("1001", way="fast_api")).status_code == 303


async def test_by_pkce_no_secret_is_sent_and_every_request_names_the_device(
    portal: RunningPortal, visitor: Visitor
) -> None:
    away = (await visitor.http.post("/v1/connect", json={"way": "pkce"})).json()["authorize_url"]
    assert asked(away)["code_challenge_method"] == "S256"
    assert (await visitor.http.get(await visitor.consent(away, "1001"))).status_code == 303
    assert (await visitor.me()).json()["grant"]["status"] == "live"
    with sqlite3.connect(portal.database) as database:
        [(terminal,)] = database.execute("SELECT terminal FROM grants").fetchall()
    assert len(terminal) == 36


async def test_a_key_of_the_owner_s_own_is_looked_at_before_it_is_taken(visitor: Visitor) -> None:
    given = {"key": FOLLOWER["api_key"], "secret": FOLLOWER["secret_key"], "passphrase": FOLLOWER["passphrase"]}
    taken = await visitor.http.post("/v1/connect/api-key", json=given)
    assert taken.status_code == 200
    assert [each["name"] for each in taken.json()["checks"]] == ["addresses"]
    assert (await visitor.me()).json()["grant"]["kind"] == "api_key"
    wrong = await visitor.http.post("/v1/connect/api-key", json={**given, "secret": "of somebody else"})
    assert (wrong.status_code, wrong.json()["detail"]) == (400, EXPLAINED[Trouble.KEY].text)
    assert "of somebody else" not in wrong.text


async def test_the_page_takes_a_key_and_a_device_too(visitor: Visitor) -> None:
    given = {"key": FOLLOWER["api_key"], "secret": FOLLOWER["secret_key"], "passphrase": FOLLOWER["passphrase"]}
    await visitor.look()
    assert (await visitor.send("/connect-key", role="follower", site="www", **given)).status_code == 303
    assert "your own key" in await visitor.look()
    await visitor.send("/leave")
    await visitor.look()
    for wrong in ({**given, "secret": "of somebody else"}, {**given, "key": "two\r\nlines"}, {}):
        told = await visitor.send("/connect-key", role="follower", site="www", **wrong)
        assert (told.status_code, explained(Trouble.KEY, told.text)) == (400, True)
    await visitor.connect("1001", way="pkce")
    assert (await visitor.me()).json()["grant"]["kind"] == "oauth"


async def test_a_key_that_may_withdraw_is_not_taken(portal: RunningPortal, visitor: Visitor) -> None:
    rich = {**people(1, first=3)[0], "perm": "read_only,trade,withdraw"}
    await portal.simulator.add_accounts(rich)
    given = {"key": rich["api_key"], "secret": rich["secret_key"], "passphrase": rich["passphrase"]}
    refused = await visitor.http.post("/v1/connect/api-key", json=given)
    assert (refused.status_code, refused.json()["detail"]) == (400, EXPLAINED[Trouble.WITHDRAWAL].text)


async def test_a_refused_consent_connects_nobody(visitor: Visitor) -> None:
    await visitor.look()
    away = (await visitor.send("/connect", role="follower", way="code", site="www")).headers["location"]
    page = await visitor.http.get(await visitor.consent(away, "1001", "refuse"))
    assert page.status_code == 400
    assert explained(Trouble.DENIED, page.text)
    assert (await visitor.me()).status_code == 401


async def test_a_state_works_once_and_only_in_its_own_browser(portal: RunningPortal, visitor: Visitor) -> None:
    await visitor.look()
    away = (await visitor.send("/connect", role="follower", way="code", site="www")).headers["location"]
    back = await visitor.consent(away, "1001")
    async with portal.visitor() as thief:
        await thief.look()
        page = await thief.http.get(back)
        assert explained(Trouble.STATE, page.text)
        assert (await thief.me()).status_code == 401
    page = await visitor.http.get(back)  # the thief has used it up
    assert explained(Trouble.STATE, page.text)
    forged = await visitor.http.get("/callback?state=made-up&code=made-up&domain=https://www.okx.com")
    assert explained(Trouble.STATE, forged.text)


@pytest.mark.parametrize(
    "domain", ["https://evil.example", "http://127.0.0.1:1", "https://www.okx.com.evil.example", ""]
)
async def test_a_callback_of_another_site_is_not_called(domain: str, visitor: Visitor) -> None:
    await visitor.look()
    away = (await visitor.send("/connect", role="follower", way="code", site="www")).headers["location"]
    back = (await visitor.consent(away, "1001")).split("&domain=")[0] + f"&state={asked(away)['state']}"
    page = (
        await visitor.http.get(back, params=None) if not domain else await visitor.http.get(f"{back}&domain={domain}")
    )
    assert page.status_code == 400
    assert explained(Trouble.SITE, page.text)


async def test_what_okx_takes_from_the_partner_is_ours_to_mend(portal: RunningPortal, visitor: Visitor) -> None:
    await portal.simulator.post("partner", {"ip_allowed": False})
    page = await visitor.connect("1001")
    assert explained(Trouble.ADDRESS, page.text)
    refused = [line for line in portal.service.log if line.get("event") == "consent_refused"]
    assert [(line["code"], line["level"]) for line in refused] == [("53014", "error")]
    metrics = (await portal.service.get("/metrics")).text
    assert 'slipstream_consents_refused_total{reason="address"} 1.0' in metrics
    assert "slipstream_consents_blocked_total 1.0" in metrics


async def test_a_code_that_was_exchanged_by_somebody_else_is_expired(portal: RunningPortal, visitor: Visitor) -> None:
    await visitor.look()
    away = (await visitor.send("/connect", role="follower", way="code", site="www")).headers["location"]
    back = await visitor.consent(away, "1001")
    form = {"grant_type": "authorization_code", "code": asked(back)["code"], "client_id": "paper-client"}
    stolen = await visitor.http.post(
        f"{portal.simulator.rest_url}/v5/users/oauth/token", json={**form, "client_secret": "paper-secret"}
    )
    assert stolen.status_code == 200
    assert explained(Trouble.EXPIRED, (await visitor.http.get(back)).text)


async def test_an_account_that_may_only_read_cannot_follow(portal: RunningPortal, visitor: Visitor) -> None:
    await portal.simulator.add_accounts({**people(1, first=3)[0], "perm": "read_only"})
    away = (await visitor.http.post("/v1/connect", json={"role": "leader"})).json()["authorize_url"]
    assert asked(away)["scope"] == "read_only"
    assert (await visitor.http.get(await visitor.consent(away, "1002"))).status_code == 303


async def test_leaving_deletes_what_we_hold_and_the_key_at_okx(portal: RunningPortal, visitor: Visitor) -> None:
    await visitor.connect("1001", way="fast_api")
    await visitor.me()
    left = await visitor.http.post("/v1/disconnect")
    assert left.status_code == 200
    assert (await visitor.me()).status_code == 401
    with sqlite3.connect(portal.database) as database:
        assert database.execute("SELECT count(*) FROM grants").fetchone() == (0,)
    page = await visitor.http.get(await visitor.consent(left.json()["authorize_url"], "1001"))
    assert "You are disconnected" in page.text


async def test_nothing_secret_is_kept_in_the_open_or_logged(portal: RunningPortal, visitor: Visitor) -> None:
    await visitor.connect("1001", way="fast_api")
    cookie = visitor.http.cookies["slipstream_session"]
    await until(lambda: "account_connected" in portal.service.text)
    with sqlite3.connect(portal.database) as database:
        dump = "\n".join(database.iterdump())
    for secret in (cookie, "paper-secret", "at-1001"):
        assert secret not in dump
        assert secret not in portal.service.text
    assert cookie not in (await portal.service.get("/metrics")).text


async def test_a_leader_who_signs_in_by_a_token_keeps_the_key_it_is_watched_by(
    portal: RunningPortal, visitor: Visitor
) -> None:
    await visitor.connect("1002", way="fast_api", role="leader")
    await let_lead(portal, "www-1002")
    async with portal.visitor() as elsewhere:
        assert (await elsewhere.connect("1002")).status_code == 303
        me = (await elsewhere.me()).json()
    assert (me["account"], me["leads"], me["grant"]["kind"]) == ("www-1002", True, "fast_api")
